/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"

/* What our programs in the kernel saw: told when the counter says so, once, as what it was. */

#define ALL (EVIDENCE_BIT(EVIDENCE_BPF) | EVIDENCE_BIT(EVIDENCE_AUDIT) | EVIDENCE_BIT(EVIDENCE_SA))
#define PEER "192.0.2.1"
#define HERE "192.0.2.2"

static void hook(struct bench *b, const char *counter, const char *name)
{
	struct fact f = { .type = FACT_HOOK, .source = SOURCE_BPF };

	(void)snprintf(f.hook.counter, sizeof(f.hook.counter), "%s", counter);
	(void)snprintf(f.hook.hook, sizeof(f.hook.hook), "%s", name);
	bench_feed(b, &f, 0);
}

/* Live, with programs that see the drops of these counters. */
static struct bench *seeing(uint32_t evidence)
{
	struct bench *b = bench_new(evidence);

	hook(b, "XfrmInNoStates", "fentry");
	hook(b, "XfrmInStateProtoError", "fentry");
	hook(b, "XfrmInStateSeqError", "fentry");
	hook(b, "XfrmInTmplMismatch", "fentry");
	hook(b, "XfrmOutNoStates", "");
	bench_source(b, 0, SOURCE_BPF, SOURCE_IN_STEP, 0);
	bench_live(b);
	return b;
}

static struct fact drop_of(const char *counter, uint8_t kind, uint64_t count)
{
	struct fact f = { .type = FACT_DROP, .source = SOURCE_BPF };

	(void)snprintf(f.drop.counter, sizeof(f.drop.counter), "%s", counter);
	f.drop.kind = kind;
	f.drop.count = count;
	f.drop.direction = DIRECTION_IN;
	f.drop.first_us = 1700000000000000u;
	f.drop.last_us = 1700000000000500u;
	assert_int_equal(addr_parse(PEER, &f.drop.src), 0);
	assert_int_equal(addr_parse(HERE, &f.drop.dst), 0);
	return f;
}

static struct fact esp(const char *counter, uint8_t kind, uint32_t spi, uint32_t seqno)
{
	struct fact f = drop_of(counter, kind, 1);

	f.drop.sampled = f.drop.has_spi = f.drop.has_seqno = true;
	f.drop.proto = IPPROTO_ESP;
	f.drop.spi = spi;
	f.drop.seqno = seqno;
	return f;
}

static void assert_told(
	struct bench *b, const char *counter, uint64_t kernel, uint64_t unattributed)
{
	struct reconcile_row r = bench_account(b, "a", counter);

	assert_int_equal(r.kernel, kernel);
	assert_int_equal(r.difference, 0);
	assert_int_equal(r.unattributed, unattributed);
	assert_int_equal(bench_sum(b, "a", counter), kernel);
}

static void a_packet_is_told_when_the_counter_confirms_it(void **state)
{
	struct bench *b = seeing(ALL);
	struct fact f = esp("XfrmInNoStates", DROP_PLAIN, 0xbad, 7);
	const struct event *e;

	(void)state;
	f.drop.ifindex = 2;
	bench_address(b, NS_A, HERE); /* on eth0 */
	bench_feed(b, &f, NS_A);
	bench_poll(b);
	assert_null(bench_find(b, EVENT_UNKNOWN_SPI));
	bench_counter(b, NS_A, "XfrmInNoStates", 1);
	bench_poll(b);
	e = bench_find(b, EVENT_UNKNOWN_SPI);
	assert_non_null(e);
	assert_int_equal(e->evidence, EVIDENCE_BPF);
	assert_int_equal(e->count, 1);
	assert_int_equal(e->spi, 0xbad);
	assert_int_equal(e->seqno, 7);
	assert_int_equal(e->proto, IPPROTO_ESP);
	assert_int_equal(e->time_us, 1700000000000000u);
	assert_string_equal(e->iface, "eth0");
	assert_non_null(strstr(e->detail, "history"));
	bench_settle(b);
	assert_told(b, "XfrmInNoStates", 1, 0);
	bench_free(b);
}

