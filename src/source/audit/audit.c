/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit/audit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/audit/parse.h"
#include "source/audit/pending.h"
#include "source/socket.h"

#define SWEEPS_TO_HEAR 3 /* of our own joining */
#define SWEEPS_TO_REJOIN 30 /* while audit seems to be off; then it is recorded nowhere */

struct audit {
	struct source_sink sink;
	struct inbox *inbox;
	int fd;
	uint8_t state;
	char reason[FACT_TEXT_SIZE];
	uint64_t losses, drops, drops_seen;
	uint64_t refused; /* IPsec records that were not understood */
	bool congested;
	bool on; /* a record proved it, or we were told */
	unsigned sweeps; /* since we joined, without a sign */
	struct pending pending;
	struct audit_actor actor;
	struct fact fact;
	audit_crash_fn *crash; /* NULL: nobody wants to know */
	void *crash_userdata;
};

static void tell_state(struct audit *a)
{
	a->fact = (struct fact){ .type = FACT_SOURCE, .source = SOURCE_AUDIT };
	a->fact.source_change.id = SOURCE_AUDIT;
	a->fact.source_change.state = a->state;
	a->fact.source_change.losses = a->losses;
	memcpy(a->fact.source_change.reason, a->reason, sizeof(a->reason));
	a->sink.emit(a->sink.userdata, &a->fact);
}

static void state_is(struct audit *a, uint8_t state, const char *reason)
{
	if (a->state == state && !strcmp(a->reason, reason))
		return;
	a->state = state;
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
	tell_state(a);
}

static void refused(struct audit *a, int error)
{
	char why[FACT_TEXT_SIZE];

	switch (error) {
	case -EPERM:
	case -EACCES:
		snprintf(why, sizeof(why), "may not read audit records: run with CAP_AUDIT_READ");
		break;
	case -EPROTONOSUPPORT:
	case -EAFNOSUPPORT:
		snprintf(why, sizeof(why), "the kernel has no audit (CONFIG_AUDIT)");
		break;
	case -ECONNREFUSED:
		snprintf(why, sizeof(why), "audit records are for the initial user namespace only");
		break;
	default:
		snprintf(
			why, sizeof(why), "joining the audit records failed: %s", strerror(-error));
	}
	state_is(a, SOURCE_ABSENT, why);
}

int audit_new(int fd, int error, uint32_t room, struct inbox *inbox, const struct source_sink *sink,
	struct audit **ret)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	a->sink = *sink;
	a->inbox = inbox;
	a->fd = fd;
	if (fd >= 0) {
		socket_room(fd, room);
		error = socket_join(fd, AUDIT_NLGRP_READLOG);
	}
	if (error) {
		if (fd >= 0)
			close(fd);
		a->fd = -1;
		refused(a, error);
	} else {
		state_is(a, SOURCE_IN_STEP, "no record yet: audit may be off");
	}
	*ret = a;
	return 0;
}

struct audit *audit_free(struct audit *a)
{
	if (!a)
		return NULL;
	if (a->fd >= 0)
		close(a->fd);
	pending_done(&a->pending);
	free(a);
	return NULL;
}

int audit_fd(const struct audit *a, size_t i)
{
	return i == 0 ? a->fd : -1;
}

static void emit_alone(void *userdata, const struct pending_change *c)
{
	struct audit *a = userdata;

	pending_fact(c, NULL, &a->fact);
	a->sink.emit(a->sink.userdata, &a->fact);
}

static void emit_with_actor(void *userdata, const struct pending_change *c)
{
	struct audit *a = userdata;

	pending_fact(c, &a->actor, &a->fact);
	a->sink.emit(a->sink.userdata, &a->fact);
}

static void take_ipsec(struct audit *a, struct span text)
{
	enum parse_result r = audit_parse_ipsec(text, &a->fact);

	if (r != PARSE_OK) {
		char why[FACT_TEXT_SIZE];

		a->losses++;
		a->refused++;
		snprintf(why, sizeof(why), "%llu IPsec records were not understood",
			(unsigned long long)a->refused);
		state_is(a, SOURCE_IN_STEP, why);
		return;
	}
	if (a->fact.type == FACT_AUDIT_DROP)
		a->drops_seen++;
	/* The actor's record is behind this one. For drops there is none: any such is a stranger's.
	 */
	if (a->fact.type == FACT_AUDIT_DROP || pending_add(&a->pending, &a->fact))
		a->sink.emit(a->sink.userdata, &a->fact);
}

