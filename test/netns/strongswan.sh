#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The strongSwan source against two real charons, red and blue, in two network namespaces, with ESP in userspace: up,
# rekeyed, down, and failures with the cause that each side can know. usage: strongswan.sh VICIDUMP
# shellcheck source=test/netns/tap.sh
set -u
vicidump=$1 charon=/usr/lib/ipsec/charon
[ "$(id -u)" = 0 ] && [ -x $charon ] && [ -e /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so ] && [ -c /dev/net/tun ] &&
	command -v swanctl pki openssl >/dev/null && ip netns add "swr$$" 2>/dev/null ||
	{ echo "1..0 # SKIP needs root, network namespaces, /dev/net/tun, and strongSwan with kernel-libipsec"; exit 77; }
red=swr$$ blue=swb$$ scratch=$(mktemp -d)
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/pair.sh"

# A CA that both trust, one that only red has; red's good certificate, one with an altered signature, one of another key.
secret=DUMMY-SECRET-OF-THE-TEST
(
	cd "$scratch" || exit
	for name in ca evil red other redevil blue; do pki --gen --type ecdsa --size 256 >$name.key; done
	pki --self --ca --in ca.key --type ecdsa --dn "C=XX, O=Lab, CN=Lab CA" >ca.crt
	pki --self --ca --in evil.key --type ecdsa --dn "C=XX, O=Evil, CN=Evil CA" >evil.crt
	issue() { # NAME DN CA
		pki --pub --in "$1.key" --type ecdsa | pki --issue --cacert "$3.crt" --cakey "$3.key" --dn "$2" --san "$4" >"$1.crt"
	}
	issue red "C=XX, O=Lab, CN=red.lab" ca red.lab
	issue other "C=XX, O=Lab, CN=red.lab" ca red.lab
	issue blue "C=XX, O=Lab, CN=blue.lab" ca blue.lab
	issue redevil "C=XX, O=Lab, CN=red.lab" evil red.lab
	# Its last octet is the signature's.
	size=$(stat -c %s red.crt)
	head -c $((size - 1)) red.crt >altered.crt
	last=$(tail -c 1 red.crt | od -An -tu1)
	printf "\\x$(printf %x $((last ^ 1)))" >>altered.crt
	for side in red blue; do mkdir -p $side/{x509,x509ca,private}; done
	cp red.key redevil.key red/private/
	cp red.crt altered.crt redevil.crt red/x509/
	cp ca.crt red/x509ca/
	cp blue.key blue/private/
	cp blue.crt other.crt blue/x509/
	cp ca.crt blue/x509ca/
) >"$scratch/said" 2>&1

connection() { # NAME SIDE PROPOSAL LOCAL REMOTE MORE CHILD-MORE: a connection of one side
	local here=1 there=2
	[ "$2" = blue ] && here=2 there=1
	echo "$1 { version = 2; local_addrs = 10.9.0.$here; remote_addrs = 10.9.0.$there; proposals = $3; ${6:-}
		local { $4 }
		remote { $5 }
		children { $1-net { local_ts = 10.$here.0.1/32; remote_ts = 10.$there.0.1/32; esp_proposals = aes128-sha256; ${7:-} } }
	}"
}
lines() { sed 's/[{;]/&\n/g; s/}/\n}\n/g' | tr -d ';'; } # as swanctl.conf wants it: one setting a line
psk() { echo "id = $1; auth = psk"; }
good=aes128-sha256-modp2048
{
	echo "connections {"
	connection psk red $good "$(psk red@lab)" "$(psk blue@lab)"
	connection trap red $good "$(psk red5@lab)" "$(psk blue5@lab)" "" "start_action = trap;"
	connection clear red $good "$(psk red6@lab)" "$(psk blue6@lab)" "" "mode = pass; start_action = trap;"
	connection badpsk red $good "$(psk bad-red@lab)" "$(psk bad-blue@lab)"
	connection badike red aes256-sha512-ecp521 "$(psk red3@lab)" "$(psk blue3@lab)"
	for name in altered redevil; do
		connection $name red $good "id = red.lab; auth = pubkey; certs = $name.crt" "id = blue.lab; auth = pubkey"
	done
	connection other red $good "id = red.lab; auth = pubkey; certs = red.crt" "id = blue.lab; auth = pubkey" "send_cert = never;"
	echo "}
	secrets { ike-1 { id-1 = red@lab; id-2 = blue@lab; secret = $secret }
		ike-2 { id-1 = bad-red@lab; id-2 = bad-blue@lab; secret = $secret-1 } }"
} | lines >"$scratch/red/swanctl.conf"
{
	echo "connections {"
	connection psk blue $good "$(psk blue@lab)" "$(psk red@lab)"
	connection badpsk blue $good "$(psk bad-blue@lab)" "$(psk bad-red@lab)"
	connection cert blue $good "id = blue.lab; auth = pubkey; certs = blue.crt" "id = red.lab; auth = pubkey"
	echo "}
	secrets { ike-1 { id-1 = red@lab; id-2 = blue@lab; secret = $secret }
		ike-2 { id-1 = bad-red@lab; id-2 = bad-blue@lab; secret = $secret-2 } }"
} | lines >"$scratch/blue/swanctl.conf"