static void kinds_are_told_apart(void **state)
{
	static const struct {
		const char *counter;
		uint8_t kind;
		uint32_t event;
	} cases[] = {
		{ "XfrmInStateProtoError", DROP_ICV, EVENT_INTEGRITY_FAILED },
		{ "XfrmInStateProtoError", DROP_MALFORMED, EVENT_PROTOCOL_ERROR },
		{ "XfrmInStateProtoError", DROP_PLAIN, EVENT_INTEGRITY_OR_MALFORMED },
		{ "XfrmInStateSeqError", DROP_DUPLICATE, EVENT_REPLAY_DUPLICATE },
		{ "XfrmInStateSeqError", DROP_LATE, EVENT_REPLAY_BELOW_WINDOW },
		{ "XfrmInStateSeqError", DROP_ZERO, EVENT_REPLAY_ZERO },
		{ "XfrmInStateSeqError", DROP_PLAIN, EVENT_REPLAY_FAILED },
		{ "XfrmInTmplMismatch", DROP_CLEAR, EVENT_CLEAR_TEXT },
		{ "XfrmInTmplMismatch", DROP_PROTECTED, EVENT_TEMPLATE_MISMATCH },
	};
	struct bench *b = seeing(ALL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fact f = drop_of(cases[i].counter, cases[i].kind, 1);

		bench_feed(b, &f, NS_A);
	}
	bench_counter(b, NS_A, "XfrmInStateProtoError", 3);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 4);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 2);
	bench_settle(b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(bench_count_id(b, cases[i].event), 1);
	assert_told(b, "XfrmInStateProtoError", 3, 0);
	assert_told(b, "XfrmInStateSeqError", 4, 0);
	assert_told(b, "XfrmInTmplMismatch", 2, 0);
	bench_free(b);
}

/* One occurrence, one event: audit and the SA's statistics have seen it too. */
static void other_witnesses_are_silent(void **state)
{
	struct bench *b = seeing(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	struct fact f = esp("XfrmInStateSeqError", DROP_DUPLICATE, 0x1001, 5);

	(void)state;
	bench_address(b, NS_A, HERE);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_dump(b, NS_A, &sa, 1);
	bench_poll(b);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 5);
	bench_feed(b, &f, NS_A);
	sa.replayed = 1;
	bench_counter(b, NS_A, "XfrmInStateSeqError", 1);
	bench_dump(b, NS_A, &sa, 1);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_REPLAY_DUPLICATE), 1);
	assert_int_equal(bench_find(b, EVENT_REPLAY_DUPLICATE)->evidence, EVIDENCE_BPF);
	assert_int_equal(bench_count_id(b, EVENT_REPLAY_FAILED), 0);
	assert_int_equal(bench_count_id(b, EVENT_EVIDENCE_DISCREPANCY), 0);
	assert_told(b, "XfrmInStateSeqError", 1, 0);
	bench_free(b);
}

/* When our programs are gone, the next best evidence is elected, and tells nothing anew. */
static void lost_programs_are_replaced(void **state)
{
	struct bench *b = seeing(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	struct fact f = esp("XfrmInStateSeqError", DROP_DUPLICATE, 0x1001, 5);

	(void)state;
	bench_address(b, NS_A, HERE);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_feed(b, &f, NS_A);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 1);
	sa.replayed = 1;
	bench_dump(b, NS_A, &sa, 1);
	bench_settle(b);
	bench_source(b, 0, SOURCE_BPF, SOURCE_LOST, 0);
	bench_poll(b);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 6);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 2);
	sa.replayed = 2;
	bench_dump(b, NS_A, &sa, 1);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_REPLAY_DUPLICATE), 2);
	assert_int_equal(bench_count_id(b, EVENT_EVIDENCE_ELECTED), 2);
	assert_told(b, "XfrmInStateSeqError", 2, 0);
	bench_free(b);
}

