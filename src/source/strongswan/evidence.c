/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "source/strongswan/fields.h"
#include "source/strongswan/internal.h"

/* What was said about an SA so short a time ago is about the same failure. */
#define SAME_FAILURE_US 5000000
/* The next line, which names the issuer, is written at once. */
#define NEXT_LINE_US 1000000

static struct trace *find(struct strongswan *s, uint64_t unique)
{
	for (size_t i = 0; i < TRACES; i++) {
		if (unique != 0 && s->traces[i].unique == unique)
			return &s->traces[i];
	}
	return NULL;
}

static struct trace *find_or_begin(struct strongswan *s, uint64_t unique)
{
	struct trace *t = find(s, unique), *oldest = &s->traces[0];

	if (t || unique == 0)
		return t;
	for (size_t i = 1; i < TRACES; i++) {
		if (s->traces[i].used_us < oldest->used_us)
			oldest = &s->traces[i];
	}
	*oldest = (struct trace){ .unique = unique, .used_us = clock_real_us() };
	return oldest;
}

static struct negotiation *begin(struct strongswan *s, enum ike_evidence said)
{
	struct negotiation *n = &strongswan_fact(s, FACT_NEGOTIATION)->negotiation;

	n->service = s->service;
	n->said = (uint8_t)said;
	return n;
}

static void copy(char *ret, size_t size, const char *text)
{
	if (text[0] != '\0')
		(void)snprintf(ret, size, "%s", text);
}

#define COPY(to, from) copy(to, sizeof(to), from)

static void take_sa(struct negotiation *n, const struct ike_sa *sa)
{
	n->unique = sa->unique;
	n->version = sa->version;
	n->spi_i = sa->spi_i;
	n->spi_r = sa->spi_r;
	n->local = sa->local;
	n->remote = sa->remote;
	n->local_port = sa->local_port;
	n->remote_port = sa->remote_port;
	COPY(n->conn, sa->name);
	COPY(n->local_id, sa->local_id);
	COPY(n->remote_id, sa->remote_id);
}

/* Fills in what the log said before, where nothing better is known. */
static void take_trace(struct negotiation *n, const struct trace *t)
{
	n->unique = t->unique;
	if (n->local.family == 0)
		n->local = t->local;
	if (n->remote.family == 0)
		n->remote = t->peer;
	if (n->conn[0] == '\0')
		COPY(n->conn, t->conn);
	if (n->local_id[0] == '\0')
		COPY(n->local_id, t->local_id);
	if (n->remote_id[0] == '\0')
		COPY(n->remote_id, t->remote_id);
	if (!n->child && !n->role_known && t->role_known) {
		n->role_known = true;
		n->initiator = t->initiator;
	}
}

/* Proposals or selectors belong to the kind of failure that they were compared for. */
static void take_offers(struct negotiation *n, const struct trace *t)
{
	switch (n->cause) {
	case CAUSE_IKE_PROPOSAL:
	case CAUSE_IKE_PROPOSAL_REFUSED:
	case CAUSE_CHILD_PROPOSAL:
	case CAUSE_CHILD_PROPOSAL_REFUSED:
		COPY(n->ours, t->ours);
		COPY(n->theirs, t->theirs);
		break;
	default:
		break;
	}
}

static void take_known(struct strongswan *s, struct negotiation *n, const struct trace *t)
{
	const struct known_ike *known = known_ike_find(s, t->unique);

	if (known) {
		take_sa(n, &known->sa);
		if (!n->child && !n->role_known && known->sa.role_known) {
			n->role_known = true;
			n->initiator = known->sa.initiator;
		}
	}
	take_trace(n, t);
	take_offers(n, t);
}

static bool is_up(struct strongswan *s, const struct trace *t)
{
	const struct known_ike *known = known_ike_find(s, t->unique);

	return (known && known->up) || t->up;
}

static void side(struct negotiation *n, unsigned who)
{
	n->role_known = who != DAEMONLOG_EITHER;
	n->initiator = who == DAEMONLOG_INITIATOR;
}

