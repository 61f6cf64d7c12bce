/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "model/rows.h"

#define ALL (EVIDENCE_BIT(EVIDENCE_BPF) | EVIDENCE_BIT(EVIDENCE_AUDIT) | EVIDENCE_BIT(EVIDENCE_SA))
#define PEER "192.0.2.1"
#define HERE "192.0.2.2"
#define CHARON 11u
#define PLUTO 22u

/* One row, copied; texts of the catalogue and of the netns stay. */
struct wanted {
	const char *key, *netns, *daemon;
	struct statistic_row row;
	char parts[128];
	unsigned n;
};

static bool on_row(void *userdata, const void *p)
{
	struct wanted *w = userdata;
	const struct statistic_row *r = p;

	if (strcmp(r->key, w->key) != 0 || strcmp(r->netns, w->netns) != 0 ||
		(r->daemon == NULL) != (w->daemon == NULL) ||
		(r->daemon && strcmp(r->daemon, w->daemon) != 0))
		return true;
	w->row = *r;
	(void)snprintf(w->parts, sizeof(w->parts), "%s", r->parts ? r->parts : "");
	w->n++;
	return true;
}

static struct wanted get_of(struct bench *b, const char *key, const char *daemon)
{
	struct wanted w = { .key = key, .netns = "a", .daemon = daemon };

	assert_int_equal(core_each(b->core, &noun_statistic, on_row, &w), 0);
	assert_int_equal(w.n, 1);
	/* Known, or the reason why not. */
	assert_true(w.row.known == (w.row.reason == NULL));
	return w;
}

static struct wanted get(struct bench *b, const char *key)
{
	return get_of(b, key, NULL);
}

static void assert_value(struct bench *b, const char *key, uint64_t value)
{
	struct wanted w = get(b, key);

	if (!w.row.known)
		fail_msg("%s is not known: %s", key, w.row.reason);
	if (w.row.value != value)
		fail_msg("%s is %llu, not %llu", key, (unsigned long long)w.row.value,
			(unsigned long long)value);
}

static void assert_since(struct bench *b, const char *key, uint64_t value, bool before)
{
	struct wanted w = get(b, key);

	assert_true(w.row.has_since);
	if (w.row.since != value || w.row.before_unknown != before)
		fail_msg("%s since start is %llu (before unknown: %d)", key,
			(unsigned long long)w.row.since, w.row.before_unknown);
}

