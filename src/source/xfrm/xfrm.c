/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrm/xfrm.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/socket.h"
#include "source/xfrm/internal.h"
#include "source/xfrm/listeners.h"

#define ANSWERS_AT_ONCE 32 /* datagrams of up to 32 KiB, before others have their turn */

void xfrm_emit(struct xfrm *x)
{
	x->fact.source = SOURCE_XFRM;
	x->fact.netns = x->options.netns;
	x->sink.emit(x->sink.userdata, &x->fact);
}

static void tell_state(struct xfrm *x)
{
	x->fact = (struct fact){ .type = FACT_SOURCE };
	x->fact.source_change.id = SOURCE_XFRM;
	x->fact.source_change.state = x->state;
	x->fact.source_change.losses = x->losses;
	memcpy(x->fact.source_change.reason, x->reason, sizeof(x->reason));
	xfrm_emit(x);
}

void xfrm_state_is(struct xfrm *x, uint8_t state, const char *reason)
{
	if (x->state == state && !strcmp(x->reason, reason))
		return;
	x->state = state;
	snprintf(x->reason, sizeof(x->reason), "%s", reason);
	tell_state(x);
}

void xfrm_settle(struct xfrm *x)
{
	unsigned open = x->wanted | x->running;

	if (x->refused || (open & XFRM_WANT_ALL) || x->congested[0] || x->congested[1])
		return;
	if (x->resync || x->failed)
		return;
	xfrm_state_is(x, SOURCE_IN_STEP, "");
}

/* These groups are harmless to others: see the head of xfrm.h. */
static int subscribe(struct xfrm *x)
{
	static const struct {
		uint8_t fd;
		uint8_t group;
	} groups[] = {
		{ XFRM_FD_SA, XFRMNLGRP_SA },
		{ XFRM_FD_SA, XFRMNLGRP_EXPIRE },
		{ XFRM_FD_SA, XFRMNLGRP_MAPPING },
		{ XFRM_FD_SA, XFRMNLGRP_MIGRATE },
		{ XFRM_FD_POLICY, XFRMNLGRP_POLICY },
	};
	int r = 0;

	for (size_t i = 0; i < XFRM_FD_REQUESTS; i++)
		socket_room(x->fds[i], x->options.room);
	for (size_t i = 0; i < ARRAY_LEN(groups) && !r; i++)
		r = socket_join(x->fds[groups[i].fd], groups[i].group);
	return r;
}

static void close_all(const int fds[XFRM_FDS])
{
	for (size_t i = 0; i < XFRM_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void begin(struct xfrm *x)
{
	char why[FACT_TEXT_SIZE];
	int r = 0;

	for (size_t i = 0; i < XFRM_FDS; i++)
		x->refused = x->refused || x->fds[i] < 0;
	if (x->refused) {
		snprintf(why, sizeof(why), "NETLINK_XFRM could not be opened: %s",
			x->options.why ? x->options.why : "no reason given");
	} else {
		r = subscribe(x);
		snprintf(why, sizeof(why), "the kernel refuses notifications (%s)%s", strerror(-r),
			r == -EPERM ? ": run with CAP_NET_ADMIN" : "");
	}
	x->options.why = NULL;
	x->refused = x->refused || r;
	if (x->refused)
		xfrm_state_is(x, SOURCE_ABSENT, why);
	else
		xfrm_state_is(x, SOURCE_RESYNCING, "begins: reads SAs and policies");
}

int xfrm_new(const int fds[XFRM_FDS], const struct xfrm_options *options,
	const struct source_sink *sink, struct xfrm **ret)
{
	struct xfrm *x = calloc(1, sizeof(*x));

	if (!x) {
		close_all(fds);
		return -ENOMEM;
	}
	x->options = *options;
	x->sink = *sink;
	memcpy(x->fds, fds, sizeof(x->fds));
	x->listeners = -1;
	begin(x);
	*ret = x;
	return 0;
}

struct xfrm *xfrm_free(struct xfrm *x)
{
	if (!x)
		return NULL;
	close_all(x->fds);
	if (x->listeners >= 0)
		close(x->listeners);
	map_free(x->touched);
	free(x);
	return NULL;
}

int xfrm_fd(const struct xfrm *x, size_t i)
{
	return i < XFRM_FDS ? x->fds[i] : -1;
}

void xfrm_readable(struct xfrm *x, size_t i)
{
	if (i == XFRM_FD_REQUESTS)
		xfrm_read_answers(x, ANSWERS_AT_ONCE);
	else
		xfrm_follow(x, i);
}

void xfrm_ask(struct xfrm *x, unsigned want)
{
	if (x->refused)
		return;
	if (want & XFRM_WANT_COUNTS) {
		x->again = false;
		want = (want & XFRM_WANT_ALL) | QUESTION_SAD | QUESTION_SPD;
	}
	x->wanted |= want;
	xfrm_ask_next(x);
}

bool xfrm_busy(const struct xfrm *x)
{
	return !x->refused && (x->running || x->wanted);
}

unsigned xfrm_stale(const struct xfrm *x)
{
	return x->stale;
}

void xfrm_listeners(struct xfrm *x, int fd)
{
	if (x->listeners >= 0)
		close(x->listeners);
	x->listeners = fd;
}

void xfrm_tick(struct xfrm *x)
{
	bool wanted = false;
	int fd = x->fds[XFRM_FD_SA];

	if (x->refused || x->listeners < 0)
		return;
	/* What can't be read is no reason to stay. */
	(void)listeners_read(x->listeners, &wanted);
	if (wanted && !x->hears_acquire)
		x->hears_acquire = socket_join(fd, XFRMNLGRP_ACQUIRE) == 0;
	else if (!wanted && x->hears_acquire)
		x->hears_acquire = socket_leave(fd, XFRMNLGRP_ACQUIRE) != 0;
}

void xfrm_restate(struct xfrm *x)
{
	tell_state(x);
	x->defaults_known = false;
	xfrm_ask(x, XFRM_WANT_ALL);
}