/* selectors: that the line itself tells of; cause: instead of the entry's. */
static void tell_line(struct strongswan *s, const struct daemonlog_entry *e, struct trace *t,
	const char *words, struct span selectors, unsigned cause)
{
	struct negotiation *n = begin(s, SAID_LOG);
	bool up = is_up(s, t);

	n->child = up ? e->up_child : e->child;
	n->cause = (uint8_t)(cause != CAUSE_UNKNOWN ? cause : up ? e->up_cause : e->cause);
	n->final = e->final;
	side(n, e->who);
	take_known(s, n, t);
	if (selectors.n > 0)
		field_text(selectors, n->theirs, sizeof(n->theirs));
	if (n->child && e->who != DAEMONLOG_RESPONDER)
		COPY(n->child_name, t->child);
	COPY(n->words, words);
	t->said_us = clock_real_us();
	strongswan_emit(s, &s->fact);
}

static void tell_waiting(struct strongswan *s, struct trace *t, bool ca_known)
{
	const struct daemonlog_entry *e = t->waits;

	t->waits = NULL;
	if (e)
		tell_line(s, e, t, t->words, span_of(NULL, 0),
			ca_known ? CAUSE_CERT_SIGNATURE : CAUSE_UNKNOWN);
}

static void take_address(struct span s, struct addr *ret)
{
	char text[ADDR_TEXT_SIZE];

	field_text(s, text, sizeof(text));
	(void)addr_parse(text, ret);
}

/* What a line says of the negotiation, whatever else it says. */
static void take_captures(struct trace *t, const struct daemonlog_captures *c)
{
	static const struct {
		uint8_t capture;
		uint16_t at, size;
	} texts[] = {
		{ DAEMONLOG_LOCAL_ID, offsetof(struct trace, local_id), sizeof(t->local_id) },
		{ DAEMONLOG_ID, offsetof(struct trace, remote_id), sizeof(t->remote_id) },
		{ DAEMONLOG_CHILD, offsetof(struct trace, child), sizeof(t->child) },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (c->v[texts[i].capture].n > 0)
			field_text(c->v[texts[i].capture], (char *)t + texts[i].at, texts[i].size);
	}
	take_address(c->v[DAEMONLOG_PEER], &t->peer);
	take_address(c->v[DAEMONLOG_LOCAL], &t->local);
}

static void take_context(struct strongswan *s, struct trace *t, const struct daemonlog_entry *e,
	const struct daemonlog_captures *c)
{
	if (c->v[DAEMONLOG_OURS].n > 0)
		field_text(c->v[DAEMONLOG_OURS], t->ours, sizeof(t->ours));
	if (c->v[DAEMONLOG_THEIRS].n > 0)
		field_text(c->v[DAEMONLOG_THEIRS], t->theirs, sizeof(t->theirs));
	if (e->who != DAEMONLOG_EITHER) {
		t->role_known = true;
		t->initiator = e->who == DAEMONLOG_INITIATOR;
	}
	if (c->v[DAEMONLOG_ISSUER].n > 0)
		tell_waiting(s, t, lists_knows_ca(s, c->v[DAEMONLOG_ISSUER]));
}

static void take_failure(struct strongswan *s, struct trace *t, const struct daemonlog_entry *e,
	const struct daemonlog_captures *c, struct span line)
{
	char words[IDENTITY_SIZE];

	if (e->fallback && t->said_us != 0 && clock_real_us() - t->said_us < SAME_FAILURE_US)
		return;
	field_text(line, words, sizeof(words));
	if (c->v[DAEMONLOG_CERT].n > 0 && e->cause == CAUSE_CERT_UNTRUSTED && t->unique != 0) {
		t->waits = e;
		t->waits_us = clock_real_us();
		memcpy(t->words, words, sizeof(words));
		return;
	}
	tell_line(s, e, t, words, c->v[DAEMONLOG_THEIRS], CAUSE_UNKNOWN);
}

static struct span trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_of(s.p + 1, s.n - 1);
	return s;
}

static void take_line(
	struct strongswan *s, uint64_t unique, struct span conn, struct span line, bool packet)
{
	struct daemonlog_captures c;
	const struct daemonlog_entry *e = daemonlog_match(DAEMON_STRONGSWAN, line, &c);
	struct trace *t = find(s, unique), none = { 0 };

