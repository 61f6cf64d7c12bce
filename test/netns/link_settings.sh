#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: link_settings.sh BUILD
# disable_xfrm and disable_policy of interfaces, one and all: what `show link` and `find` say of them
# is held against what a packet does. Of each packet it is seen where it ends: at a UDP port where
# nobody listens, or in a counter of XFRM.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1
here=lna$$ there=lnb$$ beyond=lnc$$
[ "$(id -u)" = 0 ] && netns $here $there $beyond || { echo "1..0 # SKIP needs root and network namespaces"; exit 77; }

client() { "$build/ipsecmon" --socket "$scratch/socket" "$@" 2>"$scratch/said"; }
found() { # FILTER ARGUMENT...: a jq condition on the answer
	local filter=$1
	shift
	client find "$@" -j >"$scratch/answer" && jq -e "$filter" "$scratch/answer" >>"$scratch/said"
}
link() { # ADDRESS FILTER: on the row of it
	client show link -j >"$scratch/answer" &&
		jq -se --arg a "$1" "map(select(.address == \$a)) | length == 1 and (.[0] | $2)" "$scratch/answer" >>"$scratch/said"
}
told() { # ADDRESS FILTER: the same, but nobody asks that anything be read
	curl -s --unix-socket "$scratch/socket" http://localhost/api/v1/link >"$scratch/answer" &&
		jq -e --arg a "$1" ".items | map(select(.address == \$a)) | length == 1 and (.[0] | $2)" "$scratch/answer" >>"$scratch/said"
}
set_to() { # FAMILY INTERFACE SETTING VALUE
	ip netns exec "$here" sysctl -qw "net.$1.conf.$2.$3=$4"
}
policy() { ip -n "$here" xfrm policy "$@"; }
count() { # NETNS COUNTER: of xfrm_stat, of UDP
	local ns=$1
	ip netns exec "$ns" awk -v c="$2" '$1 == c { print $2; found = 1 }
		$1 == "Udp:" && $2 ~ /^[0-9]/ && c == "UdpNoPorts" { print $3; found = 1 }
		END { if (!found) print 0 }' /proc/net/xfrm_stat /proc/net/snmp /proc/net/snmp6
}
moved() { [ "$(count "$1" "$2")" -gt "$3" ]; }
sends() { # FROM TO NETNS COUNTER: this counter moves there
	local before
	before=$(count "$3" "$4")
	ip netns exec "$1" bash -c "echo >/dev/udp/$2/4711" 2>/dev/null
	within moved "$3" "$4" "$before"
}
refused() { # TO: the sender hears of it at once; no counter tells
	! ip netns exec "$here" bash -c "echo >/dev/udp/$1/4711" 2>"$scratch/said" && grep -q 'not permitted' "$scratch/said"
}
leaves() { sends "$here" 10.1.0.2 "$there" UdpNoPorts; }
stays() { sends "$here" 10.1.0.2 "$here" XfrmOutNoStates; }
enters() { sends "$there" "$1" "$here" "${2:-UdpNoPorts}"; }
dropped() { sends "$there" "$1" "$here" XfrmInTmplMismatch; }

ip link add eth0 netns "$here" type veth peer name eth0 netns "$there"
ip link add eth1 netns "$here" type veth peer name eth0 netns "$beyond"
ip -n "$here" link set eth1 up
for ns in "$here" "$there" "$beyond"; do
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
done
ip -n "$here" addr add 10.1.0.1/24 dev eth0
ip -n "$there" addr add 10.1.0.2/24 dev eth0
ip -n "$here" addr add fd10::1/64 dev eth0 nodad
ip -n "$there" addr add fd10::2/64 dev eth0 nodad
ip -n "$here" addr add fd11::1/64 dev eth1 nodad
ip -n "$there" route add fd11::/64 via fd10::1
ip -n "$here" addr add 10.3.0.1/24 dev eth1
ip -n "$beyond" addr add 10.3.0.2/24 dev eth0
ip -n "$beyond" route add 10.1.0.0/24 via 10.3.0.1
ip -n "$there" route add 10.3.0.0/24 via 10.1.0.1
ip netns exec "$here" sysctl -qw net.ipv4.ip_forward=1
# A new netns may have those of all from the host.
for i in ipv4:disable_xfrm ipv4:disable_policy ipv6:disable_policy; do
	set_to "${i%:*}" all "${i#*:}" 0
	for j in eth0 eth1; do
		set_to "${i%:*}" $j "${i#*:}" 0
	done
