# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The words that scenarios and trials are written in. Sourced by lab/inside.
#
# An instance is a scenario in one variant (integrity.esp6-cbc). It lives in netns of its own, with addresses and SPIs
# of its own, derived from its number, because audit records tell no netns:
#
#   a ---- b            hosts: faults are seen by b (what happens on the way out: by a)
#   a ---- b ---- c     router: b forwards between a and c
#
# A flow F (1 to 9) goes from a to b, UDP port 7000+F, SPI and reqid of its own.

# instance NAME VARIANT NUMBER: from here on all words are about that instance.
instance()
{
	NAME=$1 VARIANT=$2 K=$3
	A=$NAME-a B=$NAME-b C=$NAME-c D=$NAME-d
	PROTO=esp FAMILY=4 MODE=tunnel CIPHER=gcm ESN= UDP=
	local word flow
	for flow in 1 2 3 $UNKNOWN; do
		SPI[flow]=$((K << 8 | flow))
	done
	for word in ${VARIANT//-/ }; do
		case $word in
		esp4 | ah4) PROTO=${word%4} FAMILY=4 ;;
		esp6 | ah6) PROTO=${word%6} FAMILY=6 ;;
		transport) MODE=transport ;;
		cbc) CIPHER=cbc ;;
		esn) ESN=1 ;;
		udp) UDP=1 ;;
		*) die "$NAME: no variant $word" ;;
		esac
	done
	if [ "$FAMILY" = 4 ]; then
		IP_A=10.$K.0.1 IP_B=10.$K.0.2 IP_BC=10.$K.1.1 IP_C=10.$K.1.2 BITS=24 NODAD=
	else
		local net
		printf -v net fd09:%x "$K"
		IP_A=$net::1 IP_B=$net::2 IP_BC=$net:1::1 IP_C=$net:1::2 BITS=64 NODAD=nodad
	fi
}

die()
{
	echo "lab: $*" >&2
	exit 1
}

