#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The libreswan source against two real plutos, red and blue, in two network namespaces: connections, IKE SAs, counters,
# failures with the cause that each side can know, and its end. usage: libreswan.sh WHACKDUMP
# shellcheck source=test/netns/tap.sh
set -u
whackdump=$1 ipsec=/usr/libexec/ipsec
[ "$(id -u)" = 0 ] && [ -x $ipsec/pluto ] && ip netns add "lsr$$" 2>/dev/null ||
	{ echo "1..0 # SKIP needs root, network namespaces and Libreswan"; exit 77; }
red=lsr$$ blue=lsb$$ scratch=$(mktemp -d)
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/pair.sh"

secret=DUMMY-SECRET-OF-THE-TEST-IS-LONG-ENOUGH
for side in red blue; do
	mkdir -p "$scratch/$side"/{run,nss}
	certutil -N -d "sql:$scratch/$side/nss" --empty-password >"$scratch/said" 2>&1
	proposal=aes128-sha2_256-modp2048
	[ $side = red ] || proposal=aes256-sha2_512-dh19
	cat >"$scratch/$side/ipsec.secrets" <<-END
		@red @blue : PSK "$secret"
		@badred @badblue : PSK "$secret-of-$side"
	END
	cat >"$scratch/$side/ipsec.conf" <<-END
		config setup
		  logfile=$scratch/$side/log
		  secretsfile=$scratch/$side/ipsec.secrets
		  dumpdir=$scratch/$side/run
		conn %default
		  left=10.9.0.1
		  right=10.9.0.2
		  leftid=@red
		  rightid=@blue
		  leftsubnet=10.1.0.1/32
		  rightsubnet=10.2.0.1/32
		  authby=secret
		  leftupdown=%disabled
		  rightupdown=%disabled
		  auto=ignore
		  keyingtries=1
		  retransmit-timeout=60s
		conn good
		  ike=aes256-sha2_512-dh19
		conn badpsk
		  leftid=@badred
		  rightid=@badblue
		conn badike
		  retransmit-timeout=2s
		  ike=$proposal
	END
	chmod 600 "$scratch/$side/ipsec.secrets"
done

in_side() { # SIDE COMMAND...
	local netns=${!1}
	shift
	timeout 20 ip netns exec "$netns" "$@"
}
whack() { # SIDE ARGUMENT...
	in_side "$1" $ipsec/whack --rundir "$scratch/$1/run" "${@:2}"
}
load() { # NAME: on both sides
	for side in red blue; do
		in_side $side $ipsec/addconn --config "$scratch/$side/ipsec.conf" --ctlsocket "$scratch/$side/run/pluto.ctl" "$1"
	done >"$scratch/said" 2>&1
}
for side in red blue; do
	ip netns exec "${!side}" $ipsec/pluto --nofork --config "$scratch/$side/ipsec.conf" --rundir "$scratch/$side/run" \
		--nssdir "$scratch/$side/nss" --logfile "$scratch/$side/log" --secretsfile "$scratch/$side/ipsec.secrets" \
		--dumpdir "$scratch/$side/run" >"$scratch/$side/said" 2>&1 &
	pids+=($!)
done
listens() { whack "$1" --listen >"$scratch/said" 2>&1; }
for side in red blue; do
	check "pluto runs: $side" within listens $side
	[ "$failed" = 0 ] || { cat "$scratch/$side/said" && exit 1; }
done
for side in red blue; do
	mkfifo "$scratch/$side/steer"
	ip netns exec "${!side}" "$whackdump" "$scratch/$side/log" $ipsec/whack --rundir "$scratch/$side/run" \
		<"$scratch/$side/steer" >"$scratch/$side/facts" 2>&1 &
	pids+=($!)
done
exec 3>"$scratch/red/steer" 4>"$scratch/blue/steer"

rounds=0
enough() { [ "$(grep -c '^--$' "$scratch/$1/facts")" -ge $rounds ]; }
look() { # both are asked for all, once
	rounds=$((rounds + 1))
	echo >&3
	echo >&4
	within enough red && within enough blue
}
told() { # SIDE PATTERN
	grep -Eq -- "$2" "$scratch/$1/facts" && return
	tail -n 40 "$scratch/$1/facts" >"$scratch/said"
	return 1
}

check "both answer" look
check "in step" told red '^source in step: $'
load good
check "a connection is loaded" look
check "and told: red" told red '^connection good v2 10\.9\.0\.1 10\.9\.0\.2 AES_CBC_256-HMAC_SHA2_512-DH19$'
check "and told: blue" told blue '^connection child good none 10\.2\.0\.1/32 10\.1\.0\.1/32$'
whack red --initiate --name good >"$scratch/said" 2>&1
sa='(AES_CBC 256 HMAC_SHA2_512 DH19)'
up() { look && told red "^ike sa #1 good established v2 initiator 10\.9\.0\.1\(@red\) 10\.9\.0\.2\(@blue\) $sa\$"; }
check "an IKE SA is up: the initiator, with algorithms" within up
check "the responder" told blue "^ike sa #1 good established v2 responder 10\.9\.0\.2\(@blue\) 10\.9\.0\.1\(@red\) $sa\$"
check "counted" told blue '^ike counter total\.ikev2\.ike\.established 1$'
if ip -n $red xfrm state add src 10.8.0.1 dst 10.8.0.2 proto esp spi 1 mode tunnel aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128 2>"$scratch/said"; then
	ip -n $red xfrm state deleteall
	spis=$(whack red --showstates | sed -n 's/.* esp\.\([0-9a-f]*\)@10\.9\.0\.2 esp\.\([0-9a-f]*\)@10\.9\.0\.1 .*/\2 \1/p')
	check "a child SA with its SPIs" told red "^child sa #2 of #1 good installed in $(printf '%08x out %08x' $(printf '0x%s ' $spis)) 10\.1\.0\.1/32 10\.2\.0\.1/32\$"
else
	check "without ESP in the kernel: blue can't install the SA" told blue '^negotiation good \? child SA not installed: netlink response for Add SA'
	check "and red knows only what blue says" told red '^negotiation good initiator child traffic selectors refused: '
fi
whack red --terminate --name good >"$scratch/said" 2>&1
check "it ends" look
check "gone" told red '^ike sa gone #1 good established '

for name in badpsk badike; do
	load $name
	whack red --initiate --name $name >"$scratch/said" 2>&1
	look
	for side in red blue; do whack $side --delete --name $name >"$scratch/said" 2>&1; done
done
check "another secret: refused" told red '^negotiation badpsk initiator authentication refused: '
check "another secret: why" told blue '^negotiation badpsk responder authentication failed: '
check "other proposals: refused" told red '^negotiation badike initiator IKE proposal refused: '
check "other proposals: why" told blue '^negotiation badike responder IKE proposal: '
check "counted as failures" told blue '^ike counter total\.ikev2\.ike\.finished\.auth-failed [1-9]'

whack blue --shutdown >"$scratch/said" 2>&1
wait "${pids[1]}"
check "one ends" look
check "which is told in words" told blue '^source lost: whack failed with exit status [0-9]+: whack: Pluto is not running'
leaks() { cat "$scratch"/*/facts | grep -q "$secret"; }
check "no secret is told" eval '! leaks'
finish_tap
