#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: trouble.sh BUILD
# The whole monitor in trouble: a second one on its state directory, a directory and a recording of
# another version, a full disk. Real processes; events come from policies of a netns of our own.
set -u
. "$(dirname "$0")/tap.sh"
build=$1
if [ "$(id -u)" != 0 ] || ! ip netns add "tro$$" 2>/dev/null; then
	echo "1..0 # SKIP needs root and network namespaces"
	exit 77
fi
scratch=$(mktemp -d) ns=tro$$ daemon=
finish() {
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
	ip netns del "$ns"
	mountpoint -q "$scratch/small" && umount "$scratch/small"
	rm -rf "$scratch"
}
trap finish EXIT

client() { "$build/ipsecmon" --socket "$scratch/socket" "$@" 2>/dev/null; }
log_is() { client status -j | jq -e ".log | $1" >/dev/null; }
refused() { # WORDS ARGUMENT...: ends with 1 and says so
	local words=$1
	shift
	timeout 30 "$build/ipsecmond" --foreground "$@" >"$scratch/said" 2>&1
	[ $? = 1 ] && grep -q "$words" "$scratch/said"
}
policies() { # FROM TO
	local i
	for i in $(seq "$1" "$2"); do
		echo "xfrm policy add src 10.$((i >> 8)).$((i & 255)).0/24 dst 10.255.0.0/16 dir out"
	done | ip -n "$ns" -batch -
}

mkdir "$scratch/small"
mount -t tmpfs -o size=3m,mode=755 tmpfs "$scratch/small"
state=$scratch/small/state
printf 'poll_interval = 200\nnetns = {"%s"}\n' "$ns" >"$scratch/conf"
"$build/ipsecmond" --foreground --config "$scratch/conf" --state-dir "$state" --socket "$scratch/socket" 2>"$scratch/first" &
daemon=$!
check 'it starts' within eval 'client status -j >/dev/null'
check 'a second monitor on the state directory is refused, with the pid of the first' \
	refused 'process [0-9]' --config "$scratch/conf" --state-dir "$state" --socket "$scratch/other"

mkdir -m 700 "$scratch/future"
sed 's/[0-9][0-9]*/999/' "$state/version" >"$scratch/future/version"
check 'a state directory of a later version is refused' \
	refused 'version' --config "$scratch/conf" --state-dir "$scratch/future" --socket "$scratch/other"
echo 'something else' >"$scratch/note"
check 'a file that is no recording is refused' refused 'not a\|no recording\|no fact' --replay "$scratch/note"
printf 'ipsecmon facts\n\0\377\0\0\0' >"$scratch/later.facts"
check 'a recording of a later version is refused' refused 'version' --replay "$scratch/later.facts"

policies 0 99
check 'events are logged' within log_is '.last_seq > 100'
dd if=/dev/zero of="$scratch/small/filler" bs=64k 2>/dev/null
policies 100 1999
check 'a full disk is said' within log_is '.error != null'
check 'and the monitor goes on' eval 'client show source -j >/dev/null'
rm "$scratch/small/filler"
check 'with room again it catches up' within log_is '.error == null and .waiting == 0 and .last_seq > 2000'
check 'nothing was lost' log_is '.lost == 0'
check 'the trouble is in the log' eval 'client events -j --id 10213 | grep -q . && client events -j --id 10214 | grep -q .'
check 'and so is every policy, once' \
	eval '[ "$(client events -j --id 10111 --limit 5000 | jq -r .policy | sort -u | wc -l)" = 2000 ]'
kill $daemon
wait $daemon
check 'it stops in order' [ $? = 0 ]
daemon=
check 'the log verifies' eval '"$build/ipsecmon" audit verify "$state" >/dev/null'
finish_tap
