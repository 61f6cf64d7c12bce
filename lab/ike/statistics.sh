# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The statistics of Main Mode and Quick Mode against independent counts: over a whole run of `ike --monitor`, whatever cases
# it has, and at the end of the case "statistics", which moves what no daemon does. Sourced by lab/ike/bed.sh; statistics.py
# compares. Which are moved, and by what:
#
#   Active Acquire, Connection List Size,      stand at 0 when nothing is under way: that they come back to it
#   Pending Key Operations
#   Acquire Failures                           unreachable, wrong-secret: red's
#   Receive Failures                           statistics: datagrams for a daemon that stands still
#   Receive Heap Size                          every message (strongSwan; Libreswan counts none: null)
#   Authentication, Negotiation Failures       wrong-secret, untrusted, ike-proposal, …
#   Invalid Cookies, Invalid Packets Received  statistics: a message of an unknown IKE SA, datagrams that are no IKE
#                                              (strongSwan; of pluto 4.10, which counts neither, null)
#   Total Acquire, IKE Main Mode, Quick Mode   every tunnel that comes up; rekey-ike, rekey-child
#   Total Get SPI, Key Additions, Key Updates  every tunnel; by hand in statistics
#   Key Addition and Key Update Failures       statistics: an SA that is there already (told by audit)
#   ISADB List Size, Active SAs, Tunnels       every tunnel that is up, at the end of statistics
#   Key Deletions, Rekeys                      rekey-child, and the ends of tunnels
#   Bad SPI, Not Decrypted, Not Authenticated, statistics: injected
#   With Replay Detection
#   Confidential, Authenticated Bytes, Tunnels every tunnel
#   Transport Bytes                            transport, and by hand in statistics; of AH, which has no cipher
#
# Not moved, as nothing in the lab can: Send Failures (null: nobody counts them), Get SPI Failures (needs our programs in the
# kernel), Acquire Heap Size (a daemon's jobs come and go by themselves), Soft Associations (opportunistic encryption), and
# the three of offload (no card).

# statistics_read END TIME: what there is to be read at both times.
statistics_read()
{
	local dir=$BED/$1/statistics LOG pid
	{
		ask ike show mainmode statistics -j
		ask ike show quickmode statistics -j
	} >"$dir/$2"
	labtool stat "$1" >"$dir/stat.$2"
	rm -f "$dir/counters.$2" "$dir/udp.$2"
	end "$1" log
	stat -c %s "$LOG" >"$dir/log.$2"
	[ -e "$BED/$1/pid" ] || return 0
	read -r pid <"$BED/$1/pid"
	[ "$2" = before ] && echo "$pid" >"$dir/pid" || [ "$(<"$dir/pid")" = "$pid" ] || return 0
	cp "/proc/$pid/net/udp" "$dir/udp.$2"
	end "$1" counts "$dir" "$2"
}

# statistics_begin END...: from now on all is counted.
statistics_begin()
{
	local end dir
	for end; do
		dir=$BED/$end/statistics
		mkdir -p "$dir"
		: >"$dir/did"
		ip -n "$end" -s xfrm monitor SA >"$dir/monitor" &
		echo $! >"$dir/watcher"
		statistics_read "$end" before
	done
}

# statistics_did END KEY COUNT: the script did so itself.
statistics_did()
{
	echo "$2 $3" >>"$BED/$1/statistics/did"
}

# statistics_fails END: what the case lets fail there, as its expect.json has it.
statistics_fails()
{
	local id cause
	[ -z "$(possible_events "$1")" ] || statistics_did "$1" uncertain 1
	while read -r id cause; do
		case "$id $cause" in
		'547 dead peer') continue ;; # the end of an IKE SA that was up
		544* | 545*) statistics_did "$1" authentication 1 ;;
		546* | 547*) ;;
		*) continue ;;
		esac
		statistics_did "$1" negotiation 1
		case $cause in
		'child proposal'* | 'traffic selectors'* | 'SA not installed') ;; # what was asked for, an IKE SA, is up
		*) [ "$1" != "$RED" ] || statistics_did "$1" acquire 1 ;;
		esac
	done < <(wanted_events "$1")
}

statistics_agree()
{
	local dir=$BED/$1/statistics LOG DAEMON
	daemon_of "$1"
	statistics_read "$1" after
	ip -n "$1" -s xfrm state >"$dir/state"
	ip -n "$1" -o address >"$dir/addresses"
	end "$1" log
	cp "$LOG" "$dir/log"
	"$LAB/ike/statistics.py" "$DAEMON" "$1" "$dir" >"$BED/differs" 2>&1
}

# statistics_compare WHEN END...: a TAP line for each.
statistics_compare()
{
	local when=$1 end
	shift
	for end; do
		within 45 statistics_agree "$end"
		expect "$when: the statistics of $end are what was counted" eval '! cat "$BED/differs" | grep .'
		echo "# moved at $end: $(tr '\n' ' ' <"$BED/$end/statistics/moved")"
		[ -z "$LAB_KEEP" ] || {
			mkdir -p "$LAB_OUT/result/ike/statistics.$when"
			cp -r "$BED/$end/statistics" "$LAB_OUT/result/ike/statistics.$when/$end"
		}
	done
}

# statistics_end END...
statistics_end()
{
	local end
	statistics_compare 'the whole run' "$@"
	for end; do
		kill "$(<"$BED/$end/statistics/watcher")"
	done
}
