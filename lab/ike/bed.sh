# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The bed for IKE daemons, and the words that its cases are written in. Sourced by lab/inside.
#
# A pair is two hosts with a daemon each, red (the initiator, 10.9.N.1) and blue (10.9.N.2); an end is one of them:
#
#   strongswan   strongswan-red (charon)  - strongswan-blue (charon-systemd)
#   notify       the same, with error-notify
#   libreswan    libreswan-red            - libreswan-blue
#   mixed        strongswan-red           - libreswan-blue
#
# A case in a pair (psk.libreswan) is an instance; it has a number N of its own and thereby addresses of its own, and
# behind them the networks 10.1.N.0/24 (red) and 10.2.N.0/24 (blue). All instances share the daemons: on a
# user-mode kernel it is their starts that take time.

. "$LAB/ike/strongswan.sh"
. "$LAB/ike/libreswan.sh"
. "$LAB/ike/compare.sh"

PAIRS='strongswan notify libreswan mixed'

# ends_of PAIR: sets RED and BLUE, and LINK, the device by which they reach each other.
ends_of()
{
	LINK=v0
	case $1 in
	mixed) RED=strongswan-red BLUE=libreswan-blue LINK=v1 ;;
	*) RED=$1-red BLUE=$1-blue ;;
	esac
}

# daemon_of END: sets DAEMON, the name that its functions begin with.
daemon_of()
{
	case $1 in
	libreswan-*) DAEMON=libreswan ;;
	*) DAEMON=strongswan ;;
	esac
}

# end END WORD [ARGUMENTS]: strongswan_WORD END or libreswan_WORD END.
end()
{
	local DAEMON
	daemon_of "$1"
	"${DAEMON}_$2" "$1" "${@:3}"
}

# at_end END COMMAND...: run it where that end's daemon lives, but not for long.
at_end()
{
	local pid
	pid=$(<"$BED/$1/pid")
	shift
	PATH=$PATH:/usr/libexec/ipsec labtool at "$pid" 30 "$@"
}

# case_instance CASE PAIR N: from here on all words are about that one.
case_instance()
{
	CASE=$1 PAIR=$2 N=$3
	NAME=$CASE.$PAIR CONNECTION=$CASE
	[ "$PAIR" != mixed ] || CONNECTION=$CASE-mixed
	ends_of "$PAIR"
	IP_RED=10.9.$N.1 IP_BLUE=10.9.$N.2 IN_RED=10.1.$N.1 IN_BLUE=10.2.$N.1
	NET_RED=10.1.$N.0/24 NET_BLUE=10.2.$N.0/24
	RED_SET=() BLUE_SET=()
}

# ---- daemons

# daemon_start END
daemon_start()
{
	local end=$1 dir=$BED/$1 usr DAEMON
	daemon_of "$end"
	usr=$(echo "$LAB_DAEMONS/$DAEMON"-[0-9]*)/usr
	mkdir -p "$dir/run/pluto" "$dir/etc" "$dir/work"
	# shellcheck disable=SC2016 # expanded there
	labtool in "$end" unshare --mount --propagation private sh -c '
		mount -t overlay -o lowerdir="$1:/usr" usr /usr &&
		mount -t overlay -o "lowerdir=/etc,upperdir=$2/etc,workdir=$2/work" etc /etc &&
		rm -rf /etc/swanctl /etc/ipsec.d /etc/ipsec.conf /etc/strongswan.conf &&
		cp -R "$2/conf/." /etc/ && mount --bind "$2/run" /run && exec $3' \
		- "$usr" "$dir" "$(end "$end" exec)" >>"$dir/said" 2>&1 &
	echo $! >"$dir/pid"
	disown # or the shell tells of its end
}

# daemon_decided END: it is ready, or has ended.
daemon_decided()
{
	end "$1" ready && touch "$BED/$1/ready" || ! is_running "$(daemon_pid "$1")"
}

