#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ipsecmond-observe on this kernel's own XFRM, without keys: policies, larval SAs, counters, losses, a netns that goes,
# a core that comes anew. usage: observe.sh FACTDUMP OBSERVE
set -u
factdump=$1 observe=$2
[ "$(id -u)" = 0 ] && command -v jq >/dev/null && ip netns add "obs$$" 2>/dev/null ||
	{ echo "1..0 # SKIP needs root, jq and network namespaces"; exit 77; }
ns=obs$$ peer=obt$$ dir=$(mktemp -d) n=0 bad=0
facts=$dir/facts
trap 'ip netns del $ns 2>/dev/null; ip netns del $peer 2>/dev/null; rm -rf "$dir"' EXIT
ip netns add $peer
ip link add v0 netns $ns type veth peer name v0 netns $peer
for i in $ns:1 $peer:2; do
	ip -n "${i%:*}" addr add "192.0.2.${i#*:}/24" dev v0
	ip -n "${i%:*}" link set v0 up
done
ip netns exec $ns sysctl -qw net.core.xfrm_acq_expires=2

ok() # NAME CONDITION...: a jq filter over all facts so far, awaited for 10 s
{
	local i
	n=$((n + 1))
	for i in $(seq 50); do
		jq -se "$2" "$facts" >/dev/null 2>&1 && { echo "ok $n - $1"; return; }
		sleep 0.2
	done
	echo "not ok $n - $1"
	bad=1
}

coproc F { exec "$factdump" "$observe" 65536 $ns $peer >"$facts" 2>"$dir/err"; }
pid=$F_PID # which bash forgets as soon as it has ended
ok "the first pass is complete" 'any(.type == "ipc" and .ipc == 8)'

policy=(src 198.51.100.0/24 dst 192.0.2.1 dir in)
template=(tmpl src 192.0.2.2 dst 192.0.2.1 proto esp mode tunnel)
ip -n $ns xfrm policy add "${policy[@]}" "${template[@]}"
ip -n $ns xfrm policy update "${policy[@]}" priority 5 "${template[@]}"
ip -n $ns xfrm policy delete "${policy[@]}"
ok "a policy comes, changes and goes" '[.[] | select(.source == "xfrm" and .src == "198.51.100.0/24")] |
	map([.type, .op, .priority]) == [["policy", 1, 0], ["policy", 2, 5], ["policy gone", null, 5]]'

ip -n $ns xfrm policy setdefault fwd block
ok "a default changes" 'any(.type == "policy default" and .fwd and (.initial | not))'
ip -n $ns xfrm policy setdefault fwd accept

ip -n $ns xfrm state allocspi src 192.0.2.2 dst 192.0.2.1 proto esp mode tunnel >/dev/null
ok "a larval SA is found, although nothing tells of it" 'any(.type == "sa" and .larval)'
ok "and expires" 'any(.type == "sa gone" and .how == 1)'

ip -n $ns xfrm policy add src 192.0.2.2 dst 192.0.2.1 dir in "${template[@]}"
ip netns exec $peer bash -c 'for i in 1 2 3; do echo >/dev/udp/192.0.2.1/9; done'
ok "counters are read" 'any(.type == "counters" and .counters.XfrmInTmplMismatch == 3)'

# Whoever listens for ACQUIRE changes what the kernel does: we never are the first, nor the last.
hearers() { ip netns exec $ns awk '$2 == 6 && $4 ~ /[13579bdf]$/ { n++ } END { print n + 0 }' /proc/net/netlink; }
hears() { # NAME COUNT: so many sockets hear ACQUIRE, within 10 s
	local i
	n=$((n + 1))
	for i in $(seq 50); do
		[ "$(hearers)" = "$2" ] && { echo "ok $n - $1"; return; }
		sleep 0.2
	done
	echo "not ok $n - $1 ($(hearers) hear)"
	bad=1
}
rounds() { # awaits so many more of them, of half a second each
	local at
	at=$(jq -s 'map(select(.type == "poll")) | length' "$facts")
	ok "$1 rounds later" "(map(select(.type == \"poll\")) | length) >= $((at + $1))"
}
ip -n $ns xfrm policy add src 192.0.2.1 dst 192.0.2.2 dir out tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode transport
ip netns exec $ns bash -c 'echo >/dev/udp/192.0.2.2/4711' 2>/dev/null
rounds 6
hears "nobody hears ACQUIRE while no key manager does" 0
ip netns exec $ns ip xfrm monitor >/dev/null &
monitor=$!
hears "another monitor does" 1
rounds 6
hears "we do not follow it" 1
kill $monitor
wait $monitor 2>/dev/null
ip netns exec $ns ip xfrm monitor acquire >/dev/null &
monitor=$!
hears "a key manager does, and we" 2
ip netns exec $ns bash -c 'echo >/dev/udp/192.0.2.2/4712' 2>/dev/null
ok "a request of the kernel is told" 'any(.type == "acquire" and .src == "192.0.2.1" and .dst == "192.0.2.2" and
	.flow_dst == "192.0.2.2" and .dport == 4712 and .proto == 50 and .policy > 0)'
kill $monitor
wait $monitor 2>/dev/null
hears "it ends, and we leave" 0
ip -n $ns xfrm policy delete src 192.0.2.1 dst 192.0.2.2 dir out

watcher=$(pgrep -P "$pid")
kill -STOP "$watcher"
for i in $(seq 0 1999); do
	echo "xfrm policy add src 10.$((i / 250)).$((i % 250)).0/24 dst 192.0.2.1 dir fwd ${template[*]}"
done >"$dir/batch"
ip -n $ns -batch "$dir/batch"
kill -CONT "$watcher"
ok "losses are counted" 'any(.type == "source" and .source == "xfrm" and .losses > 0)'
ok "and healed" '[.[] | select(.type == "policy" and .dir == "fwd" and .op != 2) | .index] | unique | length == 2000'
ok "and in step again" '[.[] | select(.type == "source" and .source == "xfrm")] | last | .state == "in step"'

echo "gone $(stat -Lc %i /run/netns/$peer)" >&"${F[1]}"
ok "a netns goes" 'any(.type == "netns" and (.there | not))'

echo peer >&"${F[1]}"
ok "a new core hears of everything" '(map(.type == "header") | rindex(true)) as $at | .[$at:] as $new |
	$new[1].type == "origin" and $new[1].seq == 0 and $new[2].type == "netns" and
	([$new[] | select(.type == "policy") | .index] | unique | length) == 2001 and
	any($new[]; .type == "counters" and .counters.XfrmInTmplMismatch == 3)'

echo stop >&"${F[1]}"
wait "$pid"
status=$?
n=$((n + 1))
[ $status = 0 ] && echo "ok $n - ends in order" || { echo "not ok $n - ends in order"; bad=1; }
[ $bad = 0 ] || sed 's/^/# /' "$dir/err"
echo "1..$n"
exit $bad
