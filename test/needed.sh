#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Linking proves privilege: which shared libraries each program needs (DT_NEEDED). Output: TAP.
# usage: needed.sh PROGRAM...
set -u
n=0

# What a program may need beside the C library; everything else fails.
allowed() {
	case $1 in
	ipsecmond) echo 'libcap libconfuse libcrypto' ;;
	ipsecmond-observe) echo 'libmnl libbpf libuv libcap libseccomp libcrypto' ;;
	ipsecmond-core) echo 'libuv libmicrohttpd libcrypto libjansson libsqlite3 libzstd libseccomp libcap libsystemd' ;;
	ipsecmon) echo 'libcurl libjansson libcrypto libzstd' ;;
	*) echo none ;;
	esac
}

for program in "$@"; do
	n=$((n + 1))
	name=$(basename "$program")
	wrong=
	needed=$(LC_ALL=C readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	for library in $needed; do
		base=${library%%.so*}
		case $base in
		libc | libm | libpthread | librt | libdl | ld-linux* | libgcc_s | libasan | libubsan) continue ;;
		esac
		allowed "$name" | tr ' ' '\n' | grep -qxF "$base" || wrong="$wrong $library"
	done
	if [ -z "$needed" ] || [ -n "$wrong" ]; then
		echo "not ok $n - $name"
		echo "# needs:$wrong"
	else
		echo "ok $n - $name"
	fi
done
echo "1..$n"
