#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: format.sh check|write: the C sources of the whole tree against .clang-format.
set -u
cd "$(dirname "$0")/.." || exit 1
if ! command -v clang-format >/dev/null; then
	echo "1..0 # SKIP clang-format is not installed"
	exit 0
fi
files=$(find src test lab bpf bench -name '*.[ch]' 2>/dev/null | sort)
case ${1:-} in
write)
	clang-format -i $files
	;;
check)
	# Versions differ in what they think right; 14 is Debian 12's, and the rule.
	version=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
	if [ "$version" != 14 ]; then
		echo "1..0 # SKIP clang-format is version $version; the rule is that of 14"
		exit 0
	fi
	wrong=$(clang-format --dry-run $files 2>&1 | sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: warning.*/\1/p' | sort -u)
	n=0
	for file in $files; do
		n=$((n + 1))
		if printf '%s\n' "$wrong" | grep -qxF "$file"; then
			echo "not ok $n - $file"
			echo "# make format"
		else
			echo "ok $n - $file"
		fi
	done
	echo "1..$n"
	;;
*)
	echo "usage: format.sh check|write" >&2
	exit 2
	;;
esac
