/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "core/negotiations.h"

#define PEER "10.9.0.2"
#define SERVICE 4711u
#define UNIQUE 5u

/* What a piece of evidence knows of whom it is about. */
enum knows {
	BY_NUMBER = 1, /* a line of the log: the IKE SA's number, no address */
	BY_PEER = 2, /* error-notify: address, and connection where there is one */
	BY_BOTH = 3,
};

struct said {
	uint8_t said, cause, knows;
	bool child, final;
};

#define LOG(cause, child, final) \
	{ \
		SAID_LOG, cause, BY_NUMBER, child, final \
	}
#define ALERT(cause, child, final) \
	{ \
		SAID_ALERT, cause, BY_PEER, child, final \
	}
#define UPDOWN \
	{ \
		SAID_UPDOWN, CAUSE_UNKNOWN, BY_BOTH, false, true \
	}

/* One side of a row of the table: what its daemon leaves, and what is to be told of it. */
struct side {
	const char *name;
	bool initiator, unnamed, was_up, dies;
	struct said pieces[9];
	uint32_t id;
	uint8_t cause;
};

static const struct side sides[] = {
	{ "wrong PSK, IKEv2, initiator", true, false, false, false,
		{ UPDOWN, ALERT(CAUSE_AUTH_REFUSED, false, false),
			LOG(CAUSE_AUTH_REFUSED, false, false) },
		EVENT_AUTHENTICATION_FAILED, CAUSE_AUTH_REFUSED },
	{ "wrong PSK, IKEv2, responder", false, false, false, false,
		{ UPDOWN, ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_AUTH_FAILED, false, false) },
		EVENT_AUTHENTICATION_FAILED, CAUSE_AUTH_FAILED },
	{ "no matching peer config, responder", false, true, false, false,
		{ UPDOWN, ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_NO_PEER_CONFIG, false, false) },
		EVENT_AUTHENTICATION_FAILED, CAUSE_NO_PEER_CONFIG },
	{ "untrusted CA, responder", false, false, false, false,
		{ UPDOWN, ALERT(CAUSE_CERT_UNTRUSTED, false, false),
			ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_CERT_UNTRUSTED, false, false) },
		EVENT_AUTHENTICATION_FAILED, CAUSE_CERT_UNTRUSTED },
	{ "expired certificate, responder", false, false, false, false,
		{ UPDOWN, ALERT(CAUSE_CERT_EXPIRED, false, false),
			ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_CERT_EXPIRED, false, false),
			LOG(CAUSE_CERT_UNTRUSTED, false, false) },
		EVENT_AUTHENTICATION_FAILED, CAUSE_CERT_EXPIRED },
	{ "revoked certificate, responder", false, false, false, false,
		{ UPDOWN, ALERT(CAUSE_CERT_REVOKED, false, false),
			ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_CERT_REVOKED, false, false),
			LOG(CAUSE_CERT_UNTRUSTED, false, false) },
		EVENT_AUTHENTICATION_FAILED, CAUSE_CERT_REVOKED },
	{ "certificate of an altered signature, responder", false, false, false, false,
		{ UPDOWN, ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_CERT_SIGNATURE, false, false),
			LOG(CAUSE_CERT_UNTRUSTED, false, false) },
		EVENT_SIGNATURE_INVALID, CAUSE_CERT_SIGNATURE },
	{ "wrong AUTH signature, responder", false, false, false, false,
		{ UPDOWN, ALERT(CAUSE_AUTH_FAILED, false, false),
			LOG(CAUSE_AUTH_SIGNATURE, false, false),
			LOG(CAUSE_CERT_UNTRUSTED, false, false) },
		EVENT_SIGNATURE_INVALID, CAUSE_AUTH_SIGNATURE },
	{ "IKE proposal, IKEv2, initiator", true, false, false, false,
		{ UPDOWN, ALERT(CAUSE_IKE_PROPOSAL, false, false),
			LOG(CAUSE_IKE_PROPOSAL_REFUSED, false, false) },
		EVENT_NEGOTIATION_FAILED, CAUSE_IKE_PROPOSAL_REFUSED },
	{ "IKE proposal, initiator, no line of the log", true, false, false, false,
		{ UPDOWN, ALERT(CAUSE_IKE_PROPOSAL, false, false) }, EVENT_NEGOTIATION_FAILED,
		CAUSE_IKE_PROPOSAL_REFUSED },
	{ "IKE proposal, IKEv2, responder", false, true, false, false,
		{ UPDOWN, ALERT(CAUSE_IKE_PROPOSAL, false, false),
			LOG(CAUSE_IKE_PROPOSAL, false, false) },
		EVENT_PROPOSAL_INVALID, CAUSE_IKE_PROPOSAL },
	{ "IKE proposal, IKEv1, initiator", true, false, false, false,
		{ UPDOWN, LOG(CAUSE_IKE_PROPOSAL_REFUSED, false, false) }, EVENT_NEGOTIATION_FAILED,
		CAUSE_IKE_PROPOSAL_REFUSED },
	{ "IKE proposal, IKEv1, responder", false, true, false, false,
		{ UPDOWN, LOG(CAUSE_IKE_PROPOSAL, false, false) }, EVENT_PROPOSAL_INVALID,
		CAUSE_IKE_PROPOSAL },
	{ "wrong PSK, IKEv1, initiator", true, false, false, false,
		{ LOG(CAUSE_DECRYPT, false, false), ALERT(CAUSE_DECRYPT, false, false),
			LOG(CAUSE_TIMEOUT, false, true), ALERT(CAUSE_TIMEOUT, false, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_DECRYPT },
	{ "wrong PSK, IKEv1, responder", false, true, false, false,
		{ LOG(CAUSE_DECRYPT, false, false), ALERT(CAUSE_DECRYPT, false, false),
			{ SAID_LOG, CAUSE_HALF_OPEN, BY_BOTH, false, true },
			ALERT(CAUSE_HALF_OPEN, false, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_DECRYPT },
	{ "ESP proposal, initiator", true, false, true, false,
		{ ALERT(CAUSE_CHILD_PROPOSAL, true, false), ALERT(CAUSE_UNKNOWN, true, true),
			LOG(CAUSE_CHILD_PROPOSAL_REFUSED, true, true),
			LOG(CAUSE_UNKNOWN, true, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_CHILD_PROPOSAL_REFUSED },
	{ "ESP proposal, responder", false, false, true, false,
		{ ALERT(CAUSE_CHILD_PROPOSAL, true, false), ALERT(CAUSE_UNKNOWN, true, true),
			LOG(CAUSE_CHILD_PROPOSAL, true, false), LOG(CAUSE_UNKNOWN, true, true) },
		EVENT_PROPOSAL_INVALID, CAUSE_CHILD_PROPOSAL },
	{ "traffic selectors, initiator", true, false, true, false,
		{ ALERT(CAUSE_UNKNOWN, true, true), LOG(CAUSE_TS_REFUSED, true, true),
			LOG(CAUSE_UNKNOWN, true, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_TS_REFUSED },
	{ "traffic selectors, responder", false, false, true, false,
		{ ALERT(CAUSE_TS, true, false), ALERT(CAUSE_UNKNOWN, true, true),
			LOG(CAUSE_TS, true, false), LOG(CAUSE_UNKNOWN, true, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_TS },
	{ "peer unreachable", true, false, false, false,
		{ ALERT(CAUSE_TIMEOUT, false, true), LOG(CAUSE_TIMEOUT, false, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_TIMEOUT },
	{ "dead peer", true, false, true, true,
		{ ALERT(CAUSE_TIMEOUT, false, true), LOG(CAUSE_TIMEOUT, false, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_DPD },
	{ "the kernel refuses, initiator", true, false, true, false,
		{ ALERT(CAUSE_CHILD_PROPOSAL, true, false), ALERT(CAUSE_UNKNOWN, true, true),
			LOG(CAUSE_CHILD_PROPOSAL_REFUSED, true, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_CHILD_PROPOSAL_REFUSED },
	{ "the kernel refuses, responder", false, false, true, false,
		{ ALERT(CAUSE_SA_INSTALL, true, false), ALERT(CAUSE_UNKNOWN, true, true),
			LOG(CAUSE_SA_INSTALL, true, false), LOG(CAUSE_UNKNOWN, true, true) },
		EVENT_NEGOTIATION_FAILED, CAUSE_SA_INSTALL },
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void say(struct bench *b, const struct side *s, const struct said *piece)
{
	struct fact f = { .type = FACT_NEGOTIATION, .source = SOURCE_STRONGSWAN };
	struct negotiation *n = &f.negotiation;

	*n = (struct negotiation){ .service = SERVICE,
		.cause = piece->cause,
		.said = piece->said,
		.child = piece->child,
		.final = piece->final };
	if (piece->knows & BY_NUMBER)
		n->unique = UNIQUE;
	if (piece->knows & BY_PEER)
		n->remote = addr_of(PEER);
	if (!s->unnamed)
		(void)snprintf(n->conn, sizeof(n->conn), "net-net");
	if (piece->said == SAID_UPDOWN) {
		n->role_known = true;
		n->initiator = s->initiator;
	}
	bench_feed(b, &f, NS_A);
}

static struct ike_sa ike_sa_of(uint64_t unique, bool initiator)
{
	return (struct ike_sa){ .service = SERVICE,
		.unique = unique,
		.name = "net-net",
		.version = 2,
		.state = IKE_ESTABLISHED,
		.role_known = true,
		.initiator = initiator,
		.spi_i = 0x1111,
		.spi_r = 0x2222,
		.local = addr_of("10.9.0.1"),
		.remote = addr_of(PEER),
		.local_port = 500,
		.remote_port = 500,
		.local_id = "red@lab",
		.remote_id = "blue@lab",
		.encryption = "AES_GCM_16",
		.encryption_bits = 256,
		.prf = "PRF_HMAC_SHA2_384",
		.dh = "ECP_384" };
}

static void ike_sa(struct bench *b, uint8_t op, uint64_t unique, bool initiator)
{
	struct fact f = { .type = FACT_IKE_SA,
		.source = SOURCE_STRONGSWAN,
		.ike_sa = { .op = op, .sa = ike_sa_of(unique, initiator) } };

	if (op == IKE_OP_REKEYED)
		f.ike_sa.replaces = unique - 1;
	bench_feed(b, &f, NS_A);
}

static void ike_sa_gone(struct bench *b, uint8_t how, uint64_t unique)
{
	struct fact f = { .type = FACT_IKE_SA_GONE,
		.source = SOURCE_STRONGSWAN,
		.ike_sa_gone = { .how = how, .sa = ike_sa_of(unique, true) } };

	bench_feed(b, &f, NS_A);
}

static struct child_sa child_of(uint64_t unique)
{
	return (struct child_sa){ .service = SERVICE,
		.unique = unique,
		.ike_unique = UNIQUE,
		.name = "lan",
		.ike_name = "net-net",
		.state = CHILD_INSTALLED,
		.mode = IPSEC_TUNNEL,
		.proto = IPPROTO_ESP,
		.spi_in = 0xc0000001 + (uint32_t)unique,
		.spi_out = 0xd0000001 + (uint32_t)unique,
		.reqid = 1,
		.encryption = "AES_GCM_16",
		.encryption_bits = 256,
		.local_ts = "10.1.0.0/16",
		.remote_ts = "10.2.0.0/16" };
}

static void child_sa(struct bench *b, uint8_t op, uint64_t unique, uint64_t replaces)
{
	struct fact f = { .type = FACT_CHILD_SA,
		.source = SOURCE_STRONGSWAN,
		.child_sa = { .op = op, .replaces = replaces, .sa = child_of(unique) } };

	bench_feed(b, &f, NS_A);
}

static void child_sa_gone(struct bench *b, uint8_t how, uint64_t unique)
{
	struct fact f = { .type = FACT_CHILD_SA_GONE,
		.source = SOURCE_STRONGSWAN,
		.child_sa_gone = { .how = how, .sa = child_of(unique) } };

	bench_feed(b, &f, NS_A);
}

static size_t count_failures(const struct bench *b)
{
	size_t n = 0;

	for (uint32_t id = EVENT_AUTHENTICATION_FAILED; id <= EVENT_NEGOTIATION_FAILED; id++)
		n += bench_count_id(b, id);
	return n;
}

static const struct event *first_failure(const struct bench *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].id >= EVENT_AUTHENTICATION_FAILED &&
			b->events[i].id <= EVENT_NEGOTIATION_FAILED)
			return &b->events[i];
	}
	return NULL;
}

static void assert_cause(const struct event *e, uint8_t cause)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "\"cause\":\"%s\"", ike_cause_name(cause));
	if (!strstr(e->detail, text))
		fail_msg("not %s: %s", text, e->detail);
}

/* A repeatable order; 0: as written. */
static void shuffle(struct said *v, size_t n, uint32_t seed)
{
	for (size_t i = n; seed && i > 1; i--) {
		struct said t = v[i - 1];
		size_t k;

		seed = seed * 1664525u + 1013904223u;
		k = (seed >> 8) % i;
		v[i - 1] = v[k];
		v[k] = t;
	}
}

/* ms: between one piece and the next. */
static void one_side(const struct side *s, bool notify, uint32_t seed, uint64_t ms)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	const struct event *e;
	struct said pieces[10];
	size_t n = 0;

	bench_live(b);
	if (s->was_up)
		ike_sa(b, IKE_OP_UP, UNIQUE, s->initiator);
	for (size_t i = 0; i < ARRAY_LEN(s->pieces) && s->pieces[i].said; i++) {
		if (notify || s->pieces[i].said != SAID_ALERT)
			pieces[n++] = s->pieces[i];
	}
	shuffle(pieces, n, seed);
	for (size_t i = 0; i < n; i++) {
		if (s->dies && i == n / 2)
			ike_sa_gone(b, IKE_GONE_DOWN, UNIQUE);
		say(b, s, &pieces[i]);
		bench_pass(b, ms);
	}
	bench_settle(b);
	e = first_failure(b);
	if (!e || count_failures(b) != 1 || e->id != s->id)
		fail_msg("%s, error-notify %s, order %u: %zu failures, the first %u", s->name,
			notify ? "on" : "off", seed, count_failures(b), e ? e->id : 0);
	assert_cause(e, s->cause);
	assert_string_equal(e->netns, "a");
	assert_int_equal(e->count, 0);
	assert_int_equal(bench_count_id(b, EVENT_IKE_SA_DELETED), s->dies);
	bench_free(b);
}

static void every_row_of_the_table_gives_one_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		bool log = false;

		for (size_t k = 0; k < ARRAY_LEN(sides[i].pieces); k++)
			log = log || sides[i].pieces[k].said == SAID_LOG;
		for (uint32_t seed = 0; seed < 40; seed++) {
			one_side(&sides[i], true, seed, 1);
			if (log)
				one_side(&sides[i], false, seed, 1);
		}
		one_side(&sides[i], true, 0, 300);
		if (log)
			one_side(&sides[i], false, 0, 300);
	}
}

static void without_evidence_the_cause_is_unknown(void **state)
{
	static const struct side s = { .name = "unknown", .initiator = true };
	static const struct said updown = UPDOWN;
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	say(b, &s, &updown);
	ike_sa_gone(b, IKE_GONE_FAILED, UNIQUE);
	bench_settle(b);
	assert_int_equal(count_failures(b), 1);
	assert_int_equal(first_failure(b)->id, EVENT_NEGOTIATION_FAILED);
	assert_cause(first_failure(b), CAUSE_UNKNOWN);
	assert_non_null(strstr(first_failure(b)->message, "cause unknown"));
	assert_string_equal(first_failure(b)->peer, "blue@lab");
	bench_free(b);
}

static void a_storm_of_retransmissions_is_one_event(void **state)
{
	static const struct side s = { .name = "storm", .initiator = true };
	static const struct said again = LOG(CAUSE_DECRYPT, false, false),
				 end = LOG(CAUSE_TIMEOUT, false, true);
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < 100; k++)
			say(b, &s, &again);
		bench_pass(b, 70000);
		bench_poll(b);
	}
	assert_int_equal(count_failures(b), 0);
	say(b, &s, &end);
	bench_settle(b);
	say(b, &s, &again);
	bench_settle(b);
	assert_int_equal(count_failures(b), 1);
	assert_cause(first_failure(b), CAUSE_DECRYPT);
	bench_free(b);
}

static void a_new_attempt_is_a_new_occurrence(void **state)
{
	static const struct side s = { .name = "again", .initiator = true };
	static const struct said end = LOG(CAUSE_TIMEOUT, false, true);
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	for (int i = 0; i < 2; i++) {
		say(b, &s, &end);
		bench_settle(b);
	}
	assert_int_equal(count_failures(b), 2);
	bench_free(b);
}

/* Half-open, and missing in a list later: whatever the daemon does with it, it was told. */
static void what_follows_is_no_news(void **state)
{
	static const struct side s = { .name = "after", .initiator = true };
	static const struct said cause = LOG(CAUSE_IKE_PROPOSAL_REFUSED, false, true),
				 end = LOG(CAUSE_TIMEOUT, false, true);
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	say(b, &s, &cause);
	bench_settle(b);
	bench_pass(b, 20000);
	ike_sa_gone(b, IKE_GONE_FAILED, UNIQUE);
	bench_pass(b, 40000);
	say(b, &s, &end);
	bench_settle(b);
	assert_int_equal(count_failures(b), 1);
	/* One that was up can still die. */
	ike_sa(b, IKE_OP_UP, UNIQUE + 1, true);
	bench_feed(b,
		&(struct fact){ .type = FACT_NEGOTIATION,
			.negotiation = { .service = SERVICE,
				.unique = UNIQUE + 1,
				.said = SAID_LOG,
				.cause = CAUSE_IKE_PROPOSAL_REFUSED,
				.final = true } },
		NS_A);
	bench_settle(b);
	ike_sa_gone(b, IKE_GONE_DOWN, UNIQUE + 1);
	bench_feed(b,
		&(struct fact){ .type = FACT_NEGOTIATION,
			.negotiation = { .service = SERVICE,
				.unique = UNIQUE + 1,
				.said = SAID_LOG,
				.cause = CAUSE_TIMEOUT,
				.final = true } },
		NS_A);
	bench_settle(b);
	assert_int_equal(count_failures(b), 3);
	bench_free(b);
}

static void a_detour_is_no_failure(void **state)
{
	static const struct side s = { .name = "detour", .initiator = true };
	static const struct said group = LOG(CAUSE_KE_GROUP, false, false),
				 other = LOG(CAUSE_IKE_PROPOSAL, false, false);
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	say(b, &s, &group);
	say(b, &s, &other);
	ike_sa(b, IKE_OP_UP, UNIQUE, true);
	bench_settle(b);
	say(b, &s, &group); /* and never a word of it again */
	bench_pass(b, 1000000);
	bench_settle(b);
	assert_int_equal(count_failures(b), 0);
	assert_int_equal(bench_count_id(b, EVENT_SA_ESTABLISHED), 1);
	bench_free(b);
}

static void what_never_ends_is_told_in_the_end(void **state)
{
	static const struct side s = { .name = "open", .initiator = false };
	static const struct said open = LOG(CAUSE_AUTH_FAILED, false, false);
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	say(b, &s, &open);
	bench_pass(b, (ATTEMPT_OPEN_S - 2) * 1000);
	assert_int_equal(count_failures(b), 0);
	bench_pass(b, 3000);
	assert_int_equal(count_failures(b), 1);
	bench_free(b);
}

static void a_timeout_after_the_end_is_told_as_a_dead_peer(void **state)
{
	static const struct side s = { .name = "late", .initiator = true };
	static const struct said end = ALERT(CAUSE_TIMEOUT, false, true);
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	ike_sa(b, IKE_OP_UP, UNIQUE, true);
	child_sa(b, IKE_OP_UP, 1, 0);
	ike_sa_gone(b, IKE_GONE_DOWN, UNIQUE);
	child_sa_gone(b, IKE_GONE_DOWN, 1);
	say(b, &s, &end);
	bench_settle(b);
	assert_int_equal(count_failures(b), 1);
	assert_cause(first_failure(b), CAUSE_DPD);
	assert_int_equal(bench_count_id(b, EVENT_IKE_SA_DELETED), 1);
	assert_int_equal(bench_count_id(b, EVENT_IPSEC_SA_DELETED), 1);
	bench_free(b);
}

static void a_healthy_life_has_no_failures(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	ike_sa(b, IKE_OP_LISTED, 2, true); /* there before us: not news */
	ike_sa(b, IKE_OP_UP, UNIQUE, true);
	child_sa(b, IKE_OP_UP, 1, 0);
	e = bench_find(b, EVENT_SA_ESTABLISHED);
	assert_non_null(e);
	assert_string_equal(e->subcategory, "IPsec Main Mode");
	assert_non_null(strstr(e->detail, "\"role\":\"initiator\""));
	assert_string_equal(e->message,
		"IKE SA established: net-net with blue@lab at 10.9.0.2, we are the initiator, "
		"AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384");
	e = &b->events[b->n - 1];
	assert_int_equal(e->id, EVENT_SA_ESTABLISHED);
	assert_string_equal(e->subcategory, "IPsec Quick Mode");
	assert_string_equal(e->tunnel, "net-net/lan");
	assert_string_equal(e->peer, "blue@lab");
	assert_string_equal(e->message,
		"IPsec SA established: net-net/lan with blue@lab at 10.9.0.2, AES_GCM_16-256, "
		"10.1.0.0/16 to 10.2.0.0/16, SPIs 0xc0000002 in, 0xd0000002 out");
	for (uint64_t i = 2; i < 5; i++) {
		child_sa(b, IKE_OP_REKEYED, i, i - 1);
		child_sa_gone(b, IKE_GONE_REPLACED, i - 1);
	}
	ike_sa(b, IKE_OP_REKEYED, UNIQUE + 1, true);
	ike_sa_gone(b, IKE_GONE_REPLACED, UNIQUE);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_SA_ESTABLISHED), 2);
	assert_int_equal(bench_count_id(b, EVENT_SA_REKEYED), 4);
	assert_int_equal(bench_count_id(b, EVENT_IKE_SA_DELETED), 0);
	assert_int_equal(bench_count_id(b, EVENT_IPSEC_SA_DELETED), 0);
	/* The peer's last message, again, is logged before the lists lack the SA. */
	bench_feed(b,
		&(struct fact){ .type = FACT_NEGOTIATION,
			.negotiation = { .service = SERVICE,
				.unique = UNIQUE + 1,
				.said = SAID_LOG,
				.cause = CAUSE_INVALID_SPI } },
		NS_A);
	ike_sa_gone(b, IKE_GONE_DOWN, UNIQUE + 1);
	child_sa_gone(b, IKE_GONE_DOWN, 4);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_IKE_SA_DELETED), 1);
	e = bench_find(b, EVENT_IPSEC_SA_DELETED);
	assert_non_null(e);
	assert_string_equal(e->peer, "blue@lab"); /* although the IKE SA went before */
	assert_int_equal(count_failures(b), 0);
	bench_free(b);
}

static void two_modes_are_switched_apart(void **state)
{
	struct fact f = { .type = FACT_AUDIT_SETTING,
		.audit_setting = { .subcategory = SUBCATEGORY_MAIN_MODE,
			.setting = AUDIT_FAILURE,
			.initial = true } };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	bench_core_fact(b, &f);
	ike_sa(b, IKE_OP_UP, UNIQUE, true);
	assert_int_equal(bench_count_id(b, EVENT_SA_ESTABLISHED), 0);
	child_sa(b, IKE_OP_UP, 1, 0);
	assert_int_equal(bench_count_id(b, EVENT_SA_ESTABLISHED), 1);
	ike_sa_gone(b, IKE_GONE_FAILED, 9);
	bench_settle(b);
	assert_int_equal(count_failures(b), 1);
	bench_free(b);
}

struct row {
	size_t n;
	struct failure_row last;
	char evidence[128];
	struct negotiation negotiation;
};

static bool on_row(void *userdata, const void *row)
{
	struct row *r = userdata;

	r->last = *(const struct failure_row *)row;
	r->negotiation = *r->last.n;
	(void)snprintf(r->evidence, sizeof(r->evidence), "%s", r->last.evidence);
	r->n++;
	return true;
}

static void the_same_again_and_again_folds(void **state)
{
	struct row r = { 0 };
	struct bench *b = bench_new(0); /* first_packets: 3 */

	(void)state;
	bench_live(b);
	for (uint64_t i = 0; i < 10; i++) {
		ike_sa_gone(b, IKE_GONE_FAILED, 100 + i);
		bench_pass(b, 1500);
	}
	assert_int_equal(count_failures(b), 3);
	bench_pass(b, (uint64_t)FAILURE_WINDOW_S * 1000);
	bench_pass(b, 1000);
	assert_int_equal(count_failures(b), 4);
	assert_non_null(strstr(b->events[b->n - 1].message, "6 more of the same"));
	assert_int_equal(core_each(b->core, &noun_failure, on_row, &r), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.last.count, 10);
	assert_string_equal(r.evidence, "updown");
	assert_int_equal(r.negotiation.unique, 109);
	bench_free(b);
}

static void the_table_slides(void **state)
{
	struct row r = { 0 };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	for (uint32_t i = 0; i < 300; i++) {
		struct fact f = { .type = FACT_NEGOTIATION,
			.negotiation = { .service = SERVICE,
				.unique = i + 1,
				.said = SAID_LOG,
				.cause = CAUSE_TS,
				.child = true,
				.final = true } };

		(void)snprintf(f.negotiation.conn, sizeof(f.negotiation.conn), "c%u", i);
		bench_feed(b, &f, NS_A);
	}
	bench_settle(b);
	assert_int_equal(count_failures(b), 300);
	assert_int_equal(core_each(b->core, &noun_failure, on_row, &r), 0);
	assert_int_equal(r.n, LIMIT_FAILURES);
	bench_free(b);
}

static void peers_at_once_are_kept_apart(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 50; i++) {
			struct fact f = { .type = FACT_NEGOTIATION,
				.negotiation = { .service = SERVICE,
					.said = round ? SAID_ALERT : SAID_LOG,
					.cause = round ? CAUSE_AUTH_FAILED : CAUSE_CERT_EXPIRED,
					.final = true } };
			char text[32];

			(void)snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
			f.negotiation.remote = addr_of(text);
			bench_feed(b, &f, NS_A);
		}
	}
	bench_settle(b);
	assert_int_equal(count_failures(b), 50);
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].id == EVENT_AUTHENTICATION_FAILED)
			assert_cause(&b->events[i], CAUSE_CERT_EXPIRED);
	}
	bench_free(b);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct core_status before, after;
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	core_status(b->core, &before);
	for (uint32_t i = 0; i < LIMIT_ATTEMPTS + 10; i++) {
		struct fact f = { .type = FACT_NEGOTIATION,
			.negotiation = { .service = SERVICE,
				.unique = i + 1,
				.said = SAID_LOG,
				.cause = CAUSE_IKE_PROPOSAL,
				.remote = { AF_INET,
					{ 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } },
				.final = true } };

		bench_feed(b, &f, NS_A);
	}
	core_status(b->core, &after);
	assert_int_equal(after.refused - before.refused, 10);
	bench_settle(b);
	assert_int_equal(count_failures(b), LIMIT_ATTEMPTS);
	bench_free(b);
}