static void assert_unknown(struct bench *b, const char *key, const char *reason)
{
	struct wanted w = get(b, key);

	assert_false(w.row.known);
	if (!strstr(w.row.reason, reason))
		fail_msg("%s: %s", key, w.row.reason);
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct fact service_of(uint64_t id, uint8_t daemon, bool found)
{
	struct fact f = { .type = FACT_SERVICE, .source = SOURCE_SERVICE };

	f.service.id = id;
	f.service.daemon = daemon;
	f.service.control = CONTROL_OPEN;
	f.service.found = found;
	return f;
}

static void service(struct bench *b, uint64_t id, uint8_t daemon, bool found)
{
	struct fact f = service_of(id, daemon, found);

	bench_feed(b, &f, NS_A);
}

static void service_ends(struct bench *b, uint64_t id, uint8_t daemon)
{
	struct fact f = service_of(id, daemon, false);

	f.service.end = SERVICE_STOPPED;
	bench_feed(b, &f, NS_A);
}

static void list(struct bench *b, uint64_t id, uint8_t which, uint8_t phase)
{
	struct fact f = { .type = FACT_IKE_DUMP };

	f.ike_dump.service = id;
	f.ike_dump.list = which;
	f.ike_dump.phase = phase;
	bench_feed(b, &f, NS_A);
}

static void counter(struct bench *b, uint64_t id, const char *name, uint64_t value)
{
	struct fact f = { .type = FACT_IKE_COUNTER };

	f.ike_counter.service = id;
	f.ike_counter.value = value;
	(void)snprintf(f.ike_counter.name, sizeof(f.ike_counter.name), "%s", name);
	list(b, id, IKE_LIST_COUNTERS, DUMP_BEGIN);
	bench_feed(b, &f, NS_A);
	list(b, id, IKE_LIST_COUNTERS, DUMP_END);
}

static struct fact ike_sa_of(
	uint64_t id, uint64_t unique, uint8_t op, uint8_t state, bool initiator)
{
	struct fact f = { .type = FACT_IKE_SA };

	f.ike_sa.op = op;
	f.ike_sa.sa.service = id;
	f.ike_sa.sa.unique = unique;
	f.ike_sa.sa.state = state;
	f.ike_sa.sa.role_known = true;
	f.ike_sa.sa.initiator = initiator;
	f.ike_sa.sa.local = address(HERE);
	f.ike_sa.sa.remote = address(PEER);
	return f;
}

static void ike_sa(
	struct bench *b, uint64_t id, uint64_t unique, uint8_t op, uint8_t state, bool initiator)
{
	struct fact f = ike_sa_of(id, unique, op, state, initiator);

	bench_feed(b, &f, NS_A);
}

static void child_sa(struct bench *b, uint64_t id, uint64_t unique, uint8_t op)
{
	struct fact f = { .type = FACT_CHILD_SA };

	f.child_sa.op = op;
	f.child_sa.sa.service = id;
	f.child_sa.sa.unique = unique;
	f.child_sa.sa.spi_in = (uint32_t)(0x100 + unique);
	f.child_sa.sa.spi_out = (uint32_t)(0x200 + unique);
	bench_feed(b, &f, NS_A);
}

static void failed(
	struct bench *b, uint64_t id, uint64_t unique, uint8_t cause, uint8_t said, bool final)
{
	struct fact f = { .type = FACT_NEGOTIATION };

	f.negotiation.service = id;
	f.negotiation.unique = unique;
	f.negotiation.cause = cause;
	f.negotiation.said = said;
	f.negotiation.final = final;
	f.negotiation.role_known = f.negotiation.initiator = true;
	f.negotiation.local = address(HERE);
	f.negotiation.remote = address(PEER);
	bench_feed(b, &f, NS_A);
}

static void sad_result(struct bench *b, uint8_t op, uint32_t error, uint64_t count)
{
	struct fact f = { .type = FACT_SAD_RESULT, .source = SOURCE_BPF };

	f.sad_result.op = op;
	f.sad_result.error = error;
	f.sad_result.count = count;
	bench_feed(b, &f, NS_A);
}

static void bpf_sees_the_sad(struct bench *b)
{
	struct fact f = { .type = FACT_HOOK, .source = SOURCE_BPF };

	(void)snprintf(f.hook.counter, sizeof(f.hook.counter), "%s", HOOK_OF_SAD);
	(void)snprintf(f.hook.hook, sizeof(f.hook.hook), "fexit");
	bench_source(b, 0, SOURCE_BPF, SOURCE_IN_STEP, 0);
	bench_feed(b, &f, 0);
}

static struct sa out_sa(uint32_t spi)
{
	struct sa sa = bench_sa(HERE, PEER, spi);

	sa.direction = DIRECTION_OUT;
	return sa;
}

static struct sa larval_sa(uint32_t spi)
{
	struct sa sa = bench_sa(spi ? PEER : HERE, spi ? HERE : PEER, spi);

	sa.larval = true;
	sa.direction = DIRECTION_UNKNOWN;
	sa.encryption[0] = '\0';
	return sa;
}

/* As a daemon does it: an SPI, the outbound SA, keys for the inbound one. */
static void pair_comes(struct bench *b, uint32_t in, uint32_t out)
{
	struct sa larval = larval_sa(in), a = bench_sa(PEER, HERE, in), o = out_sa(out);

	bench_sa_fact(b, NS_A, SA_DUMPED, &larval);
	bench_sa_fact(b, NS_A, SA_UPDATED, &a);
	bench_sa_fact(b, NS_A, SA_ADDED, &o);
}

static void pair_goes(
	struct bench *b, uint32_t in, uint32_t out, uint64_t bytes_in, uint64_t bytes_out)
{
	struct sa a = bench_sa(PEER, HERE, in), o = out_sa(out);

	a.bytes = bytes_in;
	o.bytes = bytes_out;
	bench_sa_gone(b, NS_A, GONE_DELETED, &a);
	bench_sa_gone(b, NS_A, GONE_DELETED, &o);
}

static struct bench *live(void)
{
	struct bench *b = bench_new(ALL);

	bench_live(b);
	bench_address(b, NS_A, HERE);
	return b;
}

static bool count_keys(void *userdata, const void *p)
{
	const struct statistic_row *r = p;
	unsigned *seen = userdata;
	int id = catalog_statistic(r->key);

	if (strncmp(r->key, "mainmode.", 9) != 0 && strncmp(r->key, "quickmode.", 10) != 0)
		return true;
	assert_in_range(id, 0, STATISTIC_N - 1);
	seen[id]++;
	assert_string_equal(r->title, catalog_statistics[id].title);
	assert_true(r->known == (r->reason == NULL));
	return true;
}

static void all_43_are_there_once_a_netns(void **state)
{
	struct bench *b = live();
	unsigned seen[STATISTIC_N] = { 0 };

	(void)state;
	assert_int_equal(STATISTIC_N, 22 + 21);
	assert_int_equal(STATISTIC_QUICKMODE_ACTIVE_SECURITY_ASSOCIATIONS, 22);
	assert_int_equal(core_each(b->core, &noun_statistic, count_keys, seen), 0);
	for (unsigned i = 0; i < STATISTIC_N; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(core_each(b->core, &noun_mainmode_statistic, count_keys, seen), 0);
	for (unsigned i = 0; i < STATISTIC_N; i++)
		assert_int_equal(seen[i], i < 22 ? 2 : 1);
	assert_int_equal(core_each(b->core, &noun_quickmode_statistic, count_keys, seen), 0);
	for (unsigned i = 0; i < STATISTIC_N; i++)
		assert_int_equal(seen[i], 2);
	bench_free(b);
}

static void what_nobody_tells_is_null_with_its_reason(void **state)
{
	static const char *const daemons[] = { "mainmode.receive_failures",
		"mainmode.receive_heap_size", "mainmode.authentication_failures",
		"mainmode.negotiation_failures", "mainmode.invalid_cookies_received",
		"mainmode.isadb_list_size", "mainmode.connection_list_size",
		"mainmode.ike_main_mode", "mainmode.ike_quick_mode", "mainmode.soft_associations",
		"mainmode.invalid_packets_received" };
	struct bench *b = live();
	struct fact f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(daemons); i++)
		assert_unknown(b, daemons[i], "no IKE daemon runs here");
	assert_unknown(b, "mainmode.send_failures", "nobody counts it");
	assert_unknown(b, "mainmode.get_spi_failures", "BPF");
	assert_value(b, "mainmode.key_addition_failures", 0); /* audit tells */
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_LOST, 0);
	assert_unknown(b, "mainmode.key_addition_failures", "audit");
	assert_unknown(b, "mainmode.key_update_failures", "audit");
	/* A daemon that does not answer. */
	f = service_of(CHARON, DAEMON_STRONGSWAN, false);
	f.service.control = CONTROL_REFUSED;
	bench_feed(b, &f, NS_A);
	assert_unknown(b, "mainmode.authentication_failures", "VICI");
	assert_unknown(b, "mainmode.active_acquire", "VICI");
	assert_unknown(b, "quickmode.pending_key_operations", "VICI");
	assert_unknown(b, "mainmode.receive_failures", "sockets");
	/* One that does, without its counters plugin. */
	service(b, CHARON, DAEMON_STRONGSWAN, false);
	assert_value(b, "mainmode.authentication_failures", 0);
	assert_unknown(b, "mainmode.invalid_packets_received", "counters plugin");
	service_ends(b, CHARON, DAEMON_STRONGSWAN);
	service(b, PLUTO, DAEMON_LIBRESWAN, false);
	assert_unknown(b, "mainmode.authentication_failures", "globalstatus");
	bench_free(b);
	/* A netns of which nothing was read. */
	b = bench_new(ALL);
	bench_netns(b, NS_A, "a", true);
	assert_unknown(b, "quickmode.active_security_associations", "SAD");
	assert_unknown(b, "quickmode.confidential_bytes_sent", "");
	assert_unknown(b, "quickmode.bad_spi_packets", "xfrm_stat");
	assert_unknown(b, "mainmode.key_additions", "SAD");
	bench_free(b);
}

