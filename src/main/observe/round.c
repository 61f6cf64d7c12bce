/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "base/clock.h"
#include "main/observe/netns.h"

/*
 * A round: read every netns' counters; dump the SAs where the counters say that single SAs have
 * something to tell; then read what notifications and audit records had been sent by then; then say
 * that it is complete. So the core knows: evidence that is not there by the end of a round was not
 * there when its counters were read.
 */

#define SHARE 50 /* a round may take the 50th part of the time: 2 % */
#define FAST_FIRST_MS 100 /* after a drop was heard of; doubles while they go on … */
#define FAST_LAST_MS 2000
#define QUIET_MS 5000 /* … and starts over after this */
#define SETTLED_MS 100 /* beyond settle_ms */
#define IDLE_LAST_MS 60000 /* however dear a round is, the next one comes */
#define URGENT_LAST_MS 3000 /* where there is news */
#define SA_DUMP_ROUNDS 6 /* at the latest, for the counters of single SAs */
#define POLICY_DUMP_ROUNDS 60
#define LINK_DUMP_ROUNDS 60 /* for their settings, whose changes the kernel does not tell */
#define DRAINS_MAX 16 /* batches of one socket at the end of a round */

static uint64_t now_ms(struct observe *o)
{
	return uv_now(&o->loop);
}

/* What to dump of one netns, whose counters moved as `what` says. */
static unsigned wanted(struct netns *n, unsigned what)
{
	unsigned want = XFRM_WANT_COUNTS | xfrm_stale(n->xfrm);

	if ((what & XFRMSTAT_SA_MOVED) || n->observe->refresh ||
		++n->rounds_since_sa >= SA_DUMP_ROUNDS)
		want |= XFRM_WANT_SA;
	if (++n->rounds_since_policy >= POLICY_DUMP_ROUNDS)
		want |= XFRM_WANT_POLICY;
	if (want & XFRM_WANT_SA)
		n->rounds_since_sa = 0;
	if (want & XFRM_WANT_POLICY)
		n->rounds_since_policy = 0;
	return want;
}

static void read_one(struct netns *n)
{
	unsigned what = xfrmstat_read(n->xfrmstat, false);

	n->observe->moved |= what != XFRMSTAT_SAME;
	xfrm_ask(n->xfrm, wanted(n, what));
	if (link_source_stale(n->link))
		link_source_dump(n->link);
	else if (n->observe->refresh || ++n->rounds_since_link >= LINK_DUMP_ROUNDS) {
		n->rounds_since_link = 0;
		link_source_read_settings(n->link);
	}
}

static void start(struct observe *o)
{
	o->rounding = true;
	o->moved = false;
	o->due_ms = UINT64_MAX;
	o->round++;
	o->round_spent_ns = 0;
	round_spends(o, true);
	for (size_t i = 0; i < o->n_netns; i++) {
		if (o->netns[i]->watched)
			read_one(o->netns[i]);
	}
	o->refresh = false;
	round_spends(o, false);
	round_progress(o);
}

/*
 * What asking costs: reading the counters and answering dumps. What the kernel sends unasked (audit
 * records of a storm) is not the round's doing, and must not delay the next one.
 */
void round_spends(struct observe *o, bool begins)
{
	if (begins)
		o->spending_ns = clock_cpu_ns();
	else
		o->round_spent_ns += clock_cpu_ns() - o->spending_ns;
}

static bool answered(const struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		if (o->netns[i]->watched && xfrm_busy(o->netns[i]->xfrm))
			return false;
	}
	return true;
}

static bool waits(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLIN | POLLERR));
}

