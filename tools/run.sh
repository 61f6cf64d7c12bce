#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The monitor from the build directory with a state directory of its own, and a view of it: on a
# terminal the live status, else each event as a line. Ctrl-C, or the end of either, ends both.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
if [ "$(id -u)" != 0 ]; then
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
		exec sudo BUILD="$build" "$0"
	fi
	echo "Not root: SAs, policies and audit records stay unseen; the counters are read." >&2
fi
socket=$build/ipsecmon.sock
[ ${#socket} -le 100 ] || socket=$(mktemp -d)/sock
log=$build/ipsecmond.log
daemon=

finish() {
	trap - EXIT INT TERM
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null
		wait "$daemon"
	fi
}
trap finish EXIT
trap 'exit 0' INT TERM

"$build/ipsecmond" --foreground --state-dir "$build/state" --socket "$socket" 2>"$log" &
daemon=$!
for _ in $(seq 200); do
	grep -q 'ready: ' "$log" && break
	kill -0 "$daemon" 2>/dev/null || { cat "$log" >&2; wait "$daemon"; status=$?; daemon=; exit $status; }
	sleep 0.05
done
cat "$log" >&2
echo "ipsecmond runs; what it says from now on goes to $log" >&2
echo "In another terminal: $build/ipsecmon --socket $socket events -f" >&2
if [ -t 1 ]; then
	"$build/ipsecmon" --socket "$socket" status --watch 2
else
	"$build/ipsecmon" --socket "$socket" status
	"$build/ipsecmon" --socket "$socket" events -f &
	wait -n
fi