static void keys_as_the_kernel_tells_them(void **state)
{
	struct bench *b = live();
	struct sa asked = larval_sa(0), pending = larval_sa(0x77);
	struct fact f = { .type = FACT_AUDIT_CHANGE, .source = SOURCE_AUDIT };

	(void)state;
	pair_comes(b, 1, 2);
	assert_value(b, "mainmode.key_additions", 1);
	assert_value(b, "mainmode.key_updates", 1);
	assert_value(b, "mainmode.total_get_spi", 1);
	assert_string_equal(get(b, "mainmode.total_get_spi").parts, "derived from Key Updates");
	assert_value(b, "quickmode.key_additions", 2);
	assert_value(b, "quickmode.active_security_associations", 1);
	assert_value(b, "quickmode.active_tunnels", 1);
	assert_value(b, "quickmode.rekeys", 0);
	/* A rekey: the new pair while the old one lives; then the old one goes. */
	pair_comes(b, 3, 4);
	assert_value(b, "quickmode.active_security_associations", 2);
	assert_value(b, "quickmode.rekeys", 1);
	pair_goes(b, 1, 2, 0, 0);
	assert_value(b, "quickmode.active_security_associations", 1);
	assert_value(b, "quickmode.key_deletions", 2);
	assert_value(b, "mainmode.key_additions", 2);
	/* An update of an SA that has its keys is no second key. */
	f.sa.sa = bench_sa(PEER, HERE, 3);
	bench_sa_fact(b, NS_A, SA_UPDATED, &f.sa.sa);
	assert_value(b, "mainmode.key_updates", 2);
	/* Larval SAs: asked for, and waiting for keys. */
	bench_sa_fact(b, NS_A, SA_DUMPED, &asked);
	bench_sa_fact(b, NS_A, SA_DUMPED, &pending);
	assert_value(b, "mainmode.active_acquire", 1);
	assert_value(b, "mainmode.acquire_heap_size", 1);
	assert_value(b, "mainmode.total_acquire", 1);
	assert_value(b, "quickmode.pending_key_operations", 1);
	bench_sa_gone(b, NS_A, GONE_EXPIRED, &asked);
	assert_value(b, "mainmode.active_acquire", 0);
	assert_value(b, "mainmode.acquire_failures", 1);
	assert_value(b, "quickmode.key_deletions", 2);
	/* What the kernel refused: by audit, then by our programs. */
	memset(&f, 0, sizeof(f));
	f.type = FACT_AUDIT_CHANGE;
	f.source = SOURCE_AUDIT;
	f.audit_change.op = AUDIT_SAD_ADD;
	f.audit_change.src = (struct prefix){ address(HERE), 32 };
	f.audit_change.dst = (struct prefix){ address(PEER), 32 };
	bench_feed(b, &f, 0);
	assert_value(b, "mainmode.key_addition_failures", 1);
	assert_value(b, "mainmode.key_update_failures", 0);
	f.audit_change.src = (struct prefix){ address(PEER), 32 };
	f.audit_change.dst = (struct prefix){ address(HERE), 32 };
	bench_feed(b, &f, 0);
	assert_value(b, "mainmode.key_update_failures", 1);
	bpf_sees_the_sad(b);
	bench_feed(b, &f, 0); /* one occurrence, one witness */
	sad_result(b, SAD_RESULT_GETSPI, 0, 5);
	sad_result(b, SAD_RESULT_GETSPI, 2, 2);
	sad_result(b, SAD_RESULT_ADD, 17, 3);
	sad_result(b, SAD_RESULT_UPDATE, 3, 4);
	pair_comes(b, 5, 6);
	assert_value(b, "mainmode.total_get_spi", 2 + 7);
	assert_value(b, "mainmode.get_spi_failures", 2);
	assert_value(b, "mainmode.key_addition_failures", 1 + 3);
	assert_value(b, "mainmode.key_update_failures", 1 + 4);
	bench_free(b);
}

