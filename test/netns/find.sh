#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: find.sh BUILD
# `ipsecmon find` and `lint` through the whole monitor, on policies of a real kernel: each is held
# against what a packet does there.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1
ns=fin$$
[ "$(id -u)" = 0 ] && netns $ns || { echo "1..0 # SKIP needs root and network namespaces"; exit 77; }

client() { "$build/ipsecmon" --socket "$scratch/socket" "$@" 2>"$scratch/said"; }
policy() { ip -n "$ns" xfrm policy "$@"; }
found() { # FILTER ARGUMENT...: a jq condition on the answer
	local filter=$1
	shift
	client find "$@" -j >"$scratch/answer" && jq -e "$filter" "$scratch/answer" >>"$scratch/said"
}
dropped() { # COUNTER
	ip netns exec "$ns" grep -q "^$1[^0-9]*[1-9]" /proc/net/xfrm_stat 2>"$scratch/said"
}
linted() { client lint -j | jq -se "$1" >"$scratch/said"; }
refused() { # STATUS WORDS ARGUMENT...
	local status=$1 words=$2
	shift 2
	client "$@" >/dev/null
	[ $? = "$status" ] && grep -q "$words" "$scratch/said"
}
narrow() { # COLUMNS ARGUMENT...: nothing is wider
	local columns=$1
	shift
	script -qec "stty cols $columns; '$build/ipsecmon' --socket '$scratch/socket' --color never $*" /dev/null |
		tr -d '\r' | awk -v n="$columns" 'length($0) > n { bad = 1 } END { exit bad || NR < 3 }'
}

ip link add eth0 netns "$ns" type veth peer name eth1 netns "$ns"
for i in lo eth0 eth1; do ip -n "$ns" link set $i up; done
ip -n "$ns" addr add 10.1.0.1/24 dev eth0
ip -n "$ns" route add default dev eth0
out=(src 10.1.0.0/16 dst 10.2.0.0/16 dir out)
esp=(tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 7)
back=(tmpl src 192.0.2.2 dst 192.0.2.1 proto esp mode tunnel reqid 7)
policy add "${out[@]}" priority 100 "${esp[@]}"

printf 'poll_interval = 200\nnetns = {"%s"}\n' "$ns" >"$scratch/conf"
monitor
check 'it starts' within answers
check 'the policy is found by what is local; the missing SA is told' within found \
	'.checks | length == 1 and .[0].direction == "out" and .[0].fate == "dropped" and .[0].policy.priority == 100 and
	.[0].templates[0].reqid == 7 and .[0].templates[0].sa == null' 10.1.0.1 10.2.0.1 udp 1 2
ip netns exec "$ns" bash -c 'echo >/dev/udp/10.2.0.1/2' 2>/dev/null
check 'the kernel drops it, too, and for that reason' dropped XfrmOutNoStates
check 'lint: no way back' linted 'map(.rule) == ["no-reverse"]'
check 'lint ends with 1 when something is found' eval '! client lint >"$scratch/said"'
check 'and says what to do' grep -q 'source and destination swapped' "$scratch/said"

policy add src 10.2.0.0/16 dst 10.1.0.0/16 dir in priority 100 "${back[@]}"
check 'lint: in tunnel mode without fwd' within linted 'map(.rule) == ["no-forward"]'
policy add src 10.2.0.0/16 dst 10.1.0.0/16 dir fwd priority 100 "${back[@]}"
check 'lint: then nothing is wrong' within linted 'length == 0'
check 'lint ends with 0 when nothing is' eval 'client lint >"$scratch/answer"'
check 'in: clear text is dropped, by event 4963' found \
	'.checks[0] | .direction == "in" and .fate == "dropped" and (.verdict | test("4963"))' 10.2.0.1 10.1.0.1 tcp 1 2
check 'forwarded: in by one, out by none' found \
	'.checks | map(.direction) == ["fwd", "out"] and (.[0].policy | .direction == "fwd") and .[1].policy == null' \
	--netns "$ns" 10.2.0.1 10.1.9.9

# An SA needs ESP in the kernel; without it there is none to find.
if ip -n "$ns" xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0xc0ffee reqid 7 mode tunnel \
	aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128 2>/dev/null; then
	check 'the SA that it would be sent by' within found \
		'.checks[0] | .fate == "protected" and .templates[0].sa.spi == 12648430' 10.1.0.1 10.2.0.1
fi

policy add src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp dport 22 dir out priority 50
policy add src 0.0.0.0/0 dst 10.2.3.0/24 dir out priority 50 action block
check 'a change counts at once: a bypass for one port' within found \
	'.checks[0] | .outcome == "bypass" and .fate == "clear" and (.losers | map(.why) == ["priority 100 comes after 50"])' \
	10.1.0.1 10.2.0.1 tcp 1 22
check 'why the others lost' found \
	'.checks[0].losers | map(.why) == ["only for tcp"]' 10.1.0.1 10.2.0.1 udp 1 22
check 'of equal priorities with another outcome it says ambiguous' within found \
	'.checks[0] | .ambiguous and .ties == 1 and (.verdict | test("Ambiguous"))' 10.1.0.1 10.2.3.1 tcp 1 22
check '--best: no losers' found '.checks[0] | .losers == [] and .policy.priority == 50' --best 10.1.0.1 10.2.0.1 tcp 1 22
policy delete "${out[@]}"
policy delete src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp dport 22 dir out
check 'a deletion, too' within found '.checks[0] | .policy == null and .fate == "clear"' 10.1.0.1 10.2.0.1 tcp 1 22

policy add src 10.1.0.0/16 dst 10.2.3.0/25 dir out priority 60 "${esp[@]}"
policy add src 10.2.0.0/16 dst 10.1.0.0/16 dev eth0 dir in priority 10 "${back[@]}"
policy add src 10.3.0.0/16 dst 10.1.0.1 dir in priority 10 tmpl proto esp mode transport level use
policy add src 10.4.0.0/16 dst 10.1.0.1 dir in priority 10 if_id 77
check 'lint: shadowed, never matches, optional, no interface' within linted \
	'map(.rule) | contains(["shadowed"]) and contains(["never-matches"]) and contains(["optional"]) and contains(["no-interface"])'
ip -n "$ns" xfrm policy setdefault in block 2>/dev/null &&
	check 'what no policy fits is dropped by default' within found \
		'.checks[0] | .outcome == "default-block" and .fate == "dropped"' 10.9.0.1 10.1.0.1

check 'ports that nobody gave are said' eval 'client find 10.1.0.1 10.2.0.1 udp | grep -q "udp, 0 to 0 as none are given"'
check 'those that somebody gave are not' eval 'client find 10.1.0.1 10.2.0.1 udp 1 2 | grep -q "udp 1 to 2$"'
check 'a wrong protocol is said, with exit status 2' refused 2 "no protocol 'tpc'" find 10.1.0.1 10.2.0.1 tpc
check 'a wrong address' refused 2 'not an IPv4 or IPv6 address' find 10.1.0.0/16 10.2.0.1
check 'an unknown interface' refused 1 "no interface 'nix'" find 10.1.0.1 10.2.0.1 --iface nix
check 'an unknown network namespace' refused 1 "no network namespace" find 10.1.0.1 10.2.0.1 --netns nix
for columns in 80 200; do
	check "find fits $columns columns" narrow $columns find 10.1.0.1 10.2.3.1 tcp 1 22
	check "lint fits $columns columns" narrow $columns lint
done
finish_tap
