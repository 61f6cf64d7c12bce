#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: requests_pluto.sh BUILD HEADER
# How often a whole monitor runs whack for a real pluto with 2,000 connections, a hundred of them up (IKE SAs alone, which
# need no ESP in the kernel), while all is quiet and while a hundred others are initiated, deleted and loaded anew; counted by
# what it takes for whack, against the bound in HEADER. And pluto goes on when the monitor's observe is stopped or killed.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1 header=$2 ns=rqp$$ libexec=/usr/libexec/ipsec here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] && command -v jq >/dev/null && [ -x $libexec/pluto ] && [ -x /usr/lib/ipsec/charon ] && netns $ns ${ns}c ||
	{ echo "1..0 # SKIP needs root, jq, network namespaces, Libreswan and strongSwan"; exit 77; }
connections=2000 up=100 busy=100

number() { # NAME: of the header
	sed -n "s/^#define $1 \([0-9]*\)\$/\1/p" "$header"
}
bound=$(number LIBRESWAN_REQUESTS_PER_MINUTE) often=$(number LIBRESWAN_OFTEN_S) sometimes=$(number LIBRESWAN_SOMETIMES_S)
in_step() { client show source -j --where name=libreswan | jq -se 'any(.[]; .state == "in step")' >/dev/null; }
whack() { # ARGUMENT...: within 20 s
	timeout 20 ip netns exec $ns $libexec/whack --rundir "$scratch/run" "$@" >"$scratch/said" 2>&1
}
loaded() { # N
	whack --status && grep -q "Total IPsec connections: loaded $1," "$scratch/said"
}
initiate() { # N: so many begin; nobody answers
	for ((i = 0; i < $1; i++)); do whack --initiate --name c$i --asynchronous; done
	negotiated "$1"
}
negotiated() { # N: so many, at the least, are being negotiated
	whack --showstates && [ "$(grep -c ' STATE_V2_PARENT_I[01] ' "$scratch/said")" -ge "$1" ]
}
call() { # N: so many come up
	for ((i = connections - $1; i < connections; i++)); do
		swanctl --initiate --ike c$i --timeout -1 --uri "unix://$scratch/caller.vici" >"$scratch/said" 2>&1 || return
	done
}
established() { # N
	whack --showstates && [ "$(grep -c '(IKE SA established)' "$scratch/said")" = "$1" ]
}
shown() { # N: the monitor shows so many of them
	[ "$(client show mainmode sas -j --where state=established | wc -l)" = "$1" ]
}
anew() { # N: so many are deleted and loaded again
	for ((i = 0; i < $1; i++)); do
		whack --delete --name c$i
		timeout 20 ip netns exec $ns $libexec/addconn --config "$scratch/busy.conf" --ctlsocket "$scratch/run/pluto.ctl" c$i >"$scratch/said" 2>&1 || return
	done
	loaded $connections
}
runs() { # OPTION N: it was asked for so often, at the least
	[ "$(grep -c -- " $1\$" "$scratch/record")" -ge "$2" ]
}
# A list is not asked for again before its time; so many all in all; and what was asked for so far comes to no more than the bound in
# a minute, were each list asked for as often as it may. One observe's, which begins at line FROM.
bounded() { # FROM
	tail -n "+$1" "$scratch/record" | awk -v often="$often" -v sometimes="$sometimes" -v bound="$bound" '
		function wrong(why) { print why; failed = 1 }
		{ gap = $2 ~ /^--(showstates|trafficstatus)$/ ? often : sometimes }
		$2 in last && $1 - last[$2] < gap - 1 { wrong(sprintf("%s again after %.1f s", $2, $1 - last[$2])) }
		!($2 in last) { minute += int(60 / gap) }
		{ last[$2] = $1; seen = seen " " $2 }
		END {
			print NR " runs of whack; these lists come to " minute " a minute at most:" seen
			if (NR > bound || minute > bound) wrong("more than " bound " in a minute")
			exit failed || NR == 0
		}' >"$scratch/said"
}

