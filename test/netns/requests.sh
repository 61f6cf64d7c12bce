#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: requests.sh BUILD HEADER
# How often a whole monitor asks a real charon with 2,000 connections, a hundred of them up, while all is quiet, while the
# hundred go down and up, and while all is loaded anew; counted by a relay between the two (vici_relay.py), against the bound in
# HEADER. And charon goes on when the monitor's observe is stopped, with its socket full, or killed.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1 header=$2 charon=/usr/lib/ipsec/charon here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] && [ -x $charon ] && [ -e /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so ] && [ -c /dev/net/tun ] &&
	command -v swanctl jq python3 >/dev/null && netns rqr$$ rqb$$ ||
	{ echo "1..0 # SKIP needs root, network namespaces, /dev/net/tun, jq, python3, and strongSwan with kernel-libipsec"; exit 77; }
red=rqr$$ blue=rqb$$
connections=2000 up=100
ip link add v0 netns $red type veth peer name v0 netns $blue
for end in "$red 1" "$blue 2"; do
	set -- $end
	ip -n "$1" link set lo up
	ip -n "$1" addr add "10.9.0.$2/24" dev v0
	ip -n "$1" link set v0 up
done
ip -n $blue addr add 10.2.0.1/32 dev lo
# ESP in userspace wants the address of what a child carries.
for ((i = 1; i <= up + 2; i++)); do echo "addr add 10.1.0.$i/32 dev lo"; done | ip -n $red -batch -

number() { # NAME: of the header
	sed -n "s/^#define $1 \([0-9]*\)\$/\1/p" "$header"
}
bound=$(number STRONGSWAN_REQUESTS_PER_MINUTE) gap=$(number STRONGSWAN_GAP_S)

