/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/message.h"
#include "source/socket.h"
#include "source/xfrm/internal.h"
#include "source/xfrm/parse.h"
#include "source/xfrm/wipe.h"

/* What names an object within a dump, for both kinds. */
static void touch_key(const struct fact *f, struct sa_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (f->type == FACT_POLICY)
		ret->spi = f->policy.policy.index;
	else if (f->type == FACT_POLICY_GONE)
		ret->spi = f->policy_gone.policy.index;
	else if (f->type == FACT_SA)
		sa_key_of(&f->sa.sa, ret);
	else
		sa_key_of(&f->sa_gone.sa, ret);
	ret->netns = 0;
}

bool xfrm_is_touched(const struct xfrm *x)
{
	struct sa_key key;

	if (!x->touched)
		return false;
	touch_key(&x->fact, &key);
	return map_get(x->touched, &key) != NULL;
}

/*
 * The slice of the dump that waits in the request socket is older than this notification: what it
 * says of the same object must not count.
 */
static void touch(struct xfrm *x)
{
	struct sa_key key;
	int r = 0;

	if (!x->touched)
		r = map_new(sizeof(key), XFRM_TOUCHED_MAX, x->options.netns, &x->touched);
	if (!r) {
		touch_key(&x->fact, &key);
		r = map_put(x->touched, &key, x);
	}
	if (r && r != -EEXIST)
		x->spoiled = true;
}

static void count(struct xfrm *x, unsigned kind, int64_t difference)
{
	x->expect[kind] += difference;
}

/* Keeps what a running dump and the count checks need to know of the notification in x->fact. */
static void note(struct xfrm *x)
{
	bool sas = x->running == XFRM_WANT_SA && !x->ending;
	bool policies = x->running == XFRM_WANT_POLICY && !x->ending;

	switch (x->fact.type) {
	case FACT_SA:
	case FACT_SA_GONE:
		if (x->fact.type == FACT_SA_GONE || x->fact.sa.op == SA_ADDED)
			count(x, 0, x->fact.type == FACT_SA ? 1 : -1);
		if (sas)
			touch(x);
		break;
	case FACT_POLICY:
	case FACT_POLICY_GONE:
		if (x->fact.type == FACT_POLICY_GONE || x->fact.policy.op == SA_ADDED)
			count(x, 1, x->fact.type == FACT_POLICY ? 1 : -1);
		if (policies)
			touch(x);
		break;
	case FACT_SA_FLUSH:
		x->spoiled |= sas;
		x->stale |= XFRM_WANT_SA;
		break;
	case FACT_POLICY_FLUSH:
		x->spoiled |= policies;
		x->stale |= XFRM_WANT_POLICY;
		break;
	case FACT_MIGRATE:
		/* Moves policies' templates and SAs without a word on each. */
		x->spoiled |= sas || policies;
		x->stale |= XFRM_WANT_SA | XFRM_WANT_POLICY;
		break;
	default:
		break;
	}
}

static void one(struct xfrm *x, struct span message)
{
	switch (xfrm_parse(message.p, message.n, &x->fact)) {
	case PARSE_OK:
		note(x);
		xfrm_emit(x);
		break;
	case PARSE_NOTHING:
		break;
	case PARSE_UNKNOWN: /* of a newer kernel: what it changed shows in a dump */
		x->stale |= XFRM_WANT_SA | XFRM_WANT_POLICY;
		break;
	case PARSE_TRUNCATED:
	case PARSE_MALFORMED:
		x->losses++;
		x->stale |= XFRM_WANT_SA | XFRM_WANT_POLICY;
		break;
	}
}

/* What was lost on a socket, by the kernel's own count. */
static void count_drops(struct xfrm *x, size_t i)
{
	uint64_t drops = socket_drops(x->fds[i]);

	x->losses += (uint32_t)(drops - x->drops[i]);
	x->drops[i] = drops;
}

static void lost(struct xfrm *x, size_t i)
{
	x->congested[i] = true;
	/* Policy expiries arrive with those of SAs. */
	x->resync |= i == XFRM_FD_SA ? XFRM_WANT_SA | XFRM_WANT_POLICY : XFRM_WANT_POLICY;
	x->spoiled |= (x->running & x->resync) != 0;
	count_drops(x, i);
	xfrm_state_is(x, SOURCE_RESYNCING, "notifications were lost: reads everything anew");
}

/* The kernel drops all until the socket is empty: only then does a new dump miss nothing. */
static void emptied(struct xfrm *x, size_t i)
{
	x->drained[i] = true;
	if (x->congested[i]) {
		x->congested[i] = false;
		count_drops(x, i);
		if (x->running & x->resync)
			x->spoiled = true;
		if (x->resync & XFRM_WANT_POLICY)
			xfrm_ask(x, XFRM_WANT_DEFAULT);
		xfrm_again(x, x->resync);
	}
	if (x->ending && x->drained[XFRM_FD_SA] && x->drained[XFRM_FD_POLICY])
		xfrm_end_dump(x);
}

static void failed(struct xfrm *x, int error)
{
	char why[FACT_TEXT_SIZE];

	snprintf(why, sizeof(why), "reading notifications failed: %s", strerror(-error));
	xfrm_state_is(x, SOURCE_LOST, why);
}

void xfrm_follow(struct xfrm *x, size_t i)
{
	struct inbox *b = x->options.inbox;

	/* Keeps the set of what overtook a slice small, and dumps going in a storm. */
	if ((x->running & (XFRM_WANT_SA | XFRM_WANT_POLICY)) && !x->ending)
		xfrm_read_answers(x, 1);
	for (unsigned done = 0; done < SOURCE_BATCH; done++) {
		ssize_t n = inbox_receive(b, x->fds[i]);
		struct span datagram, message;
		struct nlmsghdr head;

		if (n == -EAGAIN) {
			emptied(x, i);
			return;
		}
		if (n == -ENOBUFS || n == -EMSGSIZE) {
			x->losses += n == -EMSGSIZE;
			lost(x, i);
			continue;
		}
		if (n == -EPERM)
			continue;
		if (n < 0) {
			failed(x, (int)n);
			return;
		}
		xfrm_wipe(b->p, (size_t)n);
		datagram = span_of(b->p, (size_t)n);
		while (message_take(&datagram, &head, &message))
			one(x, message);
		inbox_wipe(b, (size_t)n);
	}
}
