/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"

#define ALL (EVIDENCE_BIT(EVIDENCE_AUDIT) | EVIDENCE_BIT(EVIDENCE_SA))
#define PEER "192.0.2.1"
#define HERE "192.0.2.2"

static void assert_told(struct bench *b, const char *netns, const char *counter, uint64_t kernel,
	uint64_t unattributed)
{
	struct reconcile_row r = bench_account(b, netns, counter);

	assert_int_equal(r.kernel, kernel);
	assert_int_equal(r.difference, 0);
	assert_int_equal(r.unattributed, unattributed);
	assert_int_equal(r.attributed + r.unattributed + r.suppressed, kernel);
	assert_int_equal(bench_sum(b, netns, counter) + r.suppressed, kernel);
}

static void the_counter_alone_tells_the_cause(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	bench_counter(b, NS_A, "XfrmInNoStates", 5);
	bench_poll(b);
	e = bench_find(b, EVENT_UNKNOWN_SPI);
	assert_non_null(e);
	assert_int_equal(e->count, 5);
	assert_int_equal(e->evidence, EVIDENCE_COUNTER);
	assert_false(e->has_spi);
	assert_true(e->last_us > 0);
	assert_told(b, "a", "XfrmInNoStates", 5, 0);
	bench_counter(b, NS_A, "XfrmInStateProtoError", 2);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 1);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 4);
	bench_counter(b, NS_A, "XfrmFromTheFuture", 3);
	bench_poll(b);
	assert_int_equal(bench_find(b, EVENT_INTEGRITY_OR_MALFORMED)->count, 2);
	assert_int_equal(bench_find(b, EVENT_REPLAY_FAILED)->count, 1);
	assert_int_equal(bench_find(b, EVENT_CLEAR_TEXT)->count, 4);
	assert_int_equal(bench_find(b, EVENT_OTHER_DROP)->count, 3);
	bench_free(b);
}

static void audit_claims_wait_for_the_counter(void **state)
{
	struct bench *b = bench_new(ALL);
	const struct event *e;

	(void)state;
	bench_live(b);
	bench_address(b, NS_A, HERE);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 0xdead, 9);
	bench_poll(b);
	assert_null(bench_find(b, EVENT_UNKNOWN_SPI)); /* the kernel has not counted it */
	bench_counter(b, NS_A, "XfrmInNoStates", 1);
	bench_poll(b);
	e = bench_find(b, EVENT_UNKNOWN_SPI);
	assert_non_null(e);
	assert_int_equal(e->evidence, EVIDENCE_AUDIT);
	assert_int_equal(e->spi, 0xdead);
	assert_int_equal(e->seqno, 9);
	assert_int_equal(e->proto, 0); /* the record does not say */
	assert_non_null(strstr(e->message, "not ours since"));
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_UNKNOWN_SPI), 1);
	assert_told(b, "a", "XfrmInNoStates", 1, 0);
	bench_free(b);
}

static void what_audit_lost_is_unattributed_after_the_settling_time(void **state)
{
	struct bench *b = bench_new(ALL);

	(void)state;
	bench_live(b);
	bench_address(b, NS_A, HERE);
	bench_counter(b, NS_A, "XfrmInNoStates", 3);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 1);
	bench_poll(b);
	assert_null(bench_find(b, EVENT_UNATTRIBUTED)); /* records may still come */
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_UNATTRIBUTED)->count, 2);
	assert_told(b, "a", "XfrmInNoStates", 3, 2);
	/* The late record is no second occurrence. */
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 2);
	bench_settle(b);
	assert_told(b, "a", "XfrmInNoStates", 3, 2);
	assert_int_equal(bench_find(b, EVENT_EVIDENCE_DISCREPANCY)->count, 0);
	bench_free(b);
}

static void first_packets_one_by_one_then_folded(void **state)
{
	struct bench *b = bench_new(ALL);

	(void)state;
	bench_live(b);
	bench_address(b, NS_A, HERE);
	for (uint32_t i = 1; i <= 1000; i++)
		bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, i);
	bench_counter(b, NS_A, "XfrmInNoStates", 1000);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_UNKNOWN_SPI), 4);
	assert_told(b, "a", "XfrmInNoStates", 1000, 0);
	bench_free(b);
}

