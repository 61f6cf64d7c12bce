# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What ipsecmon makes of the cases for IKE daemons, against the daemons' own words and the kernel. Sourced by
# lab/ike/bed.sh, which calls compare_… only with --monitor.

IKE_EVENTS='[541, 542, 543, 544, 545, 546, 547, 5478, 5479, 5480, 5483, 5484, 5485, 10302]'

# compare_start END...: one monitor that sees all ends.
compare_start()
{
	local whack
	whack=$(echo "$LAB_DAEMONS"/libreswan-[0-9]*)/usr/libexec/ipsec/whack
	monitor_start ike '{"sa", "audit"}' 'error_notify = true' 'libreswan_log = "/run/pluto.log"' "whack = \"$whack\""
	# shellcheck disable=SC2086 # words
	monitor_ready ike && monitor_watches ike "$@" || die "the monitor is not ready"
}

# compare_watches PID: the monitor has found the daemon. What an SA's list does not tell, as pluto's who began, it has only
# from lines of the log that come from then on.
compare_watches()
{
	ask ike show service -j | jq -se --argjson pid "$1" 'any(.[]; .pid == $pid and .control == "open")' >/dev/null
}

# has_started END: the monitor has told so, once.
has_started()
{
	[ "$(monitor_events ike | jq -c --arg netns "$1" 'select(.id == 5478 and .netns == $netns)' | wc -l)" = 1 ]
}

# compare_started END...: their daemons run.
compare_started()
{
	local end
	for end; do
		within 30 has_started "$end"
		expect "the monitor tells, once, that the daemon of $end has started" has_started "$end"
	done
	statistics_begin "$@"
}

# compare_mark: events from now on are the instance's.
compare_mark()
{
	monitor_events ike 2>/dev/null | wc -l >"$BED/events"
}