done
esp=(tmpl proto esp mode transport reqid 7)
policy add src 10.1.0.1 dst 10.1.0.2 dir out "${esp[@]}"
policy add src 10.1.0.2 dst 10.1.0.1 dir in "${esp[@]}"
# Not what IPv6 finds its neighbours by.
policy add src fd10::2 dst ::/0 proto udp dir in "${esp[@]}"

printf 'poll_interval = 200\nnetns = {"%s"}\n' "$here" >"$scratch/conf"
monitor
check 'it starts' within answers
check 'nothing is set' within link 10.1.0.1/24 '.disable_xfrm == false and .disable_policy == false and .protection == "partly"'
check 'but on the loopback both are' link 127.0.0.1/8 '.disable_xfrm and .disable_policy'
check 'IPv6 has but one' link fd10::1/64 '.disable_xfrm == null and .disable_policy == false'
check 'find: needs an SA, and assumes nothing of settings' found \
	'.checks[0].fate == "dropped" and (.assumed | map(test("disable_")) | any | not)' 10.1.0.1 10.1.0.2 udp 1 4711
check 'the kernel: XfrmOutNoStates' stays

set_to ipv4 eth0 disable_xfrm 1
check 'disable_xfrm: show link tells at once' link 10.1.0.1/24 \
	'.disable_xfrm and .protection == "no" and (.why | test("disable_xfrm.*though 1 policy covers it"))'
check 'find: in the clear, and why' found \
	'.checks[0] | .fate == "clear" and .outcome == "unasked" and .policy == null and (.verdict | test("disable_xfrm is set on eth0"))' \
	10.1.0.1 10.1.0.2 udp 1 4711 --iface eth0
check 'find without an interface: it may be eth1' found \
	'(.checks[0].fate == "dropped") and (.assumed | map(test("not set disable_xfrm")) | any)' 10.1.0.1 10.1.0.2 udp 1 4711
check 'the kernel: it leaves' leaves
set_to ipv4 eth0 disable_xfrm 0
set_to ipv4 all disable_xfrm 1
check 'of all: every interface' link 10.1.0.1/24 '.disable_xfrm and .protection == "no"'
check 'find: whatever it leaves by' found '.checks[0] | .fate == "clear" and (.verdict | test("disable_xfrm is set,"))' \
	10.1.0.1 10.1.0.2 udp 1 4711
check 'the kernel: it leaves' leaves
if policy setdefault out block 2>/dev/null; then
	check 'find: what no policy fits is blocked, nor is one asked' within found '.checks[0].outcome == "default-block"' 10.1.0.1 10.1.0.2 udp 1 4711
	check 'the kernel: it does not leave' refused 10.1.0.2
	policy setdefault out accept
fi
set_to ipv4 all disable_xfrm 0
check 'and back' link 10.1.0.1/24 '.disable_xfrm == false and .protection == "partly"'
check 'find: dropped' within found '.checks[0].fate == "dropped"' 10.1.0.1 10.1.0.2 udp 1 4711
check 'the kernel: XfrmOutNoStates' stays

in=(10.1.0.2 10.1.0.1 udp 1 4711)
check 'in: dropped in the clear' found '.checks[0].fate == "dropped" and .assumed == []' "${in[@]}"
check 'the kernel: XfrmInTmplMismatch' dropped 10.1.0.1
set_to ipv4 eth1 disable_policy 1
check 'disable_policy of another interface' found \
	'.checks[0].fate == "dropped" and .assumed == []' "${in[@]}" --iface eth0
