# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Words of the tests of the whole monitor; sourced. Keeps the count and whether something failed.
n=0 failed=0

check() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		tail -n 40 "$scratch"/{said,monitor} 2>/dev/null | sed 's/^/# /'
		failed=1
	fi
}

within() { # COMMAND...: comes true within 30 s
	for _ in $(seq 300); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

finish_tap() {
	echo "1..$n"
	exit "$failed"
}
