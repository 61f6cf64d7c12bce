# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a monitor must tell of the cases. Sourced by bed.sh. One monitor, named ike, sees all daemons.

# ike_monitor: it runs before the daemons do.
ike_monitor()
{
	monitor_start ike '{"sa", "audit"}' 'error_notify = true' 'libreswan_log = "/run/pluto.log"' \
		"whack = \"$(echo "$LAB_DAEMONS/libreswan-"[0-9]*)/usr/libexec/ipsec/whack\""
	monitor_ready ike || die "the monitor is not ready"
}

# failures_told: of each event that tells of a failure or of a service: netns, id, cause, this instance's addresses or none.
failures_told()
{
	monitor_events ike | jq -c --arg red "$IP_RED" --arg blue "$IP_BLUE" --argjson since "$SINCE" '
		select(.seq > $since and (.id | . >= 544 and . <= 547 or . >= 5478 and . <= 5485))
		| select(.id >= 5478 or .src == $red or .src == $blue or .dst == $red or .dst == $blue)
		| {netns, id, cause: .detail.cause} | with_entries(select(.value != null))'
}

# failures_due: the same, as expect.json has it.
failures_due()
{
	jq -c --arg red "$RED" --arg blue "$BLUE" '
		({netns: $red} + (.red.events // [] | .[])), ({netns: $blue} + (.blue.events // [] | .[]))' "$LAB/ike/cases/$CASE/expect.json"
}

# By itself pluto tries again at once, and each of its attempts is an event.
are_told()
{
	local of=sort
	[[ $RED != libreswan-* ]] || of=unique
	[ "$(failures_told | jq -sc $of)" = "$(failures_due | jq -sc $of)" ]
}

# tells: the monitor has told of this instance what expect.json has, and no more.
tells()
{
	if within 30 are_told; then
		echo "ok - $NAME: the monitor tells so"
	else
		echo "not ok - $NAME: the monitor tells so"
		diff <(failures_due | jq -Sc . | sort) <(failures_told | jq -Sc . | sort) | sed 's/^/# /'
	fi
}
