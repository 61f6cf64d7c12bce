#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: config.sh CONFIGDUMP
# A real charon loads test/netns/config/swanctl; what we read from the same files must be what it says that it has.
# And no secret of them is anywhere in what we say.
set -u
here=$(cd "$(dirname "$0")" && pwd) configdump=$1
charon=/usr/lib/ipsec/charon
if [ "$(id -u)" != 0 ] || [ ! -x $charon ] || ! command -v swanctl >/dev/null || ! ip netns add "cfg$$" 2>/dev/null; then
	echo "1..0 # SKIP needs root, network namespaces, charon and swanctl"
	exit 77
fi
scratch=$(mktemp -d) ns=cfg$$ daemon=
finish() {
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
	ip netns del "$ns"
	rm -rf "$scratch"
}
trap finish EXIT

mkdir -p "$scratch/root/etc"
cp -r "$here/config/swanctl" "$scratch/root/etc/"
cat >"$scratch/strongswan.conf" <<END
charon {
	load_modular = no
	load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey kdf kernel-netlink socket-default vici eap-mschapv2 eap-identity
	filelog { log { path = $scratch/log
		default = 0
		cfg = 2
		flush_line = yes } }
	plugins { vici { socket = unix://$scratch/vici } }
}
swanctl { load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey }
END
export STRONGSWAN_CONF=$scratch/strongswan.conf SWANCTL_DIR=$scratch/root/etc/swanctl
ip -n "$ns" link set lo up
ip netns exec "$ns" unshare -m sh -c "mount -t tmpfs tmpfs /run && exec $charon" >"$scratch/charon" 2>&1 &
daemon=$!
for _ in $(seq 300); do
	[ -S "$scratch/vici" ] && break
	sleep 0.1
done
if ! timeout 30 swanctl --load-all --uri "unix://$scratch/vici" >"$scratch/load" 2>&1; then
	sed 's/^/# /' "$scratch/load"
	echo 'not ok 1 - charon loads the files'
	echo 1..1
	exit 1
fi
timeout 30 swanctl --list-conns --pretty --uri "unix://$scratch/vici" >"$scratch/conns"
timeout 30 "$configdump" "$scratch/root" strongswan 7 >"$scratch/facts"

grep -c planted "$scratch/root/etc/swanctl/swanctl.conf" | grep -qx 2 || echo "not ok 1 - nothing is planted"
if grep -i planted "$scratch/facts"; then
	echo 'not ok 1 - a secret is told'
	exit 1
fi
python3 "$here/config.py" "$scratch/facts" "$scratch/conns" "$scratch/log"
