/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "measure.h"

#define NETNS 1 /* any number that is not 0 */

static void on_event(void *userdata, const struct event *e)
{
	struct ledger *l = userdata;

	(void)e;
	l->n_events++;
}

static void on_reading(void *userdata, const struct core_reading *r)
{
	(void)userdata;
	(void)r;
}

/* As ipsecmond-observe completes facts (src/main/observe/channel.c). */
static void emit(void *userdata, struct fact *f)
{
	struct ledger *l = userdata;
	bool dumped = f->type == FACT_POLICY && f->policy.op == SA_DUMPED;

	if (!dumped || l->seq - l->stamp_seq >= 64) {
		l->stamp_boot_ns = clock_boot_ns();
		l->stamp_real_us = clock_real_us();
		l->stamp_seq = l->seq;
	}
	f->epoch = 1;
	f->seq = ++l->seq;
	f->boot_ns = l->stamp_boot_ns;
	f->real_us = l->stamp_real_us;
	/* As fact_decode() does. */
	if (f->type == FACT_POLICY)
		f->policy.policy.netns = f->netns;
	else if (f->type == FACT_POLICY_GONE)
		f->policy_gone.policy.netns = f->netns;
	if (f->type == FACT_SOURCE) {
		l->n_losses = f->source_change.losses;
		l->state = f->source_change.state;
	}
	core_feed(l->core, f);
}

static void feed_own(struct ledger *l, struct fact *f)
{
	f->boot_ns = clock_boot_ns();
	f->real_us = clock_real_us();
	core_feed(l->core, f);
}

static int open_netlink(void)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_XFRM);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		die("netlink");
	return fd;
}

void ledger_begin(struct ledger *l, uint32_t room)
{
	const struct core_sink core_sink = { l, on_event, on_reading, NULL };
	const struct source_sink sink = { .userdata = l, .emit = emit };
	struct xfrm_options options = { .netns = NETNS, .room = room, .inbox = &l->inbox };
	struct fact origin = { .type = FACT_ORIGIN, .origin = { .host = "bench", .boot = "boot" } };
	struct fact run = { .type = FACT_RESTORE_RUN, .restore_run = { .first = true } };
	struct fact netns = { .type = FACT_NETNS,
		.netns = NETNS,
		.netns_change = { .there = true, .watched = true, .name = "bench" } };
	int fds[XFRM_FDS];

	*l = (struct ledger){ 0 };
	if (core_new(&core_sink, &l->core) || inbox_init(&l->inbox))
		die("memory");
	feed_own(l, &origin);
	feed_own(l, &run);
	feed_own(l, &netns);
	for (size_t i = 0; i < XFRM_FDS; i++)
		fds[i] = open_netlink();
	if (xfrm_new(fds, &options, &sink, &l->xfrm))
		die("memory");
}

bool ledger_read(struct ledger *l, int timeout_ms)
{
	struct pollfd p[XFRM_FDS];
	int n;

	for (size_t i = 0; i < XFRM_FDS; i++)
		p[i] = (struct pollfd){ .fd = xfrm_fd(l->xfrm, i), .events = POLLIN };
	n = poll(p, XFRM_FDS, timeout_ms);
	if (n < 0 && errno != EINTR)
		die("poll");
	for (size_t i = 0; i < XFRM_FDS; i++) {
		if (p[i].revents)
			xfrm_readable(l->xfrm, i);
	}
	return n > 0;
}

void ledger_ask(struct ledger *l, unsigned want)
{
	xfrm_ask(l->xfrm, want);
	while (xfrm_busy(l->xfrm))
		(void)ledger_read(l, 1000);
}

void ledger_round(struct ledger *l)
{
	struct fact poll = { .type = FACT_POLL, .source = SOURCE_XFRMSTAT };

	for (unsigned i = 0; i < 16 && ledger_read(l, 0); i++)
		;
	ledger_ask(l, XFRM_WANT_COUNTS | xfrm_stale(l->xfrm));
	emit(l, &poll);
}