mkdir "$scratch/nss" "$scratch/run"
certutil -N -d "sql:$scratch/nss" --empty-password
"$here/many_connections.sh" libreswan $connections $up >"$scratch/ipsec.conf"
"$here/many_connections.sh" caller $connections $up >"$scratch/swanctl.conf"
"$here/many_connections.sh" libreswan $busy >"$scratch/busy.conf"
: >"$scratch/record"
echo ': PSK "DUMMY-SECRET-OF-THE-TEST-IS-LONG-ENOUGH"' >"$scratch/secrets"
ip link add v0 netns $ns type veth peer name v0 netns ${ns}c
ip -n $ns addr add 10.9.0.1/24 dev v0
ip -n ${ns}c addr add 10.9.0.3/24 dev v0
for end in $ns ${ns}c; do
	ip -n $end link set lo up
	ip -n $end link set v0 up
done
# Packets that wait for a neighbour that is not there make pluto wait, once they are many.
ip -n $ns neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0
cat >"$scratch/whack" <<END
#!/bin/sh
read -r up idle </proc/uptime
# Not of another pluto, were there one on this machine: the working directory is that of its socket.
[ "\$(pwd)" != "$scratch/run" ] || echo "\$up \$3" >>"$scratch/record"
exec $libexec/whack "\$@"
END
chmod 755 "$scratch/whack"
ip netns exec $ns unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/pluto /run/ipsec && exec setpriv --pdeathsig KILL "$@"' sh \
	$libexec/pluto --nofork --logfile "$scratch/log" --config "$scratch/ipsec.conf" --rundir="$scratch/run" --nssdir "$scratch/nss" \
	--secretsfile "$scratch/secrets" >"$scratch/pluto" 2>&1 &
pids+=($!)
check "pluto has $connections connections" within loaded $connections
cat >"$scratch/strongswan.conf" <<END
swanctl {
	load = random
}
charon {
	load_modular = no
	load = random nonce openssl pem kdf kernel-netlink socket-default vici
	install_routes = no
	plugins {
		vici {
			socket = unix://$scratch/caller.vici
		}
	}
}
END
export STRONGSWAN_CONF=$scratch/strongswan.conf SWANCTL_DIR=$scratch
ip netns exec ${ns}c unshare -m sh -c 'mount -t tmpfs tmpfs /run && exec setpriv --pdeathsig KILL /usr/lib/ipsec/charon' >"$scratch/caller" 2>&1 &
pids+=($!)
check 'the caller runs' within [ -S "$scratch/caller.vici" ]
check 'it has its connections' eval 'swanctl --load-all --uri "unix://$scratch/caller.vici" >"$scratch/said" 2>&1'
check "$up are called" call $up
check "$up are up" within established $up

printf 'netns = {"%s"}\nike = {libreswan}\nwhack = "%s"\nlibreswan_log = "%s"\n' $ns "$scratch/whack" "$scratch/log" >"$scratch/conf"
monitor --record "$scratch/facts"
check 'a monitor is in step' within in_step
check "it shows the $up" within shown $up
check 'it asks again' within runs --trafficstatus 2
check 'while all is quiet, seldom' bounded 1
check "$busy are initiated" initiate $busy
check "$busy are loaded anew" anew $busy
check "and initiated" initiate $busy
check 'the connections are looked at again' within runs --status 2
check 'what happened is no reason to ask more often' bounded 1

check "the $up are still up, and shown" eval "established $up && within shown $up"

observe=$(part observe)
kill -STOP "$observe"
check 'observe is stopped' [ "$(ps -o stat= "$observe" | cut -c1)" = T ]
# Few: an observe that is stopped for 30 s is replaced by another.
check 'pluto deletes connections and loads them' anew 20
check 'it begins what it is to' initiate 20
check 'it tells all' loaded $connections
before=$(wc -l <"$scratch/record")
kill -CONT "$observe"
check 'what was stopped asks again' within eval '[ "$(wc -l <"$scratch/record")" -gt $before ]'
check 'no more often' bounded 1
kill -9 "$observe"
before=$(wc -l <"$scratch/record")
# It begins with the whole status; what the one before had asked for at its end may stand before that.
began() { # N: a new observe asked, and for so many lists
	first=$(grep -n -- ' --status$' "$scratch/record" | tail -n 1 | cut -d: -f1)
	[ "$first" -gt "$before" ] && [ "$(wc -l <"$scratch/record")" -ge $((first + $1 - 1)) ]
}
check 'pluto goes on while observe is dead' loaded $connections
check 'a new observe asks' within began 4
check 'as seldom as the first' bounded "$first"
sed 's/^/# /' "$scratch/said"
check 'it stops in order' stops
finish_tap