/* Octets and packets by what they went through, over rekeys, in an independent sum. */
static void octets_by_kind_over_rekeys(void **state)
{
	static const char *const kinds[][2] = {
		{ "quickmode.confidential_bytes_received", "quickmode.confidential_bytes_sent" },
		{ "quickmode.authenticated_bytes_received", "quickmode.authenticated_bytes_sent" },
		{ "quickmode.transport_bytes_received", "quickmode.transport_bytes_sent" },
		{ "quickmode.bytes_received_in_tunnels", "quickmode.bytes_sent_in_tunnels" },
		{ "quickmode.offloaded_bytes_received", "quickmode.offloaded_bytes_sent" },
	};
	uint64_t sums[ARRAY_LEN(kinds)][2] = { 0 };
	struct bench *b = live();
	struct fact gone = { .type = FACT_SA_FLUSH };

	(void)state;
	for (uint32_t i = 1; i <= 100; i++) {
		bool outwards = i % 2, ah = i % 5 == 0, null = i % 7 == 0, plain = i % 3 == 0;
		bool transport = i % 4 == 0, offload = i % 11 == 0;
		struct sa sa = outwards ? out_sa(i) : bench_sa(PEER, HERE, i);
		const char *cipher = ah ? "" : null ? "ecb(cipher_null)" : "cbc(aes)";

		sa.proto = ah ? IPPROTO_AH : IPPROTO_ESP;
		sa.aead = false;
		(void)snprintf(sa.encryption, sizeof(sa.encryption), "%s", cipher);
		(void)snprintf(sa.integrity, sizeof(sa.integrity), "%s",
			plain && !ah ? "" : "hmac(sha256)");
		sa.mode = transport ? IPSEC_TRANSPORT : i % 8 == 1 ? IPSEC_BEET : IPSEC_TUNNEL;
		sa.offload_ifindex = offload ? 2 : 0;
		bench_sa_fact(b, NS_A, SA_ADDED, &sa);
		sa.bytes = 1000 + i;
		bench_sa_fact(b, NS_A, SA_DUMPED, &sa);
		sa.bytes += i;
		if (i <= 60)
			bench_sa_gone(b, NS_A, i % 9 ? GONE_DELETED : GONE_EXPIRED, &sa);
		else
			bench_sa_fact(b, NS_A, SA_DUMPED, &sa);
		sums[0][outwards] += !ah && !null ? sa.bytes : 0;
		sums[1][outwards] += ah || !plain ? sa.bytes : 0;
		sums[2][outwards] += transport ? sa.bytes : 0;
		sums[3][outwards] += transport ? 0 : sa.bytes;
		sums[4][outwards] += offload ? sa.bytes : 0;
	}
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		assert_value(b, kinds[k][0], sums[k][0]);
		assert_value(b, kinds[k][1], sums[k][1]);
	}
	assert_value(b, "quickmode.offloaded_security_associations", 4); /* 66, 77, 88, 99 */
	bench_poll(b);
	bench_feed(b, &gone, NS_A);
	assert_value(b, "quickmode.active_security_associations", 0);
	assert_value(b, "quickmode.offloaded_security_associations", 0);
	assert_value(b, "quickmode.key_deletions", 100);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		assert_value(b, kinds[k][1], sums[k][1]);
	bench_free(b);
}