for side in red blue; do
	cat >"$scratch/$side.conf" <<-END
		charon {
			load_modular = no
			load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints kdf kernel-libipsec kernel-netlink socket-default vici counters error-notify updown
			retransmit_tries = 1
			retransmit_timeout = 0.5
			filelog { log { path = $scratch/$side.log } }
			plugins {
				vici { socket = unix://$scratch/$side.vici }
				error-notify { socket = unix://$scratch/$side.enfy }
			}
		}
		swanctl { load = random openssl pem pkcs1 pkcs8 x509 pubkey }
	END
	STRONGSWAN_CONF=$scratch/$side.conf ip netns exec "${!side}" unshare -m \
		sh -c "mount -t tmpfs tmpfs /run && exec $charon" >"$scratch/$side.out" 2>&1 &
	pids+=($!)
	declare "${side}_pid=$!"
done
for side in red blue; do
	within test -S "$scratch/$side.vici" && within test -S "$scratch/$side.enfy"
	"$vicidump" "$scratch/$side.vici" "$scratch/$side.enfy" >"$scratch/$side.facts" 2>&1 &
	pids+=($!)
done
swan() { # SIDE COMMAND...
	local side=$1
	shift
	STRONGSWAN_CONF=$scratch/$side.conf SWANCTL_DIR=$scratch/$side timeout 20 swanctl "$@" --uri "unix://$scratch/$side.vici" \
		>"$scratch/said" 2>&1
}
told() { # SIDE LINE: an extended regular expression for a whole line, awaited
	within grep -qEx "$2" "$scratch/$1.facts" && return
	grep -v ^counter "$scratch/$1.facts" | tail -n 20 >"$scratch/said"
	return 1
}
both() { told red "$1" && told blue "$1"; }

check "both are in step" both "source in step"
check "connections load" eval "swan red --load-all && swan blue --load-all"
check "and are told" both "connection child psk-net of psk tunnel .*"
check "one is on demand" told red "connection child trap-net of trap tunnel on demand .*"
check "and a shunt" told red "shunt clear(/clear)?-net pass 10.1.0.1/32 === 10.2.0.1/32"
check "as are certificates" told red 'certificate x509 with key C=XX, O=Lab, CN=red.lab by C=XX, O=Lab, CN=Lab CA, .*'

check "a tunnel comes up" swan red --initiate --child psk-net
check "on both sides" both "child up psk-net#[0-9]+ of psk#[0-9]+ installed .*"
same() { # SIDE: SPIs and selectors are those that swanctl lists of the newest child
	local spis ts
	swan "$1" --list-sas --raw || return
	spis=$(grep -oE 'spi-(in|out)=[0-9a-f]+' "$scratch/said" | cut -d= -f2 | tail -n 2 | xargs)
	ts=$(grep -oE '(local|remote)-ts=\[[^]]*' "$scratch/said" | cut -d[ -f2 | tail -n 2 | xargs)
	told "$1" "child (up|rekeyed) psk-net#[0-9]+ of psk#[0-9]+ installed $spis ${ts/ / === }( for #[0-9]+)?"
}
check "red's SPIs are swanctl's" same red
check "blue's SPIs are swanctl's" same blue
check "a child is rekeyed" swan red --rekey --child psk-net
check "in the place of the old one" both "child rekeyed psk-net#[0-9]+ of psk#[0-9]+ installed .* for #[0-9]+"
check "which is no end" both "child replaced psk-net#[0-9]+ .*"
check "the new one's SPIs are swanctl's" same red
check "an IKE SA is rekeyed" swan red --rekey --ike psk
check "in the place of the old one" both "ike rekeyed psk#[0-9]+ established v2 (initiator|responder) to 10.9.0.[12] 4500 for #[0-9]+"
check "and its child goes with it" both "child changed psk-net#[0-9]+ of psk#[0-9]+ installed .*"
check "it goes down" swan red --terminate --ike psk
check "on both sides" both "ike down psk#[0-9]+ deleting .*"
check "with its child" both "child down psk-net#[0-9]+ .*"
check "a healthy run tells of no failure" eval "! grep -h ^failed '$scratch'/*.facts | tee '$scratch/said' | grep -q ."

failing() { # NAME CHILD RED BLUE: what each side knows of it
	swan red --initiate --child "$2-net" --timeout 5
	check "$1: initiator" told red "failed $3"
	check "$1: responder" told blue "failed $4"
}
failing "wrong shared key" badpsk 'ike by log: authentication refused, final, initiator, badpsk#.*' \
	"ike by log: authentication failed, final, responder, badpsk#.* bad-red@lab"
check "and the alerts say so too" told blue "failed ike by alert: authentication failed, final, badpsk, .*"
check "as does the end" told red "ike failed badpsk#[0-9]+ connecting v2 initiator to 10.9.0.2 4500"
failing "no common proposal" badike 'ike by log: IKE proposal refused, final, initiator, badike#.*' \
	'ike by log: IKE proposal, final, responder, #.*, ours IKE:AES_CBC_128/.*, theirs IKE:AES_CBC_256/.*'
failing "altered certificate" altered 'ike by log: authentication refused, final, initiator, altered#.*' \
	'ike by log: certificate signature, responder, cert#.* red.lab'
failing "unknown issuer" redevil 'ike by log: authentication refused, final, initiator, redevil#.*' \
	'ike by log: certificate untrusted, responder, cert#.* red.lab'
failing "wrong AUTH signature" other 'ike by log: authentication refused, final, initiator, other#.*' \
	'ike by log: AUTH signature, responder, cert#.* red.lab'
check "no secret is told" eval "! grep -q '$secret' '$scratch'/*.facts"

# charon may end before its last lines are sent.
kill "$red_pid"
check "the end is told" told red "[56][0-9.]+ ended: (SIGTERM received, shutting down)?"
finish_tap