for side in red blue; do
	mkdir "$scratch/$side"
	cat >"$scratch/$side.conf" <<-END
		charon {
			load_modular = no
			load = random nonce openssl pem kdf kernel-libipsec kernel-netlink socket-default vici counters updown
			install_routes = no
			plugins { vici { socket = unix://$scratch/$side.vici } }
		}
		swanctl { load = random }
	END
done
"$here/many_connections.sh" strongswan $connections >"$scratch/red/swanctl.conf"
"$here/many_connections.sh" responder 1 >"$scratch/blue/swanctl.conf"
begin() { # SIDE COMMAND...: charon, with a /run of its own
	local side=$1
	shift
	STRONGSWAN_CONF=$scratch/$side.conf ip netns exec "${!side}" unshare -m sh -c \
		'mount -t tmpfs tmpfs /run && exec setpriv --pdeathsig KILL "$@"' sh "$@" >>"$scratch/$side.out" 2>&1 &
	pids+=($!)
}
# Only in this charon's /run, and of a name for this test: a monitor tries the path in the root of each daemon that it finds.
begin red "$here/vici_relay.py" /run/$red.vici "$scratch/red.vici" "$scratch/record" $charon
begin blue $charon
swan() { # SIDE COMMAND...: within 20 s
	STRONGSWAN_CONF=$scratch/$1.conf SWANCTL_DIR=$scratch/$1 timeout 20 swanctl "${@:2}" --uri "unix://$scratch/$1.vici" >"$scratch/said" 2>&1
}
sas() { # N: so many IKE SAs are there, none of them half-open, each with a child that carries packets
	swan red --stats && grep -q "^IKE_SAs: $1 total, 0 half-open" "$scratch/said" &&
		swan red --list-sas && [ "$(grep -c ' INSTALLED, ' "$scratch/said")" = "$1" ]
}
initiate() { # CHILD: without waiting for it
	swan red --initiate --child "$1" --timeout -1
}
all_up() {
	for ((i = 0; i < up; i++)); do initiate n$i || return; done
	within sas $up
}
all_down() {
	for ((i = 0; i < up; i++)); do swan red --terminate --ike c$i --timeout -1 || return; done
	within sas 0
}

sees() { # N: IKE SAs
	[ "$(client show mainmode sas -j | wc -l)" = "$1" ]
}
in_step() { client show source -j --where name=strongswan | jq -se 'any(.[]; .state == "in step")' >/dev/null; }
asked() { # WORD...: so was asked already
	grep -q " $*\$" "$scratch/record"
}
connected() { # NUMBER: the connection of that number has asked for SAs
	grep -q " $1 request list-sas" "$scratch/record"
}
waits() { # the octets that wait since observe was stopped
	tail -n "+$((asked_before + 1))" "$scratch/record" | grep ' waits ' | tail -n 1 | cut -d' ' -f4
}
# No request comes twice within the gap, registrations come once; so many of them on one connection; and what was asked so far
# comes to no more than the bound in any minute, were each kind asked as often as the gap allows.
bounded() {
	awk -v gap="$gap" -v bound="$bound" '
		function wrong(why) { print why; failed = 1 }
		$3 == "waits" { next }
		{ what = $2; for (i = 3; i <= NF; i++) what = what " " $i }
		$3 == "register" { fixed[$2]++ }
		what in last && ($3 != "request" || $1 - last[what] < gap - 1) {
			wrong(sprintf("%s again after %.1f s", what, $1 - last[what]))
		}
		!(what in last) && $3 == "request" { kinds[$2]++ }
		{ last[what] = $1; all[$2]++ }
		END {
			for (c in all) {
				minute = fixed[c] + kinds[c] * (int(60 / (gap - 1)) + 1)
				print c ": " all[c] " requests of " kinds[c] " kinds, " fixed[c] " registrations: " minute " a minute at most"
				if (all[c] > bound || minute > bound) wrong("more than " bound " in a minute")
			}
			exit failed || NR == 0
		}' "$scratch/record" >"$scratch/said"
}

check 'two charons run' within eval 'swan red --stats && swan blue --stats'
check 'the one answers all' swan blue --load-all
check "the other has $connections connections" swan red --load-all
check "$up of them up" all_up

printf 'netns = {"%s"}\nike = {strongswan}\nvici_sockets = {"/run/%s.vici"}\n' $red $red >"$scratch/conf"
monitor --record "$scratch/facts"
check 'a monitor sees them' within sees $up
check 'it is in step' within in_step
sleep "$((gap + 2))"
check 'while all is quiet, it asks seldom' bounded
check "$up go down" all_down
check 'and up' all_up
check 'all are loaded anew' swan red --load-all
sleep "$gap"
check 'which is no reason to ask more often' bounded
check 'the monitor has seen them come' within sees $up

observe=$(part observe)
kill -STOP "$observe"
stopped=$SECONDS asked_before=$(wc -l <"$scratch/record")
check 'observe is stopped' [ "$(ps -o stat= "$observe" | cut -c1)" = T ]
check 'charon takes IKE SAs down' all_down
check 'and up' all_up
full=$(waits)
check 'what it says waits' [ "${full:-0}" -gt 0 ]
check 'it tells its state' swan red --stats
check 'and its connections' eval 'swan red --list-conns && [ "$(grep -c "^c[0-9]*:" "$scratch/said")" = $connections ]'
check 'another one comes up' swan red --initiate --child n$up
sleep 0.5
check 'of which no more fits into its socket' [ "$(waits)" = "$full" ]
kill -CONT "$observe"
check 'the monitor catches up' within sees $((up + 1))
# One that is silent for 30 s is replaced by another.
[ $((SECONDS - stopped)) -ge 25 ] || check 'by the same connection' eval '! connected 2'

kill -9 "$observe"
check 'one comes up while observe is dead' swan red --initiate --child n$((up + 1))
check 'charon tells its state' swan red --stats
check 'a new observe asks' within connected 2
check 'all that it asks' bounded
bounds=$(cat "$scratch/said")
check 'and the core takes what it says' eval '! grep ^ipsecmond-core "$scratch/monitor" >"$scratch/said"'
touch "$scratch/record.busy"
hung_up() { # TIMES
	[ "$(grep -c ' hangs up' "$scratch/record")" -ge "$1" ]
}
check 'it comes again to a charon that hangs up' within hung_up 4
# After 1, 2 and 4 s.
check 'less and less often' awk '/ hangs up/ { t[++n] = $1 } END { exit t[4] - t[1] < 5 }' "$scratch/record"
check 'it stops in order' stops
sed 's/^/# /' <<<"$bounds"
finish_tap
