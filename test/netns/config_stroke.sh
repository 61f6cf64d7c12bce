#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: config_stroke.sh CONFIGDUMP
# strongSwan's starter loads test/netns/config/stroke (ipsec.conf) into a real charon; what we read from the same
# files must be what charon says that it has.
set -u
here=$(cd "$(dirname "$0")" && pwd) configdump=$1
starter=/usr/lib/ipsec/starter
if [ "$(id -u)" != 0 ] || [ ! -x $starter ] || ! command -v swanctl >/dev/null || ! ip netns add "stk$$" 2>/dev/null; then
	echo "1..0 # SKIP needs root, network namespaces, strongSwan's starter and swanctl"
	exit 0
fi
scratch=$(mktemp -d) ns=stk$$ daemon=
finish() {
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
	ip netns del "$ns"
	rm -rf "$scratch"
}
trap finish EXIT

mkdir -p "$scratch/root/etc" "$scratch/root/run"
cp -r "$here"/config/stroke/* "$scratch/root/etc/"
cat >"$scratch/strongswan.conf" <<END
charon {
	load_modular = no
	load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey kdf kernel-netlink socket-default stroke vici eap-mschapv2
	plugins { vici { socket = unix://$scratch/vici } }
}
swanctl { load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey }
starter { load_warning = no }
END
export STRONGSWAN_CONF=$scratch/strongswan.conf
ip -n "$ns" link set lo up
ip -n "$ns" addr add 192.0.2.1/32 dev lo
ip -n "$ns" addr add 2001:db8::1/128 dev lo nodad
ip netns exec "$ns" unshare -m sh -c "mount -t tmpfs tmpfs /run && exec $starter --nofork --conf $scratch/root/etc/ipsec.conf" \
	>"$scratch/starter" 2>&1 &
daemon=$!
list() { timeout 20 swanctl --list-conns --pretty --uri "unix://$scratch/vici" >"$scratch/conns" 2>/dev/null; }
for _ in $(seq 300); do
	list && grep -q 'v6 {' "$scratch/conns" && break
	sleep 0.1
done
# Only with its starter does strongSwan read ipsec.conf.
[ -z "$(timeout 30 "$configdump" "$scratch/root" strongswan 7 | grep ipsec.conf)" ] || echo 'not ok 1 - without starter'
: >"$scratch/root/run/starter.charon.pid"
timeout 30 "$configdump" "$scratch/root" strongswan 7 >"$scratch/facts"
python3 "$here/config.py" "$scratch/facts" "$scratch/conns"
