/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/strongswan/der.h"
#include "source/strongswan/fields.h"
#include "source/strongswan/internal.h"

/* Which list of facts a request fills; 0: none. */
static enum fact_ike_list list_of(enum request r)
{
	switch (r) {
	case REQUEST_POLICIES:
		return IKE_LIST_SHUNTS;
	case REQUEST_CONNS:
		return IKE_LIST_CONNECTIONS;
	case REQUEST_CERTS:
		return IKE_LIST_CERTIFICATES;
	default:
		return 0;
	}
}

static uint64_t trap_hash(const struct strongswan *s, struct span conn, struct span child)
{
	return hash_octets(conn.p, conn.n, hash_octets(child.p, child.n, s->service));
}

static bool is_trap(const struct strongswan *s, struct span conn, struct span child)
{
	uint64_t hash = trap_hash(s, conn, child);

	for (size_t i = 0; i < s->n_traps; i++) {
		if (s->traps[i] == hash)
			return true;
	}
	return false;
}

/* A policy without SAs: a shunt, or the trap of a connection's child. */
static void tell_policy(struct strongswan *s, const struct vici_item *policy)
{
	struct span mode = vici_get(policy->body, VICI_VALUE, "mode");
	struct fact *f;

	if (!vici_is(mode, "PASS") && !vici_is(mode, "DROP")) {
		if (s->n_traps < TRAPS)
			s->traps[s->n_traps++] =
				trap_hash(s, vici_get(policy->body, VICI_VALUE, "ike"),
					vici_get(policy->body, VICI_VALUE, "child"));
		return;
	}
	f = strongswan_fact(s, FACT_SHUNT);
	f->shunt.service = s->service;
	field_text(policy->name, f->shunt.name, sizeof(f->shunt.name));
	shunt_read(policy->body, &f->shunt);
	strongswan_emit(s, f);
}

static void tell_connection(struct strongswan *s, const struct vici_item *conn)
{
	struct span children = vici_get(conn->body, VICI_SECTION, "children");
	struct fact *f = strongswan_fact(s, FACT_CONNECTION);
	struct vici_item child;

	f->connection.service = s->service;
	f->connection.origin = ORIGIN_LOADED;
	f->connection.daemon = DAEMON_STRONGSWAN;
	field_text(conn->name, f->connection.name, sizeof(f->connection.name));
	connection_read(conn->body, &f->connection);
	strongswan_emit(s, f);
	while (vici_next(&children, &child)) {
		struct connection_child *c;

		if (child.kind != VICI_SECTION)
			continue;
		f = strongswan_fact(s, FACT_CONNECTION_CHILD);
		c = &f->connection_child;
		c->service = s->service;
		c->origin = ORIGIN_LOADED;
		c->daemon = DAEMON_STRONGSWAN;
		field_text(conn->name, c->conn, sizeof(c->conn));
		field_text(child.name, c->name, sizeof(c->name));
		connection_child_read(child.body, c);
		c->intent = is_trap(s, conn->name, child.name) ? INTENT_TRAP : INTENT_UNKNOWN;
		strongswan_emit(s, f);
	}
}

static const struct {
	const char *type, *flag, *kind;
} kinds[] = { { "X509", "NONE", "x509" }, { "X509", "CA", "ca" }, { "X509", "AA", "aa" },
	{ "X509", "OCSP", "ocsp signer" }, { "X509_AC", NULL, "attribute" },
	{ "X509_CRL", NULL, "crl" }, { "X509_OCSP_RESPONSE", NULL, "ocsp" },
	{ "OCSP_RESPONSE", NULL, "ocsp" }, { "PUBKEY", NULL, "public key" } };

static void tell_certificate(struct strongswan *s, struct span message)
{
	struct fact *f = strongswan_fact(s, FACT_CERTIFICATE);
	struct certificate *c = &f->certificate;
	struct span type = vici_get(message, VICI_VALUE, "type");
	struct span flag = vici_get(message, VICI_VALUE, "flag");
	struct span data = vici_get(message, VICI_VALUE, "data");

	c->service = s->service;
	field_text(type, c->kind, sizeof(c->kind));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (vici_is(type, kinds[i].type) &&
			(!kinds[i].flag || vici_is(flag, kinds[i].flag)))
			(void)snprintf(c->kind, sizeof(c->kind), "%s", kinds[i].kind);
	}
	c->has_key = vici_get(message, VICI_VALUE, "has_privkey").n > 0;
	field_text(vici_get(message, VICI_VALUE, "subject"), c->subject, sizeof(c->subject));
	if ((vici_is(type, "X509") && der_certificate(data, c) != PARSE_OK) ||
		(vici_is(type, "X509_CRL") && der_crl(data, c) != PARSE_OK))
		s->losses++;
	if (!strcmp(c->kind, "ca") && s->n_cas < CAS)
		memcpy(s->cas[s->n_cas++], c->subject, sizeof(c->subject));
	strongswan_emit(s, f);
}

bool lists_knows_ca(const struct strongswan *s, struct span subject)
{
	char text[IDENTITY_SIZE];

	field_text(subject, text, sizeof(text));
	for (size_t i = 0; i < s->n_cas; i++) {
		if (!strcmp(s->cas[i], text))
			return true;
	}
	return false;
}

static void tell_item(struct strongswan *s, enum request r, struct span message)
{
	struct vici_item item;

	if (r == REQUEST_CERTS) {
		tell_certificate(s, message);
		return;
	}
	while (vici_next(&message, &item)) {
		if (item.kind != VICI_SECTION)
			continue;
		if (r == REQUEST_POLICIES) {
			tell_policy(s, &item);
		} else {
			s->n_connections++;
			tell_connection(s, &item);
		}
	}
}

