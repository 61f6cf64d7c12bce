/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "core/internal.h"

#define ALL (EVIDENCE_BIT(EVIDENCE_AUDIT) | EVIDENCE_BIT(EVIDENCE_SA))
#define PEER "192.0.2.1"
#define HERE "192.0.2.2"

static void record(
	struct bench *b, uint8_t op, const struct sa *sa, uint64_t serial, const char *comm)
{
	struct fact f = { .type = FACT_AUDIT_CHANGE,
		.source = SOURCE_AUDIT,
		.audit_change = { .op = op,
			.ok = true,
			.has_actor = true,
			.auid = 1000,
			.ses = 3,
			.pid = 77,
			.src = { sa->src, 32 },
			.dst = { sa->dst, 32 },
			.spi = sa->spi,
			.serial = serial } };

	f.audit_change.record_us = 1700000000000000u + b->ns / 1000;
	(void)snprintf(f.audit_change.comm, sizeof(f.audit_change.comm), "%s", comm);
	bench_feed(b, &f, 0);
}

static void policy_fact(struct bench *b, uint64_t netns, uint16_t type, uint8_t op, uint32_t index,
	uint32_t priority)
{
	struct fact f = { .type = type, .source = SOURCE_XFRM };
	struct policy *p = type == FACT_POLICY ? &f.policy.policy : &f.policy_gone.policy;

	if (type == FACT_POLICY)
		f.policy.op = op;
	p->netns = netns;
	p->index = index;
	p->priority = priority;
	(void)addr_parse("10.1.0.0", &p->selector.src.addr);
	(void)addr_parse("10.2.0.0", &p->selector.dst.addr);
	p->selector.src.length = p->selector.dst.length = 16;
	bench_feed(b, &f, netns);
}

static void the_actor_of_a_change_comes_from_audit(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	const struct event *e;

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	assert_null(bench_find(b, EVENT_SA_ADDED)); /* waits for its record */
	record(b, AUDIT_SAD_ADD, &sa, 5, "charon");
	e = bench_find(b, EVENT_SA_ADDED);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "by charon"));
	assert_non_null(strstr(e->detail, "\"auid\":1000"));
	bench_free(b);
}

static void no_record_no_actor_but_the_event(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_settle(b);
	assert_non_null(bench_find(b, EVENT_SA_ADDED));
	assert_null(strstr(bench_find(b, EVENT_SA_ADDED)->detail, "comm"));
	bench_free(b);
}

static void an_actor_that_may_be_another_netns_is_not_given(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	bench_netns(b, NS_B, "b", true);
	bench_dump(b, NS_B, NULL, 0);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_sa_fact(b, NS_B, SA_ADDED, &sa);
	record(b, AUDIT_SAD_ADD, &sa, 5, "alice");
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_SA_ADDED), 2);
	for (size_t i = 0; i < b->n; i++)
		assert_null(strstr(b->events[i].detail, "alice"));
	bench_free(b);
}

static void expiry_has_no_actor(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_settle(b);
	record(b, AUDIT_SAD_DELETE, &sa, 6, "innocent");
	bench_sa_gone(b, NS_A, GONE_EXPIRED, &sa);
	bench_settle(b);
	assert_non_null(bench_find(b, EVENT_SA_EXPIRED));
	assert_null(strstr(bench_find(b, EVENT_SA_EXPIRED)->detail, "innocent"));
	assert_null(bench_find(b, EVENT_SA_DELETED));
	bench_free(b);
}

static void records_of_a_flush_name_no_later_change(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001), other = bench_sa(PEER, HERE, 0x1002);
	struct fact flush = { .type = FACT_SA_FLUSH, .source = SOURCE_XFRM };

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_sa_fact(b, NS_A, SA_ADDED, &other);
	bench_settle(b);
	bench_feed(b, &flush, NS_A);
	record(b, AUDIT_SAD_DELETE, &sa, 9, "flusher");
	record(b, AUDIT_SAD_DELETE, &other, 9, "flusher");
	assert_non_null(strstr(bench_find(b, EVENT_SA_FLUSHED)->detail, "flusher"));
	assert_non_null(strstr(bench_find(b, EVENT_SA_FLUSHED)->message, "SAs flushed in a: 2"));
	bench_sa_fact(b, NS_A, SA_ADDED, &other);
	bench_settle(b);
	bench_sa_gone(b, NS_A, GONE_DELETED, &other);
	bench_settle(b);
	assert_null(strstr(bench_find(b, EVENT_SA_DELETED)->detail, "flusher"));
	bench_free(b);
}

