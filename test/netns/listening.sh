#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: listening.sh BUILD FACTDUMP
# Real charons whose port another process holds, under a whole monitor: one event says so while it lasts; none once the port is free,
# nor of a charon in another netns. The event has 10 s of quiet before it, so that this takes a while.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1 factdump=$2 a=lia$$ b=lib$$ charon=/usr/lib/ipsec/charon
[ "$(id -u)" = 0 ] && command -v jq python3 >/dev/null && [ -x $charon ] && netns $a $b ||
	{ echo "1..0 # SKIP needs root, jq, Python 3, network namespaces and strongSwan's charon"; exit 77; }

unserved() { # FILTER: of all 5480
	client events --id 5480 -j | jq -se "$1" >/dev/null
}
sockets_of() { # PID FILTER: of the sockets told last, one list an address and port
	"$factdump" "$scratch/facts" | jq -se --argjson pid "$1" '(map(select(.type == "service" and .pid == $pid)) | first | .service) as $s |
		[.[] | select(.type == "ike socket" and .service == $s)] | group_by([.local, .port]) | map(last) | '"$2" >/dev/null 2>&1
}
holder() { # NETNS: a process that holds port 500 there; it is $last
	rm -f "$scratch/held"
	ip netns exec "$1" setpriv --pdeathsig KILL python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 500))
open("'"$scratch/held"'", "w")
time.sleep(200)' &
	last=$!
	pids+=($last)
	within [ -e "$scratch/held" ]
}
begin() { # NETNS: a charon with a /run of its own and the connection loaded; its process is $last
	STRONGSWAN_CONF=$scratch/strongswan.conf ip netns exec "$1" unshare -m sh -c \
		"mount -t tmpfs tmpfs /run && mount --bind $scratch/swanctl /etc/swanctl && exec setpriv --pdeathsig KILL $charon" >>"$scratch/charon" 2>&1 &
	last=$!
	pids+=($last)
	within load "$last"
}
load() { # PID
	nsenter -t "$1" -m swanctl --load-conns >>"$scratch/charon" 2>&1
}

printf 'charon {\nload_modular = no\nload = random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints kdf kernel-netlink socket-default vici\n}\n' \
	>"$scratch/strongswan.conf"
mkdir "$scratch/swanctl"
printf 'connections {\n gw {\n  local_addrs = 192.0.2.5\n  remote_addrs = 192.0.2.1\n  children { net { remote_ts = 10.9.0.0/16 } }\n }\n}\n' \
	>"$scratch/swanctl/swanctl.conf"
for ns in $a $b; do
	ip -n $ns link set lo up
	ip -n $ns addr add 192.0.2.5/32 dev lo
done
printf 'poll_interval = 500\nnetns = {"%s", "%s"}\n' $a $b >"$scratch/conf"
monitor --record "$scratch/facts"
check 'it starts' within answers
holder $a
holder=$last
begin $a
first=$last
begin $b
second=$last
check "the one's port is another's" within sockets_of "$first" 'any(.[]; .local == "0.0.0.0" and .port == 500 and .foreign)'
check 'all else is its own' sockets_of "$first" 'all(.[]; .foreign == (.local == "0.0.0.0" and .port == 500))'
check "the other has all" within sockets_of "$second" 'length == 4 and all(.[]; .foreign | not)'
check 'that it does not listen is told, and why' within unserved 'length == 1 and .[0].netns == "'$a'" and
	.[0].detail.reason == "charon does not listen on 192.0.2.5; another process has port 500 of 192.0.2.5"'
kill "$holder"
kill "$first"
wait "$holder" "$first" 2>/dev/null
begin $a
first=$last
check 'the next has its port' within sockets_of "$first" 'length == 4 and all(.[]; .foreign | not)'
# All are judged at once: when the other one is told of, nothing was to be told of this one.
kill "$second"
wait "$second" 2>/dev/null
holder $b
begin $b
check 'and nothing is told of it, but of the other' within unserved 'map(.netns) | sort == ["'$a'", "'$b'"]'
check 'it stops in order' stops
finish_tap