# rows END WORDS...: of ipsecmon show, those of that end and the instance, one JSON object a line. Of a connection with
# several subnets pluto makes several: NAME/1x2.
rows()
{
	local end=$1
	shift
	ask ike show "$@" -j | jq -c --arg netns "$end" --arg connection "$CONNECTION" '
		select(.netns == $netns and (.connection == $connection or (.connection // "" | startswith($connection + "/"))))'
}

# fields_agree END [--at-once]: each field of the instance's SAs is what the daemon and the kernel say; else $BED/differs
# tells. All are read one after the other: what changes meanwhile is to be read again.
fields_agree()
{
	local dir=$BED/fields pid DAEMON
	mkdir -p "$dir"
	daemon_of "$1"
	read -r pid <"$BED/$1/pid"
	echo "$EPOCHREALTIME" >"$dir/before"
	ask ike show mainmode sas -j >"$dir/mainmode"
	ask ike show quickmode sas -j >"$dir/quickmode"
	end "$1" fields "$dir"
	ip -n "$1" -s xfrm state >"$dir/state"
	echo "$EPOCHREALTIME" >"$dir/after"
	read -r <"/proc/$pid/comm" && echo "$REPLY" >"$dir/comm"
	"$LAB/ike/fields.py" "$DAEMON" "$1" "$CONNECTION" "$dir" "${@:2}" >"$BED/differs" 2>&1
}

# compare_fields END SECONDS WHEN [--at-once]: so long until they agree.
compare_fields()
{
	within "$2" fields_agree "$1" "${@:4}"
	expect "$NAME: the fields of the SAs of $1 are its daemon's and the kernel's, $3" eval '! cat "$BED/differs" | grep .'
	[ -z "$LAB_KEEP" ] || { mkdir -p "$LAB_OUT/result/ike/$NAME" && cp -r "$BED/fields" "$LAB_OUT/result/ike/$NAME/fields.$1"; }
}

# tunnel_says END VERDICT...: the instance's tunnels have one of these verdicts, all of them.
tunnel_says()
{
	local end=$1 said
	shift
	said=$(rows "$end" tunnel | jq -r '"\(.verdict) \(.reason)"')
	[ -n "$said" ] && [ -z "$(grep -vE "^($(IFS='|' && echo "$*")) " <<<"$said")" ] || {
		echo "$said"
		false
	}
}

# compare_up: after up: field by field. What is new in Libreswan's connections is asked for every 30 s.
compare_up()
{
	local end
	for end in "$RED" "$BLUE"; do
		compare_fields "$end" 45 'once it is up' --at-once
		within 45 tunnel_says "$end" up idle >/dev/null
		expect "$NAME: the tunnel of $end is said to be up or idle" tunnel_says "$end" up idle
	done
	compare_screens
}

# compare_carried: after traffic the counts of all, too. What charon has counted is asked for once a minute.
compare_carried()
{
	local end
	for end in "$RED" "$BLUE"; do
		compare_fields "$end" 90 'once they have carried something'
	done
}

# compare_screens: with LAB_KEEP, what somebody at a terminal would see; once for each pair.
compare_screens()
{
	local width words dir=$LAB_OUT/result/ike/screens/$PAIR
	[ -n "$LAB_KEEP" ] && [ ! -d "$dir" ] || return 0
	mkdir -p "$dir"
	for width in 80 200; do
		for words in '' 'show tunnel' "show tunnel $CONNECTION" 'show mainmode sas' 'show quickmode sas' 'show mainmode policies' \
			'show mainmode specific-filters' 'show quickmode specific-filters' 'show mainmode statistics' \
			'show quickmode statistics' 'show active-policy' 'show link' 'show service' 'show failure' 'show sa' 'show policy'; do
			echo "\$ ipsecmon $words"
			script -qec "stty cols $width; ipsecmon --socket $LAB_TMP/monitor/ike/socket $words" /dev/null
		done >"$dir/$width" 2>&1
	done
}

totals_agree()
{
	local told
	told=$(rows "$BLUE" tunnel | jq -r '.packets_in')
	[ "$told" = "$1" ] || {
		echo "the tunnel's total: $told, sent: $1"
		false
	}
}

# compare_totals COUNT: blue's tunnel has got that many packets, over all its SAs.
compare_totals()
{
	within 20 totals_agree "$1" >/dev/null
	expect "$NAME: the tunnel's total is what was sent" totals_agree "$1"
}

# events_at END: since the mark, "ID cause" of the instance's failures and of services, in the order they came. An attempt
# that pluto repeats by itself fails anew each time: what it tells is to be the same each time. One that is given up then
# ends by nothing, and is told minutes later.
events_at()
{
	local known
	known=$(<"$BED/events")
	monitor_events ike | tail -n +$((known + 1)) |
		jq -r --arg netns "$1" --argjson ids "$IKE_EVENTS" --arg ours "${IP_RED%.*}." '
		select(.netns == $netns and .id >= 544 and (.id as $id | $ids | index($id)))
		| select(.id > 547 or ([.src, .dst] | all(. == null or startswith($ours))))
		| "\(.id) \(.detail.cause // "")"' | sed 's/ $//'
}

# told END ID: waits until the monitor has told of it; what happens is to last so long.
told()
{
	[ -z "$MONITOR" ] || within 60 eval 'grep -q "^$2" <(events_at "$1")' || true
}

# Is this kernel older than VERSION?
is_older()
{
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" != "$1" ]
}

# What expect.json has. charon-systemd leaves nothing by which one could know how it ended unless it dumps core, and before
# Linux 6.15 a kernel without CONFIG_PROC_EVENTS, as the user-mode kernel is, does not tell either.
wanted_events()
{
	local DAEMON unknown=
	[ "$1" != strongswan-blue ] || [ "$CASE" = service-crash ] || [ -e /proc/net/connector ] || ! is_older 6.15 ||
		unknown='s/^5479\|^5484/10302/;'
	daemon_of "$1"
	jq -r --arg side "${1##*-}" --arg daemon "$DAEMON" '
		.[$side] // {} | (.["events_" + $daemon] // .events // [])[] | "\(.id) \(.cause // "")"' \
		"$LAB/ike/cases/$CASE/expect.json" | sed "${unknown}s/ \$//"
}

# Those that may come, too, as time will have it.
possible_events()
{
	jq -r --arg side "${1##*-}" '.[$side].may // [] | .[] | "\(.id) \(.cause // "")"' "$LAB/ike/cases/$CASE/expect.json" | sed 's/ $//'
}

events_agree()
{
	local told wanted of=sort
	[[ $1 != libreswan-* ]] || of='sort -u'
	told=$(events_at "$1" | grep -vxF "$(possible_events "$1" | grep . || echo none)" | $of)
	wanted=$(wanted_events "$1" | $of)
	[ "$told" = "$wanted" ] || {
		printf 'ipsecmon:\n%s\nexpected:\n%s\n' "$told" "$wanted"
		false
	}
}

# compare_events: each side has told what it can know, once.
compare_events()
{
	local end
	for end in "$RED" "$BLUE"; do
		statistics_fails "$end"
		within 30 events_agree "$end" >/dev/null
		expect "$NAME: the events of $end" events_agree "$end"
	done
}

# compare_end: no IKE SA that ended in order was told as a failure, and nothing that was planted as a secret is in what the
# monitor wrote or said.
compare_end()
{
	expect 'the whole run: late copies of messages are no failures' eval \
		'! monitor_events ike | jq -c "select(.detail.cause == \"invalid IKE SPI\") | .message" | grep .'
	ask ike show mainmode policies -j >"$LAB_TMP/monitor/ike/policies"
	ask ike show active-policy -j >"$LAB_TMP/monitor/ike/active" 2>&1
	ask ike events -j >"$LAB_TMP/monitor/ike/events"
	expect 'secrets: they are found where they are' grep -rqF 'planted secret' "$BED"
	expect 'secrets: none is in the state or in what the monitor tells' eval \
		'! { grep -rlaF "planted secret" "$LAB_TMP/monitor/ike"; log ike | grep -aF "planted secret"; } | grep .'
	monitor_stop ike || echo "not ok - ike: the monitor ends cleanly"
	monitors_end ike
}
