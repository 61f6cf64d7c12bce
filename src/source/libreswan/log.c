/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "catalog/daemonlog.h"
#include "source/libreswan/internal.h"
#include "source/libreswan/text.h"

/* An answer that pluto gives to each retransmission, the last of which is late. */
#define SAME_FAILURE_US 60000000u

/* Whom a line is about; all may be unknown. */
struct subject {
	struct whack_name conn;
	uint64_t number; /* of a state */
	struct addr peer;
	uint16_t peer_port;
};

/* "Nov 25 22:17:04.867509: ", or what syslog puts in front. */
static void take_time(struct span *line)
{
	struct span s = *line, before;

	if (!text_until(&s, ": ", &before))
		return;
	if ((before.n > 14 && before.p[3] == ' ' && before.p[9] == ':' && before.p[12] == ':') ||
		memmem(before.p, before.n, "pluto[", 6))
		*line = s;
}

/* 192.0.2.1:500, [2001:db8::1]:500 */
static void parse_endpoint(struct span s, struct subject *ret)
{
	const uint8_t *colon = s.n > 0 ? memrchr(s.p, ':', s.n) : NULL;
	struct span port, inside;
	uint64_t number;

	if (!colon)
		return;
	port = span_of(colon + 1, s.n - (size_t)(colon + 1 - s.p));
	if (!span_number(&port, 10, UINT16_MAX, &number))
		return;
	ret->peer_port = (uint16_t)number;
	s.n = (size_t)(colon - s.p);
	if (span_take(&s, "[") && text_until(&s, "]", &inside))
		s = inside;
	text_addr(s, &ret->peer);
}

/* "rw"[1] 10.7.0.1 #9: … ; "psk": … ; packet from 10.7.0.1:500: … */
static bool take_subject(struct span *line, struct subject *ret)
{
	struct subject subject = { 0 };
	struct span s = *line, before;
	uint64_t number;

	if (span_take(&s, "packet from ") || span_take(&s, "connection from ")) {
		if (!text_until(&s, ": ", &before))
			return false;
		parse_endpoint(before, &subject);
	} else if (whack_take_name(&s, &subject.conn)) {
		struct span rest = s, peer = { 0 };
		bool state = text_until(&rest, " #", &peer) &&
			     span_number(&rest, 10, UINT64_MAX, &number) && span_take(&rest, ": ");

		if (state && !memmem(peer.p, peer.n, ": ", 2)) {
			subject.number = number;
		} else {
			rest = s;
			if (!text_until(&rest, ": ", &peer))
				return false;
		}
		s = rest;
		span_take(&peer, " ");
		text_addr(peer, &subject.peer);
	}
	*line = s;
	*ret = subject;
	return true;
}

/* Of messages that no state is made for, their sender's. NULL: the line is about neither. */
static struct pluto_trace *trace_of(struct libreswan *l, const struct subject *subject)
{
	struct pluto_trace *oldest = &l->traces[0];
	uint64_t key = subject->number;

