/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "daemons.h"

/* Every word of the verdict, by what must be seen for it. */

static void both_ways(struct bench *b)
{
	daemon_kernel(b, SA_DUMPED, true, 0x101, 3);
	daemon_kernel(b, SA_DUMPED, false, 0x201, 3);
}

static void up(struct bench *b)
{
	daemon_up(b);
	both_ways(b);
}

static void idle(struct bench *b)
{
	up(b);
	bench_pass(b, 400000);
}

static void one_way(struct bench *b)
{
	idle(b);
	daemon_kernel(b, SA_DUMPED, false, 0x201, 4);
}

/* As of Libreswan: no reqid, and selectors of before it gave the peer an address. */
static void selectors_of_before(struct bench *b)
{
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);

	sa.reqid = 0;
	(void)snprintf(sa.remote_ts, sizeof(sa.remote_ts), "192.0.2.99/32");
	daemon_policies_known(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_kernel(b, SA_ADDED, true, 0x101, 4);
	daemon_kernel(b, SA_ADDED, false, 0x201, 4);
	daemon_policy(b, POLICY_IN, 1, true);
	daemon_policy(b, POLICY_OUT, 1, true);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	daemon_sa_there(b, IKE_OP_UP, 0, &sa);
}

static void down(struct bench *b)
{
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);

	up(b);
	daemon_kernel_gone(b, true, 0x101, 3);
	daemon_kernel_gone(b, false, 0x201, 3);
	daemon_sa_gone(b, IKE_GONE_DOWN, &sa);
}

static void refused(struct bench *b)
{
	struct fact f = { .type = FACT_NEGOTIATION,
		.negotiation = { .service = CHARON,
			.cause = CAUSE_AUTH_REFUSED,
			.said = SAID_LOG,
			.final = true,
			.conn = "net",
			.words = "received AUTHENTICATION_FAILED notify error" } };

	down(b);
	bench_feed(b, &f, NS_A);
	bench_settle(b);
}

static void up_again(struct bench *b)
{
	struct child_sa sa = daemon_sa(CHARON, 2, 0x102, 0x202);

	refused(b);
	daemon_kernel(b, SA_ADDED, true, 0x102, 1);
	daemon_kernel(b, SA_ADDED, false, 0x202, 1);
	daemon_sa_there(b, IKE_OP_UP, 0, &sa);
}

static void trap(struct bench *b)
{
	daemon_policies_known(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_child(b, CHARON, ORIGIN_LOADED, "net", "lan", INTENT_TRAP);
	daemon_policy(b, POLICY_OUT, 9, true);
	daemon_policy(b, POLICY_IN, 9, true);
}

static void trap_without_policy(struct bench *b)
{
	trap(b);
	daemon_policy(b, POLICY_OUT, 9, false);
}

static void disabled(struct bench *b)
{
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_END);
	daemon_child(b, CHARON, ORIGIN_FILE, "net", "lan", INTENT_DISABLED);
}

static void not_loaded(struct bench *b)
{
	disabled(b);
	daemon_child(b, CHARON, ORIGIN_FILE, "net", "lan", INTENT_START);
}

static void no_kernel_sa(struct bench *b)
{
	struct fact flush = { .type = FACT_SA_FLUSH, .source = SOURCE_XFRM };

	up(b);
	bench_feed(b, &flush, NS_A);
}

static void half_a_pair(struct bench *b)
{
	up(b);
	daemon_kernel_gone(b, false, 0x201, 3);
}

static void no_policy(struct bench *b)
{
	up(b);
	daemon_policy(b, POLICY_OUT, 1, false);
}

static void left_in_the_kernel(struct bench *b)
{
	up(b);
	daemon_service(b, CHARON, SERVICE_FAILED);
}

static void does_not_run(struct bench *b)
{
	left_in_the_kernel(b);
	daemon_kernel_gone(b, true, 0x101, 3);
	daemon_kernel_gone(b, false, 0x201, 3);
}

/* The next process asks by other reqids than the one that was up. */
static void trap_of_the_next_process(struct bench *b)
{
	does_not_run(b);
	daemon_policy(b, POLICY_OUT, 1, false);
	daemon_policy(b, POLICY_IN, 1, false);
	daemon_service(b, CHARON + 1, SERVICE_RUNS);
	daemon_child(b, CHARON + 1, ORIGIN_LOADED, "net", "lan", INTENT_TRAP);
	daemon_policy(b, POLICY_OUT, 9, true);
	daemon_policy(b, POLICY_IN, 9, true);
}

/* ESP in the daemon itself: kernel-libipsec. */
static void userspace(struct bench *b)
{
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);

	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	sa.counted = true;
	sa.packets_in = sa.packets_out = 1;
	daemon_sa_there(b, IKE_OP_LISTED, 0, &sa);
	sa.packets_in = sa.packets_out = 2;
	daemon_sa_there(b, IKE_OP_LISTED, 0, &sa);
}