# daemon_ready END
daemon_ready()
{
	rm -f "$BED/$1/ready"
	within 60 daemon_decided "$1"
	[ -e "$BED/$1/ready" ] || {
		sed 's/^/# /' "$BED/$1/said" "$(end "$1" log)" "$BED/$1/load" | tail -n 20
		die "the daemon of $1 is not ready"
	}
}

daemon_pid()
{
	cat "$BED/$1/pid"
}

# daemon_end END SIGNAL: and wait until it is gone.
daemon_end()
{
	local pid
	pid=$(daemon_pid "$1")
	kill "-$2" "$pid"
	within 60 has_ended "$pid" || return # charon writes down where it was when it crashed
	rm "$BED/$1/pid"
	rm -f "$BED/$1/run/"*.pid "$BED/$1/run/pluto/"*.pid
}

# control_of END: where its control socket is to be.
control_of()
{
	case $1 in
	libreswan-*) echo "$BED/$1/run/pluto/pluto.ctl" ;;
	*) echo "$BED/$1/run/charon.vici" ;;
	esac
}

# control_blocked END: a folder that is not empty stands in its socket's place.
control_blocked()
{
	rm -f "$(control_of "$1")"
	mkdir -p "$(control_of "$1")/taken"
}

# control_freed END: the folder is gone, and the daemon, if it runs all the same.
control_freed()
{
	rm -r "$(control_of "$1")"
	! is_running "$(daemon_pid "$1")" || daemon_end "$1" TERM
}

# flush_stale END: the instance's SAs and policies that no daemon knows any more.
flush_stale()
{
	ip -n "$1" xfrm state deleteall src "$IP_RED" dst "$IP_BLUE"
	ip -n "$1" xfrm state deleteall src "$IP_BLUE" dst "$IP_RED"
}

# ---- watching the logs

# mark: what the logs say from now on counts.
mark()
{
	local end
	for end in "$RED" "$BLUE"; do
		{
			stat -c %s "$(end "$end" log)" || echo 0
			stat -c %s "$BED/$end/said"
		} >"$BED/$end/mark" 2>/dev/null
		[ -z "$LAB_KEEP" ] || [ ! -e "$BED/$end/pid" ] || end "$end" texts "$BED/$end/before"
	done
	[ -z "$LAB_KEEP" ] || dmesg -C
}

# slice END: its log since the mark, and what it said before it had one.
slice()
{
	local log said
	{
		read -r log
		read -r said
	} <"$BED/$1/mark"
	tail -c +$((log + 1)) "$(end "$1" log)"
	tail -c +$((said + 1)) "$BED/$1/said"
}

logged_at()
{
	slice "$1" | grep -Eq -- "$2"
}

# says END PATTERN [SECONDS]: a TAP line for what the daemon must write into its log.
says()
{
	if within "${3:-15}" logged_at "$1" "$2"; then
		echo "ok - $NAME: ${1##*-} says '$2'"
	else
		echo "not ok - $NAME: ${1##*-} says '$2'"
		slice "$1" | tail -n 15 | sed 's/^/# /'
	fi
}

# ---- acting

# up: red begins; both ends must have the children's SAs, the daemons and the kernels the same ones.
up()
{
	end "$RED" up >"$BED/up" 2>&1
	if within 15 installed "${1:-}"; then
		echo "ok - $NAME: it comes up"
		[ -z "$MONITOR" ] || compare_up
		return 0
	fi
	echo "not ok - $NAME: it comes up"
	sed 's/^/# /' "$BED/up" | tail -n 20
	slice "$BLUE" | tail -n 10 | sed 's/^/# /'
	return 1
}

# spis END: those of the child SAs, "in out" a line, sorted.
spis()
{
	end "$1" spis | sort
}

# kernel_spis END: those of the SAs between the instance's addresses, in hex, sorted.
kernel_spis()
{
	ip -n "$1" xfrm state | awk -v red="$IP_RED" -v blue="$IP_BLUE" '
		$1 == "src" { ours = $2 == red && $4 == blue || $2 == blue && $4 == red }
		ours && $1 == "proto" { sub("0x", "", $4); if ($4 != "00000000") print $4 }' | sort
}

