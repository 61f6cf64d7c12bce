/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "main/core/process.h"
#include "main/log.h"

/* The facts channel from observe, and the acknowledgements back. */
#define PART ((size_t)256 << 10) /* octets in one go, so that clients get their turn */

static void lose_peer(struct process *p)
{
	p->peer_poll = process_unwatch(p->peer_poll);
	if (p->peer >= 0)
		close(p->peer);
	p->peer = -1;
	buf_clear(&p->octets);
	p->header_read = false;
	if (p->orphaned)
		process_end(p, 0);
}

/* A part of ours does not keep to the form: begin anew, and let everybody see it. */
static void malformed(struct process *p, const char *what)
{
	log_line(LOG_ERR, "observe sent %s: restarting", what);
	lose_peer(p);
	process_fail(p, EPROTO, "observe sent facts that are none");
}

/* Decodes what is there. false: the channel is closed. */
static bool decode(struct process *p)
{
	struct fact f;
	size_t at = 0, used;
	uint32_t version;

	if (!p->header_read) {
		enum fact_result r = fact_header_decode(buf_span(&p->octets), &version);

		if (r == FACT_TRUNCATED)
			return true;
		if (r != FACT_OK) {
			malformed(p, "a stream of another version");
			return false;
		}
		p->header_read = true;
		at = FACT_HEADER_SIZE;
	}
	for (;;) {
		enum fact_result r =
			fact_decode(span_of(p->octets.p + at, p->octets.n - at), &f, &used);

		if (r == FACT_TRUNCATED)
			break;
		if (r != FACT_OK) {
			malformed(p, "a malformed fact");
			return false;
		}
		at += used;
		(void)feed(p, &f);
	}
	buf_drop_front(&p->octets, at);
	return true;
}

/* 1: something was read; 0: nothing is there; -1: the other side ended, or the form was wrong. */
static int read_part(struct process *p)
{
	static uint8_t part[PART];
	ssize_t n;

	do
		n = recv(p->peer, part, sizeof(part), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		lose_peer(p);
		return -1;
	}
	buf_append(&p->octets, part, (size_t)n);
	if (p->octets.failed) {
		malformed(p, "more than memory holds");
		return -1;
	}
	return decode(p) ? 1 : -1;
}

static void on_peer(uv_poll_t *poll, int status, int events)
{
	struct process *p = poll->data;

	(void)events;
	if (status < 0)
		lose_peer(p);
	else if (p->failing && eventlog_group_octets(p->log) > EVENTLOG_WAITING_MAX / 2)
		p->held = uv_poll_stop(poll) == 0; /* observe keeps its facts meanwhile */
	else
		(void)read_part(p);
}

void facts_resume(struct process *p)
{
	if (p->held && p->peer_poll)
		(void)uv_poll_start(p->peer_poll, UV_READABLE, on_peer);
	p->held = false;
}

void facts_drain(struct process *p)
{
	while (p->peer >= 0 && read_part(p) > 0)
		process_alive(p);
}

void facts_take_peer(struct process *p, int fd)
{
	bool orphaned = p->orphaned;

	/* What the old observe said before it ended still counts. */
	p->orphaned = false;
	facts_drain(p);
	lose_peer(p);
	p->orphaned = orphaned;
	p->peer = fd;
	p->peer_poll = process_watch(p, fd, on_peer);
	p->held = false;
	p->acked = 0;
}

static bool say(struct process *p, uint32_t type, uint64_t epoch, uint64_t seq)
{
	const struct ipc_ack ack = { .type = type, .epoch = epoch, .seq = seq };

	/* Small and whole, or not at all: a later one says more. */
	return p->peer >= 0 && send(p->peer, &ack, sizeof(ack), MSG_DONTWAIT | MSG_NOSIGNAL) ==
				       (ssize_t)sizeof(ack);
}

void facts_ack(struct process *p, const struct core_progress *progress)
{
	if (progress->epoch != p->acked_epoch) {
		p->acked_epoch = progress->epoch;
		p->acked = 0;
	}
	if (progress->done > p->acked && say(p, IPC_ACK_DONE, progress->epoch, progress->done))
		p->acked = progress->done;
}

bool facts_refresh(struct process *p)
{
	return say(p, IPC_ACK_REFRESH, 0, 0);
}