static void userspace_without_traffic(struct bench *b)
{
	userspace(b);
	bench_pass(b, 400000);
}

static void dropped_by_policy(struct bench *b)
{
	struct fact drop = { .type = FACT_DROP,
		.source = SOURCE_BPF,
		.drop = { .counter = "XfrmInTmplMismatch",
			.direction = DIRECTION_IN,
			.kind = DROP_PROTECTED,
			.has_sa = true,
			.reqid = 1,
			.count = 2 } };
	struct fact hook = { .type = FACT_HOOK, .source = SOURCE_BPF };

	(void)snprintf(hook.hook.counter, NAME_SIZE, "XfrmInTmplMismatch");
	(void)snprintf(hook.hook.hook, NAME_SIZE, "tracepoint");
	bench_feed(b, &hook, 0);
	bench_source(b, 0, SOURCE_BPF, SOURCE_IN_STEP, 0);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 0);
	bench_settle(b);
	daemon_up(b);
	both_ways(b);
	bench_feed(b, &drop, NS_A);
	bench_counter(b, NS_A, "XfrmInTmplMismatch", 2);
	bench_settle(b);
}

static const struct {
	void (*make)(struct bench *b);
	const char *what, *word, *reason; /* a part of it */
} cases[] = {
	{ up, "packets both ways", "up", "packets go in and out" },
	{ up_again, "up after a failure", "up", "packets go in and out" },
	{ idle, "no packet for long", "idle", "no packet in for 6 min 40 s" },
	{ daemon_up, "no packet yet", "idle", "yet" },
	{ one_way, "out alone", "one-way", "none came in for 6 min 40 s" },
	{ selectors_of_before, "selectors told late", "up", "" },
	{ down, "ended", "down", "ended" },
	{ refused, "refused", "failed", "authentication refused" },
	{ trap, "a trap", "on demand", "first packet" },
	{ trap_without_policy, "a trap without policy", "down", "no policy in the kernel" },
	{ trap_of_the_next_process, "a trap after a restart", "on demand", "first packet" },
	{ disabled, "switched off", "disabled", "/etc/swanctl/swanctl.conf" },
	{ not_loaded, "not loaded", "down", "has not loaded it" },
	{ no_kernel_sa, "flushed", "contradictory", "the kernel lacks an SA of it" },
	{ half_a_pair, "half a pair", "contradictory", "no outbound SA" },
	{ no_policy, "no policy", "contradictory", "no policy sends packets out" },
	{ left_in_the_kernel, "orphans", "contradictory", "the kernel still has SAs" },
	{ does_not_run, "no daemon", "down", "does not run" },
	{ userspace, "userspace ESP", "up", "as charon counts" },
	{ userspace_without_traffic, "userspace, idle", "contradictory",
		"the kernel never had an SA" },
	{ dropped_by_policy, "policy drops", "contradictory", "XfrmInTmplMismatch" },
};

static void each_word_has_its_evidence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench *b =
			bench_new(EVIDENCE_BIT(EVIDENCE_BPF) | EVIDENCE_BIT(EVIDENCE_AUDIT));
		struct verdict v;

		bench_live(b);
		cases[i].make(b);
		verdict_of(b->core, daemon_tunnel(b), &v);
		if (!v.word || strcmp(v.word, cases[i].word) != 0 ||
			!strstr(v.reason, cases[i].reason))
			fail_msg("%s: %s (%s)", cases[i].what, v.word ? v.word : "null", v.reason);
		bench_free(b);
	}
}

static void without_the_kernel_nobody_says_up(void **state)
{
	struct bench *b = bench_new(0);
	struct fact run = { .type = FACT_RESTORE_RUN, .restore_run = { .first = true } };

	(void)state;
	bench_core_fact(b, &run);
	bench_netns(b, NS_A, "a", true);
	up(b);
	assert_string_equal(daemon_verdict(b), "");
	bench_free(b);
}

static void the_five_facts_stand_side_by_side(void **state)
{
	struct bench *b = bench_new(0);
	struct verdict v;

	(void)state;
	bench_live(b);
	half_a_pair(b);
	daemon_child(b, CHARON, ORIGIN_FILE, "net", "lan", INTENT_START);
	verdict_of(b->core, daemon_tunnel(b), &v);
	assert_string_equal(v.configured, "file and loaded");
	assert_string_equal(v.ike, "established");
	assert_string_equal(v.installed, "in");
	assert_string_equal(v.policies, "in and out");
	assert_string_equal(v.traffic, "both ways");
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_has_its_evidence),
		cmocka_unit_test(without_the_kernel_nobody_says_up),
		cmocka_unit_test(the_five_facts_stand_side_by_side),
	};

	return cmocka_run_group_tests_name("core/verdict", tests, NULL, NULL);
}
