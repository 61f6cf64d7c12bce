#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: services.sh BUILD FACTDUMP
# Real IKE daemons come and go under a whole monitor: none runs, they start, are told to stop, are killed, keep their control socket
# shut, several at once; processes that only call themselves so; observe starts anew.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1 factdump=$2 a=sva$$ b=svb$$ charon=/usr/lib/ipsec/charon
[ "$(id -u)" = 0 ] && command -v jq >/dev/null && [ -x $charon ] && netns $a $b ||
	{ echo "1..0 # SKIP needs root, jq, network namespaces and strongSwan's charon"; exit 77; }

source_is() { # NAME FILTER
	client show source -j --where "name=$1" | jq -se "length > 0 and all(.[]; $2)" >/dev/null
}
settings='load_modular = no
load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints kdf kernel-netlink socket-default'
printf 'charon {\n%s vici\n}\ncharon-systemd {\n%s vici\n}\n' "$settings" "$settings" >"$scratch/strongswan.conf"
printf 'charon {\n%s\n}\n' "$settings" >"$scratch/mute.conf"
mkdir "$scratch/swanctl"
printf 'connections {\n gw {\n  remote_addrs = 192.0.2.1\n  children { net { remote_ts = 10.9.0.0/16 } }\n }\n}\nsecrets { ike { secret = TOP%dSECRET } }\n' $$ \
	>"$scratch/swanctl/swanctl.conf"
begin() { # NETNS CONFIGURATION: a charon with a /run and files of its own; its process is $last
	STRONGSWAN_CONF=$scratch/$2 ip netns exec "$1" unshare -m sh -c \
		"mount -t tmpfs tmpfs /run && mount --bind $scratch/swanctl /etc/swanctl && exec setpriv --pdeathsig KILL $charon" >>"$scratch/charon" 2>&1 &
	last=$!
	pids+=($last)
}
begin_unreaped() { # NETNS: a charon-systemd, which leaves no PID file, whose parent never asks how it ended: no pidfd has its status
	STRONGSWAN_CONF=$scratch/strongswan.conf ip netns exec "$1" unshare -m sh -c \
		"mount -t tmpfs tmpfs /run; setpriv --pdeathsig KILL charon-systemd & echo \$! >$scratch/pid.new; mv $scratch/pid.new $scratch/pid; exec sleep 150" \
		>>"$scratch/charon" 2>&1 &
	pids+=($!)
	within [ -e "$scratch/pid" ]
	last=$(<"$scratch/pid")
	rm "$scratch/pid"
}
event_of() { # PID ID FILTER
	client events --id "$2" -j | jq -se --argjson pid "$1" "[.[] | select(.detail.pid == \$pid)] | length == 1 and (.[0].detail | $3)" >/dev/null
}

printf 'poll_interval = 500\nnetns = {"%s", "%s"}\n' $a $b >"$scratch/conf"
monitor --record "$scratch/facts"
check 'it starts' within answers
[ -z "$(pgrep 'charon|pluto')" ] &&
	check 'no daemon is a state' within source_is strongswan '.state == "absent" and .reason == "no strongSwan runs here"'

begin $a strongswan.conf
first=$last
check 'one starts' within told "$first" '.end == "runs" and (.found | not) and .name == "charon"'
check 'its control socket is opened' within told "$first" '.control == 1'
check 'what it listens on is told' within facts --argjson pid "$first" \
	'(map(select(.type == "service" and .pid == $pid)) | first | .service) as $s |
	[.[] | select(.type == "ike socket" and .service == $s) | .port] | unique == [500, 4500]'
check 'all in its netns' facts --argjson pid "$first" \
	'[.[] | select(.type == "netns" and .name == "'$a'") | .netns][0] as $n | [.[] | select(.pid == $pid) | .netns] | unique == [$n]'
check 'the sources are there' within source_is service '.state == "in step"'

check 'its files are read, as they are in its root' within facts --argjson pid "$first" \
	'(map(select(.type == "service" and .pid == $pid)) | first | .service) as $s |
	any(.[]; .type == "connection" and .service == $s and .name == "gw" and .origin == 2)'

begin $b mute.conf
mute=$last
check 'another runs beside it' within told "$mute" '.end == "runs"'
check 'which has no control socket, and that is said with the path' within told "$mute" '.control == 2 and (.why | test("/run/charon.vici"))'

mkdir "$scratch/bin"
cp "$(command -v sleep)" "$scratch/bin/charon"
chmod 755 "$scratch" "$scratch/bin"
ip netns exec $a setpriv --reuid=65534 --regid=65534 --clear-groups "$scratch/bin/charon" 150 &
pids+=($!)
false_user=$!
printf '#!/bin/sh\nsetpriv --pdeathsig KILL sleep 150 & wait\n' >"$scratch/bin/pluto"
chmod 755 "$scratch/bin/pluto"
ip netns exec $a "$scratch/bin/pluto" &
pids+=($!)
false_program=$!
begin $a strongswan.conf
third=$last
check 'a third is found' within told "$third" '.end == "runs"'
check "not another user's process of that name" eval '! told $false_user true'
check 'nor another program of that name' eval '! told $false_program true'

kill -9 "$(part observe)"
check 'a new observe is told of all' within told "$mute" '.found'
kill -9 "$(part core)"
check 'a new core is, too' within eval 'client status >/dev/null && source_is service ".state == \"in step\""'

kill -TERM "$first"
check 'one is told to stop, and did' within told "$first" '.end == "stopped" and .ended_us > .started_us and .signal == 0'
kill -9 "$mute"
check 'one is killed' within told "$mute" '.end == "failed"'
check 'its netns has none then' within source_is service "if .netns == \"$b\" then .state == \"absent\" else .state == \"in step\" end"
check 'each end is told once' facts --argjson pids "[$first, $mute, $third]" \
	'[.[] | select(.type == "service" and .end != "runs") | .pid | select(IN($pids[]))] | sort == ($pids[:2] | sort)'
check 'the third runs on' eval '! told $third ".end != \"runs\""'
if [ -e /proc/net/connector ]; then
	begin_unreaped $b
	check 'a charon-systemd is found' within told "$last" '.control == 1 and .name == "charon-systemd"'
	kill -TERM "$last"
	check 'that it stopped in order is heard, though nobody reaps it' within event_of "$last" 5479 '.why == "exit status 0"'
	check 'it is not reaped' grep -q '^State:.Z' "/proc/$last/status"
	begin_unreaped $b
	check 'another is found' within told "$last" '.control == 1'
	kill -KILL "$last"
	check 'that it was killed is heard, and by which signal' within event_of "$last" 5484 '.signal == 9 and (.why | test("SIGKILL"))'
	check 'it is not reaped either' grep -q '^State:.Z' "/proc/$last/status"
fi
check 'that daemons come and go is no loss of a source' \
	eval 'client events -j | jq -se --arg a $a --arg b $b "all(.[] | select(.netns | IN(\$a, \$b));
		.detail.source // \"\" | IN(\"strongswan\", \"libreswan\", \"config\", \"service\") | not)" >/dev/null'
check 'nor a change of their files' eval 'client events --id 10303 -j | jq -se "length == 0" >/dev/null'
check 'no secret is in a fact' eval '! grep -qa "TOP$$SECRET" "$scratch/facts"'
check 'it stops in order' stops
finish_tap