static void packets_that_failed(void **state)
{
	struct bench *b = live();
	struct sa sa = bench_sa(PEER, HERE, 9);

	(void)state;
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_counter(b, NS_A, "XfrmInNoStates", 4);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 3);
	bench_counter(b, NS_A, "XfrmInStateProtoError", 7);
	bench_counter(b, NS_A, "XfrmInStateModeError", 1);
	bench_counter(b, NS_A, "XfrmInHdrError", 2);
	sa.integrity_failed = 5;
	bench_sa_fact(b, NS_A, SA_DUMPED, &sa);
	bench_poll(b);
	assert_value(b, "quickmode.bad_spi_packets", 4);
	assert_since(b, "quickmode.bad_spi_packets", 4, false); /* the kernel's own, since boot */
	assert_value(b, "quickmode.packets_with_replay_detection", 3);
	assert_value(b, "quickmode.packets_not_authenticated", 5);
	assert_value(b, "quickmode.packets_not_decrypted", 2 + 1 + 2);
	bench_sa_gone(b, NS_A, GONE_DELETED, &sa);
	assert_value(b, "quickmode.packets_not_authenticated", 5);
	assert_value(b, "quickmode.packets_not_decrypted", 5);
	bench_free(b);
}

/* Dumps and messages come by sockets of their own. */
static void a_dump_that_overtakes_a_message_hides_no_keys(void **state)
{
	struct bench *b = live();
	struct sa in = bench_sa(PEER, HERE, 0x77), out = out_sa(0x78), both[] = { in, out };

	(void)state;
	bench_dump(b, NS_A, NULL, 0); /* we have looked before */
	bench_dump(b, NS_A, both, 2);
	bench_sa_fact(b, NS_A, SA_ADDED, &out);
	bench_sa_fact(b, NS_A, SA_UPDATED, &in);
	assert_value(b, "mainmode.key_updates", 1);
	assert_value(b, "mainmode.total_get_spi", 1);
	assert_value(b, "mainmode.key_additions", 1);
	assert_value(b, "quickmode.key_additions", 2);
	bench_sa_fact(b, NS_A, SA_UPDATED, &in); /* a new lifetime */
	assert_value(b, "mainmode.key_updates", 1);
	assert_value(b, "quickmode.key_additions", 2);
	bench_free(b);
}

static void strongswan_moves_every_main_mode_statistic(void **state)
{
	struct bench *b = live();
	struct fact f = { .type = FACT_ACQUIRE };

	(void)state;
	service(b, CHARON, DAEMON_STRONGSWAN, false);
	/* The kernel asks, the daemon does; then it begins one by itself, elsewhere. */
	f.acquire.src = address(HERE);
	f.acquire.dst = address(PEER);
	bench_feed(b, &f, NS_A);
	f.sa.sa = larval_sa(0);
	bench_sa_fact(b, NS_A, SA_DUMPED, &f.sa.sa);
	ike_sa(b, CHARON, 1, IKE_OP_LISTED, IKE_CONNECTING, true);
	assert_value(b, "mainmode.total_acquire", 1);
	assert_value(b, "mainmode.active_acquire", 1);
	f = ike_sa_of(CHARON, 2, IKE_OP_LISTED, IKE_CONNECTING, true);
	f.ike_sa.sa.remote = address("192.0.2.99");
	f.ike_sa.sa.tasks_queued = 3;
	f.ike_sa.sa.children_queued = 2;
	bench_feed(b, &f, NS_A);
	assert_value(b, "mainmode.total_acquire", 2);
	assert_value(b, "mainmode.active_acquire", 2);
	assert_string_equal(get(b, "mainmode.active_acquire").parts, "kernel 1, daemons 1");
	assert_value(b, "mainmode.connection_list_size", 2);
	assert_value(b, "quickmode.pending_key_operations", 2);
	counter(b, CHARON, "queues.high", 4);
	assert_value(b, "mainmode.acquire_heap_size", 1 + 3 + 4);
	/* Up, rekeyed, a child up and rekeyed. */
	ike_sa(b, CHARON, 1, IKE_OP_UP, IKE_ESTABLISHED, true);
	ike_sa(b, CHARON, 3, IKE_OP_REKEYED, IKE_ESTABLISHED, true);
	ike_sa(b, CHARON, 4, IKE_OP_CHANGED, IKE_FAILED, false);
	assert_value(b, "mainmode.ike_main_mode", 2);
	assert_value(b, "mainmode.isadb_list_size", 4);
	assert_string_equal(get(b, "mainmode.isadb_list_size").parts,
		"established 2, half-open and queued 1, failed 1");
	child_sa(b, CHARON, 1, IKE_OP_UP);
	child_sa(b, CHARON, 2, IKE_OP_REKEYED);
	assert_value(b, "mainmode.ike_quick_mode", 2);
	pair_comes(b, 1, 2);
	pair_comes(b, 3, 4);
	assert_value(b, "quickmode.rekeys", 1); /* the daemon's word, once */
	/* A list that lacks an SA: it is gone. */
	list(b, CHARON, IKE_LIST_SAS, DUMP_BEGIN);
	ike_sa(b, CHARON, 3, IKE_OP_LISTED, IKE_ESTABLISHED, true);
	list(b, CHARON, IKE_LIST_SAS, DUMP_END);
	assert_value(b, "mainmode.isadb_list_size", 1);
	/* Its counters. */
	counter(b, CHARON, "ike-init-in-req", 5);
	counter(b, CHARON, "info-in-resp", 6);
	counter(b, CHARON, "ike-init-out-req", 100);
	counter(b, CHARON, "invalid", 7);
	counter(b, CHARON, "invalid-spi", 8);
	assert_value(b, "mainmode.receive_heap_size", 11);
	assert_value(b, "mainmode.invalid_packets_received", 7);
	assert_value(b, "mainmode.invalid_cookies_received", 8);
	assert_since(b, "mainmode.invalid_cookies_received", 8, false);
	bench_free(b);
}