static void random_senders_stay_bounded_and_exact(void **state)
{
	struct bench *b = bench_new(ALL);
	char src[32];

	(void)state;
	bench_live(b);
	bench_address(b, NS_A, HERE);
	for (uint32_t i = 0; i < 20000; i++) {
		(void)snprintf(
			src, sizeof(src), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		bench_drop(b, AUDIT_DROP_NOTFOUND, src, HERE, i + 1, 1);
	}
	bench_counter(b, NS_A, "XfrmInNoStates", 20000);
	bench_settle(b);
	assert_told(b, "a", "XfrmInNoStates", 20000, 0);
	assert_true(b->n < 4096);
	bench_free(b);
}

static void per_sa_statistics_name_the_sa(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_SA));
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	const struct event *e;

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_counter(b, NS_A, "XfrmInStateProtoError", 3);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 5);
	sa.integrity_failed = 2;
	sa.replayed = 4;
	sa.late = 1;
	bench_dump(b, NS_A, &sa, 1);
	bench_settle(b);
	e = bench_find(b, EVENT_INTEGRITY_FAILED);
	assert_int_equal(e->count, 2);
	assert_int_equal(e->evidence, EVIDENCE_SA);
	assert_int_equal(e->spi, 0x1001);
	assert_int_equal(bench_find(b, EVENT_PROTOCOL_ERROR)->count, 1);
	assert_int_equal(bench_find(b, EVENT_REPLAY_DUPLICATE)->count, 4);
	assert_int_equal(bench_find(b, EVENT_REPLAY_BELOW_WINDOW)->count, 1);
	assert_told(b, "a", "XfrmInStateProtoError", 3, 0);
	assert_told(b, "a", "XfrmInStateSeqError", 5, 0);
	bench_free(b);
}

static void an_sa_that_went_still_explains_its_drops(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_SA));
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	sa.integrity_failed = 2;
	bench_sa_gone(b, NS_A, GONE_DELETED, &sa);
	bench_counter(b, NS_A, "XfrmInStateProtoError", 2);
	bench_dump(b, NS_A, NULL, 0);
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_INTEGRITY_FAILED)->count, 2);
	assert_told(b, "a", "XfrmInStateProtoError", 2, 0);
	bench_free(b);
}

static void audit_and_statistics_decide_replays_per_packet(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	sa.seq = 1000;
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_dump(b, NS_A, &sa, 1);
	bench_poll(b);
	/* 5 is below 1000 - 32, 990 is inside the window: sure by their numbers. */
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 5);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 990);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 0);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 3);
	sa.replayed = 1;
	sa.late = 1;
	bench_dump(b, NS_A, &sa, 1);
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_REPLAY_BELOW_WINDOW)->seqno, 5);
	assert_int_equal(bench_find(b, EVENT_REPLAY_DUPLICATE)->seqno, 990);
	assert_int_equal(bench_count_id(b, EVENT_REPLAY_ZERO), 1);
	assert_told(b, "a", "XfrmInStateSeqError", 3, 0);
	bench_free(b);
}

static void audit_alone_does_not_tell_replays_apart(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 5);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 1);
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_REPLAY_FAILED)->seqno, 5);
	assert_told(b, "a", "XfrmInStateSeqError", 1, 0);
	bench_free(b);
}

static void one_occurrence_with_two_witnesses_is_one_event(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	const struct event *e;

	(void)state;
	bench_live(b);
	sa.esn = true;
	sa.seq = 5000;
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_counter(b, NS_A, "XfrmInStateProtoError", 1);
	sa.integrity_failed = 1;
	bench_dump(b, NS_A, &sa, 1); /* the statistics are faster than the record */
	bench_poll(b);
	bench_drop(b, AUDIT_DROP_ICV, PEER, HERE, 0x1001, 7);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_INTEGRITY_FAILED), 1);
	e = bench_find(b, EVENT_INTEGRITY_FAILED);
	assert_int_equal(e->evidence, EVIDENCE_AUDIT);
	assert_non_null(strstr(e->message, "too old or forged"));
	assert_told(b, "a", "XfrmInStateProtoError", 1, 0);
	bench_free(b);
}

static void two_netns(struct bench *b)
{
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	bench_live(b);
	bench_netns(b, NS_B, "b", true);
	bench_source(b, NS_B, SOURCE_XFRM, SOURCE_IN_STEP, 0);
	bench_dump(b, NS_B, NULL, 0);
	bench_zero(b, NS_B);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_sa_fact(b, NS_B, SA_ADDED, &sa);
	bench_poll(b);
}

static void counters_decide_between_equal_netns(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	two_netns(b);
	bench_drop(b, AUDIT_DROP_ICV, PEER, HERE, 0x1001, 7);
	bench_counter(b, NS_B, "XfrmInStateProtoError", 1);
	sa.integrity_failed = 1;
	bench_dump(b, NS_B, &sa, 1);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_INTEGRITY_FAILED), 1);
	assert_string_equal(bench_find(b, EVENT_INTEGRITY_FAILED)->netns, "b");
	assert_told(b, "b", "XfrmInStateProtoError", 1, 0);
	bench_free(b);
}

