#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: with_daemons.sh FETCH "DAEMON..." TEST [ARGUMENT...]
# Runs a test where IKE daemons (strongswan, libreswan) are at their usual places as if they were installed: FETCH says where
# each lies, and in mounts of the test's own that is laid over /usr and /etc.
set -u
fetch=$1 daemons=$2
shift 2
[ "$(id -u)" = 0 ] || exec "$@"
usr=/usr etc=/etc
for daemon in $daemons; do
	tree=$("$fetch" "$daemon" 2>&1) || {
		sed 's/^/# /' <<<"$tree"
		echo "Bail out! There is no $daemon to test with"
		exit 1
	}
	tree=${tree##*$'\n'} usr=$tree/usr:$usr
	etc=$tree/etc:$etc
done
# shellcheck disable=SC2016 # expanded there
exec unshare --mount sh -c '
	mount -t overlay -o "lowerdir=$0" usr /usr && mount -t overlay -o "lowerdir=$1" etc /etc || {
		echo "1..0 # SKIP needs overlay mounts"
		exit 77
	}
	shift
	exec "$@"' "$usr" "$etc" "$@"
