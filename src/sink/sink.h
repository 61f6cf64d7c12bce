/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/span.h"

/*
 * A sink passes committed events on to another program of this host or to a collector, one datagram
 * an event. It never blocks and never fails its caller: what cannot go at once waits in a bounded
 * queue, what finds no room there is dropped and counted. It opens nothing: its socket, connected,
 * comes from outside (the supervisor), and so does the next one when the other side is gone.
 */

/* One committed line of the event log, taken apart once for all sinks. */
#define SINK_FIELDS_MAX 64
struct sink_field {
	const char *key; /* as in the line */
	const char *text; /* texts unescaped; numbers, booleans, objects as JSON */
};
struct sink_event {
	size_t n;
	struct sink_field fields[SINK_FIELDS_MAX]; /* in the line's order, without what is null */
	uint32_t id;
	const char *name, *level, *time, *host, *message; /* "" when not known */
	/* private */
	void *json;
	char *owned[SINK_FIELDS_MAX + 1];
	size_t n_owned;
};
#define CLEANUP_SINK_EVENT __attribute__((cleanup(sink_event_done)))

/*
 * A signed head (sign/signed_head.h) is one more record: name signed_head, id 0, and its message
 * is the line itself, to be cut out and held against a log. -EBADMSG: neither; -ENOMEM. On success
 * sink_event_done() is due; line may go away.
 */
int sink_event_parse(struct span line, struct sink_event *ret);
void sink_event_done(struct sink_event *e); /* takes a zeroed one */

struct sink;

/* What an adapter is: the form of a datagram. */
struct sink_ops {
	const char *name; /* "journald", for people */
	size_t limit; /* octets of a datagram; what is longer counts as dropped */
	void (*format)(const struct sink_event *e, size_t limit, struct buf *out);
};

enum sink_peer {
	SINK_LOCAL, /* unix datagram socket: the other side can go, and then needs a new socket */
	SINK_REMOTE, /* UDP: no such thing */
};

#define SINK_QUEUE_MAX ((size_t)1 << 20) /* octets */

struct sink_stats {
	uint64_t sent, dropped; /* events */
	size_t waiting; /* events in the queue */
};

/* fd is taken, also on failure; -1: none yet. -ENOMEM. */
int sink_new(const struct sink_ops *ops, enum sink_peer peer, int fd, struct sink **ret);
struct sink *sink_free(struct sink *s); /* takes NULL; what waits is lost */
DEFINE_FREEP(sink)

const char *sink_name(const struct sink *s);
void sink_write(struct sink *s, const struct sink_event *e);
/* Sends what waits, as far as it goes: when sink_fd() is writable, or now and then. */
void sink_flush(struct sink *s);
/* To be watched for writing while something waits; -1: not connected. */
int sink_fd(const struct sink *s);
/* There is no socket, or the other side closed it: ask the supervisor for a new one. */
bool sink_wants_fd(const struct sink *s);
void sink_connect(struct sink *s, int fd); /* fd is taken; sends what waits */
void sink_stats(const struct sink *s, struct sink_stats *ret);