static void failures_count_once_whoever_tells_of_them(void **state)
{
	struct bench *b = live();

	(void)state;
	service(b, CHARON, DAEMON_STRONGSWAN, false);
	/* Log, alert and updown tell of one failure. */
	failed(b, CHARON, 5, CAUSE_AUTH_REFUSED, SAID_LOG, false);
	failed(b, CHARON, 0, CAUSE_AUTH_REFUSED, SAID_ALERT, true);
	failed(b, CHARON, 5, CAUSE_UNKNOWN, SAID_UPDOWN, true);
	bench_settle(b);
	assert_value(b, "mainmode.authentication_failures", 1);
	assert_value(b, "mainmode.negotiation_failures", 1);
	assert_value(b, "mainmode.acquire_failures", 1);
	/* The next attempt is another one. */
	failed(b, CHARON, 6, CAUSE_TIMEOUT, SAID_LOG, true);
	bench_settle(b);
	assert_value(b, "mainmode.authentication_failures", 1);
	assert_value(b, "mainmode.negotiation_failures", 2);
	/* Not a negotiation; one that goes on. */
	failed(b, CHARON, 7, CAUSE_DPD, SAID_LOG, true);
	failed(b, CHARON, 8, CAUSE_KE_GROUP, SAID_LOG, false);
	bench_settle(b);
	assert_value(b, "mainmode.negotiation_failures", 2);
	bench_free(b);
}

static void sockets_and_shunts(void **state)
{
	struct fact socket = { .type = FACT_IKE_SOCKET }, shunt = { .type = FACT_SHUNT };
	struct bench *b = live();

	(void)state;
	service(b, CHARON, DAEMON_STRONGSWAN, false);
	socket.ike_socket.service = CHARON;
	socket.ike_socket.port = 500;
	socket.ike_socket.drops = 3;
	socket.ike_socket.queue = 768;
	list(b, CHARON, IKE_LIST_SOCKETS, DUMP_BEGIN);
	bench_feed(b, &socket, NS_A);
	socket.ike_socket.port = 4500;
	socket.ike_socket.drops = 2;
	bench_feed(b, &socket, NS_A);
	socket.ike_socket.local = address("10.9.0.1"); /* it has no part in these drops */
	socket.ike_socket.foreign = true;
	bench_feed(b, &socket, NS_A);
	socket.ike_socket.local = (struct addr){ 0 };
	socket.ike_socket.foreign = false;
	list(b, CHARON, IKE_LIST_SOCKETS, DUMP_END);
	bench_poll(b);
	assert_value(b, "mainmode.receive_failures", 5);
	/* One is closed, the other opened anew. */
	list(b, CHARON, IKE_LIST_SOCKETS, DUMP_BEGIN);
	socket.ike_socket.drops = 1;
	bench_feed(b, &socket, NS_A);
	list(b, CHARON, IKE_LIST_SOCKETS, DUMP_END);
	assert_value(b, "mainmode.receive_failures", 6);
	counter(b, CHARON, "info-in-req", 1);
	assert_string_equal(
		get(b, "mainmode.receive_heap_size").parts, "messages 1; octets waiting 768");
	shunt.shunt.service = CHARON;
	shunt.shunt.action = ACTION_PASS;
	shunt.shunt.negotiated = true;
	for (unsigned i = 0; i < 2; i++) { /* the second list brings nothing new */
		list(b, CHARON, IKE_LIST_SHUNTS, DUMP_BEGIN);
		(void)snprintf(shunt.shunt.remote_ts, TS_SIZE, "192.0.2.7/32");
		bench_feed(b, &shunt, NS_A);
		list(b, CHARON, IKE_LIST_SHUNTS, DUMP_END);
	}
	assert_value(b, "mainmode.soft_associations", 1);
	list(b, CHARON, IKE_LIST_SHUNTS, DUMP_BEGIN);
	list(b, CHARON, IKE_LIST_SHUNTS, DUMP_END);
	assert_value(b, "mainmode.soft_associations", 1);
	assert_string_equal(get(b, "mainmode.soft_associations").parts,
		"present shunts in the clear 0, negotiated 0");
	bench_free(b);
}