/* All that was sent before now; in a storm that outruns us, a bounded part of it. */
static void drain(struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		struct netns *n = o->netns[i];

		for (size_t j = 0; n->watched && j < XFRM_FD_REQUESTS; j++) {
			for (unsigned k = 0; k < DRAINS_MAX && waits(xfrm_fd(n->xfrm, j)); k++)
				xfrm_readable(n->xfrm, j);
		}
	}
	for (unsigned k = 0; o->audit && k < DRAINS_MAX && waits(audit_fd(o->audit, 0)); k++)
		audit_readable(o->audit, 0);
	if (o->bpf)
		bpf_source_fold(o->bpf);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t interval_ms(const struct observe *o)
{
	uint64_t cost_ms = least(o->round_cost_ns * SHARE / 1000000, IDLE_LAST_MS);

	return cost_ms > o->config.poll_ms ? cost_ms : o->config.poll_ms;
}

/* The evidence's resolution is part of the sources' state: tell when it changes much. */
static void tell_resolution(struct observe *o, uint64_t ms)
{
	if (o->interval_ms && ms < 2 * o->interval_ms && 2 * ms > o->interval_ms)
		return;
	o->interval_ms = ms;
	for (size_t i = 0; i < o->n_netns; i++) {
		if (o->netns[i]->watched)
			xfrmstat_resolution_is(o->netns[i]->xfrmstat, ms);
	}
}

static void finish(struct observe *o)
{
	struct fact f = { .type = FACT_POLL, .source = SOURCE_XFRMSTAT };

	o->rounding = false;
	drain(o);
	f.poll.round = o->round;
	o->sink.emit(o->sink.userdata, &f);
	/* On the average: one dump of all policies is no reason to look away for long. */
	o->round_cost_ns = (o->round_cost_ns * 3 + o->round_spent_ns) / 4;
	tell_resolution(o, interval_ms(o));
	round_soon(o, o->interval_ms);
	if (o->moved)
		round_soon(o, o->config.settle_ms + SETTLED_MS);
	round_heard_drops(o);
	if (o->stop_asked && !o->stopping) {
		round_last(o);
		return;
	}
	if (!o->ready_said && o->listed) {
		o->ready_said = true;
		ipc_say(IPC_CONTROL_FD, IPC_READY, 0, "");
	}
}

void round_progress(struct observe *o)
{
	if (o->rounding && answered(o))
		finish(o);
}

static void on_timer(uv_timer_t *timer)
{
	struct observe *o = timer->data;

	o->due_ms = UINT64_MAX;
	if (o->rounding)
		round_soon(o, FAST_FIRST_MS);
	else if (o->listed)
		start(o);
}

void round_last(struct observe *o)
{
	o->stop_asked = true;
	if (o->rounding)
		return;
	o->stopping = true;
	start(o);
}

void round_soon(struct observe *o, uint64_t in_ms)
{
	uint64_t floor_ms = least(o->round_cost_ns * SHARE / 1000000, URGENT_LAST_MS);
	uint64_t at;

	if (in_ms < floor_ms)
		in_ms = floor_ms;
	at = now_ms(o) + in_ms;
	if (at >= o->due_ms)
		return;
	o->due_ms = at;
	uv_timer_start(&o->round_timer, on_timer, in_ms, 0);
}

void round_heard_drops(struct observe *o)
{
	uint64_t seen = (o->audit ? audit_drops_seen(o->audit) : 0) +
			(o->bpf ? bpf_source_seen(o->bpf) : 0);
	uint64_t now = now_ms(o);

	if (seen == o->drops_heard || o->rounding)
		return;
	o->drops_heard = seen;
	if (now - o->last_drop_ms > QUIET_MS)
		o->fast_ms = FAST_FIRST_MS;
	else if (now + o->fast_ms < o->due_ms)
		o->fast_ms = o->fast_ms * 2 < FAST_LAST_MS ? o->fast_ms * 2 : FAST_LAST_MS;
	o->last_drop_ms = now;
	round_soon(o, o->fast_ms);
}

int round_begin(struct observe *o)
{
	o->due_ms = UINT64_MAX;
	o->fast_ms = FAST_FIRST_MS;
	o->round_timer.data = o;
	return uv_timer_init(&o->loop, &o->round_timer);
}
