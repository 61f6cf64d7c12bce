#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: storm.sh BUILD
# Storms of clear text that a policy forbids, before the eyes of programs in this kernel: from one
# source, from thousands, from a new one with each packet, on all processors at once. Every drop is
# counted, by whatever it can be told of, and a storm ten times as fast costs the monitor no more.
set -u
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/monitor.sh"
build=$1
a=sta$$ b=stb$$
[ "$(id -u)" = 0 ] && netns $a $b || { echo "1..0 # SKIP needs root and network namespaces"; exit 77; }

source_is() { client show source -j | jq -es "any(.[]; .name == \"bpf\" and $1)" >/dev/null; }
kernel() { ip netns exec "$b" awk '$1 == "XfrmInTmplMismatch" { print $2 }' /proc/net/xfrm_stat; }
settled() { client audit reconcile -j | jq -es --arg b "$b" --argjson k "$(kernel)" \
	'any(.[]; .netns == $b and .counter == "XfrmInTmplMismatch" and .kernel == $k and .difference == 0)' >/dev/null; }
facts() { client show source -j | jq 'select(.name == "bpf") | .facts'; }

# events FILTER: of this netns, out of the log itself.
events() { { zstd -dcq "$scratch"/state/log/*.zst; cat "$scratch"/state/log/*.jsonl; } 2>/dev/null |
	jq -c --arg b "$b" "select(.id != null and .netns == \$b and .counter == \"XfrmInTmplMismatch\") | $1"; }

# storm PACKETS SOURCES PER-SECOND: so many on each of two processors.
storm() {
	local cpu pids=()
	for cpu in 0 1; do
		ip netns exec "$a" "$build/test/netns/spray" v "$mac" 10.0.0.2 "$1" "$2" "$3" "$cpu" &
		pids+=($!)
	done
	wait "${pids[@]}"
}

ip link add v netns "$a" type veth peer name v netns "$b"
ip -n "$a" addr add 10.0.0.1/8 dev v
ip -n "$b" addr add 10.0.0.2/8 dev v
ip -n "$a" link set v up
ip -n "$b" link set v up
ip netns exec "$b" sh -c 'for f in all default v; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done'
mac=$(ip -n "$b" -j link show v | jq -r '.[0].address')
ip -n "$b" xfrm policy add src 10.0.0.0/8 dst 10.0.0.2 dir in tmpl src 10.0.0.1 dst 10.0.0.2 proto esp mode transport

printf 'evidence = {"bpf"}\npoll_interval = 500\nnetns = {"%s"}\n' "$b" >"$scratch/conf"
monitor
within source_is '.state != null' || { cat "$scratch/monitor"; exit 1; }
if source_is '.state == "absent"'; then
	echo "1..0 # SKIP $(client show source -j | jq -r 'select(.name == "bpf") | .reason')"
	exit 77
fi
watched() { client show source -j | jq -es --arg b "$b" 'any(.[]; .name == "xfrmstat" and .netns == $b and .state == "in step")' >/dev/null; }
check 'programs run in the kernel, and the netns is watched' within eval 'source_is ".state == \"in step\"" && watched'

storm 20000 1 0
check 'one source: all told' within settled
check 'the first packets one by one, from that source' \
	eval '[ "$(events "select(.src == \"10.0.0.0\" and .sport == 7000 and .count == 1) | 1" | wc -l)" -ge 10 ]'
check 'the others as sums, of that source too' [ "$(events 'select(.src == "10.0.0.0") | .count' | jq -s add)" = 40000 ]

storm 20000 3000 0
check 'three thousand sources: all told' within settled

before=$(facts)
storm 10000 0 5000
within settled
slow=$(($(facts) - before))
before=$(facts)
storm 100000 0 50000
check 'a new source with each packet: all told' within settled
fast=$(($(facts) - before))
echo "# facts: $slow at 10,000 packets a second, $fast at 100,000"
# 200 samples a second and processor for two seconds and what is left of the third, and as many sums.
check 'ten times as many packets a second make no more facts than samples are rationed to' [ "$fast" -le 2600 ]

check 'the log holds what the kernel counted' [ "$(events .count | jq -s add)" = "$(kernel)" ]
check 'and nothing of it is unexplained' [ -z "$(events 'select(.id == 10020)')" ]
check 'nothing was left out by the kernel' source_is '.losses == 0'
check 'no evidence was told twice' [ -z "$(client events -j --id 10022)" ]
check 'it stops in order' stops
finish_tap
