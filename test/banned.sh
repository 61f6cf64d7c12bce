#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions that nobody here calls, and what is used instead. Output: TAP.
# usage: banned.sh SOURCE_ROOT
cd "$1" || exit 1
n=0

ban() { # FUNCTION INSTEAD [FOLDERS]
	n=$((n + 1))
	found=$(grep -rnE --include='*.[ch]' "(^|[^A-Za-z0-9_.>\"])($1) ?\(" ${3:-src test lab} | grep -v ':[[:space:]]*/\?\*')
	if [ -n "$found" ]; then
		echo "not ok $n - no $1()"
		echo "# use $2"
		echo "$found" | sed 's/^/# /'
	else
		echo "ok $n - no $1()"
	fi
}

ban 'strcpy' 'snprintf()' 'src lab'
ban 'strcat' 'struct buf'
ban 'strncpy' 'snprintf(); it does not terminate'
ban 'strncat' 'struct buf'
ban 'v?sprintf' 'snprintf() or buf_printf()'
ban 'gets' 'fgets()'
ban 'strtok' 'strchr(), or struct reader'
ban 'ato(i|l|ll|f)' 'strtoul() with its end'
ban '(local|gm|c|asc)time' 'time_format(); localtime_r() for people only'
ban 'mktime' 'timegm()'
ban 's?rand' 'getrandom(); inside the core no randomness at all' src
ban 'random' 'getrandom()' src
ban 'tmpnam|mktemp|tempnam' 'mkstemp()'
ban 'system|popen' 'fork() and exec' 'src lab'
ban 'alloca' 'an array of a fixed size'
ban 'setjmp|longjmp' 'return codes' src
ban '(clock_gettime|gettimeofday|time)' 'facts carry the time' 'src/core src/model src/catalog src/view'
echo "1..$n"
