/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sink {
	const struct sink_ops *ops;
	enum sink_peer peer;
	int fd;
	/* Datagrams from `head` on: length in a uint32_t, then the octets. */
	struct buf queue;
	size_t head, waiting;
	struct buf scratch;
	uint64_t sent, dropped;
};

enum outcome {
	SENT,
	REFUSED, /* never goes, or was lost on the way */
	LATER,
};

int sink_new(const struct sink_ops *ops, enum sink_peer peer, int fd, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s) {
		if (fd >= 0)
			(void)close(fd);
		return -ENOMEM;
	}
	s->ops = ops;
	s->peer = peer;
	s->fd = fd;
	*ret = s;
	return 0;
}

static void disconnect(struct sink *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

struct sink *sink_free(struct sink *s)
{
	if (s) {
		disconnect(s);
		buf_done(&s->queue);
		buf_done(&s->scratch);
		free(s);
	}
	return NULL;
}

static enum outcome send_once(struct sink *s, const char *p, size_t n)
{
	ssize_t r;

	do {
		r = send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	if (r >= 0)
		return SENT;
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return LATER;
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOTCONN:
	case EPIPE:
	case EDESTADDRREQ:
		if (s->peer == SINK_REMOTE)
			return REFUSED;
		disconnect(s);
		return LATER;
	default:
		return REFUSED;
	}
}

static enum outcome send_one(struct sink *s, const char *p, size_t n)
{
	enum outcome o;

	if (s->fd < 0)
		return LATER;
	o = send_once(s, p, n);
	/* UDP tells with this datagram what became of an earlier one: this one was not sent yet. */
	if (o == REFUSED && s->peer == SINK_REMOTE && errno == ECONNREFUSED)
		o = send_once(s, p, n);
	if (o == SENT)
		s->sent++;
	else if (o == REFUSED)
		s->dropped++;
	return o;
}

void sink_flush(struct sink *s)
{
	while (s->waiting > 0) {
		uint32_t n;

		memcpy(&n, s->queue.p + s->head, sizeof(n));
		if (send_one(s, s->queue.p + s->head + sizeof(n), n) == LATER)
			break;
		s->head += sizeof(n) + n;
		s->waiting--;
	}
	if (s->waiting == 0) {
		buf_clear(&s->queue);
		s->head = 0;
	} else if (s->head > SINK_QUEUE_MAX / 2) {
		buf_drop_front(&s->queue, s->head);
		s->head = 0;
	}
}

static void enqueue(struct sink *s, const struct buf *datagram)
{
	uint32_t n = (uint32_t)datagram->n;
	size_t before = s->queue.n;

	if (s->queue.n - s->head + sizeof(n) + n > SINK_QUEUE_MAX) {
		s->dropped++;
		return;
	}
	buf_append(&s->queue, &n, sizeof(n));
	buf_append(&s->queue, datagram->p, n);
	if (s->queue.failed) {
		s->queue.n = before;
		s->queue.failed = false;
		s->dropped++;
		return;
	}
	s->waiting++;
}

void sink_write(struct sink *s, const struct sink_event *e)
{
	buf_clear(&s->scratch);
	s->ops->format(e, s->ops->limit, &s->scratch);
	if (s->scratch.failed || s->scratch.n == 0 || s->scratch.n > s->ops->limit) {
		s->dropped++;
		return;
	}
	if (s->waiting > 0)
		sink_flush(s);
	if (s->waiting > 0 || send_one(s, s->scratch.p, s->scratch.n) == LATER)
		enqueue(s, &s->scratch);
}

const char *sink_name(const struct sink *s)
{
	return s->ops->name;
}

int sink_fd(const struct sink *s)
{
	return s->fd;
}

bool sink_wants_fd(const struct sink *s)
{
	return s->fd < 0;
}

void sink_connect(struct sink *s, int fd)
{
	disconnect(s);
	s->fd = fd;
	sink_flush(s);
}

void sink_stats(const struct sink *s, struct sink_stats *ret)
{
	*ret = (struct sink_stats){ .sent = s->sent, .dropped = s->dropped, .waiting = s->waiting };
}
