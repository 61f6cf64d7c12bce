/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/notify.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/strongswan/fields.h"
#include "source/strongswan/internal.h"

struct strongswan_notify {
	struct source_sink sink;
	uint64_t service, netns;
	int fd, wake;
	pthread_t thread;
	/* Written by the thread: next, lost, dropped; by us: taken. */
	atomic_size_t next, taken;
	atomic_bool lost;
	_Atomic uint64_t dropped;
	struct fact fact;
	uint8_t ring[STRONGSWAN_NOTIFY_RING][NOTIFY_RECORD_SIZE];
};

/* A text of a fixed size, with or without a NUL at its end. */
static struct span take_text(struct reader *r, size_t size)
{
	struct span s = reader_take(r, size);
	const uint8_t *end = s.n ? memchr(s.p, '\0', s.n) : NULL;

	return span_of(s.p, end ? (size_t)(end - s.p) : s.n);
}

/* "10.9.0.2[4500]" */
static void take_host(struct span s, struct addr *addr, uint16_t *port)
{
	const uint8_t *at = s.n ? memchr(s.p, '[', s.n) : NULL;
	size_t n = at ? (size_t)(at - s.p) : s.n;
	char text[ADDR_TEXT_SIZE];
	uint64_t v;

	field_text(span_of(s.p, n), text, sizeof(text));
	(void)addr_parse(text, addr);
	if (at && s.n > n + 2 && s.p[s.n - 1] == ']' &&
		field_number(span_of(at + 1, s.n - n - 2), 10, &v) && v <= UINT16_MAX)
		*port = (uint16_t)v;
}

static bool after(struct span s, const char *text, struct span *ret)
{
	size_t n = strlen(text);

	if (s.n <= n || memcmp(s.p, text, n) != 0)
		return false;
	*ret = span_of(s.p + n, s.n - n);
	return true;
}

/*
 * What was compared: the initiator of an IKE SA is alerted of its own proposals, and knows its
 * connection, which a responder does not yet. Of a child's, the alert does not tell whose they are.
 */
static void take_offers(const struct alert *a, struct span text, struct negotiation *n)
{
	struct span offers;

	if (!a->before || !after(text, a->before, &offers))
		return;
	if (a->cause == CAUSE_IKE_PROPOSAL) {
		n->role_known = true;
		n->initiator = n->conn[0] != '\0';
		if (n->initiator)
			n->cause = CAUSE_IKE_PROPOSAL_REFUSED;
		field_text(offers, n->initiator ? n->ours : n->theirs, sizeof(n->ours));
	} else if (a->cause == CAUSE_TS) {
		field_text(offers, n->theirs, sizeof(n->theirs));
	}
}

enum parse_result notify_parse(struct span record, struct fact *ret)
{
	struct negotiation *n = &ret->negotiation;
	const struct alert *a;
	struct reader r;
	struct span type, text;

	if (record.n < NOTIFY_RECORD_SIZE)
		return PARSE_TRUNCATED;
	reader_init(&r, record);
	type = reader_take(&r, 4);
	a = alert_by_number((uint32_t)type.p[0] << 24 | (uint32_t)type.p[1] << 16 |
			    (uint32_t)type.p[2] << 8 | type.p[3]);
	if (!a)
		return PARSE_UNKNOWN;
	if (!a->tells)
		return PARSE_NOTHING;
	*ret = (struct fact){ .type = FACT_NEGOTIATION };
	n->said = SAID_ALERT;
	n->cause = a->cause;
	n->child = a->child;
	n->final = a->final;
	n->role_known = a->who != DAEMONLOG_EITHER;
	n->initiator = a->who == DAEMONLOG_INITIATOR;
	text = take_text(&r, 384);
	field_text(text, n->words, sizeof(n->words));
	field_text(take_text(&r, 64), n->conn, sizeof(n->conn));
	field_text(take_text(&r, 256), n->remote_id, sizeof(n->remote_id));
	take_host(take_text(&r, 60), &n->remote, &n->remote_port);
	take_offers(a, text, n);
	return PARSE_OK;
}

/* Whatever we do with them, the records are taken off the socket: charon waits in write(). */
static void *drain(void *userdata)
{
	struct strongswan_notify *n = userdata;
	uint8_t record[NOTIFY_RECORD_SIZE];
	uint64_t one = 1;

	for (;;) {
		size_t next = atomic_load_explicit(&n->next, memory_order_relaxed);
		ssize_t got = recv(n->fd, record, sizeof(record), MSG_WAITALL);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof(record))
			break;
		if (next - atomic_load(&n->taken) >= STRONGSWAN_NOTIFY_RING) {
			atomic_fetch_add(&n->dropped, 1);
			continue;
		}
		memcpy(n->ring[next % STRONGSWAN_NOTIFY_RING], record, sizeof(record));
		atomic_store(&n->next, next + 1);
		(void)!write(n->wake, &one, sizeof(one));
	}
	atomic_store(&n->lost, true);
	(void)!write(n->wake, &one, sizeof(one));
	return NULL;
}

static int start(struct strongswan_notify *n)
{
	sigset_t all, before;
	int error;

	/* Signals are the program's, not this thread's. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&n->thread, NULL, drain, n);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int strongswan_notify_new(uint64_t service, uint64_t netns, int fd, const struct source_sink *sink,
	struct strongswan_notify **ret)
{
	struct strongswan_notify *n = calloc(1, sizeof(*n));
	int r;

	if (!n) {
		close(fd);
		return -ENOMEM;
	}
	n->sink = *sink;
	n->service = service;
	n->netns = netns;
	n->fd = fd;
	n->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r = n->wake < 0 ? -errno : start(n);
	if (r < 0) {
		close(fd);
		if (n->wake >= 0)
			close(n->wake);
		free(n);
		return r;
	}
	*ret = n;
	return 0;
}

struct strongswan_notify *strongswan_notify_free(struct strongswan_notify *n)
{
	if (!n)
		return NULL;
	/* Wakes the thread out of recv(). */
	(void)shutdown(n->fd, SHUT_RDWR);
	(void)pthread_join(n->thread, NULL);
	close(n->fd);
	close(n->wake);
	free(n);
	return NULL;
}

int strongswan_notify_fd(const struct strongswan_notify *n, size_t i)
{
	return i == 0 ? n->wake : -1;
}

void strongswan_notify_ready(struct strongswan_notify *n, size_t i)
{
	uint64_t woken;

	(void)i;
	(void)!read(n->wake, &woken, sizeof(woken));
	for (size_t at = atomic_load(&n->taken); at != atomic_load(&n->next); at++) {
		struct span record =
			span_of(n->ring[at % STRONGSWAN_NOTIFY_RING], NOTIFY_RECORD_SIZE);
		enum parse_result r = notify_parse(record, &n->fact);

		atomic_store(&n->taken, at + 1);
		if (r != PARSE_OK)
			continue;
		n->fact.source = SOURCE_STRONGSWAN;
		n->fact.netns = n->netns;
		n->fact.negotiation.service = n->service;
		n->sink.emit(n->sink.userdata, &n->fact);
	}
}

bool strongswan_notify_lost(const struct strongswan_notify *n)
{
	return atomic_load(&n->lost);
}

uint64_t strongswan_notify_dropped(const struct strongswan_notify *n)
{
	return atomic_load(&n->dropped);
}