static void libreswan_by_its_own_counters(void **state)
{
	struct bench *b = live();

	(void)state;
	counter(b, PLUTO, "total.ike.mangled", 3); /* before its process is told of */
	service(b, PLUTO, DAEMON_LIBRESWAN, true);
	assert_value(b, "mainmode.invalid_packets_received", 3);
	counter(b, PLUTO, "total.ikev2.recv.notifies.error.AUTHENTICATION_FAILED", 4);
	counter(b, PLUTO, "total.ike.ikev2.failed", 5);
	counter(b, PLUTO, "total.ikev2.ike.established", 6);
	counter(b, PLUTO, "total.ikev1.isakmp.established", 1);
	counter(b, PLUTO, "total.ikev2.child.established", 8);
	counter(b, PLUTO, "total.ike.mangled", 9);
	failed(b, PLUTO, 5, CAUSE_AUTH_REFUSED, SAID_LOG, true); /* it is in the counters */
	ike_sa(b, PLUTO, 1, IKE_OP_UP, IKE_ESTABLISHED, false);
	assert_value(b, "mainmode.authentication_failures", 4);
	assert_value(b, "mainmode.negotiation_failures", 5);
	assert_value(b, "mainmode.ike_main_mode", 7);
	assert_value(b, "mainmode.ike_quick_mode", 8);
	assert_value(b, "mainmode.invalid_packets_received", 9);
	assert_unknown(b, "mainmode.invalid_cookies_received", "Libreswan does not count it");
	assert_since(b, "mainmode.ike_main_mode", 7, false); /* it knows all since it began */
	assert_unknown(b, "mainmode.receive_heap_size", "Libreswan does not count it");
	bench_free(b);
}

static void several_daemons_each_and_together(void **state)
{
	struct bench *b = live();

	(void)state;
	service(b, CHARON, DAEMON_STRONGSWAN, false);
	service(b, PLUTO, DAEMON_LIBRESWAN, false);
	counter(b, CHARON, "invalid", 3);
	counter(b, PLUTO, "total.ikev2.sent.notifies.error.INVALID_SYNTAX", 1);
	assert_unknown(b, "mainmode.invalid_packets_received", "globalstatus"); /* a part is none */
	counter(b, PLUTO, "total.ike.mangled", 3);
	assert_value(b, "mainmode.invalid_packets_received", 7);
	assert_int_equal(get_of(b, "mainmode.invalid_packets_received", "strongSwan").row.value, 3);
	assert_int_equal(get_of(b, "mainmode.invalid_packets_received", "Libreswan").row.value, 4);
	/* One ends: what it had counted stays in the total. */
	service_ends(b, CHARON, DAEMON_STRONGSWAN);
	assert_value(b, "mainmode.invalid_packets_received", 7);
	assert_since(b, "mainmode.invalid_packets_received", 4, false);
	bench_free(b);
}

static void totals_outlive_the_daemon(void **state)
{
	struct bench *b = live();

	(void)state;
	service(b, CHARON, DAEMON_STRONGSWAN, true);
	counter(b, CHARON, "invalid", 7);
	ike_sa(b, CHARON, 1, IKE_OP_UP, IKE_ESTABLISHED, true);
	pair_comes(b, 1, 2);
	assert_since(b, "mainmode.invalid_packets_received", 7, false);
	assert_since(b, "mainmode.ike_main_mode", 1, true); /* it ran before we came */
	counter(b, CHARON, "invalid", 2); /* swanctl --counters --reset, then two more */
	bench_poll(b);
	assert_value(b, "mainmode.invalid_packets_received", 7 + 2);
	service_ends(b, CHARON, DAEMON_STRONGSWAN);
	assert_value(b, "mainmode.invalid_packets_received", 9);
	assert_false(get(b, "mainmode.invalid_packets_received").row.has_since);
	assert_unknown(b, "mainmode.isadb_list_size", "no IKE daemon runs here");
	service(b, CHARON + 1, DAEMON_STRONGSWAN, false);
	counter(b, CHARON + 1, "invalid", 1);
	assert_value(b, "mainmode.invalid_packets_received", 10);
	assert_since(b, "mainmode.invalid_packets_received", 1, false);
	assert_value(b, "mainmode.ike_main_mode", 1);
	assert_since(b, "mainmode.ike_main_mode", 0, false);
	assert_value(b, "mainmode.key_additions", 1);
	assert_since(b, "mainmode.key_additions", 0, false);
	bench_free(b);
}

/* The next core: the log's lines, then the same world again. */
static struct bench *next_core(
	struct bench *before, const char *boot, const struct sa *sas, size_t n)
{
	struct fact run = { .type = FACT_RESTORE_RUN };
	struct bench *b = bench_new(ALL);

	for (size_t i = 0; i < before->n_kept; i++) {
		struct fact f = before->kept[i];

		if (boot)
			(void)snprintf(f.restore_statistic.boot, NAME_SIZE, "%s", boot);
		bench_core_fact(b, &f);
	}
	bench_core_fact(b, &run);
	bench_netns(b, NS_A, "a", true);
	bench_source(b, NS_A, SOURCE_XFRM, SOURCE_IN_STEP, 0);
	bench_address(b, NS_A, HERE);
	bench_dump(b, NS_A, sas, n);
	return b;
}

