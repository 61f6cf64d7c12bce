# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Monitors under test. Sourced by lab/inside. Each has a folder of its own, $LAB_TMP/monitor/NAME: its configuration,
# state directory (state), socket, what it says (said), and the process to be ended (pid).

# has_bpf: can programs of the monitor run in this kernel? If so, then they must.
has_bpf()
{
	[ -e /sys/kernel/btf/vmlinux ] && [ -e "$LAB_BUILD/bpf/drops.bpf.o" ]
}

# evidence_of MODE: what a monitor of that name may use.
evidence_of()
{
	case $1 in
	none) echo '{}' ;;
	sa | audit | bpf) echo "{\"$1\"}" ;;
	all) echo '{"sa", "audit", "bpf"}' ;;
	esac
}

# monitor_configure NAME EVIDENCE [LINE...]: with further lines of configuration.
monitor_configure()
{
	local dir=$LAB_TMP/monitor/$1
	mkdir -p "$dir/state"
	{
		echo "evidence = $2"
		echo "poll_interval = ${POLL:-500}"
		echo "settle = ${SETTLE:-1200}"
		echo "bpf_hooks = ${LAB_HOOKS:-best}"
		shift 2
		printf '%s\n' "$@"
	} >"$dir/conf"
}

# monitor_run NAME [OPTIONS]: start it, or start it again.
monitor_run()
{
	local dir=$LAB_TMP/monitor/$1
	shift
	ipsecmond --foreground --config "$dir/conf" --state-dir "$dir/state" --socket "$dir/socket" "$@" \
		>>"$dir/said" 2>&1 &
	echo $! >"$dir/pid"
}

# monitor_start NAME EVIDENCE [LINE...]
monitor_start()
{
	monitor_configure "$@"
	monitor_run "$1"
}

# ask NAME WORDS...: the command line client.
ask()
{
	local name=$1
	shift
	ipsecmon --socket "$LAB_TMP/monitor/$name/socket" "$@"
}

# within SECONDS COMMAND...: until it succeeds; fails after so long.
within()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# is_ready NAME: it sees the SAs; and if there can be programs of its own in the kernel, they run.
is_ready()
{
	local sources='"xfrm"'
	! has_bpf || ! grep -q '^evidence.*bpf' "$LAB_TMP/monitor/$1/conf" || sources=$sources,'"bpf"'
	ask "$1" show source -j 2>/dev/null | jq -es "group_by(.name) | map(select(.[0].name | IN($sources)))
		| length == ([$sources] | length) and all(.[][]; .state == \"in step\")" >/dev/null
}

# monitor_ready NAME
monitor_ready()
{
	within 60 is_ready "$1"
}

is_watching()
{
	local name=$1 missing
	shift
	missing=$(printf '%s\n' "$@" | sort | comm -23 - <(ask "$name" show source -j |
		jq -r 'select(.name == "xfrmstat" and .state == "in step") | .netns' | sort -u))
	[ -z "$missing" ]
}

# monitor_watches NAME NETNS...: until it has all of them.
monitor_watches()
{
	within 60 is_watching "$@"
}

# log NAME: all lines of its log, read from the files, not asked for.
log()
{
	zstdcat "$LAB_TMP/monitor/$1/state/log/"0* </dev/null
}

# monitor_events NAME: the events in its log.
monitor_events()
{
	log "$1" | grep -F '"id":'
}

# sums NAME KERNEL_FILE: what the log lacks or has too much against the kernel's counters; nothing if they agree.
sums()
{
	log "$1" | jq -rn --slurpfile kernel "$2" '
		[inputs] as $log
		| ($kernel | map({netns, counter, n: .kernel})) as $truth
		| ([$log[] | select(.id and .counter and .count > 0) | {netns, counter, n: .count}]
			+ ([$log[] | select(.type == "reading")]
				| group_by([.boot, .cookie, .netns, .counter])
				| map(.[-1] | {netns, counter, n: .suppressed}))) as $told
		| def total: group_by([.netns, .counter])
			| map({key: "\(.[0].netns) \(.[0].counter)", value: (map(.n) | add)})
			| map(select(.value != 0)) | from_entries;
		($truth | total) as $truth | ($told | total) as $told
		| ($truth + $told | keys[]) | select($truth[.] != $told[.])
		| "\(.): the kernel counted \($truth[.] // 0), the log tells \($told[.] // 0)"'
}

is_balanced()
{
	DIFFERENCE=$(sums "$1" "$2" 2>&1) && [ -z "$DIFFERENCE" ]
}

# expect DESCRIPTION COMMAND...: a TAP line; the command's output is the diagnostics.
expect()
{
	local what=$1 said
	shift
	if said=$("$@" 2>&1); then
		echo "ok - $what"
	else
		echo "not ok - $what"
		[ -z "$said" ] || sed 's/^/# /' <<<"$said" | head -n 20
		return 1
	fi
}

# monitor_balanced NAME KERNEL_FILE DESCRIPTION: the central promise. The log is read until it holds, for some time.
monitor_balanced()
{
	within 60 is_balanced "$1" "$2"
	expect "$3" eval '[ -z "$DIFFERENCE" ] || { echo "$DIFFERENCE"; false; }'
}

# is_settled NAME: nothing waits for evidence any more.
is_settled()
{
	ask "$1" audit reconcile -j 2>/dev/null | jq -es 'all(.[]; .difference == 0)' >/dev/null
}

monitor_settled()
{
	within 60 is_settled "$1"
}

# is_running PID: a process that has ended, but that nobody has waited for, does not run.
is_running()
{
	local state
	state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
	[ -n "$state" ] && [ "$state" != Z ]
}

has_ended()
{
	! is_running "$1"
}

# monitor_stop NAME: end it as systemd would; fails if it does not end cleanly within 10 s.
monitor_stop()
{
	local pid
	pid=$(<"$LAB_TMP/monitor/$1/pid")
	rm "$LAB_TMP/monitor/$1/pid"
	kill "$pid" 2>/dev/null
	within 20 has_ended "$pid" || kill -KILL "$pid"
	wait "$pid"
}

# process NAME COMM: the id of that process of a monitor.
process()
{
	local pid
	for pid in $(cat "/proc/$(<"$LAB_TMP/monitor/$1/pid")"/task/*/children); do
		[ "$(cat "/proc/$pid/comm")" != "$2" ] || echo "$pid"
	done
}

# monitors_end [FOLDER]: end whatever still runs; what the monitors left is kept in that folder of the results.
monitors_end()
{
	local pid
	for pid in "$LAB_TMP"/monitor/*/pid; do
		monitor_stop "$(basename "$(dirname "$pid")")"
	done
	if [ -n "${1:-}" ] && [ -d "$LAB_TMP/monitor" ]; then
		mkdir -p "$LAB_OUT/result/$1"
		cp -r "$LAB_TMP/monitor/." "$LAB_OUT/result/$1/"
	fi
	rm -rf "$LAB_TMP/monitor"
}
