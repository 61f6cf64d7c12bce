/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/log.h"
#include "main/observe/netns.h"

#define PARTS 256 /* facts in one system call */
#define STAMP_LASTS 64 /* objects of a dump that one look at the clock is good for */
#define HOLD_DUMPS_AT ((size_t)16 << 20) /* octets that the core has not acknowledged */
#define HOLD_EVENTS_AT ((size_t)48 << 20)

static bool is_dumped(const struct fact *f)
{
	return (f->type == FACT_SA && f->sa.op == SA_DUMPED) ||
	       (f->type == FACT_POLICY && f->policy.op == SA_DUMPED);
}

static void complete(struct observe *o, struct fact *f, uint64_t seq)
{
	/* A million objects of a dump need no clock of their own. */
	if (!is_dumped(f) || o->stamp_lasts == 0) {
		o->stamp_boot_ns = clock_boot_ns();
		o->stamp_real_us = clock_real_us();
		o->stamp_lasts = STAMP_LASTS;
	}
	o->stamp_lasts--;
	f->epoch = o->config.epoch;
	f->seq = seq;
	f->boot_ns = o->stamp_boot_ns;
	f->real_us = o->stamp_real_us;
}

static void emit(void *userdata, struct fact *f)
{
	struct observe *o = userdata;

	complete(o, f, ++o->seq);
	buf_clear(&o->encoded);
	fact_encode(f, &o->encoded);
	if (o->encoded.failed ||
		queue_put(o->queue, f->seq, f->type == FACT_AUDIT_DROP, buf_span(&o->encoded))) {
		/* Claims are counted by the queue; the loss of anything else is healed by saying
		 * all anew. */
		if (f->type != FACT_AUDIT_DROP)
			o->facts_refused = true;
	}
}

void channel_greet(struct observe *o, struct fact *f)
{
	complete(o, f, 0);
	fact_encode(f, &o->greeting);
}

static void greet_origin(struct observe *o)
{
	struct fact f = { .type = FACT_ORIGIN, .source = SOURCE_XFRM };

	memcpy(f.origin.host, o->config.host, sizeof(f.origin.host));
	memcpy(f.origin.boot, o->config.boot, sizeof(f.origin.boot));
	memcpy(f.origin.release, o->config.release, sizeof(f.origin.release));
	memcpy(f.origin.version, o->config.version, sizeof(f.origin.version));
	f.origin.hash_seed = o->config.hash_seed;
	channel_greet(o, &f);
}

static void lose_peer(struct observe *o)
{
	o->peer_poll = observe_unwatch(o->peer_poll);
	if (o->peer >= 0)
		close(o->peer);
	o->peer = -1;
}

static void take_ack(struct observe *o, const struct ipc_ack *ack)
{
	if (ack->type == IPC_ACK_DONE) {
		if (ack->epoch == o->config.epoch)
			queue_ack(o->queue, ack->seq);
	} else if (ack->type == IPC_ACK_REFRESH) {
		o->refresh = true;
		round_soon(o, 0);
	}
}