static void sums_are_told_as_sums(void **state)
{
	struct bench *b = seeing(ALL);
	struct fact f = drop_of("XfrmInTmplMismatch", DROP_CLEAR, 5000);
	const struct event *e;

	(void)state;
	bench_feed(b, &f, NS_A);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 1200); /* read in the midst of it */
	bench_poll(b);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 5000);
	bench_settle(b);
	e = bench_find(b, EVENT_CLEAR_TEXT);
	assert_int_equal(e->count, 1200);
	assert_int_equal(e->first_us, 1700000000000000u);
	assert_int_equal(e->last_us, 1700000000000500u);
	assert_told(b, "XfrmInTmplMismatch", 5000, 0);
	bench_free(b);
}

/* What the programs should have seen and did not is called so; what they can't see is not. */
static void the_unseen_is_unattributed(void **state)
{
	struct bench *b = seeing(ALL);

	(void)state;
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 0);
	bench_poll(b);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 2);
	bench_counter(b, NS_A, "XfrmOutNoStates", 3);
	bench_settle(b);
	assert_told(b, "XfrmInTmplMismatch", 2, 2);
	assert_told(b, "XfrmOutNoStates", 3, 0);
	bench_free(b);
}

static void a_drop_that_no_counter_confirms_is_a_discrepancy(void **state)
{
	struct bench *b = seeing(ALL);
	struct fact f = drop_of("XfrmInTmplMismatch", DROP_CLEAR, 2);

	(void)state;
	bench_feed(b, &f, NS_A);
	for (int i = 0; i < 8; i++) {
		bench_pass(b, 1000);
		bench_poll(b);
	}
	assert_int_equal(bench_count_id(b, EVENT_CLEAR_TEXT), 0);
	assert_int_equal(bench_count_id(b, EVENT_EVIDENCE_DISCREPANCY), 1);
	assert_int_equal(bench_find(b, EVENT_EVIDENCE_DISCREPANCY)->count, 0);
	bench_free(b);
}

/* Excluded by the configuration, or of a netns that we don't watch: as if nobody had said it. */
static void what_may_not_be_used_is_not(void **state)
{
	struct bench *b = seeing(EVIDENCE_BIT(EVIDENCE_SA));
	struct fact f = drop_of("XfrmInTmplMismatch", DROP_CLEAR, 1);

	(void)state;
	bench_feed(b, &f, NS_A);
	bench_feed(b, &f, 999);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 1);
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_CLEAR_TEXT)->evidence, EVIDENCE_COUNTER);
	assert_told(b, "XfrmInTmplMismatch", 1, 0);
	bench_free(b);
}

static void refused_sas_are_events(void **state)
{
	struct bench *b = seeing(ALL);
	struct fact f = { .type = FACT_SAD_RESULT,
		.source = SOURCE_BPF,
		.sad_result = { .op = SAD_RESULT_ADD, .error = 17, .count = 2 } };
	const struct event *e;

	(void)state;
	bench_feed(b, &f, NS_A);
	f.sad_result.error = 0;
	bench_feed(b, &f, NS_A);
	e = bench_find(b, EVENT_SAD_FAILED);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "refused to add an SA in a: File exists (requests: 2)"));
	assert_int_equal(bench_count_id(b, EVENT_SAD_FAILED), 1);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_told_when_the_counter_confirms_it),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(other_witnesses_are_silent),
		cmocka_unit_test(lost_programs_are_replaced),
		cmocka_unit_test(sums_are_told_as_sums),
		cmocka_unit_test(the_unseen_is_unattributed),
		cmocka_unit_test(a_drop_that_no_counter_confirms_is_a_discrepancy),
		cmocka_unit_test(what_may_not_be_used_is_not),
		cmocka_unit_test(refused_sas_are_events),
	};

	return cmocka_run_group_tests_name("core/drops", tests, NULL, NULL);
}
