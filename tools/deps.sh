#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: deps.sh build|test|bench...
# Installs what is missing through apt-get as root or by sudo; without those names it.
set -u

build='gcc libc6-dev meson ninja-build pkg-config python3 make iproute2
	libmnl-dev libuv1-dev libmicrohttpd-dev libssl-dev libjansson-dev libcurl4-openssl-dev
	libzstd-dev libconfuse-dev libsqlite3-dev libcap-dev libseccomp-dev libcmocka-dev clang bpftool libbpf-dev'
test='libclang-rt-dev clang-format mandoc jq kmod procps util-linux binutils zstd
	user-mode-linux libcap2-bin openssl qemu-system-x86 busybox-static xz-utils
	libunbound8 libcurl3-nss libldap-2.5-0 libnss3'
# Peers that bench/run measures us against, and what it needs to make and count things. Not auditd, for
# ausearch: installing it starts it, and that switches audit on.
bench='sqlite3 user-mode-linux util-linux kmod'

wanted=
for set in "$@"; do
	case $set in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	bench) wanted="$wanted $bench" ;;
	*) echo "usage: deps.sh build|test|bench..." >&2; exit 2 ;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	# Not Debian: ask for the tools and libraries themselves.
	missing=
	for tool in cc meson ninja pkg-config python3; do
		command -v $tool >/dev/null || missing="$missing $tool"
	done
	for library in libmnl libuv libmicrohttpd libcrypto jansson libzstd libcurl libconfuse sqlite3 libcap libseccomp; do
		pkg-config --exists $library 2>/dev/null || missing="$missing $library"
	done
	[ -z "$missing" ] && exit 0
	echo "Missing, to be installed by this system's own means:$missing" >&2
	echo "(Debian's names of all that is used:" $wanted ")" >&2
	exit 1
fi

# One question for all packages; what is not known to dpkg is missing too.
there=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p')
missing=
for package in $wanted; do
	printf '%s\n' "$there" | grep -qxF "$package" || missing="$missing $package"
done
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || sudo=none
fi
if [ -n "$missing" ]; then
	if [ "$sudo" = none ] || ! command -v apt-get >/dev/null; then
		echo "Missing; as root: apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	echo "Installing:$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	# Package lists may be there already; a fresh machine has none, an old one stale ones.
	$sudo apt-get install -y -q --no-install-recommends $missing ||
		{ $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends $missing; } || exit
fi

# The kernels of the lab's virtual machine are fetched, not installed. Without them its tests say so.
case " $* " in *' test '*) ;; *) exit 0 ;; esac
kernel=$(dirname "$0")/../lab/qemu/kernel
for release in 6.1 6.12; do
	"$kernel" $release >/dev/null && continue
	[ "$sudo" = none ] || { $sudo apt-get update -q && "$kernel" $release >/dev/null; }
done
# So are the IKE daemons, which would start, and of which only one could be installed.
for daemon in strongswan libreswan; do
	"$(dirname "$0")/../lab/ike/fetch" $daemon >/dev/null
done
exit 0
