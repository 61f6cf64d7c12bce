/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ikefacts.h"
#include "source/strongswan/strongswan.h"
#include "source/strongswan/vici.h"

/* A charon that answers as it is told to, and a listener to what the client makes of it. */
struct peer {
	int fd;
	struct strongswan *client;
	struct buf in, told; /* told: a line a fact */
	size_t requests; /* and registrations, answered or not */
	bool silent; /* takes requests and answers none */
	size_t step; /* octets written at once; 0: all */
	/* What it has: frames, as recorded; empty: nothing. */
	struct buf sas, conns, certs, policies, stats, counters;
};

static const char *fixtures; /* their directory */

static inline void read_fixture(const char *name, struct buf *ret)
{
	char path[512], chunk[4096];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", fixtures, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_append(ret, chunk, (size_t)n);
	close(fd);
}

static inline void hear(void *userdata, struct fact *f)
{
	struct peer *p = userdata;
	struct buf octets = { 0 };
	static struct fact again;
	size_t used;

	assert_int_equal(f->netns, 7);
	assert_int_equal(f->source, SOURCE_STRONGSWAN);
	/* Whatever came, the core can read it. */
	fact_encode(f, &octets);
	assert_int_equal(fact_decode(buf_span(&octets), &again, &used), FACT_OK);
	buf_done(&octets);
	if (write_fact(f, &p->told))
		buf_text(&p->told, "\n");
}

static inline void say(struct peer *p, const struct buf *frames)
{
	for (size_t at = 0; at < frames->n;) {
		size_t n = p->step && p->step < frames->n - at ? p->step : frames->n - at;
		ssize_t sent = send(p->fd, frames->p + at, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0) {
			assert_int_equal(errno, EAGAIN);
			sent = 0;
		}
		at += (size_t)sent;
		if (p->client)
			strongswan_ready(p->client, 0);
	}
}

static inline void say_packet(
	struct peer *p, enum vici_type type, const char *name, const struct buf *message)
{
	struct buf frame = { 0 };

	vici_put(&frame, type, name, message ? buf_span(message) : span_of(NULL, 0));
	say(p, &frame);
	buf_done(&frame);
}

static inline void say_or(struct peer *p, const struct buf *frames)
{
	if (frames->n > 0)
		say(p, frames);
	else
		say_packet(p, VICI_CMD_RESPONSE, "", NULL);
}

static inline void answer(struct peer *p, const struct vici_packet *asked)
{
	p->requests++;
	if (p->silent)
		return;
	if (asked->type == VICI_EVENT_REGISTER) {
		say_packet(p,
			vici_is(asked->name, "alert") ? VICI_EVENT_UNKNOWN : VICI_EVENT_CONFIRM, "",
			NULL);
	} else if (vici_is(asked->name, "version")) {
		struct buf message = { 0 };

		vici_put_value(&message, "daemon", "charon");
		vici_put_value(&message, "version", "5.9.8");
		say_packet(p, VICI_CMD_RESPONSE, "", &message);
		buf_done(&message);
	} else if (vici_is(asked->name, "list-sas")) {
		assert_true(vici_get(asked->message, VICI_VALUE, "noblock").n > 0);
		say_or(p, &p->sas);
	} else if (vici_is(asked->name, "list-conns")) {
		say_or(p, &p->conns);
	} else if (vici_is(asked->name, "list-certs")) {
		say_or(p, &p->certs);
	} else if (vici_is(asked->name, "list-policies")) {
		say_or(p, &p->policies);
	} else if (vici_is(asked->name, "stats")) {
		say_or(p, &p->stats);
	} else if (vici_is(asked->name, "get-counters")) {
		say_or(p, &p->counters);
	} else {
		say_packet(p, VICI_CMD_UNKNOWN, "", NULL);
	}
}

/* Answers until nothing is asked any more. */
static inline void serve(struct peer *p)
{
	char chunk[4096];
	ssize_t n;

	while ((n = recv(p->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0) {
		struct vici_packet asked;
		struct span octets;

		buf_append(&p->in, chunk, (size_t)n);
		octets = buf_span(&p->in);
		while (vici_take(&octets, &asked) == PARSE_OK)
			answer(p, &asked);
		buf_drop_front(&p->in, p->in.n - octets.n);
		if (p->client)
			strongswan_ready(p->client, 0);
	}
}

static inline void peer_begin(struct peer *p)
{
	struct source_sink sink = { .userdata = p, .emit = hear };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	p->fd = pair[0];
	assert_int_equal(strongswan_new(42, 7, pair[1], &sink, &p->client), 0);
	serve(p);
}

static inline void peer_end(struct peer *p)
{
	struct buf *all[] = { &p->in, &p->told, &p->sas, &p->conns, &p->certs, &p->policies,
		&p->stats, &p->counters };

	p->client = strongswan_free(p->client);
	close(p->fd);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_done(all[i]);
	*p = (struct peer){ 0 };
}

static inline void told_is(struct peer *p, const char *expected)
{
	assert_string_equal(p->told.p ? p->told.p : "", expected);
	buf_clear(&p->told);
}