	if (!key && subject->peer.family)
		key = hash_octets(&subject->peer, sizeof(subject->peer), l->service) |
		      TRACE_OF_PEER;
	if (!key)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(l->traces); i++) {
		if (l->traces[i].key == key)
			return &l->traces[i];
		if (l->traces[i].used < oldest->used)
			oldest = &l->traces[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->key = key;
	return oldest;
}

static bool is_about_offers(unsigned cause)
{
	return cause == CAUSE_IKE_PROPOSAL || cause == CAUSE_IKE_PROPOSAL_REFUSED ||
	       cause == CAUSE_CHILD_PROPOSAL || cause == CAUSE_CHILD_PROPOSAL_REFUSED ||
	       cause == CAUSE_TS || cause == CAUSE_TS_REFUSED;
}

static void add_offers(struct negotiation *n, const struct pluto_conn *conn,
	const struct pluto_trace *trace, struct span theirs)
{
	bool selectors = n->cause == CAUSE_TS || n->cause == CAUSE_TS_REFUSED;

	if (!is_about_offers(n->cause))
		return;
	if (theirs.n > 0)
		TEXT_COPY(theirs, n->theirs);
	else if (trace)
		memcpy(n->theirs, trace->theirs, sizeof(n->theirs));
	if (!conn)
		return;
	if (!selectors) {
		memcpy(n->ours, n->child ? conn->child.proposals : conn->connection.proposals,
			sizeof(n->ours));
	} else if (text_append(span_text(conn->child.local_ts), n->ours, sizeof(n->ours)) &&
		   text_append(span_text("==="), n->ours, sizeof(n->ours))) {
		text_append(span_text(conn->child.remote_ts), n->ours, sizeof(n->ours));
	}
}

static void add_conn(
	struct negotiation *n, const struct pluto_conn *conn, const struct subject *subject)
{
	n->remote = subject->peer;
	n->remote_port = subject->peer_port;
	memcpy(n->conn, subject->conn.name, sizeof(n->conn));
	if (n->child)
		memcpy(n->child_name, subject->conn.name, sizeof(n->child_name));
	if (!conn)
		return;
	n->local = conn->local;
	if (!n->remote.family)
		n->remote = conn->remote;
	n->version = conn->connection.version;
	memcpy(n->local_id, conn->connection.local_id, sizeof(n->local_id));
	memcpy(n->remote_id, conn->connection.remote_id, sizeof(n->remote_id));
}

/* Of a child that is not listed yet the IKE SA is not known. */
static void add_sa(struct negotiation *n, const struct pluto_sa *sa, uint64_t number)
{
	if (!sa) {
		n->unique = n->child ? 0 : number;
		return;
	}
	n->unique = sa->state.sa == WHACK_SA_CHILD ? sa->state.ike : number;
	n->version = sa->state.version;
	if (!n->remote_port)
		n->remote_port = sa->state.peer_port;
	if (!n->role_known && !n->child) {
		n->role_known = sa->role_known;
		n->initiator = sa->initiator;
	}
}

static void tell(struct libreswan *l, const struct daemonlog_entry *e,
	const struct daemonlog_captures *c, const struct subject *subject,
	const struct pluto_trace *trace, struct span words)
{
	struct negotiation *n = &libreswan_fact(l, FACT_NEGOTIATION)->negotiation;
	const struct pluto_conn *conn = conns_find(l, &subject->conn);
	const struct pluto_sa *sa = sas_find(l, subject->number);
	bool up = (trace && trace->up) || (sa && sa->established_told);

	n->service = l->service;
	n->cause = up ? e->up_cause : e->cause;
	n->said = SAID_LOG;
	n->child = up ? e->up_child : e->child;
	n->final = e->final;
	n->role_known = e->who != DAEMONLOG_EITHER;
	n->initiator = e->who == DAEMONLOG_INITIATOR;
	if (!n->role_known && !n->child && trace) {
		n->role_known = trace->role_known;
		n->initiator = trace->initiator;
	}
	add_conn(n, conn, subject);
	add_sa(n, sa, subject->number);
	if (c->v[DAEMONLOG_ID].n > 0)
		TEXT_COPY(c->v[DAEMONLOG_ID], n->remote_id);
	if (c->v[DAEMONLOG_LOCAL_ID].n > 0)
		TEXT_COPY(c->v[DAEMONLOG_LOCAL_ID], n->local_id);
	if (c->v[DAEMONLOG_PEER].n > 0)
		text_addr(c->v[DAEMONLOG_PEER], &n->remote);
	add_offers(n, conn, trace, c->v[DAEMONLOG_THEIRS]);
	TEXT_COPY(words, n->words);
	libreswan_emit(l);
}

/*
 * The same again, by a retransmission: of the same state, or, as a responder makes a new state of
 * each copy of a message whose offer it refuses, of the same connection; but in IKEv2 each request
 * for a child has a number.
 */
static bool is_repeated(struct libreswan *l, const struct daemonlog_entry *e,
	const struct subject *subject, struct pluto_trace *trace)
{
	const struct pluto_conn *conn = conns_find(l, &subject->conn);
	bool anew = e->who == DAEMONLOG_RESPONDER && is_about_offers(e->cause) &&
		    (!e->child || (conn && conn->connection.version == 1));
	uint64_t now_us = clock_real_us();
	bool repeated = false;

	if (!trace)
		return false;
	if (e->fallback && trace->said && now_us - trace->said_us < SAME_FAILURE_US)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(l->traces); i++) {
		const struct pluto_trace *t = &l->traces[i];

		repeated |= t->said == e && now_us - t->said_us < SAME_FAILURE_US &&
			    (t == trace ||
				    (anew && !memcmp(&t->conn, &subject->conn, sizeof(t->conn))));
	}
	trace->said = e;
	trace->said_us = now_us;
	return repeated;
}

