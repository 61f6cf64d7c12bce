# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A whole monitor of $build; sourced. With the test end the monitor, the processes in pids, the network namespaces in made, and $scratch.
scratch=$(mktemp -d) daemon='' pids=() made=()
clear_away() {
	local ns
	[ -z "$daemon" ] || { pkill -CONT -P "$daemon"; kill "$daemon" && wait "$daemon"; } 2>/dev/null
	[ ${#pids[@]} = 0 ] || { kill -9 "${pids[@]}" && wait "${pids[@]}"; } 2>/dev/null
	for ns in "${made[@]}"; do ip netns del "$ns"; done 2>/dev/null
	rm -rf "$scratch"
}
trap clear_away EXIT

netns() { # NAME...: new ones
	local ns
	for ns; do ip netns add "$ns" 2>/dev/null && made+=("$ns") || return; done
}
monitor() { # [OPTION...]: begins, by the configuration in $scratch/conf
	"$build/ipsecmond" --foreground --config "$scratch/conf" --state-dir "$scratch/state" --socket "$scratch/socket" "$@" \
		2>>"$scratch/monitor" &
	daemon=$!
}
part() { # NAME: the process of one of its programs
	pgrep -P "$daemon" -f "ipsecmond-$1"
}
stops() { # in order
	local pid=$daemon
	daemon=
	kill "$pid"
	wait "$pid"
}
client() { "$build/ipsecmon" --socket "$scratch/socket" "$@" 2>/dev/null; }
answers() { client status >/dev/null; }

# Of the recording that it makes with --record "$scratch/facts", by $factdump.
facts() { "$factdump" "$scratch/facts" | jq -se "$@" >/dev/null 2>&1; }
told() { # PID FILTER: a fact of that process
	facts --argjson pid "$1" "any(.[] | select(.type == \"service\" and .pid == \$pid); $2)"
}
