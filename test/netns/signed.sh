#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: signed.sh BUILD VERIFY_LOG
# The whole monitor and its signed heads: over ends of segments, kills, another key, an export, a log put back from a backup; and what
# left through syslog.
set -u
. "$(dirname "$0")/tap.sh"
build=$1 second=$2
scratch=$(mktemp -d) daemon= receiver=
finish() {
	[ -z "$daemon" ] || { kill -9 "$daemon" && wait "$daemon"; } 2>/dev/null
	[ -z "$receiver" ] || kill "$receiver" 2>/dev/null
	rm -rf "$scratch"
}
trap finish EXIT
state=$scratch/state key=$scratch/key.pem

client() { "$build/ipsecmon" --socket "$scratch/socket" "$@" 2>/dev/null; }
start() {
	"$build/ipsecmond" --foreground --config "$scratch/conf" --state-dir "$state" --socket "$scratch/socket" 2>>"$scratch/said" &
	daemon=$!
	within eval 'client status -j >/dev/null'
}
stop() {
	kill "$daemon"
	wait "$daemon"
	local status=$?
	daemon=
	return $status
}
changes() { # NUMBER: of the audit policy, each an event or two
	local i
	for i in $(seq "$1"); do
		client audit set ipsec driver none && client audit set ipsec driver both
	done
}
verifies() { # DIR KEY [OPTION...]: both verifiers say so
	local dir=$1 key=$2
	shift 2
	"$build/ipsecmon" audit verify "$dir" --key "$key" "$@" >"$scratch/verdict" && "$second" "$key" "$dir" >"$scratch/verdict"
}
covered() { "$build/ipsecmon" audit verify -j "$1" --key "$2" | jq -e '.intact and .heads.uncovered_lines == 0' >/dev/null; }
lines_of() { # of each segment: its number and how many lines it has
	local file
	for file in "$1"/log/*; do
		case $file in *.zst) zstd -dcq "$file" ;; *) cat "$file" ;; esac | jq -s -c 'select(.[0].type == "head") | [.[0].segment, length]'
	done
}
ends_are_covered() { # every segment but the newest ends with a line that a head names
	lines_of "$state" | sed '$d' >"$scratch/ends"
	jq -c '[.segment, .line]' "$state/heads.jsonl" >"$scratch/named"
	[ -s "$scratch/ends" ] && ! grep -vxFf "$scratch/named" "$scratch/ends" >"$scratch/said"
}
kill_now() { # PID: once what has ended is signed, so that nothing that matters is cut off
	within ends_are_covered
	kill -9 "$1"
}
newest() { ls "$state/log" | tail -n 1; }
is_full() { [ "$(stat -c %s "$state/log/$1")" -ge 65536 ]; }
# Kills the core, PID, while the newest segment is full, none is begun behind it, and its end is not signed: the supervisor, which
# would, is stopped. False: another was begun.
kill_unsigned() {
	local segment
	kill -STOP "$daemon"
	segment=$(newest)
	for _ in $(seq 200); do
		! is_full "$segment" 2>/dev/null || break
		changes 1
	done
	kill -STOP "$1"
	if [ "$(newest)" = "$segment" ] && is_full "$segment"; then
		kill -9 "$1"
		kill -CONT "$daemon"
		return
	fi
	kill -CONT "$1" "$daemon"
	within ends_are_covered
	return 1
}
numbers_rise() { jq -se 'map(.number) as $n | $n == ($n | unique)' "$state/heads.jsonl" >/dev/null; }
is_signed() { client status -j | jq -e '.log.unsigned == null and .log.head > '"$1" >/dev/null; }
last_head() { tail -n 1 "$state/heads.jsonl"; }

python3 - "$scratch/syslog" "$scratch/received" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "ab", buffering=0) as f:
    while True:
        f.write(s.recv(65536) + b"\n")
END
receiver=$!
check 'a receiver is there' within test -S "$scratch/syslog"
printf 'segment_size = 64K\nsyslog = "%s"\n' "$scratch/syslog" >"$scratch/conf"
check 'it starts' start
check 'a head is signed' within is_signed 0
client audit key >"$key"
check 'its key is told' grep -q 'BEGIN PUBLIC KEY' "$key"
check 'the key is for its owner only' [ "$(stat -c %a "$state-key" "$state-key/key" | tr '\n' ' ')" = '700 600 ' ]
check 'status is whole' is_signed 0
changes 60
cp -r "$state" "$scratch/backup"
check 'while it runs the log verifies' verifies "$state" "$key"
pid=$(cat "$state/lock")
kill_now "$pid"
check 'core is started again' within eval '[ "$(cat "$state/lock")" != "$pid" ] && client status -j >/dev/null'
changes 40
pid=$(cat "$state/lock")
check 'it is killed before a segment that is full is signed' eval 'kill_unsigned $pid || kill_unsigned $pid || kill_unsigned $pid'
check 'core is started once more' within eval '[ "$(cat "$state/lock")" != "$pid" ] && client status -j >/dev/null'
changes 40
kill_now "$daemon"
wait "$daemon" 2>/dev/null
daemon=
check 'it starts again' start
changes 20
check 'a new key is made' "$build/ipsecmond" --rotate-key --state-dir "$state"
changes 20
check 'and is an event' within eval 'client events -j --id 10231 | grep -q .'
client audit export "$scratch/export" --to 1
check 'it stops in order' stop
check 'numbers rise over it all' numbers_rise
check 'each segment ends with a head' ends_are_covered
check 'and so does the log' covered "$state" "$key"
check 'the first key vouches for the second' verifies "$state" "$key"
check 'an export of the first segment proves itself' covered "$scratch/export" "$key"
check 'to both verifiers' verifies "$scratch/export" "$key"
grep -o '{"type":"signed-head".*' "$scratch/received" >"$scratch/heads"
check 'heads went to syslog as they are in the file' eval '! grep -vxFf "$state/heads.jsonl" "$scratch/heads"'
check 'up to the last' [ "$(tail -n 1 "$scratch/heads")" = "$(last_head)" ]
check 'and is found in what syslog wrote' verifies "$state" "$key" --head "$scratch/received"

last=$(last_head)
mv "$state" "$scratch/real"
cp -r "$scratch/backup" "$state"
check 'the backup verifies' eval '"$build/ipsecmon" audit verify "$state" --key "$key" >/dev/null'
check 'but for what left' eval '! verifies "$state" "$key" --head "$scratch/received" && grep -q "events that head" "$scratch/verdict"'
check 'it starts with the backup' start
check 'and says that it is not signed, and why' within eval 'client status -j | jq -re .log.unsigned | grep -q "replaced by an older one"'
check 'which is an event' within eval 'client events -j --id 10232 | grep -q rotate-key'
check 'a new key may begin there' "$build/ipsecmond" --rotate-key --state-dir "$state"
check 'and signs' within is_signed "$(jq .number <<<"$last")"
check 'it stops' stop
check 'that log verifies' covered "$state" "$key"
finish_tap