/* Acknowledgements are small and whole: the core writes them in one piece. */
static bool read_acks(struct observe *o)
{
	struct ipc_ack acks[64];
	ssize_t n;

	do
		n = recv(o->peer, acks, sizeof(acks), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN;
	if (n == 0 || (size_t)n % sizeof(acks[0]) != 0)
		return false;
	for (size_t i = 0; i < (size_t)n / sizeof(acks[0]); i++)
		take_ack(o, &acks[i]);
	return true;
}

static void on_peer(uv_poll_t *poll, int status, int events)
{
	struct observe *o = poll->data;

	if (status < 0 || ((events & UV_READABLE) && !read_acks(o)))
		lose_peer(o);
	/* Room to write: the flush before the next wait uses it. */
}

void channel_take_peer(struct observe *o, int fd)
{
	lose_peer(o);
	o->peer = fd;
	o->peer_full = false;
	o->peer_poll = observe_watch(o, fd, on_peer, o);
	queue_rewind(o->queue);
	buf_clear(&o->greeting);
	fact_header_encode(&o->greeting);
	greet_origin(o);
	/* What was kept for it may speak of netns that it does not know. */
	netns_greet(o);
	netns_restate(o);
}

/* 1: all of it went; 0: no room now; -1: the peer is gone. */
static int send_parts(struct observe *o, struct iovec *parts, unsigned n, size_t *ret_sent)
{
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = n };
	size_t whole = 0;
	ssize_t sent;

	for (unsigned i = 0; i < n; i++)
		whole += parts[i].iov_len;
	do
		sent = sendmsg(o->peer, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	*ret_sent = sent > 0 ? (size_t)sent : 0;
	if (sent < 0 && errno != EAGAIN)
		return -1;
	return *ret_sent == whole;
}

static int send_all(struct observe *o)
{
	struct iovec parts[PARTS];
	size_t sent;
	unsigned n;
	int r = 1;

	if (o->greeting.n > 0) {
		parts[0] = (struct iovec){ o->greeting.p, o->greeting.n };
		r = send_parts(o, parts, 1, &sent);
		buf_drop_front(&o->greeting, sent);
	}
	while (r == 1) {
		n = queue_next(o->queue, parts, PARTS);
		if (n == 0)
			return 1;
		r = send_parts(o, parts, n, &sent);
		queue_sent(o->queue, sent);
	}
	return r;
}

static void choose_hold(struct observe *o)
{
	size_t n = queue_octets(o->queue);
	enum hold hold = o->hold;

	if (n > HOLD_EVENTS_AT)
		hold = HOLD_EVENTS;
	else if (n > HOLD_DUMPS_AT)
		hold = hold == HOLD_EVENTS && n > HOLD_EVENTS_AT / 2 ? HOLD_EVENTS : HOLD_DUMPS;
	else if (n < HOLD_DUMPS_AT / 2)
		hold = HOLD_NONE;
	if (hold == o->hold)
		return;
	o->hold = hold;
	netns_hold(o);
}

/* Each change costs the loop two system calls. */
static void want_room(struct observe *o, bool want)
{
	if (o->peer_full == want)
		return;
	o->peer_full = want;
	uv_poll_start(o->peer_poll, want ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_peer);
}

void channel_flush(struct observe *o)
{
	int r = o->peer >= 0 ? send_all(o) : 0;

	if (r < 0)
		lose_peer(o);
	else if (o->peer >= 0)
		want_room(o, r == 0);
	choose_hold(o);
	if (o->facts_refused && queue_octets(o->queue) < HOLD_DUMPS_AT) {
		o->facts_refused = false;
		log_line(LOG_WARNING, "the core was too far behind: saying all again");
		netns_restate(o);
	}
	if (!o->stopping || o->rounding)
		return;
	/* A core that is gone is not started again while all stop. */
	if (o->peer < 0 && !queue_all_sent(o->queue))
		log_line(LOG_WARNING, "not all could be sent: the core has ended already");
	if (o->peer < 0 || queue_all_sent(o->queue))
		observe_end(o, 0);
}

static void on_before_wait(uv_prepare_t *prepare)
{
	struct observe *o = prepare->data;

	channel_flush(o);
	o->stamp_lasts = 0;
}

int channel_begin(struct observe *o)
{
	int r = queue_new(QUEUE_LIMIT, &o->queue);

	if (r)
		return r;
	o->peer = -1;
	o->sink = (struct source_sink){ .userdata = o, .emit = emit };
	uv_prepare_init(&o->loop, &o->before_wait);
	o->before_wait.data = o;
	return uv_prepare_start(&o->before_wait, on_before_wait);
}

void channel_done(struct observe *o)
{
	lose_peer(o);
	queue_free(o->queue);
	buf_done(&o->greeting);
	buf_done(&o->encoded);
}
