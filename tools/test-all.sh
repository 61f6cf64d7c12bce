#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All tests, in parts whose results lie in build-test/ as TAP or as Meson's log; tally.py sums them up.
# TIER=full: every fault, long storms and a soak besides. FUZZ_SECONDS: how long each fuzzer runs (3, or 60).
# SOAK_SECONDS: how long the soak is (3600). PARTS: only these, of "gcc lab qemu clang full".
set -u
cd "$(dirname "$0")/.." || exit 1
out=build-test
build=${BUILD:-build}
tier=${TIER:-quick}
if [ "$tier" = full ]; then
	parts=${PARTS:-gcc lab qemu clang full}
	seconds=${FUZZ_SECONDS:-60}
else
	parts=${PARTS:-gcc lab qemu clang}
	seconds=${FUZZ_SECONDS:-3}
fi
rm -rf $out
mkdir -p $out

took() { # NAME SINCE
	echo "== $1: $((SECONDS - $2)) s" >&2
}

part() { # NAME COMMAND...: the command's end is a result of its own
	local name=$1 status begun=$SECONDS
	shift
	echo "== $name" >&2
	"$@" >"$out/$name.log" 2>&1
	status=$?
	took "$name" "$begun"
	if [ $status = 0 ]; then
		printf 'ok 1 - %s\n1..1\n' "$name" >"$out/$name.step.tap"
	else
		{
			printf 'not ok 1 - %s\n' "$name"
			tail -n 40 "$out/$name.log" | sed 's/^/# /'
			echo 1..1
		} >"$out/$name.step.tap"
	fi
	return $status
}

set_up() { # DIR ARGUMENT...
	local dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$@" "$dir" || return 1
	ninja -C "$dir"
}

meson_test() { # NAME DIR ARGUMENT...: results are counted from Meson's log, not from its status
	local name=$1 dir=$2 begun=$SECONDS
	shift 2
	echo "== $name" >&2
	rm -f "$dir/meson-logs/testlog.json"
	meson test -C "$dir" --no-rebuild --num-processes 2 --print-errorlogs "$@" >"$out/$name.log" 2>&1
	took "$name" "$begun"
	if [ -f "$dir/meson-logs/testlog.json" ]; then
		cp "$dir/meson-logs/testlog.json" "$out/$name.json"
	else
		printf 'not ok 1 - %s left no log\n1..1\n' "$name" >"$out/$name.tap"
	fi
}

run_lab() { # NAME ARGUMENT...: in the environment, which kernel
	local name=$1 begun=$SECONDS
	shift
	echo "== $name" >&2
	LAB_BUILD=$PWD/$build LAB_LIMIT=${LAB_LIMIT:-1800} lab/run "$@" >"$out/$name.tap" 2>"$out/$name.log"
	took "$name" "$begun"
}

# What each of charon and pluto does by itself and with the other, and one of each kind of failure and of end; in two guests
# that take as long.
ike_strongswan='psk.notify certificates.mixed rekeys.strongswan wrong-secret.strongswan wrong-secret.notify child-proposal.strongswan
	service-stop.strongswan'
ike_libreswan='psk.mixed ikev1.libreswan transport.libreswan wrong-secret.libreswan service-kill.libreswan'

fuzz() {
	local target name dir
	for target in build-clang/test/fuzz/fuzz_*; do
		[ -f "$target" ] && [ -x "$target" ] || continue
		name=${target##*/fuzz_}
		case $name in *-replay | *-oom) continue ;; esac
		dir=$(mktemp -d)
		part "fuzz-$name" "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
			-artifact_prefix="$out/fuzz-$name-" "$dir" "test/fuzz/corpus/$name"
		rm -rf "$dir"
	done
}

tap() { # NAME COMMAND...: writes TAP, and its progress on standard error
	local name=$1
	shift
	echo "== $name" >&2
	"$@" >"$out/$name.tap" 2> >(tee "$out/$name.log" >&2)
	[ -s "$out/$name.tap" ] || printf 'not ok 1 - %s said nothing\n1..1\n' "$name" >"$out/$name.tap"
}

full() {
	tap edits env EDITS=1000 python3 -B test/unit/store/agree.py "$build/test/unit/store/signedlog" "$build/ipsecmon" doc/verify-log
	tap faults env FAULTS=all python3 -B test/fault/faults.py "$PWD/$build"
	tap cuts env FAULTS=all python3 -B test/fault/cut.py "$PWD/$build"
	tap storm env PACKETS=10000000 python3 -B test/fault/storm.py "$PWD/$build"
	tap find env FIND_PAIRS=100000 "$build/test/find/find-live"
	run_lab lab-ike-all ike --monitor
	tap soak env SOAK_SECONDS="${SOAK_SECONDS:-3600}" python3 -B test/fault/soak.py "$PWD/$build"
}

gcc() {
	part build-gcc set_up "$build" -Dbench=true && meson_test gcc "$build" --no-suite lab
}

clang() {
	CC=clang part build-clang set_up build-clang -Db_sanitize=address,undefined -Db_lundef=false \
		-Dfuzz=true -Doptimization=1 &&
		meson_test clang build-clang --suite unit --suite fuzz --suite golden --timeout-multiplier 3 && fuzz
}

lab() {
	# A user-mode kernel has one CPU, and waits a third of the time: three of them side by side.
	# shellcheck disable=SC2086 # words
	{
		run_lab lab-ike-strongswan ike --monitor $ike_strongswan &
		run_lab lab-ike-libreswan ike --monitor $ike_libreswan &
	}
	run_lab lab-scenarios test scenarios
	run_lab lab-trials test trials
	wait
}

# One after the other: each has both CPUs. What 6.1 has without BPF, the user-mode kernel, a 6.1 itself, has shown.
qemu() {
	LAB_KERNEL=qemu LAB_RELEASE=6.1 LAB_MONITORS='bpf all' run_lab qemu-6.1 test scenarios
	LAB_KERNEL=qemu LAB_RELEASE=6.12 run_lab qemu-6.12 test scenarios
}

has() { # PART
	case " $parts " in *" $1 "*) ;; *) return 1 ;; esac
}

for part in $parts; do
	case $part in
	gcc)
		# gcc's tests wait most of the time, clang's compute: both at once, and the first to compute are gcc's.
		if has clang; then
			{
				renice -n 19 -p "$BASHPID" >/dev/null
				clang
			} &
		fi
		gcc
		wait
		;;
	clang) has gcc || clang ;;
	lab | qemu) "$part" ;;
	full) part build-gcc set_up "$build" && full ;;
	*) echo "test-all.sh: no part $part; there are gcc, lab, qemu, clang and full" >&2; exit 2 ;;
	esac
done
exec python3 tools/tally.py $out
