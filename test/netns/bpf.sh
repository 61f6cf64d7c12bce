#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: bpf.sh BUILD
# Clear text where a policy wants ESP, on this machine's own kernel, before the eyes of programs in it: whatever
# becomes of such a packet in the kernel, each one is told, with addresses and ports, and no other.
# a sends to b, and through b to c.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1
a=bpa$$ b=bpb$$ c=bpc$$
[ "$(id -u)" = 0 ] && netns $a $b $c || { echo "1..0 # SKIP needs root and network namespaces"; exit 77; }

bpf_is() { client show source -j | jq -es "any(.[]; .name == \"bpf\" and $1)" >/dev/null; }
watched() { client show source -j |
	jq -es --arg b "$b" 'any(.[]; .name == "xfrmstat" and .netns == $b and .state == "in step")' >/dev/null; }
kernel() { ip netns exec "$b" awk '$1 == "XfrmInTmplMismatch" { print $2 }' /proc/net/xfrm_stat; }
events() { zstdcat "$scratch"/state/log/0* </dev/null | jq -r --arg b "$b" "select(.id and .netns == \$b) | $1"; }
all_told() { [ "$(events 'select(.counter == "XfrmInTmplMismatch") | .count' | jq -s 'add // 0')" = "$(kernel)" ]; }
same() { diff "$scratch/sent" "$scratch/told" >"$scratch/said"; }

# wire NETNS ADDRESS-END NETNS ADDRESS-END DEVICE: a link with fixed neighbours, so that only our own packets meet a policy.
wire() {
	local side
	ip link add "$5" netns "$1" type veth peer name "$5" netns "$3"
	for side in "$1 $2 $4 1" "$3 $4 $2 2"; do
		set -- $side "$5"
		ip -n "$1" link set "$5" addrgenmode none address "02:00:00:00:${5#v}:0$4"
		ip -n "$1" link set "$5" up
		ip -n "$1" addr add "10.9.$2/24" dev "$5"
		ip -n "$1" addr add "fd09:${2/./::}/64" dev "$5" nodad
		ip -n "$1" neigh add "10.9.$3" lladdr "02:00:00:00:${5#v}:0$((3 - $4))" nud permanent dev "$5"
		ip -n "$1" neigh add "fd09:${3/./::}" lladdr "02:00:00:00:${5#v}:0$((3 - $4))" nud permanent dev "$5"
	done
}

# send SOURCE TARGET PROTOCOL [SPORT DPORT]: one packet out of a. Ports of an echo request are its type and code; with a
# number as protocol it is one that nobody knows.
send() {
	ip netns exec "$a" python3 - "$@" <<-'END'
		import socket, struct, sys
		src, dst, proto, *ports = sys.argv[1:]
		family = socket.AF_INET6 if ':' in src else socket.AF_INET
		ports = [int(p) for p in ports]
		raw = {'icmp': 1, 'ipv6-icmp': 58}.get(proto) or (int(proto) if proto.isdigit() else None)
		if raw:
		    s = socket.socket(family, socket.SOCK_RAW, raw)
		    s.bind((src, 0))
		    # An echo request, if it is ICMP; its checksum is right (the kernel's business with IPv6).
		    body = {1: struct.pack('!BBHHH', 8, 0, 0xf7fd, 1, 1), 58: struct.pack('!BBHHH', 128, 0, 0, 1, 1)}
		    s.sendto(body.get(raw, b'unknown!'), (dst, 0))
		elif proto == 'udp':
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.bind((src, ports[0]))
		    s.sendto(b'clear', (dst, ports[1]))
		else:
		    s = socket.socket(family, socket.SOCK_STREAM)
		    s.bind((src, ports[0]))
		    s.setblocking(False)
		    s.connect_ex((dst, ports[1])) # closed at once: one SYN, not sent again
	END
}

# secured SOURCE TARGET PROTOCOL [SPORT DPORT]: a packet that must be dropped and told.
secured() {
	send "$@" || echo "not sent: $*" >>"$scratch/sent"
	echo "$1 $2 ${3/253/null} ${4:-null} ${5:-null}" >>"$scratch/sent" # a protocol without a name is not told
}

wire "$a" 0.1 "$b" 0.2 v01
wire "$b" 1.1 "$c" 1.2 v02
ip -n "$a" addr add 10.9.0.7/24 dev v01
ip -n "$a" addr add fd09:0::7/64 dev v01 nodad
ip -n "$a" route add 10.9.1.0/24 via 10.9.0.2
ip -n "$a" route add fd09:1::/64 via fd09:0::2
ip netns exec "$b" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
for source in 10.9.0.1 fd09:0::1; do
	for target in 0.2 1.2; do
		[ $target = 0.2 ] && dir=in || dir=fwd
		[ "${source%:*}" = "$source" ] && dst=10.9.$target || dst=fd09:${target/./::}
		ip -n "$b" xfrm policy add src $source dst "$dst" dir $dir tmpl proto esp mode transport
	done
done
ip netns exec "$b" python3 -c '
import signal, socket
for family in socket.AF_INET, socket.AF_INET6:
    for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
        s = socket.socket(family, kind)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", 7001))
        if kind == socket.SOCK_STREAM:
            s.listen()
        s.detach()
print("open", flush=True)
signal.pause()' >"$scratch/open" &
pids+=($!)

printf 'evidence = {"bpf"}\npoll_interval = 300\nnetns = {"%s"}\n' "$b" >"$scratch/conf"
monitor
within bpf_is '.state != null' || { cat "$scratch/monitor"; exit 1; }
if bpf_is '.state == "absent"'; then
	echo "1..0 # SKIP $(client show source -j | jq -r 'select(.name == "bpf") | .reason')"
	exit 77
fi
check 'programs run in the kernel, and the netns is watched' within eval 'bpf_is ".state == \"in step\"" && watched'
within grep -q open "$scratch/open"

: >"$scratch/sent"
for source in 10.9.0.1 fd09::1; do
	if [ $source = 10.9.0.1 ]; then near=10.9.0.2 far=10.9.1.2 echo='icmp 8 0'; else near=fd09::2 far=fd09:1::2 echo='ipv6-icmp 128 0'; fi
	secured $source $near udp 5001 7001 # an open port
	secured $source $near udp 5002 7002 # a closed one
	secured $source $near tcp 5003 7001
	secured $source $near tcp 5004 7002
	secured $source $near $echo
	secured $source $near 253 # a protocol that nobody has
	secured $source $far udp 5005 7001
	secured $source $far tcp 5006 7001
	# Dropped too, or taken, but not for want of IPsec: no policy is about them.
	send "${source%1}7" $near udp 5007 7001
	send "${source%1}7" $near udp 5008 7002
	send "${source%1}7" $near tcp 5009 7002
done
check 'the kernel has counted each' within eval '[ "$(kernel)" = "$(wc -l <"$scratch/sent")" ]'
check 'the log tells as many' within all_told
events 'select(.id == 4963 and .count == 1 and .evidence == "bpf") | "\(.src) \(.dst) \(.proto) \(.sport) \(.dport)"' |
	sort >"$scratch/told"
sort -o "$scratch/sent" "$scratch/sent"
check 'each by its addresses, protocol and ports' same
check 'and the interface that it came in by' [ "$(events 'select(.id == 4963) | .iface' | sort -u)" = v01 ]
check 'and nothing else' [ -z "$(events 'select(.counter and .id != 4963)')" ]
check 'no evidence contradicts' [ -z "$(client events -j --id 10022)" ]
check 'it stops in order' stops
finish_tap
