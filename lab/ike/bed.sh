# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The bed for IKE daemons. Sourced by lab/inside and lab/ike/prepare.
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
. "$LAB/ike/words.sh"
. "$LAB/ike/compare.sh"
. "$LAB/ike/statistics.sh"

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
	read -r pid <"$BED/$1/pid"
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
		end "$1" log
		sed 's/^/# /' "$BED/$1/said" "$LOG" "$BED/$1/load" | tail -n 20
		die "the daemon of $1 is not ready"
	}
	[ -z "$MONITOR" ] || within 30 compare_watches "$(daemon_pid "$1")"
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
			read -r CHILDREN <"$BED/$NAME.children"
			. "$LAB/ike/cases/$CASE/act"
			[ -z "$MONITOR" ] || compare_events
			keep
			clean_up
		) </dev/null || echo "not ok - $NAME: carried out"
	done < <(asked)
	# shellcheck disable=SC2086 # words
	[ -z "$MONITOR" ] || statistics_end $ends
	for end in $ends; do
		[ ! -e "$BED/$end/pid" ] || daemon_end "$end" TERM || echo "not ok - $end: ends when told"
		mkdir -p "$LAB_OUT/result/ike/$end"
		end "$end" log
		cp "$LOG" "$BED/$end/said" "$LAB_OUT/result/ike/$end/"
	done
	[ -z "$MONITOR" ] || compare_end
	tear_down
}
