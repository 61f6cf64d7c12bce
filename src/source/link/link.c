/* SPDX-License-Identifier: Apache-2.0 */
#include "source/link/link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/link/parse.h"
#include "source/message.h"
#include "source/socket.h"

#define TRIES 5 /* of a dump that changes interrupt */
#define DATAGRAMS_MAX 65536 /* of one dump */

struct link_source {
	struct link_options options;
	struct source_sink sink;
	int events, requests;
	int all_fds[LINK_SETTINGS];
	uint8_t all[LINK_SETTINGS]; /* enum setting, as read last */
	uint8_t state;
	char reason[FACT_TEXT_SIZE];
	uint64_t losses, drops;
	uint32_t seq;
	bool congested, resync, stale;
	struct fact fact;
};

static uint8_t either(uint8_t a, uint8_t b)
{
	if (a == SETTING_ON || b == SETTING_ON)
		return SETTING_ON;
	return a == SETTING_OFF ? b : SETTING_UNKNOWN;
}

/* The kernel takes a setting for on when it is on for the link or for all. */
static void add_all(const struct link_source *l, struct link *link)
{
	link->disable_xfrm = either(link->disable_xfrm, l->all[LINK_ALL_XFRM]);
	link->disable_policy = either(link->disable_policy, l->all[LINK_ALL_POLICY]);
	link->disable_policy6 = either(link->disable_policy6, l->all[LINK_ALL_POLICY6]);
}

static void emit(struct link_source *l)
{
	l->fact.source = SOURCE_LINK;
	l->fact.netns = l->options.netns;
	l->sink.emit(l->sink.userdata, &l->fact);
}

static void tell_state(struct link_source *l)
{
	l->fact = (struct fact){ .type = FACT_SOURCE };
	l->fact.source_change.id = SOURCE_LINK;
	l->fact.source_change.state = l->state;
	l->fact.source_change.losses = l->losses;
	memcpy(l->fact.source_change.reason, l->reason, sizeof(l->reason));
	emit(l);
}