	if (t && t->waits && !(e && e->means == DAEMONLOG_CONTEXT))
		tell_waiting(s, t, false);
	if (!e)
		return;
	if (e->means == DAEMONLOG_STOPPING)
		field_text(line, s->words, sizeof(s->words));
	if (e->means == DAEMONLOG_LOADED) {
		requests_soon(s, REQUEST_POLICIES);
		requests_soon(s, REQUEST_CONNS);
		requests_soon(s, REQUEST_CERTS);
	}
	/* Every packet has its line: it begins nothing. */
	if (!t && !packet)
		t = find_or_begin(s, unique);
	if (!t && e->means == DAEMONLOG_FAILURE)
		t = &none; /* of no SA */
	if (!t)
		return;
	t->used_us = clock_real_us();
	if (!vici_is(conn, "(unnamed)") && conn.n > 0)
		field_text(conn, t->conn, sizeof(t->conn));
	take_captures(t, &c);
	if (e->means == DAEMONLOG_CONTEXT)
		take_context(s, t, e, &c);
	if (e->means == DAEMONLOG_FAILURE)
		take_failure(s, t, e, &c, trim(line));
}

void evidence_log(struct strongswan *s, struct span message)
{
	struct span text = vici_get(message, VICI_VALUE, "msg");
	struct span conn = vici_get(message, VICI_VALUE, "ikesa-name");
	bool packet = vici_is(vici_get(message, VICI_VALUE, "group"), "NET");
	uint64_t unique = 0;

	(void)field_number(vici_get(message, VICI_VALUE, "ikesa-uniqueid"), 10, &unique);
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		take_line(s, unique, conn, span_of(text.p, n), packet);
		text = end ? span_of(end + 1, text.n - n - 1) : span_of(NULL, 0);
	}
}

void evidence_alert(struct strongswan *s, struct span message)
{
	const struct alert *a = alert_by_name(vici_get(message, VICI_VALUE, "type"));
	struct span sas = vici_get(message, VICI_SECTION, "ike-sa");
	struct ike_sa sa = { 0 };
	struct negotiation *n;
	struct vici_item ike;

	if (!a || !a->tells)
		return;
	if (vici_next(&sas, &ike) && ike.kind == VICI_SECTION) {
		ike_sa_read(ike.body, clock_real_us(), &sa);
		if (!vici_is(ike.name, "(unnamed)"))
			field_text(ike.name, sa.name, sizeof(sa.name));
	}
	n = begin(s, SAID_ALERT);
	n->child = a->child;
	n->cause = a->cause;
	n->final = a->final;
	side(n, a->who);
	take_sa(n, &sa);
	if (!n->child && !n->role_known && sa.unique != 0) {
		n->role_known = true;
		n->initiator = sa.initiator;
	}
	if (n->cause == CAUSE_IKE_PROPOSAL && n->role_known && n->initiator)
		n->cause = CAUSE_IKE_PROPOSAL_REFUSED;
	COPY(n->words, a->name);
	strongswan_emit(s, &s->fact);
}

void evidence_down(struct strongswan *s, const struct ike_sa *sa)
{
	struct negotiation *n = begin(s, SAID_UPDOWN);
	const struct trace *t = find(s, sa->unique);

	n->final = true;
	n->role_known = sa->role_known;
	n->initiator = sa->initiator;
	take_sa(n, sa);
	if (t)
		take_trace(n, t);
	strongswan_emit(s, &s->fact);
}

/* Its lines may come after it is down. */
void evidence_gone(struct strongswan *s, const struct ike_sa *sa, bool up)
{
	struct trace *t = find_or_begin(s, sa->unique);

	if (!t)
		return;
	t->up = up;
	t->role_known = sa->role_known;
	t->initiator = sa->initiator;
	t->local = sa->local;
	t->peer = sa->remote;
	COPY(t->conn, sa->name);
	COPY(t->local_id, sa->local_id);
	COPY(t->remote_id, sa->remote_id);
}

void evidence_up(struct strongswan *s, const struct ike_sa *sa)
{
	struct trace *t = find(s, sa->unique);

	if (t) {
		t->up = true;
		t->ours[0] = t->theirs[0] = '\0';
		t->said_us = 0;
	}
}

void evidence_child_up(struct strongswan *s, const struct ike_sa *sa)
{
	struct trace *t = find(s, sa->unique);

	if (t)
		t->child[0] = '\0';
}

void evidence_tick(struct strongswan *s)
{
	uint64_t now = clock_real_us();

	for (size_t i = 0; i < TRACES; i++) {
		if (s->traces[i].waits && now - s->traces[i].waits_us > NEXT_LINE_US)
			tell_waiting(s, &s->traces[i], false);
	}
}
