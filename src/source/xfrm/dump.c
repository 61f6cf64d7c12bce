/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "source/message.h"
#include "source/xfrm/internal.h"
#include "source/xfrm/parse.h"
#include "source/xfrm/uapi.h"
#include "source/xfrm/wipe.h"

#define IS_DUMP(question) ((question) & (XFRM_WANT_SA | XFRM_WANT_POLICY))

static int ask(struct xfrm *x, uint16_t type, size_t head, bool dump)
{
	char octets[256] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(octets);

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0));
	h->nlmsg_seq = ++x->seq;
	mnl_nlmsg_put_extra_header(h, head);
	/* Without it the kernel's own IPIP and routing states come too. */
	if (type == XFRM_MSG_GETSA)
		mnl_attr_put_u8(h, XFRMA_PROTO, XFRM_PROTO_ANY_IPSEC);
	if (send(x->fds[XFRM_FD_REQUESTS], octets, h->nlmsg_len, MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

static int ask_question(struct xfrm *x, unsigned question)
{
	switch (question) {
	case XFRM_WANT_DEFAULT:
		return ask(x, XFRM_MSG_GETDEFAULT_, 3, false);
	case XFRM_WANT_SA:
		return ask(x, XFRM_MSG_GETSA, sizeof(struct xfrm_usersa_id), true);
	case XFRM_WANT_POLICY:
		return ask(x, XFRM_MSG_GETPOLICY, sizeof(struct xfrm_userpolicy_id), true);
	case QUESTION_SAD:
		return ask(x, XFRM_MSG_GETSADINFO, sizeof(uint32_t), false);
	default:
		return ask(x, XFRM_MSG_GETSPDINFO, sizeof(uint32_t), false);
	}
}

static void tell_dump(struct xfrm *x, uint8_t phase, bool resync)
{
	x->fact = (struct fact){ .type = FACT_DUMP };
	x->fact.dump.kind = x->running == XFRM_WANT_SA ? DUMP_SA : DUMP_POLICY;
	x->fact.dump.phase = phase;
	x->fact.dump.resync = resync;
	xfrm_emit(x);
}

static void refused(struct xfrm *x, int error)
{
	char why[FACT_TEXT_SIZE];

	snprintf(why, sizeof(why), "the kernel does not answer: %s%s", strerror(-error),
		error == -EPERM ? ": run with CAP_NET_ADMIN" : "");
	x->refused = true;
	x->wanted = x->running = 0;
	xfrm_state_is(x, error == -EPERM ? SOURCE_ABSENT : SOURCE_LOST, why);
}

static bool resyncs(const struct xfrm *x)
{
	return (x->resync & x->running) != 0;
}

void xfrm_forget_touched(struct xfrm *x)
{
	x->touched = map_free(x->touched);
}

void xfrm_ask_next(struct xfrm *x)
{
	/* In this order; counts last, so that they follow what has just been dumped. */
	static const uint8_t order[] = { XFRM_WANT_DEFAULT, XFRM_WANT_SA, XFRM_WANT_POLICY,
		QUESTION_SAD, QUESTION_SPD };

	for (size_t i = 0; i < ARRAY_LEN(order) && !x->running; i++) {
		int r;

		if (!(x->wanted & order[i]))
			continue;
		/* A socket that overflowed must be empty first: see emptied(). */
		if (IS_DUMP(order[i]) && (x->congested[0] || x->congested[1]))
			continue;
		x->wanted &= ~(unsigned)order[i];
		x->running = order[i];
		x->ending = x->spoiled = false;
		xfrm_forget_touched(x);
		if (IS_DUMP(order[i])) {
			x->stale &= ~(unsigned)order[i];
			tell_dump(x, DUMP_BEGIN, resyncs(x));
		}
		r = ask_question(x, order[i]);
		if (r)
			refused(x, r);
	}
}

/* The counts that this dump agrees with are asked for behind it. */
static void base_counts(struct xfrm *x)
{
	if (x->running == XFRM_WANT_SA) {
		x->counted[0] = false;
		x->wanted |= QUESTION_SAD;
	} else {
		x->counted[1] = false;
		x->wanted |= QUESTION_SPD;
	}
}

void xfrm_again(struct xfrm *x, unsigned kinds)
{
	if (x->again) {
		x->stale |= kinds;
		return;
	}
	x->again = true;
	x->wanted |= kinds;
	xfrm_ask_next(x);
}

/* Not asked again at once, which could spin: it stays stale until the next round. */
static void dump_failed(struct xfrm *x)
{
	char why[FACT_TEXT_SIZE];

	snprintf(why, sizeof(why), "reading %s failed: %s",
		x->running == XFRM_WANT_SA ? "SAs" : "policies", strerror(-x->dump_error));
	x->stale |= x->running;
	x->failed |= x->running;
	x->dump_error = 0;
	xfrm_state_is(x, SOURCE_LOST, why);
}

void xfrm_end_dump(struct xfrm *x)
{
	unsigned kind = x->running;

	if (x->dump_error) {
		tell_dump(x, DUMP_FAILED, resyncs(x));
		dump_failed(x);
	} else if (x->spoiled) {
		tell_dump(x, DUMP_FAILED, resyncs(x));
		x->failed |= kind;
		xfrm_again(x, kind);
	} else {
		tell_dump(x, DUMP_END, resyncs(x));
		x->resync &= ~kind;
		x->failed &= ~kind;
	}
	base_counts(x);
	x->running = 0;
	x->ending = x->spoiled = false;
	xfrm_forget_touched(x);
	xfrm_settle(x);
	xfrm_ask_next(x);
}

/* The answer is complete but for notifications that wait: they are older than its end. */
static void dump_done(struct xfrm *x, int error)
{
	x->dump_error = error;
	x->ending = true;
	x->drained[XFRM_FD_SA] = x->drained[XFRM_FD_POLICY] = false;
}

static void answered(struct xfrm *x)
{
	x->running = 0;
	xfrm_settle(x);
	xfrm_ask_next(x);
}

static void count_is(struct xfrm *x, unsigned kind, int64_t n, int64_t n_sockets)
{
	unsigned bit = kind == 0 ? XFRM_WANT_SA : XFRM_WANT_POLICY;

	if (!x->counted[kind]) {
		x->counted[kind] = true;
		x->expect[kind] = n;
		if (kind == 1)
			x->expect_sockets = n_sockets;
	} else if (x->expect[kind] != n || (kind == 1 && x->expect_sockets != n_sockets)) {
		x->stale |= bit;
	}
}

/* Returns whether the question is answered by it. */
static bool take_answer(struct xfrm *x, struct span message, uint64_t ret_count[2])
{
	switch (x->running) {
	case XFRM_WANT_DEFAULT:
		if (xfrm_parse(message.p, message.n, &x->fact) == PARSE_OK &&
			x->fact.type == FACT_POLICY_DEFAULT) {
			x->fact.policy_default.initial = !x->defaults_known;
			x->defaults_known = true;
			xfrm_emit(x);
		}
		return true;
	case XFRM_WANT_SA:
	case XFRM_WANT_POLICY:
		if (xfrm_parse(message.p, message.n, &x->fact) != PARSE_OK) {
			x->losses++;
		} else if (!xfrm_is_touched(x)) {
			if (x->fact.type == FACT_SA)
				x->fact.sa.op = SA_DUMPED;
			else if (x->fact.type == FACT_POLICY)
				x->fact.policy.op = SA_DUMPED;
			xfrm_emit(x);
		}
		return false;
	case QUESTION_SAD:
		x->losses += xfrm_parse_sad_count(message.p, message.n, &ret_count[0]) != PARSE_OK;
		return true;
	default:
		x->losses += xfrm_parse_spd_count(message.p, message.n, &ret_count[0],
				     &ret_count[1]) != PARSE_OK;
		return true;
	}
}

/* Returns whether the question that was asked is answered. */
static bool take_message(
	struct xfrm *x, const struct nlmsghdr *h, struct span message, uint64_t ret_count[2])
{
	int error = message_error(message);

	if (h->nlmsg_seq != x->seq || !x->running)
		return false;
	if (h->nlmsg_type == NLMSG_DONE) {
		if (!IS_DUMP(x->running))
			return true;
		dump_done(x, error);
		return false;
	}
	if (h->nlmsg_type != NLMSG_ERROR)
		return take_answer(x, message, ret_count);
	if (error == -EPERM) {
		refused(x, -EPERM);
	} else if (IS_DUMP(x->running)) {
		dump_done(x, error);
	} else {
		/* Kernels before 5.14 know no default action: then there is nothing to tell. */
		return true;
	}
	return false;
}

/* One datagram. 0 or what inbox_receive() says. */
static int read_answer(struct xfrm *x)
{
	struct inbox *b = x->options.inbox;
	uint64_t counts[2] = { UINT64_MAX, 0 };
	unsigned question = x->running;
	bool done = false;
	ssize_t n = inbox_receive(b, x->fds[XFRM_FD_REQUESTS]);
	struct span datagram, message;
	struct nlmsghdr head;

	if (n < 0)
		return (int)n;
	xfrm_wipe(b->p, (size_t)n);
	datagram = span_of(b->p, (size_t)n);
	while (message_take(&datagram, &head, &message))
		done |= take_message(x, &head, message, counts);
	inbox_wipe(b, (size_t)n);
	/* The next slice is made by the kernel as this one is received: it knows what we know. */
	xfrm_forget_touched(x);
	if (!done)
		return 0;
	if (counts[0] != UINT64_MAX) {
		unsigned kind = question == QUESTION_SAD ? 0 : 1;

		/* The kernel counted when it was asked: what it had sent by then must be known. */
		xfrm_follow(x, kind);
		if (kind == 1)
			xfrm_follow(x, XFRM_FD_SA);
		count_is(x, kind, (int64_t)counts[0], (int64_t)counts[1]);
	}
	answered(x);
	return 0;
}

void xfrm_read_answers(struct xfrm *x, unsigned n_datagrams)
{
	for (unsigned i = 0; i < n_datagrams && !x->ending; i++) {
		int r = read_answer(x);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			/* Answers are asked for one at a time and can't overflow. */
			x->losses++;
			if (IS_DUMP(x->running))
				dump_done(x, r);
			else
				answered(x);
			break;
		}
	}
	if (x->ending) {
		xfrm_follow(x, XFRM_FD_SA);
		if (x->ending)
			xfrm_follow(x, XFRM_FD_POLICY);
	}
}