check 'the kernel: still dropped' dropped 10.1.0.1
set_to ipv4 eth1 disable_policy 0
set_to ipv4 eth0 disable_policy 1
check 'disable_policy: show link' link 10.1.0.1/24 '.disable_policy and (.why | test("disable_policy: no policy is asked about what comes in"))'
check 'find: accepted' found '.checks[0] | .fate == "clear" and (.verdict | test("disable_policy is set on eth0"))' "${in[@]}" --iface eth0
check 'the kernel: accepted' enters 10.1.0.1
set_to ipv4 eth0 disable_policy 0
set_to ipv4 all disable_policy 1
check 'of all: find' found '.checks[0] | .fate == "clear"' "${in[@]}"
check 'the kernel: accepted' enters 10.1.0.1
set_to ipv4 all disable_policy 0
check 'and back' found '.checks[0].fate == "dropped"' "${in[@]}"
check 'the kernel: dropped' dropped 10.1.0.1

fwd=(--netns "$here" 10.1.0.2 10.3.0.2 udp 1 4711)
passes() { sends "$there" 10.3.0.2 "$beyond" UdpNoPorts; }
check 'forwarded: meets no policy' found '.checks | map(.fate) == ["clear", "clear"]' "${fwd[@]}"
check 'the kernel: it passes' passes
policy add src 10.1.0.2 dst 10.3.0.2 dir fwd "${esp[@]}"
check 'forwarded: dropped' within found '.checks[0].fate == "dropped" and (.assumed | map(test("disable_")) | any | not)' "${fwd[@]}"
check 'the kernel: dropped' dropped 10.3.0.2
set_to ipv4 all disable_policy 1
check 'forwarded, nothing is checked' found '.checks[0].outcome == "unasked"' "${fwd[@]}"
check 'the kernel: it passes' passes
if policy setdefault out block 2>/dev/null; then
	check 'forwarded: what no policy fits is blocked' within found '.checks | map(.outcome) == ["unasked", "default-block"]' "${fwd[@]}"
	set_to ipv4 eth1 disable_xfrm 1
	check 'but not with disable_xfrm' found '.checks | map(.outcome) == ["unasked", "unasked"]' "${fwd[@]}" --iface eth1
	check 'the kernel: it passes' passes
	set_to ipv4 eth1 disable_xfrm 0
	policy setdefault out accept
fi
set_to ipv4 all disable_policy 0

six=(fd10::2 fd11::1 udp 1 4711)
check 'IPv6: dropped' found '.checks[0].fate == "dropped" and .assumed == []' "${six[@]}"
check 'the kernel: dropped' dropped fd11::1
set_to ipv6 eth0 disable_policy 1
check 'IPv6: it does not matter what it comes by' found '.checks[0].fate == "dropped"' "${six[@]}" --iface eth0
check 'the kernel: dropped' dropped fd11::1
check 'show link: but what comes to its own addresses' link fd10::1/64 '.disable_policy and (.why | test("what comes to this address"))'
check 'find, too' found '.checks[0].fate == "clear"' fd10::2 fd10::1 udp 1 4711
check 'the kernel: accepted' enters fd10::1 Udp6NoPorts
set_to ipv6 eth0 disable_policy 0
set_to ipv6 eth1 disable_policy 1
check 'IPv6: that of who has the address' found '.checks[0] | .fate == "clear" and (.verdict | test("set on eth1"))' "${six[@]}" --iface eth0
check 'the kernel: accepted' enters fd11::1 Udp6NoPorts
set_to ipv6 eth1 disable_policy 0
set_to ipv6 all disable_policy 1
check 'IPv6, of all' found '.checks[0].fate == "clear"' "${six[@]}"
check 'the kernel: accepted' enters fd11::1 Udp6NoPorts
set_to ipv6 all disable_policy 0

set_to ipv4 eth0 disable_xfrm 1
check 'in time it is known also where nobody asks' within told 10.1.0.1/24 '.disable_xfrm'
finish_tap