# wanted NAME...: is one of these names asked for? Nothing asked for is everything.
wanted()
{
	local name ask
	[ ${#ASKED[@]} -gt 0 ] || return 0
	for name; do
		for ask in "${ASKED[@]}"; do
			[ "$name" != "$ask" ] || return 0
		done
	done
	return 1
}

# ---- addresses, SPIs, keys

# No $(…) here: in a user-mode kernel a fork is dear, too.

# Flow 254 is the one that has no SA anywhere.
UNKNOWN=254

# key_of FLOW PURPOSE BYTES: sets KEY, to the same for the same arguments; no such bytes occur elsewhere by chance.
key_of()
{
	local tail=9d1f6be35c27a8f04b86d2e97a3150cf68bd04e1f7923a5cb1
	tail=$tail$tail
	printf -v KEY '0x%04x%02x%02x%s' "$K" "$1" "$2" "${tail:0:$(($3 * 2 - 8))}"
}

# ---- building: lines are queued and fed to few ip processes, since in a user-mode kernel a process is dear

# at NETNS WORDS...: a line for ip, run in that netns by flush.
at()
{
	local netns=$1
	shift
	echo "$*" >>"$LAB_TMP/queue/$netns"
}

# flush: run what at has queued.
flush()
{
	local queue
	for queue in "$LAB_TMP"/queue/*; do
		[ -e "$queue" ] || continue
		labtool in "${queue##*/}" ip -batch "$queue" || die "$NAME: ip failed in ${queue##*/}"
		rm "$queue"
	done
}

# wire_end NETNS DEVICE MAC ADDRESS PEER PEER_MAC: bring one end up. Addresses and neighbours are fixed, link-local ones
# left out, so that nothing but the lab's own packets ever meets a policy.
wire_end()
{
	local netns=$1 dev=$2 mac=$3 address=$4 peer=$5 peer_mac=$6
	at "$netns" link set "$dev" addrgenmode none
	at "$netns" link set "$dev" address "$mac"
	at "$netns" link set lo up
	at "$netns" link set "$dev" up
	at "$netns" address add "$address/$BITS" dev "$dev" $NODAD
	at "$netns" neighbour add "$peer" lladdr "$peer_mac" nud permanent dev "$dev"
}

MAC_A=02:00:00:00:00:0a
MAC_B=02:00:00:00:00:0b # also in tool/traffic.c: where faults are sent to
MAC_C=02:00:00:00:00:0c

# topology: the netns and links, for all instances by one ip process.
topology()
{
	echo "$*" >>"$LAB_TMP/topology"
}

# hosts [A B]: two hosts.
hosts()
{
	topology netns add "$A"
	topology netns add "$B"
	topology link add v0 netns "$A" type veth peer name v0 netns "$B"
	wire_end "$A" v0 $MAC_A "$IP_A" "$IP_B" $MAC_B
	wire_end "$B" v0 $MAC_B "$IP_B" "$IP_A" $MAC_A
}

router()
{
	hosts
	topology netns add "$C"
	topology link add v1 netns "$B" type veth peer name v0 netns "$C"
	wire_end "$B" v1 $MAC_B "$IP_BC" "$IP_C" $MAC_C
	wire_end "$C" v0 $MAC_C "$IP_C" "$IP_BC" $MAC_B
	at "$A" route add default via "$IP_B"
	at "$C" route add default via "$IP_BC"
	if [ "$FAMILY" = 4 ]; then
		echo "$B ipv4/ip_forward 1"
	else
		echo "$B ipv6/conf/all/forwarding 1"
	fi >>"$LAB_TMP/sysctls"
}

# sa_at NETNS FLOW [WORDS...]: the SA of a flow at one end. CIPHER_KEY and AUTH_KEY, if set, are wrong keys.
sa_at()
{
	local netns=$1 flow=$2 algorithms
	shift 2
	key_of "$flow" "${AUTH_KEY:-2}" 32
	algorithms="auth-trunc hmac(sha256) $KEY 128"
	case $PROTO-$CIPHER in
	esp-gcm)
		key_of "$flow" "${AUTH_KEY:-2}" 20
		algorithms="aead rfc4106(gcm(aes)) $KEY 128"
		;;
	esp-cbc)
		key_of "$flow" "${CIPHER_KEY:-1}" 16
		algorithms="enc cbc(aes) $KEY $algorithms"
		;;
	esac
	at "$netns" xfrm state add src "$IP_A" dst "$IP_B" proto "$PROTO" spi "${SPI[flow]}" \
		mode "$MODE" reqid "$flow" replay-window 32 ${ESN:+flag esn} "$algorithms" \
		${UDP:+encap espinudp 4500 4500 0.0.0.0} "$@"
}

sa()
{
	sa_at "$A" "$@"
	sa_at "$B" "$@"
}

# Protocol 17 is UDP: its name is in /etc/protocols, which a small system lacks.
# policy NETNS DIRECTION FLOW [TEMPLATE WORDS...]: wants the flow secured (by default as sa_at does).
policy()
{
	local netns=$1 direction=$2 flow=$3
	shift 3
	at "$netns" xfrm policy add src "$IP_A" dst "$IP_B" proto 17 dport $((7000 + flow)) dir "$direction" \
		tmpl src "$IP_A" dst "$IP_B" ${*:-proto "$PROTO" reqid "$flow" mode "$MODE"}
}

# secure FLOW...: SAs and policies of a flow at both ends.
secure()
{
	local flow
	for flow; do
		sa "$flow"
		policies "$flow"
	done
}

# block NETNS DIRECTION FLOW
block()
{
	at "$1" xfrm policy add src "$IP_A" dst "$IP_B" proto 17 dport $((7000 + $3)) dir "$2" action block
}

# policies FLOW: at both ends.
policies()
{
	policy "$A" out "$1"
	policy "$B" in "$1"
}