/* SA statistics read between two packets explain one of them: the record of the other still comes.
 */
static void statistics_leave_what_a_claim_of_any_netns_waits_for(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	two_netns(b);
	sa.seq = 1001;
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 2);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 3);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 2);
	bench_poll(b);
	sa.late = 1;
	bench_dump(b, NS_A, &sa, 1);
	bench_pass(b, 1300);
	bench_poll(b);
	sa.late = 2;
	bench_dump(b, NS_A, &sa, 1);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_REPLAY_BELOW_WINDOW), 2);
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].id == EVENT_REPLAY_BELOW_WINDOW)
			assert_int_equal(b->events[i].evidence, EVIDENCE_AUDIT);
	}
	assert_int_equal(bench_count_id(b, EVENT_EVIDENCE_DISCREPANCY), 0);
	assert_told(b, "a", "XfrmInStateSeqError", 2, 0);
	bench_free(b);
}

/* Both ends of a tunnel on one host: only the inbound SA can have failed a check. */
static void only_a_receiving_sa_drops_what_came_in(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	bench_netns(b, NS_B, "b", true);
	bench_source(b, NS_B, SOURCE_XFRM, SOURCE_IN_STEP, 0);
	bench_zero(b, NS_B);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	sa.direction = DIRECTION_OUT;
	bench_sa_fact(b, NS_B, SA_ADDED, &sa);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 1);
	bench_counter(b, NS_B, "XfrmInStateSeqError", 1); /* of another SA, and nobody told */
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 3);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_REPLAY_FAILED), 1);
	assert_string_equal(bench_find(b, EVENT_REPLAY_FAILED)->netns, "a");
	assert_int_equal(bench_find(b, EVENT_REPLAY_FAILED)->count, 1);
	assert_told(b, "a", "XfrmInStateSeqError", 1, 0);
	assert_told(b, "b", "XfrmInStateSeqError", 1, 1);
	bench_free(b);
}

static void undecided_netns_is_null_and_nothing_is_counted_twice(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	size_t nulls = 0;

	(void)state;
	two_netns(b);
	bench_address(b, NS_A, HERE);
	bench_address(b, NS_B, HERE);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 0x77, 1);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 0x77, 2);
	bench_counter(b, NS_A, "XfrmInNoStates", 1);
	bench_counter(b, NS_B, "XfrmInNoStates", 1);
	bench_settle(b);
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].id == EVENT_UNKNOWN_SPI && !b->events[i].netns) {
			assert_int_equal(b->events[i].count, 0);
			assert_non_null(
				strstr(b->events[i].detail, "\"candidates\":[\"a\",\"b\"]"));
			nulls++;
		}
	}
	assert_int_equal(nulls, 2);
	assert_told(b, "a", "XfrmInNoStates", 1, 0);
	assert_told(b, "b", "XfrmInNoStates", 1, 0);
	bench_free(b);
}

static void the_audit_policy_suppresses_but_counts(void **state)
{
	struct bench *b = bench_new(0);
	struct fact f = { .type = FACT_AUDIT_SETTING,
		.audit_setting = {
			.subcategory = SUBCATEGORY_IPSEC_DRIVER, .setting = AUDIT_SUCCESS } };
	struct reconcile_row r;

	(void)state;
	bench_live(b);
	bench_core_fact(b, &f);
	assert_int_equal(bench_count_id(b, EVENT_AUDIT_POLICY_CHANGED), 1);
	bench_counter(b, NS_A, "XfrmInPolBlock", 8);
	bench_settle(b);
	r = bench_account(b, "a", "XfrmInPolBlock");
	assert_int_equal(r.suppressed, 8);
	assert_int_equal(r.difference, 0);
	assert_int_equal(bench_count_id(b, EVENT_POLICY_BLOCK), 0);
	bench_free(b);
}

static void a_counter_that_falls_is_said_and_begins_anew(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	bench_counter(b, NS_A, "XfrmInPolBlock", 8);
	bench_poll(b);
	bench_counter(b, NS_A, "XfrmInPolBlock", 3);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_COUNTER_RESET), 1);
	assert_int_equal(bench_account(b, "a", "XfrmInPolBlock").attributed, 3);
	assert_int_equal(bench_account(b, "a", "XfrmInPolBlock").difference, 0);
	bench_free(b);
}