static void totals_outlive_the_monitor(void **state)
{
	struct bench *b = live(), *next, *reborn;
	struct fact stop = { .type = FACT_STOP };
	struct sa in = bench_sa(PEER, HERE, 1), out = out_sa(2), sas[2];

	(void)state;
	service(b, CHARON, DAEMON_STRONGSWAN, false);
	counter(b, CHARON, "invalid", 7);
	pair_comes(b, 1, 2);
	in.bytes = 100;
	out.bytes = 50;
	bench_sa_fact(b, NS_A, SA_DUMPED, &in);
	bench_sa_fact(b, NS_A, SA_DUMPED, &out);
	pair_comes(b, 3, 4);
	pair_goes(b, 3, 4, 1000, 500);
	bench_counter(b, NS_A, "XfrmInNoStates", 4);
	bench_poll(b);
	assert_int_equal(b->n_kept, 0);
	bench_core_fact(b, &stop);
	assert_true(b->n_kept > 5);
	/* What lives on has carried more; the daemon and the kernel have counted on. */
	in.bytes = 130;
	sas[0] = in;
	sas[1] = out;
	next = next_core(b, NULL, sas, 2);
	service(next, CHARON, DAEMON_STRONGSWAN, true);
	counter(next, CHARON, "invalid", 9);
	bench_counter(next, NS_A, "XfrmInNoStates", 6);
	bench_poll(next);
	assert_value(next, "quickmode.bytes_received_in_tunnels", 1130);
	assert_since(next, "quickmode.bytes_received_in_tunnels", 1130, true);
	assert_value(next, "quickmode.bytes_sent_in_tunnels", 550);
	assert_value(next, "quickmode.bad_spi_packets", 6);
	assert_since(next, "quickmode.bad_spi_packets", 6, false);
	assert_value(next, "quickmode.key_additions", 4);
	assert_value(next, "mainmode.invalid_packets_received", 9);
	assert_since(next, "mainmode.invalid_packets_received", 9, false);
	pair_comes(next, 5, 6);
	assert_value(next, "mainmode.key_additions", 3);
	assert_since(next, "mainmode.key_additions", 3, true);
	bench_free(next);
	/* Another boot: kept totals go on, what is since boot and start begins anew. */
	reborn = next_core(b, "0b0b0b0b-0000-4000-8000-00000000beef", NULL, 0);
	service(reborn, CHARON, DAEMON_STRONGSWAN, false);
	counter(reborn, CHARON, "invalid", 1);
	bench_counter(reborn, NS_A, "XfrmInNoStates", 1);
	bench_poll(reborn);
	assert_value(reborn, "mainmode.invalid_packets_received", 8);
	assert_since(reborn, "mainmode.invalid_packets_received", 1, false);
	assert_value(reborn, "quickmode.bad_spi_packets", 5);
	assert_since(reborn, "quickmode.bad_spi_packets", 1, false);
	assert_value(reborn, "quickmode.bytes_sent_in_tunnels", 550);
	assert_since(reborn, "quickmode.bytes_sent_in_tunnels", 0, true);
	bench_free(reborn);
	bench_free(b);
}

static void changed_totals_are_told_once_a_minute(void **state)
{
	struct bench *b = live();
	size_t n;

	(void)state;
	pair_comes(b, 1, 2);
	bench_pass(b, 1000);
	bench_pass(b, 61000);
	n = b->n_kept;
	assert_true(n > 0);
	pair_comes(b, 3, 4);
	bench_pass(b, 10000);
	assert_int_equal(b->n_kept, n);
	bench_pass(b, 51000);
	assert_true(b->n_kept > n);
	n = b->n_kept;
	bench_pass(b, 61000); /* nothing has changed */
	assert_int_equal(b->n_kept, n);
	bench_free(b);
}

/* A netns of the same name finds its totals again; what is since boot is of this one. */
static void a_netns_that_comes_back(void **state)
{
	struct bench *b = live();
	struct sa out = out_sa(7);

	(void)state;
	bench_sa_fact(b, NS_A, SA_ADDED, &out);
	out.bytes = 70;
	bench_sa_fact(b, NS_A, SA_DUMPED, &out);
	bench_netns(b, NS_A, "a", false);
	bench_netns(b, NS_B, "a", true);
	bench_dump(b, NS_B, NULL, 0);
	assert_value(b, "quickmode.bytes_sent_in_tunnels", 70);
	assert_since(b, "quickmode.bytes_sent_in_tunnels", 0, false);
	assert_value(b, "quickmode.key_additions", 1);
	assert_value(b, "quickmode.active_security_associations", 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_43_are_there_once_a_netns),
		cmocka_unit_test(what_nobody_tells_is_null_with_its_reason),
		cmocka_unit_test(keys_as_the_kernel_tells_them),
		cmocka_unit_test(octets_by_kind_over_rekeys),
		cmocka_unit_test(packets_that_failed),
		cmocka_unit_test(a_dump_that_overtakes_a_message_hides_no_keys),
		cmocka_unit_test(strongswan_moves_every_main_mode_statistic),
		cmocka_unit_test(failures_count_once_whoever_tells_of_them),
		cmocka_unit_test(sockets_and_shunts),
		cmocka_unit_test(libreswan_by_its_own_counters),
		cmocka_unit_test(several_daemons_each_and_together),
		cmocka_unit_test(totals_outlive_the_daemon),
		cmocka_unit_test(totals_outlive_the_monitor),
		cmocka_unit_test(changed_totals_are_told_once_a_minute),
		cmocka_unit_test(a_netns_that_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