# ---- doing

# encapsulation: let b take ESP out of UDP.
encapsulation()
{
	labtool hold "$B" "$IP_B" 4500 >>"$LAB_TMP/holders" || die "$NAME: no socket for ESP in UDP"
}

# talk FLOW [OPTIONS]: datagrams that arrive; the secured packets are kept for inject.
talk()
{
	local flow=$1
	shift
	labtool talk -p $((7000 + flow)) -w "$LAB_TMP/$NAME.$flow.pcap" "$@" "$A" "$B" "$IP_A" "$IP_B" ||
		die "$NAME: flow $flow does not get through"
}

# shout FLOW [OPTIONS]: datagrams that must not arrive.
shout()
{
	local flow=$1
	shift
	labtool talk -l -p $((7000 + flow)) "$@" "$A" "$B" "$IP_A" "$IP_B" ||
		die "$NAME: flow $flow should not get through"
}

# onward: a datagram from a to c that must not arrive.
onward()
{
	labtool talk -l "$A" "$C" "$IP_A" "$IP_C" || die "$NAME: it should not be forwarded"
}

# inject FLOW [EDITS]: the packets kept by talk once more, changed.
inject()
{
	local flow=$1
	shift
	labtool inject "$@" "$A" "$LAB_TMP/$NAME.$flow.pcap" || die "$NAME: flow $flow cannot be injected"
}

# moved COUNTER VALUE [NETNS]: wait for the kernel to have counted.
moved()
{
	labtool wait -t "${MOVED_MS:-10000}" "${3:-$B}" "$1" "$2" || die "$NAME: the kernel did not count"
}

# ---- the four faults that every kind of SA can show, each by a flow of its own (scenarios kinds and twins)

four_flows()
{
	secure 1 2
	sa_at "$A" 3 replay-oseq 1000
	sa_at "$B" 3
	policies 3
}

four_faults()
{
	[ -z "$UDP" ] || encapsulation
	talk 1
	inject 1 -f -s 5
	inject 1 -f -s 6
	talk 2 -c 2
	inject 2
	talk 3
	inject 3 -s 2
	inject 1 -S ${SPI[UNKNOWN]} -s 7
	inject 1 -S ${SPI[UNKNOWN]} -s 8
}

four_counted()
{
	moved XfrmInStateProtoError $((ESN ? 3 : 2))
	moved XfrmInStateSeqError $((ESN ? 2 : 3))
	moved XfrmInNoStates 2
}

# ---- trials

# bed NUMBER [VARIANT]: two hosts with flow 1 between them, built at once, for a trial.
bed()
{
	MOVED_MS=300000 # a storm takes its time
	instance "bed$1" "${2:-esp4}" "$1"
	hosts
	secure 1
	build
}

# truth FILE: what the kernel has counted in all netns there are.
truth()
{
	labtool stat $(cd /run/netns && echo *) >"$1"
}

# storm COUNT: packets of an unknown SPI.
storm()
{
	inject 1 -S "${SPI[UNKNOWN]}" -c "$1"
}

# balanced MONITOR DESCRIPTION: the log's sums against the kernel as it is now.
balanced()
{
	truth "$LAB_TMP/truth"
	monitor_balanced "$1" "$LAB_TMP/truth" "$2"
}

# watching MONITOR EVIDENCE [LINE...]: start a monitor that sees all there is.
watching()
{
	monitor_start "$@"
	monitor_ready "$1" && monitor_watches "$1" $(cd /run/netns && echo *) || die "the monitor is not ready"
}

# logged MONITOR FILTER: does the log have an event that the jq filter accepts?
logged()
{
	monitor_events "$1" | jq -es "any(.[]; $2)" >/dev/null
}

# tells MONITOR DESCRIPTION FILTER: a TAP line for an event that must come.
tells()
{
	if within 60 logged "$1" "$3"; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		echo "# no event in the log with $3"
	fi
}