static void what_waits_is_not_acknowledged(void **state)
{
	static const struct side s = { .name = "pending", .initiator = true };
	static const struct said updown = UPDOWN;
	struct core_progress p;
	struct bench *b = bench_new(0);
	uint64_t seq;

	(void)state;
	bench_live(b);
	say(b, &s, &updown);
	seq = b->seq;
	bench_poll(b);
	core_progress(b->core, &p);
	assert_int_equal(p.n_pending, 1);
	assert_int_equal(p.pending[0][0], seq);
	assert_int_equal(p.done, seq - 1);
	bench_settle(b);
	core_progress(b->core, &p);
	assert_int_equal(p.n_pending, 0);
	bench_free(b);
}

/* After a kill the core is told again: what waited is told, what was told is not. */
static void a_killed_core_tells_each_once(void **state)
{
	static const struct side s = { .name = "killed", .initiator = true };
	static const struct said updown = UPDOWN;
	struct core_progress p;
	struct fact run = { .type = FACT_RESTORE_RUN };

	(void)state;
	for (int told = 0; told < 2; told++) {
		struct bench *b = bench_new(0), *again = bench_new(0);
		uint64_t seq;

		bench_live(b);
		ike_sa(b, IKE_OP_UP, 1, true);
		say(b, &s, &updown);
		seq = b->seq;
		if (told)
			bench_settle(b);
		core_progress(b->core, &p);
		run.restore_run.epoch = p.epoch;
		run.restore_run.applied = p.applied;
		run.restore_run.n_pending = p.n_pending;
		memcpy(run.restore_run.pending, p.pending, sizeof(p.pending));
		bench_free(b);
		bench_core_fact(again, &run);
		bench_netns(again, NS_A, "a", true);
		/* the same facts, by the same numbers */
		while (again->seq + 2 < seq)
			bench_source(again, 0, SOURCE_AUDIT, SOURCE_IN_STEP, 0);
		ike_sa(again, IKE_OP_UP, 1, true);
		say(again, &s, &updown);
		again->seq = p.applied > again->seq ? p.applied : again->seq;
		bench_settle(again);
		assert_int_equal(bench_count_id(again, EVENT_SA_ESTABLISHED), 0);
		assert_int_equal(count_failures(again), told ? 0 : 1);
		bench_free(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_gives_one_event),
		cmocka_unit_test(without_evidence_the_cause_is_unknown),
		cmocka_unit_test(a_storm_of_retransmissions_is_one_event),
		cmocka_unit_test(a_new_attempt_is_a_new_occurrence),
		cmocka_unit_test(what_follows_is_no_news),
		cmocka_unit_test(a_detour_is_no_failure),
		cmocka_unit_test(what_never_ends_is_told_in_the_end),
		cmocka_unit_test(a_timeout_after_the_end_is_told_as_a_dead_peer),
		cmocka_unit_test(a_healthy_life_has_no_failures),
		cmocka_unit_test(two_modes_are_switched_apart),
		cmocka_unit_test(the_same_again_and_again_folds),
		cmocka_unit_test(the_table_slides),
		cmocka_unit_test(peers_at_once_are_kept_apart),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(what_waits_is_not_acknowledged),
		cmocka_unit_test(a_killed_core_tells_each_once),
	};

	return cmocka_run_group_tests_name("core/negotiations", tests, NULL, NULL);
}