static void the_log_remembers_over_a_restart(void **state)
{
	struct bench *b = bench_new(ALL);
	struct fact restore = { .type = FACT_RESTORE,
		.netns = NS_A,
		.restore = { .boot = BENCH_BOOT,
			.netns = "a",
			.counter = "XfrmInNoStates",
			.kernel = 10,
			.attributed = 9,
			.unattributed = 1 } };
	struct fact run = { .type = FACT_RESTORE_RUN,
		.restore_run = { .last_seq = 40,
			.epoch = 7,
			.applied = 5,
			.n_pending = 1,
			.pending = { { 3, 3 } } } };
	const struct event *e;

	(void)state;
	bench_core_fact(b, &restore);
	bench_core_fact(b, &run);
	assert_int_equal(bench_count_id(b, EVENT_MONITOR_UNCLEAN), 1);
	assert_int_equal(bench_find(b, EVENT_MONITOR_UNCLEAN)->seq, 41);
	bench_netns(b, NS_A, "a", true);
	/* Facts 1 to 5 are in the log, but the third. */
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_IN_STEP, 0);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 22);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 33);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 44);
	bench_counter(b, NS_A, "XfrmInNoStates", 10);
	bench_source(b, NS_A, SOURCE_XFRM, SOURCE_IN_STEP, 0);
	bench_dump(b, NS_A, NULL, 0);
	bench_counter(b, NS_A, "XfrmInNoStates", 14);
	bench_settle(b);
	assert_int_equal(bench_account(b, "a", "XfrmInNoStates").difference, 0);
	assert_int_equal(bench_sum(b, "a", "XfrmInNoStates"), 4);
	e = bench_find(b, EVENT_UNKNOWN_SPI);
	assert_int_equal(e->seqno, 33);
	assert_int_equal(e->count, 1);
	/* The other three happened while nobody listened: the counter tells their cause. */
	assert_int_equal(bench_count_id(b, EVENT_UNKNOWN_SPI), 2);
	assert_int_equal(bench_account(b, "a", "XfrmInNoStates").unattributed, 1);
	bench_free(b);
}

static void an_old_reading_told_again_is_no_reading(void **state)
{
	struct bench *b = bench_new(ALL);
	struct fact restore = { .type = FACT_RESTORE,
		.netns = NS_A,
		.restore = { .boot = BENCH_BOOT,
			.netns = "a",
			.counter = "XfrmInNoStates",
			.kernel = 10,
			.attributed = 10 } };
	struct fact run = { .type = FACT_RESTORE_RUN,
		.restore_run = { .last_seq = 40,
			.epoch = 7,
			.applied = 5,
			.n_pending = 1,
			.pending = { { 2, 5 } } } };

	(void)state;
	bench_core_fact(b, &restore);
	bench_core_fact(b, &run);
	bench_netns(b, NS_A, "a", true);
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_IN_STEP, 0);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 22);
	bench_counter(b, NS_A, "XfrmInNoStates", 7); /* as it stood before the restart */
	bench_poll(b);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 1, 33);
	bench_counter(b, NS_A, "XfrmInNoStates", 12);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_COUNTER_RESET), 0);
	assert_int_equal(bench_account(b, "a", "XfrmInNoStates").attributed, 12);
	assert_int_equal(bench_sum(b, "a", "XfrmInNoStates"), 2);
	assert_int_equal(bench_count_id(b, EVENT_UNKNOWN_SPI), 2);
	bench_free(b);
}

static void what_nobody_heard_while_observe_was_gone_is_told_by_the_counter(void **state)
{
	struct bench *b = bench_new(ALL);

	(void)state;
	bench_live(b);
	bench_address(b, NS_A, HERE);
	b->epoch++;
	b->seq = 0;
	bench_counter(b, NS_A, "XfrmInNoStates", 4);
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_UNKNOWN_SPI)->count, 4);
	assert_told(b, "a", "XfrmInNoStates", 4, 0);
	/* From then on audit should tell, as before. */
	bench_counter(b, NS_A, "XfrmInNoStates", 5);
	bench_settle(b);
	assert_told(b, "a", "XfrmInNoStates", 5, 1);
	bench_free(b);
}

static void a_stop_tells_what_is_confirmed(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	struct fact stop = { .type = FACT_STOP };

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_drop(b, AUDIT_DROP_REPLAY, PEER, HERE, 0x1001, 5);
	bench_counter(b, NS_A, "XfrmInStateSeqError", 1);
	bench_poll(b);
	assert_null(bench_find(b, EVENT_REPLAY_FAILED)); /* the statistics may tell which */
	bench_core_fact(b, &stop);
	assert_int_equal(bench_find(b, EVENT_REPLAY_FAILED)->seqno, 5);
	assert_told(b, "a", "XfrmInStateSeqError", 1, 0);
	assert_int_equal(b->events[b->n - 1].id, EVENT_MONITOR_STOPPED);
	bench_free(b);
}