# installed [COUNT]: that many pairs (by default one a child), and daemons and kernels agree on the SPIs.
installed()
{
	local count=${1:-$CHILDREN} spis
	spis=$(spis "$RED")
	[ "$(grep -c . <<<"$spis")" = "$count" ] || return
	[ "$(awk '{print $2, $1}' <<<"$spis" | sort)" = "$(spis "$BLUE")" ] || return
	spis=$(tr ' ' '\n' <<<"$spis" | sort)
	[ "$spis" = "$(kernel_spis "$RED")" ] && [ "$spis" = "$(kernel_spis "$BLUE")" ]
}

# fails: red begins, and nothing may come of it.
fails()
{
	end "$RED" up >"$BED/up" 2>&1
	expected
	if [ -z "$(kernel_spis "$RED")$(kernel_spis "$BLUE")" ]; then
		echo "ok - $NAME: no SAs in the kernels"
	else
		echo "not ok - $NAME: no SAs in the kernels"
	fi
}

# expected: what expect.json has the logs of both ends say.
expected()
{
	local side end pattern DAEMON
	for side in red blue; do
		end=$RED
		[ $side = red ] || end=$BLUE
		daemon_of "$end"
		while IFS= read -r pattern; do
			says "$end" "$pattern"
		done < <(jq -r --arg side $side --arg daemon "$DAEMON" '.[$side].log[$daemon] // [] | .[]' "$LAB/ike/cases/$CASE/expect.json")
	done
}

# carries [COUNT [FROM TO]]: datagrams there and back.
carries()
{
	local count=${1:-5} from=${2:-$IN_RED} to=${3:-$IN_BLUE}
	expect "$NAME: datagrams get from red to blue" labtool talk -c "$count" -p 7000 "$RED" "$BLUE" "$from" "$to" &&
		expect "$NAME: datagrams get from blue to red" labtool talk -c "$count" -p 7001 "$BLUE" "$RED" "$to" "$from"
}

# replaced: none of the child SAs in $before is left, and daemons and kernels agree on the new ones.
replaced()
{
	if within 20 replaced_all; then
		echo "ok - $NAME: the child SA is replaced"
	else
		echo "not ok - $NAME: the child SA is replaced"
		printf '# before: %s\n# now: %s\n' "$before" "$(spis "$RED")"
	fi
}

replaced_all()
{
	[ -z "$(comm -12 <(echo "$before") <(spis "$RED"))" ] && installed
}

# ike_replaced: red logs it, each daemon in its words.
ike_replaced()
{
	case $RED in
	libreswan-*) says "$RED" 'rekeyed #|established IKE SA.*rekey|initiator rekeyed IKE SA' ;;
	*) says "$RED" 'IKE_SA .* rekeyed between' ;;
	esac
}

# virtual_address ADDRESS: red has it, or gets it: Libreswan's script, which would do so, is not run here.
virtual_address()
{
	ip -n "$RED" -o address | grep -qF " $1/" || ip -n "$RED" address add "$1/32" dev "$LINK" &&
		ip -n "$RED" route replace "$NET_BLUE" via "$IP_BLUE" src "$1" &&
		ip -n "$BLUE" route replace "$1" via "$IP_RED" src "$IN_BLUE"
}

# deleted FILE: of the inbound SAs of blue that ip xfrm monitor saw deleted, "bytes packets", one a line.
deleted()
{
	awk -v red="$IP_RED" -v blue="$IP_BLUE" '
		$1 == "src" || $1 == "Deleted" || $1 == "Updated" {
			ours = $1 == "Deleted" && $3 == red && $5 == blue
		}
		ours && /\(bytes\), [0-9]+\(packets\)/ {
			print $1 + 0, $2 + 0
			ours = 0
		}' "$1"
}

# deleted_inbound FILE COUNT: so many have been deleted.
deleted_inbound()
{
	[ "$(deleted "$1" | wc -l)" -ge "$2" ]
}

