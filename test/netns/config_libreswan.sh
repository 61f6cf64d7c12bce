#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: config_libreswan.sh CONFIGDUMP
# A real pluto loads test/netns/config/libreswan; what we read from the same files must be what it says that it has.
set -u
here=$(cd "$(dirname "$0")" && pwd) configdump=$1 libexec=/usr/libexec/ipsec
if [ "$(id -u)" != 0 ] || [ ! -x $libexec/pluto ] || ! ip netns add "lsw$$" 2>/dev/null; then
	echo "1..0 # SKIP needs root, network namespaces and Libreswan"
	exit 0
fi
scratch=$(mktemp -d) ns=lsw$$ daemon=
. "$here/tap.sh"
finish() {
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
	ip netns del "$ns"
	rm -rf "$scratch"
}
trap finish EXIT
fail() {
	sed 's/^/# /' "$scratch/pluto"
	echo "not ok 1 - $1"
	echo 1..1
	exit 1
}
mkdir -p "$scratch/root/etc" "$scratch/run" "$scratch/nss"
cp -r "$here"/config/libreswan/* "$scratch/root/etc/"
# pluto takes what is relative from where it was started.
sed "s,^include ,&$scratch/root/etc/," "$scratch/root/etc/ipsec.conf" >"$scratch/ipsec.conf"
: >"$scratch/secrets"
certutil -N -d "sql:$scratch/nss" --empty-password
ip -n "$ns" link set lo up
ip -n "$ns" addr add 192.0.2.1/32 dev lo
ip -n "$ns" addr add 2001:db8::1/128 dev lo nodad
ip netns exec "$ns" unshare -m sh -c "
	mount -t tmpfs tmpfs /run && mkdir /run/pluto &&
	exec $libexec/pluto --nofork --stderrlog --config '$scratch/ipsec.conf' --rundir '$scratch/run' \
		--nssdir '$scratch/nss' --secretsfile '$scratch/secrets'" >"$scratch/pluto" 2>&1 &
daemon=$!
status() { timeout 20 $libexec/whack --rundir "$scratch/run" --status >"$scratch/status" 2>/dev/null; }
loaded() { status && grep -q '"v6"' "$scratch/status"; }
within loaded || fail 'pluto loads the files'
timeout 30 "$configdump" "$scratch/root" libreswan 9 >"$scratch/facts"
python3 "$here/config_whack.py" "$scratch/facts" "$scratch/status"
