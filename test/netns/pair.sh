# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Two hosts, $red (10.9.0.1) and $blue (10.9.0.2), in network namespaces, with a link between; sourced. $red is there already.
# What is in pids ends with the test.
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait
	ip netns del "$red" 2>/dev/null
	ip netns del "$blue" 2>/dev/null
	rm -rf "$scratch"
}
trap finish EXIT
ip netns add "$blue"
ip link add v0 netns "$red" type veth peer name v0 netns "$blue"
for end in "$red 1" "$blue 2"; do
	# shellcheck disable=SC2086 # words
	set -- $end
	ip -n "$1" link set lo up
	ip -n "$1" addr add "10.9.0.$2/24" dev v0
	ip -n "$1" addr add "10.$2.0.1/32" dev lo
	ip -n "$1" link set v0 up
done