static void state_is(struct link_source *l, uint8_t state, const char *reason)
{
	if (l->state == state && !strcmp(l->reason, reason))
		return;
	l->state = state;
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	tell_state(l);
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void begin(struct link_source *l)
{
	static const uint8_t groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
	const char *reason = l->options.why ? l->options.why : "no reason given";
	char why[FACT_TEXT_SIZE];
	int r = l->events < 0 || l->requests < 0 ? -EBADF : 0;

	if (!r)
		socket_room(l->events, l->options.room);
	for (size_t i = 0; i < ARRAY_LEN(groups) && !r; i++) {
		r = socket_join(l->events, groups[i]);
		reason = r ? strerror(-r) : "";
	}
	snprintf(why, sizeof(why), "no notifications of links: %s", reason);
	l->options.why = NULL;
	if (r)
		state_is(l, SOURCE_ABSENT, why);
	else
		state_is(l, SOURCE_RESYNCING, "begins: reads links and addresses");
}

int link_source_new(const int fds[2], const struct link_options *options,
	const struct source_sink *sink, struct link_source **ret)
{
	struct link_source *l = calloc(1, sizeof(*l));

	if (!l) {
		close_all(fds, 2);
		return -ENOMEM;
	}
	l->options = *options;
	l->sink = *sink;
	l->events = fds[0];
	l->requests = fds[1];
	for (size_t i = 0; i < LINK_SETTINGS; i++)
		l->all_fds[i] = -1;
	begin(l);
	*ret = l;
	return 0;
}

struct link_source *link_source_free(struct link_source *l)
{
	if (!l)
		return NULL;
	close_all((int[]){ l->events, l->requests }, 2);
	close_all(l->all_fds, LINK_SETTINGS);
	free(l);
	return NULL;
}

void link_source_settings(struct link_source *l, const int fds[LINK_SETTINGS])
{
	close_all(l->all_fds, LINK_SETTINGS);
	memcpy(l->all_fds, fds, sizeof(l->all_fds));
}

/* A file below /proc/sys stays that of the netns in which it was opened. */
static uint8_t read_setting(int fd)
{
	char text[32], *end;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	long v;

	if (n <= 0)
		return SETTING_UNKNOWN;
	text[n] = '\0';
	v = strtol(text, &end, 10);
	return end == text ? SETTING_UNKNOWN : v ? SETTING_ON : SETTING_OFF;
}

int link_source_fd(const struct link_source *l, size_t i)
{
	return i == 0 ? l->events : -1;
}

static void count_drops(struct link_source *l)
{
	uint64_t drops = socket_drops(l->events);

	l->losses += (uint32_t)(drops - l->drops);
	l->drops = drops;
}

static void take_message(struct link_source *l, struct span message, bool dumped)
{
	switch (link_parse(message.p, message.n, &l->fact)) {
	case PARSE_OK:
		if (l->fact.type == FACT_LINK)
			add_all(l, &l->fact.link.link);
		if (dumped && l->fact.type == FACT_LINK)
			l->fact.link.op = CHANGE_DUMPED;
		else if (dumped)
			l->fact.addr.op = CHANGE_DUMPED;
		emit(l);
		break;
	case PARSE_NOTHING:
	case PARSE_UNKNOWN:
		break;
	case PARSE_TRUNCATED:
	case PARSE_MALFORMED:
		l->losses++;
		l->stale = true;
		break;
	}
}

/* Notifications that wait, at most a batch; true: all of them. */
static bool drain(struct link_source *l)
{
	struct inbox *b = l->options.inbox;

	for (unsigned done = 0; done < SOURCE_BATCH; done++) {
		ssize_t n = inbox_receive(b, l->events);
		struct span datagram = span_of(b->p, n > 0 ? (size_t)n : 0), message;
		struct nlmsghdr head;

		if (n == -EAGAIN)
			return true;
		if (n == -ENOBUFS || n == -EMSGSIZE) {
			l->losses += n == -EMSGSIZE;
			l->congested = true;
		} else if (n < 0 && n != -EPERM) {
			state_is(l, SOURCE_LOST, strerror((int)-n));
			return true;
		}
		while (message_take(&datagram, &head, &message))
			take_message(l, message, false);
	}
	return false;
}

static int ask(struct link_source *l, uint16_t type)
{
	char octets[64] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(octets);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++l->seq;
	mnl_nlmsg_put_extra_header(
		h, type == RTM_GETLINK ? sizeof(struct ifinfomsg) : sizeof(struct ifaddrmsg));
	if (send(l->requests, octets, h->nlmsg_len, MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

/* One message of an answer: 1 goes on, 0 complete, -errno. */
static int take_answer(struct link_source *l, const struct nlmsghdr *h, struct span message)
{
	if (h->nlmsg_seq != l->seq)
		return 1; /* of a dump given up before */
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
		return message_error(message);
	take_message(l, message, true);
	return 1;
}

/* Reads to the end even when interrupted: the next request would be refused (EBUSY) before. */
static int read_answers(struct link_source *l)
{
	struct inbox *b = l->options.inbox;
	bool interrupted = false;

	for (unsigned i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t n = inbox_receive(b, l->requests);
		struct span datagram, message;
		struct nlmsghdr head;

		if (n < 0)
			return (int)n;
		datagram = span_of(b->p, (size_t)n);
		while (message_take(&datagram, &head, &message)) {
			int r = take_answer(l, &head, message);

			interrupted |= r == -EINTR;
			if (r == -EINTR ? head.nlmsg_type == NLMSG_DONE : r <= 0)
				return interrupted ? -EINTR : r;
		}
	}
	return -EMSGSIZE;
}

static void tell_dump(struct link_source *l, uint16_t type, uint8_t phase)
{
	l->fact = (struct fact){ .type = FACT_DUMP };
	l->fact.dump.kind = type == RTM_GETLINK ? DUMP_LINK : DUMP_ADDR;
	l->fact.dump.phase = phase;
	l->fact.dump.resync = l->resync;
	emit(l);
}

static int dump(struct link_source *l, uint16_t type)
{
	int r = -EINTR;

	for (size_t i = 0; type == RTM_GETLINK && i < LINK_SETTINGS; i++)
		l->all[i] = read_setting(l->all_fds[i]);
	for (unsigned i = 0; i < TRIES && r == -EINTR; i++) {
		tell_dump(l, type, DUMP_BEGIN);
		r = ask(l, type);
		if (!r)
			r = read_answers(l);
		if (r)
			tell_dump(l, type, DUMP_FAILED);
	}
	if (r)
		return r;
	/* What was sent before the dump's end belongs before it. */
	drain(l);
	tell_dump(l, type, DUMP_END);
	return 0;
}

static void dump_failed(struct link_source *l, int error)
{
	char why[FACT_TEXT_SIZE];

	l->stale = true;
	if (error == -EINTR) {
		state_is(l, SOURCE_RESYNCING, "a dump of links or addresses stayed inconsistent");
		return;
	}
	snprintf(why, sizeof(why), "a dump of links or addresses failed: %s", strerror(-error));
	state_is(l, SOURCE_LOST, why);
}

void link_source_dump(struct link_source *l)
{
	int r;

	if (l->state == SOURCE_ABSENT)
		return;
	l->stale = false;
	r = dump(l, RTM_GETLINK);
	if (!r)
		r = dump(l, RTM_GETADDR);
	if (r) {
		dump_failed(l, r);
		return;
	}
	l->resync = false;
	if (!l->congested)
		state_is(l, SOURCE_IN_STEP, "");
}

void link_source_read_settings(struct link_source *l)
{
	int r;

	if (l->state == SOURCE_ABSENT)
		return;
	r = dump(l, RTM_GETLINK);
	if (r)
		dump_failed(l, r);
}

void link_source_readable(struct link_source *l, size_t i)
{
	if (i != 0 || !drain(l) || !l->congested)
		return;
	/* The socket is empty again: from here on nothing is missed unseen. */
	l->congested = false;
	l->resync = true;
	count_drops(l);
	state_is(l, SOURCE_RESYNCING, "notifications were lost: reads everything anew");
	link_source_dump(l);
}

bool link_source_stale(const struct link_source *l)
{
	return l->stale;
}

void link_source_restate(struct link_source *l)
{
	tell_state(l);
	link_source_dump(l);
}