static void learn(struct libreswan *l, const struct daemonlog_entry *e,
	const struct daemonlog_captures *c, struct pluto_trace *trace, struct span line)
{
	struct pluto_sa *sa = sas_find(l, trace->key);

	if (c->v[DAEMONLOG_THEIRS].n > 0)
		TEXT_COPY(c->v[DAEMONLOG_THEIRS], trace->theirs);
	trace->up |= memmem(line.p, line.n, "established", 11) != NULL;
	trace->encap |= memmem(line.p, line.n, "{ESPin", 6) != NULL; /* ESPinUDP, ESPinTCP */
	if (sa)
		sa->encap |= trace->encap;
	if (e->who == DAEMONLOG_EITHER)
		return;
	trace->role_known = true;
	trace->initiator = e->who == DAEMONLOG_INITIATOR;
	if (sa && sa->state.sa == WHACK_SA_IKE && !sa->role_known) {
		sa->role_known = true;
		sa->initiator = trace->initiator;
	}
}

static void take_line(struct libreswan *l, struct span line)
{
	struct subject subject = { 0 };
	const struct daemonlog_entry *e;
	struct daemonlog_captures c;
	struct pluto_trace *trace;

	take_time(&line);
	if (span_take(&line, "| ")) /* for developers */
		return;
	if (!span_take(&line, "FATAL ERROR: "))
		span_take(&line, "ERROR: ");
	if (!take_subject(&line, &subject))
		return;
	e = daemonlog_match(DAEMON_LIBRESWAN, line, &c);
	if (!e)
		return;
	trace = trace_of(l, &subject);
	if (trace) {
		trace->used = ++l->lines;
		trace->conn = subject.conn;
	}
	switch (e->means) {
	case DAEMONLOG_CONTEXT:
		if (trace)
			learn(l, e, &c, trace, line);
		break;
	case DAEMONLOG_LOADED:
		l->stale = true;
		break;
	case DAEMONLOG_STOPPING:
		TEXT_COPY(line, l->words);
		break;
	default:
		if (!is_repeated(l, e, &subject, trace))
			tell(l, e, &c, &subject, trace, line);
	}
}

const struct pluto_trace *log_trace(const struct libreswan *l, uint64_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(l->traces); i++) {
		if (l->traces[i].key == number)
			return &l->traces[i];
	}
	return NULL;
}

void libreswan_log(struct libreswan *l, struct span text)
{
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		size_t room = sizeof(l->line) - l->n_line, taken = n < room ? n : room;

		memcpy(l->line + l->n_line, text.p, taken);
		l->n_line += taken;
		l->line_cut |= n > taken; /* no line of pluto's is so long */
		if (end) {
			l->losses += l->line_cut;
			l->line_cut = false;
			take_line(l, span_of(l->line, l->n_line));
			l->n_line = 0;
		}
		n += end != NULL;
		text = span_of(text.p + n, text.n - n);
	}
}

const char *libreswan_words(const struct libreswan *l)
{
	return l->words;
}