static void the_first_dump_is_no_news_but_a_gap_is_told(void **state)
{
	struct bench *b = bench_new(0);
	struct sa sas[2] = { bench_sa(PEER, HERE, 1), bench_sa(PEER, HERE, 2) };
	struct fact run = { .type = FACT_RESTORE_RUN, .restore_run = { .first = true } };

	(void)state;
	bench_core_fact(b, &run);
	bench_netns(b, NS_A, "a", true);
	bench_dump(b, NS_A, sas, 2);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_SA_ADDED), 0);
	/* The next dump lacks one, and has one that nobody announced. */
	sas[0] = bench_sa(PEER, HERE, 3);
	bench_dump(b, NS_A, sas, 2);
	bench_settle(b);
	assert_int_equal(bench_find(b, EVENT_SA_ADDED)->spi, 3);
	assert_int_equal(bench_find(b, EVENT_SA_VANISHED)->spi, 1);
	bench_free(b);
}

static void a_deletion_behind_the_dump_is_a_deletion(void **state)
{
	struct bench *b = bench_new(0);
	struct sa sa = bench_sa(PEER, HERE, 1);

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_dump(b, NS_A, NULL, 0);
	bench_sa_gone(b, NS_A, GONE_DELETED, &sa);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_SA_DELETED), 1);
	assert_int_equal(bench_count_id(b, EVENT_SA_VANISHED), 0);
	bench_free(b);
}

static void policy_dump(struct bench *b, uint64_t netns, uint8_t phase)
{
	struct fact f = { .type = FACT_DUMP,
		.source = SOURCE_XFRM,
		.dump = { .kind = DUMP_POLICY, .phase = phase } };

	bench_feed(b, &f, netns);
}

/* Dumps the policies of these indices; none is 0. */
static void dump_policies(struct bench *b, uint64_t netns, const uint32_t indices[3])
{
	policy_dump(b, netns, DUMP_BEGIN);
	for (unsigned i = 0; i < 3; i++) {
		if (indices[i])
			policy_fact(b, netns, FACT_POLICY, SA_DUMPED, indices[i], 1);
	}
	policy_dump(b, netns, DUMP_END);
	bench_settle(b);
}

static void a_policy_that_a_dump_does_not_bring_again_is_gone(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	dump_policies(b, NS_A, (uint32_t[]){ 8, 16, 24 });
	assert_int_equal(bench_count_id(b, EVENT_POLICY_ADDED), 0);
	dump_policies(b, NS_A, (uint32_t[]){ 8, 24, 0 });
	assert_int_equal(bench_find(b, EVENT_POLICY_VANISHED)->policy, 16);
	dump_policies(b, NS_A, (uint32_t[]){ 24, 8, 0 });
	assert_int_equal(bench_count_id(b, EVENT_POLICY_VANISHED), 1);
	/* One goes behind the dump's back, and one is not seen: the sums alone would not tell. */
	policy_dump(b, NS_A, DUMP_BEGIN);
	policy_fact(b, NS_A, FACT_POLICY, SA_DUMPED, 8, 1);
	policy_fact(b, NS_A, FACT_POLICY_GONE, 0, 8, 1);
	policy_dump(b, NS_A, DUMP_END);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_POLICY_DELETED), 1);
	assert_int_equal(bench_count_id(b, EVENT_POLICY_VANISHED), 2);
	assert_int_equal(b->core->n_policies, 0);
	bench_free(b);
}

static void policies_are_told_with_before_and_after(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	policy_fact(b, NS_A, FACT_POLICY, SA_ADDED, 8, 10);
	policy_fact(b, NS_A, FACT_POLICY, SA_UPDATED, 8, 20);
	policy_fact(b, NS_A, FACT_POLICY_GONE, 0, 8, 20);
	assert_string_equal(bench_find(b, EVENT_POLICY_ADDED)->message,
		"policy added in a: in 10.1.0.0/16 to 10.2.0.0/16 allow, priority 10");
	e = bench_find(b, EVENT_POLICY_CHANGED);
	assert_non_null(strstr(e->message, "priority 20, before: in"));
	assert_int_equal(bench_count_id(b, EVENT_POLICY_DELETED), 1);
	bench_free(b);
}

static void an_unknown_spi_has_its_history(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 0x1001);
	const struct event *e;

	(void)state;
	bench_live(b);
	bench_address(b, NS_A, HERE);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_sa_gone(b, NS_A, GONE_DELETED, &sa);
	bench_pass(b, 12000);
	bench_drop(b, AUDIT_DROP_NOTFOUND, PEER, HERE, 0x1001, 1);
	bench_counter(b, NS_A, "XfrmInNoStates", 1);
	bench_settle(b);
	e = bench_find(b, EVENT_UNKNOWN_SPI);
	assert_non_null(strstr(e->message, "ours until 12 s ago, deleted"));
	bench_free(b);
}

