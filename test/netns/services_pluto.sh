#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: services_pluto.sh BUILD FACTDUMP
# A real pluto under a whole monitor: found, asked by whack, its log read over a rotation, hung (whack is ended in time, and asked again),
# without whack, told to stop, killed.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1 factdump=$2 ns=svp$$ libexec=/usr/libexec/ipsec
[ "$(id -u)" = 0 ] && command -v jq >/dev/null && [ -x $libexec/pluto ] && netns $ns ||
	{ echo "1..0 # SKIP needs root, jq, network namespaces and Libreswan"; exit 77; }

now() { # PID FILTER: its last fact
	facts --argjson pid "$1" "[.[] | select(.type == \"service\" and .pid == \$pid)] | last | $2"
}
begin() { # a pluto with a /run and a log of its own; its process is $last
	ip netns exec $ns unshare -m sh -c "
		mount -t tmpfs tmpfs /run && mkdir -p /run/pluto /run/ipsec &&
		exec setpriv --pdeathsig KILL $libexec/pluto --nofork --logfile '$scratch/log' --config '$scratch/ipsec.conf' \
			--rundir=/run/ipsec --nssdir '$scratch/nss' --secretsfile '$scratch/secrets'" >>"$scratch/pluto" 2>&1 &
	last=$!
	pids+=($last)
}

mkdir "$scratch/nss"
certutil -N -d "sql:$scratch/nss" --empty-password
printf 'conn w\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n\tauto=add\n' >"$scratch/ipsec.conf"
: >"$scratch/secrets"
ip -n $ns link set lo up
ip -n $ns addr add 192.0.2.1/32 dev lo
# What it is started with is seen; it has nothing of ours.
cat >"$scratch/whack" <<END
#!/bin/sh
{ echo "\$# \$*"; env; ls -l /proc/\$\$/fd; grep CapEff /proc/\$\$/status; } >"$scratch/started.new"
mv "$scratch/started.new" "$scratch/started"
exec $libexec/whack "\$@"
END
chmod 755 "$scratch/whack"
printf 'netns = {"%s"}\nwhack = "%s"\nlibreswan_log = "%s"\n' $ns "$scratch/whack" "$scratch/log" >"$scratch/conf"
TOKEN=ofours monitor --record "$scratch/facts"
check 'it starts' within answers
begin
first=$last
check 'pluto is found' within told "$first" '.end == "runs" and .name == "pluto" and .daemon == "Libreswan"'
check 'whack is answered' within told "$first" '.control == 1'
check 'and says what is loaded' within facts 'any(.[]; .type == "connection" and .source == "libreswan" and .name == "w" and .origin == 1)'
check 'whack has two options and the list' grep -qE '^3 --ctlsocket pluto.ctl --[a-z]+$' "$scratch/started"
check 'nothing of our environment' eval '! grep -q TOKEN "$scratch/started"'
check 'no capability' grep -qE '^CapEff:.0+$' "$scratch/started"
check 'no descriptor of ours' eval '! grep -qE "socket:|signalfd|inotify" "$scratch/started"'
check 'the source is in step' within facts '[.[] | select(.type == "source" and .source == "libreswan" and .netns != 0)] | last | .state == "in step"'

mv "$scratch/log" "$scratch/log.1"
printf 'packet from 192.0.2.9:500: no connection found with policy IKEv2\n' >"$scratch/log"
observe=$(part observe)
check 'a log that was rotated is read' within eval 'ls -l /proc/$observe/fd | grep -q "$scratch/log\$"'

kill -STOP "$first"
check 'a pluto that hangs is said to' within now "$first" '.control == 3 and (.why | test("within 5 s"))'
kill -CONT "$first"
check 'it answers again' within now "$first" '.control == 1'
check 'the source was lost and is back; nothing else is told of it' within eval \
	'client events -j | jq -se "map(select(.detail.source == \"libreswan\") | .id) == [10207, 10208]" >/dev/null'

printf 'netns = {"%s"}\nwhack = "%s"\n' $ns "$scratch/none" >"$scratch/conf"
kill -HUP "$daemon"
check 'without whack that is said' within now "$first" '.control == 3 and (.why | test("no whack"))'
printf 'netns = {"%s"}\nwhack = "%s"\n' $ns "$scratch/whack" >"$scratch/conf"
kill -HUP "$daemon"

kill -TERM "$first"
check 'it is told to stop, and did' within told "$first" '.end == "stopped"'
begin
second=$last
check 'another is found' within told "$second" '.control == 1'
kill -9 "$second"
check 'it is killed' within told "$second" '.end == "failed"'
check 'it stops in order' stops
finish_tap