static void begin(struct strongswan *s, enum request r)
{
	if (r == REQUEST_CERTS)
		s->n_cas = 0;
	if (r == REQUEST_CONNS)
		s->n_connections = 0;
	if (r == REQUEST_POLICIES) {
		/* What is on demand may have changed. */
		s->n_traps = 0;
		s->list_hash[REQUEST_CONNS] = 0;
		requests_soon(s, REQUEST_CONNS);
	}
	strongswan_dump(s, list_of(r), DUMP_BEGIN);
}

static void tell_kept(struct strongswan *s, enum request r)
{
	struct reader items;

	reader_init(&items, buf_span(&s->list));
	while (reader_left(&items) > 0)
		tell_item(s, r, reader_take(&items, reader_u32(&items)));
}

void lists_item(struct strongswan *s, enum request r, struct span message)
{
	if (list_of(r) == 0)
		return;
	if (!s->list_open && (s->list.n > LIST_MAX || s->list.failed)) {
		begin(s, r);
		tell_kept(s, r);
		s->list_open = true;
	}
	if (s->list_open) {
		tell_item(s, r, message);
		return;
	}
	buf_u32(&s->list, (uint32_t)message.n);
	buf_append(&s->list, message.p, message.n);
}

struct kept_counter {
	uint64_t value;
};

static void tell_counter(
	struct strongswan *s, const char *name, uint64_t value, bool gauge, bool *told)
{
	char key[CONN_SIZE] = "";
	struct kept_counter *kept;
	struct fact *f;
	size_t n = strlen(name);

	if (n >= sizeof(key))
		return;
	memcpy(key, name, n);
	kept = map_get(s->counters, key);
	if (kept && kept->value == value)
		return;
	if (!kept) {
		kept = calloc(1, sizeof(*kept));
		if (!kept || map_put(s->counters, key, kept)) {
			free(kept);
			s->losses++;
			return;
		}
	}
	kept->value = value;
	if (!*told)
		strongswan_dump(s, IKE_LIST_COUNTERS, DUMP_BEGIN);
	*told = true;
	f = strongswan_fact(s, FACT_IKE_COUNTER);
	f->ike_counter.service = s->service;
	memcpy(f->ike_counter.name, key, sizeof(key));
	f->ike_counter.value = value;
	f->ike_counter.gauge = gauge;
	strongswan_emit(s, f);
}

/* Every number of a section and those in it, their names joined by dots. */
static void tell_gauges(struct strongswan *s, struct span section, const char *in, bool *told)
{
	struct vici_item item;

	while (vici_next(&section, &item)) {
		char key[64], name[CONN_SIZE];
		uint64_t value;

		field_text(item.name, key, sizeof(key));
		if (snprintf(name, sizeof(name), "%s%s%s", in, in[0] ? "." : "", key) >=
			(int)sizeof(name))
			continue;
		if (item.kind == VICI_VALUE && field_number(item.body, 10, &value))
			tell_counter(s, name, value, true, told);
		/* Its memory changes all the time and tells nothing of IKE. */
		else if (item.kind == VICI_SECTION && !vici_is(item.name, "mallinfo") &&
			 !vici_is(item.name, "mem") && !vici_is(item.name, "uptime"))
			tell_gauges(s, item.body, name, told);
	}
}

static void tell_counters(struct strongswan *s, struct span answer, bool *told)
{
	struct span sections = vici_get(answer, VICI_SECTION, "counters");
	struct vici_item conn, item;

	while (vici_next(&sections, &conn)) {
		char of[CONN_SIZE];

		field_text(conn.name, of, sizeof(of));
		while (vici_next(&conn.body, &item)) {
			char key[64], name[CONN_SIZE + 64];
			uint64_t value;

			field_text(item.name, key, sizeof(key));
			(void)snprintf(name, sizeof(name), "%s%s%s", key, of[0] ? "/" : "", of);
			if (item.kind == VICI_VALUE && field_number(item.body, 10, &value))
				tell_counter(s, name, value, false, told);
		}
	}
}

void lists_done(struct strongswan *s, enum request r, struct span answer)
{
	uint64_t hash;
	bool told = false;

	if (r == REQUEST_STATS)
		tell_gauges(s, answer, "", &told);
	if (r == REQUEST_COUNTERS || r == REQUEST_ALL_COUNTERS)
		tell_counters(s, answer, &told);
	if (told)
		strongswan_dump(s, IKE_LIST_COUNTERS, DUMP_END);
	if (list_of(r) == 0)
		return;
	if (s->list.failed) {
		/* What was told of it is not all: the core keeps what it has. */
		s->losses++;
		s->list_hash[r] = 0;
		if (s->list_open)
			strongswan_dump(s, list_of(r), DUMP_FAILED);
		return;
	}
	hash = hash_octets(s->list.p, s->list.n, s->service) | 1;
	if (!s->list_open) {
		if (hash == s->list_hash[r])
			return;
		begin(s, r);
		tell_kept(s, r);
	}
	s->list_hash[r] = s->list_open ? 0 : hash;
	strongswan_dump(s, list_of(r), DUMP_END);
}

static void drop_counters(struct strongswan *s)
{
	struct kept_counter *kept;
	const void *key;

	for (size_t at = 0; (kept = map_next(s->counters, &at, &key));) {
		(void)map_remove(s->counters, key);
		free(kept);
	}
}

void lists_forget(struct strongswan *s)
{
	memset(s->list_hash, 0, sizeof(s->list_hash));
	drop_counters(s);
}

void lists_free(struct strongswan *s)
{
	if (s->counters)
		drop_counters(s);
	map_free(s->counters);
}