static void take_syscall(struct audit *a, struct span text)
{
	struct audit_stamp stamp;

	if (a->pending.n == 0 || audit_parse_stamp(&text, &stamp) != PARSE_OK ||
		!pending_has(&a->pending, stamp.serial))
		return;
	/*
	 * The kernel gives an SA's expiry the serial of whatever call it interrupted: only a call
	 * that can send a message may have asked for the change.
	 */
	if (audit_parse_syscall(text, &a->actor) == PARSE_OK && a->actor.sends)
		pending_take(&a->pending, stamp.serial, emit_with_actor, a);
	else
		pending_take(&a->pending, stamp.serial, emit_alone, a);
}

static void is_on(struct audit *a)
{
	if (a->on)
		return;
	a->on = true;
	if (!a->congested)
		state_is(a, SOURCE_IN_STEP, "");
}

static void take_crash(struct audit *a, struct span text)
{
	struct audit_crash c;

	if (a->crash && audit_parse_crash(text, &c) == PARSE_OK)
		a->crash(a->crash_userdata, c.pid, c.signal);
}

static void take_record(struct audit *a, size_t n)
{
	struct nlmsghdr h;
	struct span text;

	if (n < sizeof(h))
		return;
	memcpy(&h, a->inbox->p, sizeof(h));
	text = span_of(a->inbox->p + sizeof(h), n - sizeof(h));
	switch (h.nlmsg_type) {
	case AUDIT_MAC_IPSEC_EVENT:
		is_on(a);
		take_ipsec(a, text);
		break;
	case AUDIT_SYSCALL:
		is_on(a);
		take_syscall(a, text);
		break;
	case AUDIT_ANOM_ABEND:
		is_on(a);
		take_crash(a, text);
		break;
	case AUDIT_EVENT_LISTENER: /* somebody joined, most likely we; its text stays unread */
		is_on(a);
		break;
	default:
		break;
	}
}

static void count_drops(struct audit *a)
{
	uint64_t drops = socket_drops(a->fd);

	a->losses += (uint32_t)(drops - a->drops);
	a->drops = drops;
}

static void emptied(struct audit *a)
{
	if (!a->congested)
		return;
	a->congested = false;
	count_drops(a);
	state_is(a, SOURCE_IN_STEP, "");
}

static void lost(struct audit *a)
{
	a->congested = true;
	count_drops(a);
	state_is(
		a, SOURCE_RESYNCING, "records were lost: they came faster than they could be read");
}

void audit_readable(struct audit *a, size_t i)
{
	for (unsigned done = 0; i == 0 && a->fd >= 0 && done < SOURCE_BATCH; done++) {
		ssize_t n = inbox_receive(a->inbox, a->fd);

		if (n == -EAGAIN) {
			emptied(a);
			return;
		}
		if (n == -ENOBUFS) {
			lost(a);
		} else if (n == -EMSGSIZE) {
			a->losses++;
		} else if (n >= 0) {
			take_record(a, (size_t)n);
			inbox_wipe(a->inbox, (size_t)n);
		} else if (n != -EPERM) {
			state_is(a, SOURCE_LOST, strerror((int)-n));
			return;
		}
	}
}

static void rejoin(struct audit *a)
{
	int group = AUDIT_NLGRP_READLOG;

	setsockopt(a->fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group));
	if (socket_join(a->fd, group))
		state_is(a, SOURCE_LOST, "joining the audit records again was refused");
}

void audit_sweep(struct audit *a)
{
	pending_sweep(&a->pending, emit_alone, a);
	if (a->fd < 0 || a->on)
		return;
	a->sweeps++;
	if (a->sweeps == SWEEPS_TO_HEAR)
		state_is(a, SOURCE_ABSENT,
			"audit seems to be off: our joining was not recorded; auditctl -e 1 or "
			"audit=1 at boot");
	if (a->sweeps % SWEEPS_TO_REJOIN == 0)
		rejoin(a);
}

void audit_enabled_is(struct audit *a, bool enabled)
{
	if (a->fd < 0)
		return;
	if (enabled) {
		is_on(a);
		return;
	}
	a->on = false;
	state_is(a, SOURCE_ABSENT, "audit is off: auditctl -e 1, or audit=1 at boot");
}

uint64_t audit_drops_seen(const struct audit *a)
{
	return a->drops_seen;
}

void audit_restate(struct audit *a)
{
	tell_state(a);
}

void audit_count_losses(struct audit *a, uint64_t n)
{
	a->losses += n;
}

void audit_on_crash(struct audit *a, audit_crash_fn *told, void *userdata)
{
	a->crash = told;
	a->crash_userdata = userdata;
}