static void a_high_rate_is_one_pair_of_events(void **state)
{
	struct bench *b = bench_new(0);
	struct fact config = { .type = FACT_CONFIG,
		.config = { .settle_ms = 1000,
			.first_packets = 3,
			.rate_threshold = 10,
			.rate_window_s = 5 } };

	(void)state;
	bench_core_fact(b, &config);
	bench_live(b);
	for (uint64_t i = 1; i <= 5; i++) {
		bench_counter(b, NS_A, "XfrmInPolBlock", i * 8);
		bench_pass(b, 1000);
		bench_poll(b);
	}
	assert_int_equal(bench_count_id(b, EVENT_DROP_RATE_HIGH), 1);
	for (int i = 0; i < 12; i++)
		bench_pass(b, 1000);
	assert_int_equal(bench_count_id(b, EVENT_DROP_RATE_HIGH), 1);
	assert_int_equal(bench_count_id(b, EVENT_DROP_RATE_NORMAL), 1);
	assert_int_equal(bench_sum(b, "a", "XfrmInPolBlock"), 40);
	bench_free(b);
}

static void a_source_that_lost_something_says_so(void **state)
{
	struct bench *b = bench_new(ALL);

	(void)state;
	bench_live(b);
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_RESYNCING, 4);
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_IN_STEP, 4);
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_LOST, 4);
	assert_int_equal(bench_count_id(b, EVENT_SOURCE_GAP), 1);
	assert_int_equal(bench_count_id(b, EVENT_SOURCE_BACK), 1);
	assert_int_equal(bench_count_id(b, EVENT_SOURCE_LOST), 1);
	bench_poll(b);
	assert_int_equal(bench_count_id(b, EVENT_EVIDENCE_ELECTED), 2); /* at start, and now */
	bench_free(b);
}

static void a_set_clock_is_told(void **state)
{
	struct bench *b = bench_new(0);
	struct fact tick = { .type = FACT_TICK };

	(void)state;
	bench_live(b);
	bench_pass(b, 1000);
	tick.boot_ns = b->ns + 1000000000;
	tick.real_us = 1600000000000000u;
	core_feed(b->core, &tick);
	assert_int_equal(bench_count_id(b, EVENT_CLOCK_STEPPED), 1);
	bench_free(b);
}

static void progress_waits_for_what_is_held(void **state)
{
	struct bench *b = bench_new(ALL);
	struct sa sa = bench_sa(PEER, HERE, 1);
	struct core_progress p;

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_poll(b);
	core_progress(b->core, &p);
	assert_int_equal(p.applied, b->seq);
	assert_int_equal(p.n_pending, 1);
	assert_int_equal(p.pending[0][0], b->seq - 1);
	assert_int_equal(p.done, b->seq - 2);
	bench_settle(b);
	core_progress(b->core, &p);
	assert_int_equal(p.n_pending, 0);
	assert_int_equal(p.done, b->seq);
	bench_free(b);
}

static bool count_row(void *userdata, const void *row)
{
	(void)row;
	(*(size_t *)userdata)++;
	return true;
}

static void a_netns_that_goes_takes_its_state_along(void **state)
{
	struct bench *b = bench_new(0);
	struct sa sa = bench_sa(PEER, HERE, 1);
	size_t n = 0;

	(void)state;
	bench_live(b);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	policy_fact(b, NS_A, FACT_POLICY, SA_ADDED, 8, 10);
	bench_netns(b, NS_A, "a", false);
	assert_int_equal(bench_count_id(b, EVENT_NETNS_GONE), 1);
	core_each(b->core, &noun_sa, count_row, &n);
	core_each(b->core, &noun_policy, count_row, &n);
	assert_int_equal(n, 0);
	for (int i = 0; i < 3; i++)
		bench_settle(b);
	/* The same name again is another netns. */
	bench_netns(b, NS_B, "a", true);
	bench_counter(b, NS_B, "XfrmInPolBlock", 2);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_COUNTER_RESET), 0);
	assert_int_equal(bench_find(b, EVENT_POLICY_BLOCK)->count, 2);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_actor_of_a_change_comes_from_audit),
		cmocka_unit_test(no_record_no_actor_but_the_event),
		cmocka_unit_test(an_actor_that_may_be_another_netns_is_not_given),
		cmocka_unit_test(expiry_has_no_actor),
		cmocka_unit_test(records_of_a_flush_name_no_later_change),
		cmocka_unit_test(the_first_dump_is_no_news_but_a_gap_is_told),
		cmocka_unit_test(a_deletion_behind_the_dump_is_a_deletion),
		cmocka_unit_test(a_policy_that_a_dump_does_not_bring_again_is_gone),
		cmocka_unit_test(policies_are_told_with_before_and_after),
		cmocka_unit_test(an_unknown_spi_has_its_history),
		cmocka_unit_test(a_high_rate_is_one_pair_of_events),
		cmocka_unit_test(a_source_that_lost_something_says_so),
		cmocka_unit_test(a_set_clock_is_told),
		cmocka_unit_test(progress_waits_for_what_is_held),
		cmocka_unit_test(a_netns_that_goes_takes_its_state_along),
	};

	return cmocka_run_group_tests_name("core/changes", tests, NULL, NULL);
}