# all_counted FILE COUNT: the deleted SAs and the one that lives have let in that many packets, together.
all_counted()
{
	local total
	total=$({
		deleted "$1"
		ip -n "$BLUE" -s xfrm state list src "$IP_RED" dst "$IP_BLUE" | awk '/\(bytes\), [0-9]+\(packets\)/ { print $1 + 0, $2 + 0 }'
	} | awk '{ bytes += $1; packets += $2 } END { print bytes + 0, packets + 0 }')
	[ "${total#* }" = "$2" ] || {
		echo "counted: $total"
		false
	}
}

# clean_up: the daemons let go of what this instance made; charon tells its peer, whichever that is.
clean_up()
{
	local end
	for end in "$RED" "$BLUE"; do
		[ ! -e "$BED/$end/pid" ] || end "$end" down >/dev/null 2>&1
		[[ $end = libreswan-* ]] || break
	done
	true
}

# keep: the evidence of this instance, for people who want to have it (LAB_KEEP).
keep()
{
	[ -n "$LAB_KEEP" ] || return 0
	local side end dir=$LAB_OUT/result/ike/$NAME
	mkdir -p "$dir"
	for side in red blue; do
		end=$RED
		[ $side = red ] || end=$BLUE
		[ -e "$BED/$end/pid" ] || continue
		slice "$end" >"$dir/$side.log"
		cp "$BED/$end/before.counters" "$dir/$side.counters.before" 2>/dev/null ||
			cp "$BED/$end/before.globalstatus" "$dir/$side.globalstatus.before"
		end "$end" texts "$dir/$side"
		{ ip -n "$end" -s xfrm state; ip -n "$end" xfrm policy; } | sed -E 's/(0x[0-9a-f]{8})[0-9a-f]{16,}/\1…/' >"$dir/$side.xfrm"
	done
	cp "$BED/up" "$dir/red.up"
	dmesg >"$dir/kernel.log"
}

# ---- all of it

# case_instances: "CASE PAIR N" of all there are, one a line.
case_instances()
{
	local number=0 case pairs pair
	for case in "$LAB"/ike/cases/*; do
		case=${case##*/}
		pairs='strongswan libreswan'
		[ ! -e "$LAB/ike/cases/$case/pairs" ] || pairs=$(<"$LAB/ike/cases/$case/pairs")
		for pair in $pairs; do
			number=$((number + 1))
			echo "$case $pair $number"
		done
	done
}

# asked: "CASE PAIR N" of those that were asked for.
asked()
{
	local case pair number
	while read -r case pair number; do
		! wanted "$case.$pair" "$case" "$pair" || echo "$case $pair $number"
	done < <(case_instances)
}

ike()
{
	BED=$LAB_TMP/ike
	cp -r "$LAB_OUT/prepared/." "$LAB_TMP/"
	local case pair number ends end
	ends=$(<"$BED/ends")
	build
	# shellcheck disable=SC2086 # words
	[ -z "$MONITOR" ] || compare_start $ends
	note "starting daemons: $ends"
	for end in $ends; do
		daemon_start "$end"
	done
	for end in $ends; do
		daemon_ready "$end"
	done
	# shellcheck disable=SC2086 # words
	[ -z "$MONITOR" ] || compare_started $ends
	while read -r case pair number; do
		case_instance "$case" "$pair" "$number"
		note "$NAME"
		mark
		[ -z "$MONITOR" ] || compare_mark
		(
			CHILDREN=$(<"$BED/$NAME.children")
			. "$LAB/ike/cases/$CASE/act"
			[ -z "$MONITOR" ] || compare_events
			keep
			clean_up
		) </dev/null || echo "not ok - $NAME: carried out"
	done < <(asked)
	for end in $ends; do
		[ ! -e "$BED/$end/pid" ] || daemon_end "$end" TERM || echo "not ok - $end: ends when told"
		mkdir -p "$LAB_OUT/result/ike/$end"
		cp "$(end "$end" log)" "$BED/$end/said" "$LAB_OUT/result/ike/$end/"
	done
	[ -z "$MONITOR" ] || compare_end
	tear_down
}
