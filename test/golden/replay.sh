#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: replay.sh IPSECMOND [accept]
# Each recording here, replayed twice, gives the events and the state that lie beside it, to the octet,
# whatever compiler built the program. After a wanted change: `accept`, and read the difference.
set -u
program=$(realpath "$1")
cd "$(dirname "$0")" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
n=0
failed=0
for recording in *.facts; do
	expected=${recording%.facts}.expected
	n=$((n + 1))
	"$program" --foreground --replay "$recording" >"$scratch/first" 2>"$scratch/said" &&
		"$program" --foreground --replay "$recording" >"$scratch/second" 2>>"$scratch/said"
	status=$?
	[ "${2:-}" != accept ] || cp "$scratch/first" "$expected"
	if [ $status = 0 ] && cmp -s "$scratch/first" "$scratch/second" && cmp -s "$scratch/first" "$expected"; then
		echo "ok $n - $recording"
	else
		echo "not ok $n - $recording (status $status)"
		{ cat "$scratch/said"; diff "$expected" "$scratch/first" | cut -c1-300 | head -n 8; } | sed 's/^/# /'
		failed=1
	fi
done
echo "1..$n"
exit $failed