static void counters_of_another_boot_are_not_ours(void **state)
{
	struct bench *b = bench_new(0);
	struct fact restore = { .type = FACT_RESTORE,
		.netns = NS_A,
		.restore = { .boot = "another",
			.netns = "a",
			.counter = "XfrmInNoStates",
			.kernel = 900,
			.attributed = 900 } };

	(void)state;
	bench_core_fact(b, &restore);
	bench_live(b);
	bench_counter(b, NS_A, "XfrmInNoStates", 2);
	bench_settle(b);
	assert_told(b, "a", "XfrmInNoStates", 2, 0);
	assert_int_equal(bench_count_id(b, EVENT_COUNTER_RESET), 0);
	bench_free(b);
}

/* Whatever comes in whatever order: never more than the kernel counted, and exact in the end. */
static void any_order_is_exact(void **state)
{
	static const char *const names[] = { "XfrmInNoStates", "XfrmInStateProtoError",
		"XfrmInStateSeqError" };

	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct bench *b = bench_new(seed % 4 * 4 + 4 * (seed % 3));
		struct sa sa = bench_sa(PEER, HERE, 0x1001);
		uint64_t kernel[3] = { 0 };

		srand(seed);
		two_netns(b);
		bench_address(b, NS_A, HERE);
		for (int i = 0; i < 300; i++) {
			uint32_t seqno = (uint32_t)rand() % 3000;
			int kind = rand() % 8;
			unsigned at = (unsigned)rand() % 3;

			if (kind < 3)
				bench_drop(b, (uint8_t)(kind + 1), PEER, HERE,
					kind == 2 ? seqno + 1 : 0x1001, seqno);
			else if (kind < 6)
				bench_counter(
					b, NS_A, names[at], kernel[at] += (unsigned)rand() % 4);
			sa.integrity_failed += kind == 6;
			sa.replayed += kind == 6 && seqno % 2;
			sa.late += kind == 6 && seqno % 3 == 0;
			sa.seq = seqno;
			if (kind == 6)
				bench_dump(b, NS_A, &sa, 1);
			if (kind == 7) {
				bench_pass(b, (uint64_t)rand() % 900);
				bench_poll(b);
				for (unsigned k = 0; k < 3; k++)
					assert_true(bench_sum(b, "a", names[k]) <= kernel[k]);
			}
		}
		bench_dump(b, NS_A, &sa, 1);
		bench_settle(b);
		for (unsigned k = 0; k < 3; k++)
			assert_told(b, "a", names[k], kernel[k],
				bench_account(b, "a", names[k]).unattributed);
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_counter_alone_tells_the_cause),
		cmocka_unit_test(audit_claims_wait_for_the_counter),
		cmocka_unit_test(what_audit_lost_is_unattributed_after_the_settling_time),
		cmocka_unit_test(first_packets_one_by_one_then_folded),
		cmocka_unit_test(random_senders_stay_bounded_and_exact),
		cmocka_unit_test(per_sa_statistics_name_the_sa),
		cmocka_unit_test(an_sa_that_went_still_explains_its_drops),
		cmocka_unit_test(audit_and_statistics_decide_replays_per_packet),
		cmocka_unit_test(audit_alone_does_not_tell_replays_apart),
		cmocka_unit_test(one_occurrence_with_two_witnesses_is_one_event),
		cmocka_unit_test(counters_decide_between_equal_netns),
		cmocka_unit_test(statistics_leave_what_a_claim_of_any_netns_waits_for),
		cmocka_unit_test(only_a_receiving_sa_drops_what_came_in),
		cmocka_unit_test(undecided_netns_is_null_and_nothing_is_counted_twice),
		cmocka_unit_test(the_audit_policy_suppresses_but_counts),
		cmocka_unit_test(a_counter_that_falls_is_said_and_begins_anew),
		cmocka_unit_test(the_log_remembers_over_a_restart),
		cmocka_unit_test(an_old_reading_told_again_is_no_reading),
		cmocka_unit_test(what_nobody_heard_while_observe_was_gone_is_told_by_the_counter),
		cmocka_unit_test(a_stop_tells_what_is_confirmed),
		cmocka_unit_test(counters_of_another_boot_are_not_ours),
		cmocka_unit_test(any_order_is_exact),
	};

	return cmocka_run_group_tests_name("core/accounts", tests, NULL, NULL);
}
