/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/strongswan.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/strongswan/internal.h"

#define CHUNK ((size_t)64 << 10)

struct fact *strongswan_fact(struct strongswan *s, enum fact_type type)
{
	s->fact = (struct fact){
		.type = (uint16_t)type, .source = SOURCE_STRONGSWAN, .netns = s->netns
	};
	return &s->fact;
}

void strongswan_emit(struct strongswan *s, struct fact *f)
{
	s->sink.emit(s->sink.userdata, f);
}

void strongswan_dump(struct strongswan *s, enum fact_ike_list list, enum fact_dump_phase phase)
{
	struct fact *f = strongswan_fact(s, FACT_IKE_DUMP);

	f->ike_dump.service = s->service;
	f->ike_dump.list = (uint8_t)list;
	f->ike_dump.phase = (uint8_t)phase;
	f->ike_dump.daemon = DAEMON_STRONGSWAN;
	strongswan_emit(s, f);
}

static void tell_state(struct strongswan *s, const char *reason)
{
	struct fact *f = strongswan_fact(s, FACT_SOURCE);

	f->source_change.id = SOURCE_STRONGSWAN;
	f->source_change.state = s->state;
	f->source_change.losses = s->losses;
	(void)snprintf(f->source_change.reason, sizeof(f->source_change.reason), "%s", reason);
	strongswan_emit(s, f);
}

void strongswan_state(struct strongswan *s, enum source_state state, const char *reason)
{
	/* A lost one stays lost: it is about to be freed. */
	if (s->state == state || s->state == SOURCE_LOST)
		return;
	s->state = (uint8_t)state;
	tell_state(s, reason);
}

static void lose(struct strongswan *s, const char *reason)
{
	s->lost = true;
	strongswan_state(s, SOURCE_LOST, reason);
}

static void flush(struct strongswan *s)
{
	while (s->out.n > 0 && !s->lost) {
		ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			lose(s, "charon's control socket ended");
			return;
		}
		buf_drop_front(&s->out, (size_t)n);
	}
}

static void go_on(struct strongswan *s)
{
	requests_next(s);
	flush(s);
}

int strongswan_new(uint64_t service, uint64_t netns, int vici, const struct source_sink *sink,
	struct strongswan **ret)
{
	struct strongswan *s = calloc(1, sizeof(*s));

	if (!s)
		goto none;
	s->sink = *sink;
	s->service = service;
	s->netns = netns;
	s->fd = vici;
	s->asked = REQUESTS_N;
	s->in.limit = 4 + VICI_FRAME_MAX + CHUNK;
	if (map_new(sizeof(uint64_t), SAS_MAX, service, &s->ikes) ||
		map_new(sizeof(uint64_t), SAS_MAX, service, &s->children) ||
		map_new(CONN_SIZE, COUNTERS_KEPT, service, &s->counters)) {
		s->fd = -1;
		strongswan_free(s);
		goto none;
	}
	strongswan_state(s, SOURCE_RESYNCING, "reads what charon has");
	go_on(s);
	*ret = s;
	return 0;
none:
	close(vici);
	return -ENOMEM;
}

struct strongswan *strongswan_free(struct strongswan *s)
{
	if (!s)
		return NULL;
	if (s->fd >= 0)
		close(s->fd);
	known_done(s);
	lists_free(s);
	buf_done(&s->in);
	buf_done(&s->out);
	buf_done(&s->message);
	buf_done(&s->list);
	free(s);
	return NULL;
}

int strongswan_fd(const struct strongswan *s, size_t i)
{
	return i == 0 ? s->fd : -1;
}

short strongswan_wants(const struct strongswan *s, size_t i)
{
	return i == 0 ? (short)(POLLIN | (s->out.n > 0 ? POLLOUT : 0)) : 0;
}

static void take_event(struct strongswan *s, const struct vici_packet *p)
{
	if (vici_is(p->name, "log"))
		evidence_log(s, p->message);
	else if (vici_is(p->name, "alert"))
		evidence_alert(s, p->message);
	else if (vici_is(p->name, "list-sa"))
		sas_listed(s, p->message);
	else if (s->asked != REQUESTS_N && p->name.n > 5 && !memcmp(p->name.p, "list-", 5))
		lists_item(s, s->asked, p->message);
	else
		sas_event(s, p->name, p->message);
}

/* What has arrived; octets used. */
static size_t take_packets(struct strongswan *s)
{
	struct span octets = buf_span(&s->in);
	struct vici_packet p;

	while (!s->lost) {
		enum parse_result r = vici_take(&octets, &p);

		if (r == PARSE_TRUNCATED)
			break;
		if (r != PARSE_OK) {
			lose(s, "what charon's control socket sent is no VICI");
			break;
		}
		if (p.type == VICI_EVENT)
			take_event(s, &p);
		else
			requests_answer(s, &p);
		requests_next(s);
	}
	return s->in.n - octets.n;
}

void strongswan_ready(struct strongswan *s, size_t i)
{
	(void)i;
	flush(s);
	for (size_t rounds = 0; rounds < 64 && !s->lost; rounds++) {
		char *room = buf_room(&s->in, CHUNK);
		ssize_t n = room ? recv(s->fd, room, CHUNK, MSG_DONTWAIT) : 0;

		if (!room) {
			lose(s, "no memory for charon's messages");
			return;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			lose(s, "charon's control socket ended");
			return;
		}
		buf_took(&s->in, room + n);
		buf_drop_front(&s->in, take_packets(s));
		flush(s);
	}
}

void strongswan_tick(struct strongswan *s, uint64_t now_ns)
{
	/* Our time begins with the first tick, so that what was done at the start is not long ago.
	 */
	if (s->began_ns == 0)
		s->began_ns = now_ns;
	s->now_ns = now_ns - s->began_ns;
	evidence_tick(s);
	if (s->asked != REQUESTS_N && s->now_ns - s->asked_ns > STRONGSWAN_ANSWER_S * 1000000000ull)
		lose(s, "charon does not answer");
	if (!s->lost)
		go_on(s);
}

void strongswan_restate(struct strongswan *s)
{
	tell_state(s, s->state == SOURCE_RESYNCING ? "reads what charon has" : "");
	known_restate(s);
	lists_forget(s);
	requests_all(s);
}

bool strongswan_lost(const struct strongswan *s)
{
	return s->lost;
}

const char *strongswan_version(const struct strongswan *s)
{
	return s->version;
}

const char *strongswan_words(const struct strongswan *s)
{
	return s->words;
}
