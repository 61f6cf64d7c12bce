#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages that are written by hand, by mandoc's judgement. Output: TAP.
# usage: manuals.sh SOURCE_ROOT
command -v mandoc >/dev/null || { echo "1..0 # SKIP mandoc is not installed"; exit 0; }
n=0
for page in "$1"/doc/*.[1-9]; do
	n=$((n + 1))
	if said=$(mandoc -T lint -W warning "$page" 2>&1); then
		echo "ok $n - $(basename "$page")"
	else
		echo "not ok $n - $(basename "$page")"
		echo "$said" | sed 's/^/# /'
	fi
done
echo "1..$n"
