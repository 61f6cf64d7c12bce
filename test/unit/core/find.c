/* SPDX-License-Identifier: Apache-2.0 */
#include "core/find.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Questions to a core that is fed facts: where the packet is, what it meets, what comes of it. */

#define HERE "10.1.0.1"
#define THERE "10.2.0.1"

static struct bench *b;
static struct find_answer *answer;
static struct diag why;

static int set_up(void **state)
{
	(void)state;
	b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	answer = calloc(1, sizeof(*answer));
	assert_non_null(answer);
	bench_live(b);
	bench_address(b, NS_A, HERE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	find_answer_done(answer);
	free(answer);
	bench_free(b);
	return 0;
}

static struct policy a_policy(uint32_t index, uint32_t priority, const char *src, const char *dst)
{
	struct policy p = { .netns = NS_A, .index = index, .priority = priority };

	p.direction = index & 7;
	assert_int_equal(prefix_parse(src, &p.selector.src, NULL), 0);
	assert_int_equal(prefix_parse(dst, &p.selector.dst, NULL), 0);
	return p;
}

static struct policy esp(struct policy p)
{
	p.n_templates = 1;
	p.templates[0] = (struct template){
		.proto = IPPROTO_ESP, .mode = IPSEC_TUNNEL, .reqid = 7, .spi = 0
	};
	assert_int_equal(addr_parse("192.0.2.1", &p.templates[0].src), 0);
	assert_int_equal(addr_parse("192.0.2.2", &p.templates[0].dst), 0);
	return p;
}

static void put(uint8_t op, struct policy p)
{
	struct fact f = { .type = FACT_POLICY, .source = SOURCE_XFRM };

	f.policy.op = op;
	f.policy.policy = p;
	bench_feed(b, &f, p.netns);
}

static void gone(struct policy p)
{
	struct fact f = { .type = FACT_POLICY_GONE, .source = SOURCE_XFRM };

	f.policy_gone.policy = p;
	bench_feed(b, &f, p.netns);
}

static int ask(const char *src, const char *dst, struct find_question q)
{
	find_answer_done(answer);
	why = (struct diag){ "" };
	assert_int_equal(addr_parse(src, &q.flow.src), 0);
	assert_int_equal(addr_parse(dst, &q.flow.dst), 0);
	q.flow.proto = IPPROTO_UDP;
	return core_find(b->core, &q, answer, &why);
}

static const struct find_check *asked(const char *src, const char *dst)
{
	const struct find_question q = { .losers = 10 };

	if (ask(src, dst, q) < 0)
		fail_msg("%s", why.text);
	return &answer->checks[0];
}

static void the_addresses_say_where_and_which_way(void **state)
{
	(void)state;
	assert_int_equal(asked(HERE, THERE)->direction, POLICY_OUT);
	assert_int_equal(answer->cookie, NS_A);
	assert_int_equal(asked(THERE, HERE)->direction, POLICY_IN);
	assert_int_equal(answer->checks[0].flow.ifindex, LOOPBACK_IFINDEX);
	/* Neither is local, and no netns is called init. */
	assert_int_equal(ask(THERE, "10.3.0.1", (struct find_question){ 0 }), -EINVAL);
	assert_int_equal(ask(THERE, "10.3.0.1", (struct find_question){ .netns = "a" }), 0);
	assert_int_equal(answer->n_checks, 2);
	assert_int_equal(answer->checks[0].direction, POLICY_FWD);
	assert_int_equal(answer->checks[1].direction, POLICY_OUT);
	assert_int_equal(
		ask(HERE, THERE, (struct find_question){ .direction = "sideways" }), -EINVAL);
	assert_int_equal(ask(HERE, THERE, (struct find_question){ .netns = "nix" }), -ENOENT);
	assert_int_equal(ask(HERE, THERE, (struct find_question){ .interface = "nix" }), -ENOENT);
}

static void the_index_follows_every_change(void **state)
{
	struct policy p = a_policy(9, 100, "10.1.0.0/16", "10.2.0.0/16"), flushed = p;

	(void)state;
	assert_false(asked(HERE, THERE)->has_policy);
	put(SA_ADDED, p);
	assert_int_equal(asked(HERE, THERE)->policy.index, 9);
	p.block = true;
	put(SA_UPDATED, p);
	assert_int_equal(asked(HERE, THERE)->outcome, OUTCOME_BLOCK);
	p.selector.dst.length = 32; /* 10.2.0.0 */
	put(SA_UPDATED, p);
	assert_false(asked(HERE, THERE)->has_policy);
	flushed.index = 17;
	put(SA_ADDED, flushed);
	assert_true(asked(HERE, THERE)->has_policy);
	gone(flushed);
	assert_false(asked(HERE, THERE)->has_policy);
	put(SA_ADDED, flushed);
	bench_feed(b, &(struct fact){ .type = FACT_POLICY_FLUSH, .source = SOURCE_XFRM }, NS_A);
	assert_false(asked(HERE, THERE)->has_policy);
}

static void what_was_there_before_the_first_question_counts(void **state)
{
	(void)state;
	put(SA_ADDED, a_policy(9, 100, "10.1.0.0/16", "10.2.0.0/16"));
	put(SA_ADDED, a_policy(17, 50, "0.0.0.0/0", "0.0.0.0/0"));
	assert_int_equal(asked(HERE, THERE)->policy.index, 17);
}

static void losers_stand_in_the_kernels_order_with_their_reason(void **state)
{
	struct policy marked = a_policy(33, 1, "0.0.0.0/0", "0.0.0.0/0");
	char text[FIND_TEXT_SIZE];
	const struct find_check *k;
	struct policy p;

	(void)state;
	marked.mark = 5;
	marked.mark_mask = 7;
	put(SA_ADDED, marked);
	put(SA_ADDED, a_policy(9, 100, "10.1.0.0/16", "10.2.0.0/16"));
	put(SA_ADDED, a_policy(17, 50, "0.0.0.0/0", "0.0.0.0/0"));
	put(SA_ADDED, a_policy(25, 70, "0.0.0.0/0", "0.0.0.0/0"));
	put(SA_ADDED, a_policy(41, 1, "10.9.0.0/16", "0.0.0.0/0")); /* other addresses */
	k = asked(HERE, THERE);
	assert_int_equal(k->policy.index, 17);
	assert_int_equal(k->n_losers, 3);
	assert_int_equal(k->losers[0].index, 25);
	assert_int_equal(k->losers[1].index, 9);
	assert_int_equal(k->losers[2].index, 33);
	assert_true(core_policy(b->core, NS_A, 25, &p));
	find_why(k, &k->losers[0], &p, text);
	assert_string_equal(text, "priority 70 comes after 50");
	find_why(k, &k->losers[2], &marked, text);
	assert_string_equal(text, "only for mark 0x5/0x7");
	assert_int_equal(ask(HERE, THERE, (struct find_question){ .losers = 1 }), 0);
	assert_int_equal(answer->checks[0].n_losers, 1);
	assert_int_equal(answer->checks[0].n_losers_all, 3);
	assert_int_equal(answer->checks[0].losers[0].index, 25);
}

static void ties_are_ambiguous_when_the_outcome_differs(void **state)
{
	struct policy second = a_policy(17, 50, "0.0.0.0/0", "10.2.0.0/16");

	(void)state;
	put(SA_ADDED, a_policy(9, 50, "10.1.0.0/16", "10.2.0.0/16"));
	put(SA_ADDED, second);
	assert_int_equal(asked(HERE, THERE)->policy.index, 9);
	assert_int_equal(answer->checks[0].n_ties, 1);
	assert_false(answer->checks[0].ambiguous);
	put(SA_UPDATED, esp(second));
	assert_true(asked(HERE, THERE)->ambiguous);
	assert_non_null(strstr(answer->checks[0].verdict, "Ambiguous"));
}

static void a_sub_policy_comes_first_and_the_main_one_behind_it(void **state)
{
	struct policy sub = a_policy(9, 500, "0.0.0.0/0", "0.0.0.0/0");

	(void)state;
	sub.type = 1;
	put(SA_ADDED, sub);
	put(SA_ADDED, esp(a_policy(17, 1, "10.1.0.0/16", "10.2.0.0/16")));
	assert_int_equal(asked(HERE, THERE)->policy.index, 9);
	assert_true(answer->checks[0].has_behind);
	assert_int_equal(answer->checks[0].behind.index, 17);
	assert_int_equal(answer->checks[0].outcome, OUTCOME_PROTECT);
	assert_int_equal(answer->checks[0].n_losers_all, 0);
}

static void the_newest_sa_that_fits_is_told(void **state)
{
	struct sa old = bench_sa("192.0.2.1", "192.0.2.2", 0x1001),
		  new = bench_sa("192.0.2.1", "192.0.2.2", 0x1002);

	(void)state;
	put(SA_ADDED, esp(a_policy(9, 1, "10.1.0.0/16", "10.2.0.0/16")));
	assert_string_equal(asked(HERE, THERE)->fate, "dropped");
	assert_null(answer->checks[0].templates[0].sa);
	old.mode = new.mode = IPSEC_TUNNEL;
	old.reqid = new.reqid = 7;
	old.added_s = 100;
	new.added_s = 200;
	bench_sa_fact(b, NS_A, SA_ADDED, &new);
	bench_sa_fact(b, NS_A, SA_ADDED, &old);
	assert_string_equal(asked(HERE, THERE)->fate, "protected");
	assert_int_equal(answer->checks[0].templates[0].sa->spi, 0x1002);
	assert_non_null(strstr(answer->checks[0].verdict, "0x00001002"));
}

static void the_default_counts_where_no_policy_fits(void **state)
{
	struct fact f = { .type = FACT_POLICY_DEFAULT, .source = SOURCE_XFRM };

	(void)state;
	assert_null(asked(THERE, HERE)->default_action);
	assert_string_equal(answer->checks[0].fate, "clear");
	f.policy_default.block_in = true;
	bench_feed(b, &f, NS_A);
	assert_string_equal(asked(THERE, HERE)->fate, "dropped");
	assert_string_equal(answer->checks[0].default_action, "block");
	assert_string_equal(asked(HERE, THERE)->fate, "clear");
}

static void policies_of_sockets_are_mentioned(void **state)
{
	(void)state;
	put(SA_DUMPED, a_policy(12, 0, "0.0.0.0/0", "0.0.0.0/0"));
	assert_int_equal(asked(HERE, THERE)->n_sockets, 1);
	assert_false(answer->checks[0].has_policy);
	assert_int_equal(asked(THERE, HERE)->n_sockets, 0);
}

/* eth0 is what the bench has: it has HERE. */
static void settings(const char *name, uint32_t ifindex, uint8_t xfrm, uint8_t policy)
{
	struct fact f = { .type = FACT_LINK,
		.source = SOURCE_LINK,
		.link = { .link = { .ifindex = ifindex,
				  .flags = ifindex == 1 ? IFF_LOOPBACK : 0,
				  .disable_xfrm = xfrm,
				  .disable_policy = policy,
				  .disable_policy6 = policy } } };

	(void)snprintf(f.link.link.name, sizeof(f.link.link.name), "%s", name);
	bench_feed(b, &f, NS_A);
}

static void address(const char *addr, uint32_t ifindex)
{
	struct fact f = {
		.type = FACT_ADDR, .source = SOURCE_LINK, .addr = { .addr = { .ifindex = ifindex } }
	};

	assert_int_equal(prefix_parse(addr, &f.addr.addr.prefix, NULL), 0);
	bench_feed(b, &f, NS_A);
}

static bool assumes(const char *what)
{
	for (unsigned i = 0; i < answer->n_assumed; i++) {
		if (strstr(answer->assumed[i], what))
			return true;
	}
	return false;
}

static void disable_xfrm_lets_all_out_in_the_clear(void **state)
{
	const struct find_question by_eth0 = { .interface = "eth0", .losers = 10 };
	const struct find_check *k = &answer->checks[0];
	char text[FIND_TEXT_SIZE];
	struct policy p;

	(void)state;
	put(SA_ADDED, esp(a_policy(9, 1, "10.1.0.0/16", "10.2.0.0/16")));
	assert_int_equal(ask(HERE, THERE, by_eth0), 0);
	assert_string_equal(k->fate, "dropped");
	assert_true(assumes("not set disable_xfrm"));
	settings("eth0", 2, SETTING_ON, SETTING_OFF);
	assert_int_equal(ask(HERE, THERE, by_eth0), 0);
	assert_int_equal(k->outcome, OUTCOME_UNASKED);
	assert_string_equal(k->fate, "clear");
	assert_string_equal(k->verdict,
		"sent in the clear: disable_xfrm is set on eth0, so no policy is asked (policy 9 "
		"would fit)");
	assert_true(!k->has_policy && k->n_templates == 0 && !assumes("disable_xfrm"));
	assert_int_equal(k->n_losers, 1);
	assert_true(core_policy(b->core, NS_A, 9, &p));
	find_why(k, &k->losers[0], &p, text);
	assert_string_equal(text, "not asked, for disable_xfrm is set");
	/* An xfrm interface's own question is asked all the same. */
	assert_int_equal(
		ask(HERE, THERE,
			(struct find_question){
				.interface = "eth0", .has_if_id = true, .flow = { .if_id = 7 } }),
		0);
	assert_int_not_equal(k->outcome, OUTCOME_UNASKED);
	assert_false(assumes("disable_xfrm"));
	settings("eth0", 2, SETTING_OFF, SETTING_OFF);
	assert_int_equal(ask(HERE, THERE, by_eth0), 0);
	assert_string_equal(k->fate, "dropped");
	assert_false(assumes("disable_xfrm"));
}

static void without_an_interface_all_that_it_may_be_must_agree(void **state)
{
	(void)state;
	put(SA_ADDED, esp(a_policy(9, 1, "10.1.0.0/16", "10.2.0.0/16")));
	settings("lo", 1, SETTING_ON, SETTING_ON);
	settings("eth0", 2, SETTING_OFF, SETTING_OFF);
	settings("eth1", 3, SETTING_OFF, SETTING_OFF);
	assert_string_equal(asked(HERE, THERE)->fate, "dropped");
	assert_false(assumes("disable_xfrm"));
	settings("eth1", 3, SETTING_ON, SETTING_OFF);
	assert_string_equal(asked(HERE, THERE)->fate, "dropped");
	assert_true(assumes("not set disable_xfrm"));
	settings("eth0", 2, SETTING_ON, SETTING_OFF);
	assert_string_equal(asked(HERE, THERE)->fate, "clear");
	assert_non_null(strstr(answer->checks[0].verdict, "disable_xfrm is set, so"));
	settings("eth1", 3, SETTING_OFF, SETTING_OFF);
	assert_true((asked(HERE, THERE), assumes("not set disable_xfrm")));
	/* What stays on the host goes by its loopback. */
	put(SA_ADDED, esp(a_policy(17, 1, "10.1.0.0/16", "10.1.0.0/16")));
	assert_string_equal(asked(HERE, HERE)->fate, "clear");
	assert_non_null(strstr(answer->checks[0].verdict, "disable_xfrm is set on lo"));
}

static void disable_policy_lets_all_in(void **state)
{
	const struct find_question by_eth1 = { .interface = "eth1" };

	(void)state;
	put(SA_ADDED, esp(a_policy(8, 1, "0.0.0.0/0", "0.0.0.0/0")));
	put(SA_ADDED, esp(a_policy(10, 1, "0.0.0.0/0", "0.0.0.0/0")));
	assert_string_equal(asked(THERE, HERE)->fate, "dropped");
	assert_true(assumes("not set disable_policy"));
	settings("eth0", 2, SETTING_OFF, SETTING_OFF);
	settings("eth1", 3, SETTING_OFF, SETTING_ON);
	/* It matters by which it comes, not which has the address. */
	assert_int_equal(ask(THERE, HERE, by_eth1), 0);
	assert_int_equal(answer->checks[0].outcome, OUTCOME_UNASKED);
	assert_string_equal(answer->checks[0].verdict,
		"accepted in the clear: disable_policy is set on eth1, so no policy is asked "
		"(policy 8 would fit)");
	assert_false(assumes("disable_policy"));
	assert_int_equal(ask(THERE, HERE, (struct find_question){ .interface = "eth0" }), 0);
	assert_string_equal(answer->checks[0].fate, "dropped");
	assert_false(assumes("disable_policy"));
	/* Forwarded: the interface that is given is that which it leaves by. */
	assert_int_equal(
		ask(THERE, "10.3.0.1", (struct find_question){ .netns = "a", .interface = "eth1" }),
		0);
	assert_string_equal(answer->checks[0].fate, "dropped");
	assert_true(assumes("not set disable_policy"));
	settings("eth0", 2, SETTING_OFF, SETTING_ON);
	assert_int_equal(ask(THERE, "10.3.0.1", (struct find_question){ .netns = "a" }), 0);
	assert_string_equal(answer->checks[0].verdict,
		"passed on in the clear: disable_policy is set, so no policy is asked (policy 10 "
		"would fit)");
}

static void ipv6_has_a_setting_of_its_own_addresses(void **state)
{
	(void)state;
	put(SA_ADDED, esp(a_policy(8, 1, "::/0", "::/0")));
	put(SA_ADDED, esp(a_policy(9, 1, "::/0", "::/0")));
	put(SA_ADDED, esp(a_policy(10, 1, "::/0", "::/0")));
	settings("eth0", 2, SETTING_ON, SETTING_OFF);
	settings("eth1", 3, SETTING_ON, SETTING_ON);
	address("fd10::1", 3);
	assert_int_equal(
		ask("fd20::1", "fd10::1", (struct find_question){ .interface = "eth0" }), 0);
	assert_string_equal(answer->checks[0].fate, "clear");
	assert_non_null(strstr(answer->checks[0].verdict, "disable_policy is set on eth1"));
	/* No setting spares what leaves, or is passed on. */
	assert_string_equal(asked("fd10::1", "fd20::1")->fate, "dropped");
	assert_false(assumes("disable_"));
	assert_int_equal(ask("fd20::1", "fd30::1", (struct find_question){ .netns = "a" }), 0);
	assert_string_equal(answer->checks[0].fate, "dropped");
	assert_string_equal(answer->checks[1].fate, "dropped");
	assert_false(assumes("disable_"));
	settings("eth1", 3, SETTING_ON, SETTING_UNKNOWN);
	assert_string_equal(asked("fd20::1", "fd10::1")->fate, "dropped");
	assert_true(assumes("interface with the address has not set disable_policy"));
}

static void a_default_blocks_what_no_policy_is_asked_about(void **state)
{
	struct fact f = { .type = FACT_POLICY_DEFAULT, .source = SOURCE_XFRM };

	(void)state;
	settings("eth0", 2, SETTING_ON, SETTING_ON);
	f.policy_default.block_in = f.policy_default.block_out = f.policy_default.block_fwd = true;
	bench_feed(b, &f, NS_A);
	assert_int_equal(asked(HERE, THERE)->outcome, OUTCOME_DEFAULT_BLOCK);
	assert_string_equal(answer->checks[0].verdict,
		"dropped: disable_xfrm is set on eth0, so no policy is asked, and what none fits "
		"is blocked");
	/* But not what comes in, nor what is passed on. */
	assert_string_equal(asked(THERE, HERE)->fate, "clear");
	assert_int_equal(ask(THERE, "10.3.0.1", (struct find_question){ .netns = "a" }), 0);
	assert_string_equal(answer->checks[0].fate, "clear");
	assert_string_equal(answer->checks[1].fate, "clear");
}

static const char *seek; /* address of a row of links */
static char protection[16], reason[FACT_TEXT_SIZE];

static bool seek_link(void *userdata, const void *row)
{
	const struct link_row *r = row;
	struct prefix p;

	(void)userdata;
	assert_int_equal(prefix_parse(seek, &p, NULL), 0);
	if (!r->addr || !addr_equal(&r->addr->addr, &p.addr))
		return true;
	(void)snprintf(protection, sizeof(protection), "%s", r->protection ? r->protection : "-");
	(void)snprintf(reason, sizeof(reason), "%s", r->why);
	return false;
}

static void look_at_link(const char *addr)
{
	seek = addr;
	protection[0] = reason[0] = '\0';
	assert_int_equal(core_each(b->core, &noun_link, seek_link, NULL), 0);
}

static void rows_of_links_say_that_policies_do_not_count(void **state)
{
	struct fact dump = { .type = FACT_DUMP, .source = SOURCE_XFRM };

	(void)state;
	dump.dump.kind = DUMP_POLICY;
	for (dump.dump.phase = DUMP_BEGIN; dump.dump.phase <= DUMP_END; dump.dump.phase++)
		bench_feed(b, &dump, NS_A);
	put(SA_ADDED, esp(a_policy(9, 1, "10.1.0.0/16", "0.0.0.0/0")));
	put(SA_ADDED, esp(a_policy(17, 1, "fd10::/16", "::/0")));
	address("fd10::1", 2);
	settings("eth0", 2, SETTING_OFF, SETTING_OFF);
	look_at_link(HERE);
	assert_string_equal(protection, "all");
	assert_string_equal(reason, "a policy takes all that it sends");
	settings("eth0", 2, SETTING_ON, SETTING_OFF);
	look_at_link(HERE);
	assert_string_equal(protection, "no");
	assert_string_equal(reason,
		"disable_xfrm: what leaves by it goes in the clear, though 1 policy covers it");
	look_at_link("fd10::1");
	assert_string_equal(protection, "all");
	assert_null(strstr(reason, "disable_"));
	settings("eth0", 2, SETTING_OFF, SETTING_ON);
	look_at_link(HERE);
	assert_string_equal(protection, "all");
	assert_non_null(strstr(reason, "; disable_policy: no policy is asked about what comes in"));
	look_at_link("fd10::1");
	assert_non_null(strstr(reason, "about what comes to this address"));
	/* On the loopback both are always set, and mean nothing to anybody. */
	settings("lo", 1, SETTING_ON, SETTING_ON);
	address("127.0.0.1", 1);
	look_at_link("127.0.0.1");
	assert_string_equal(reason, "loopback: nothing leaves the host");
}

static bool count_rule(void *userdata, const void *row)
{
	const struct lint_row *r = row;
	unsigned *n = userdata;

	assert_non_null(r->cause);
	assert_string_equal(r->netns, "a");
	++*n;
	return true;
}

static void lint_has_a_row_for_each_finding(void **state)
{
	unsigned n = 0;

	(void)state;
	put(SA_ADDED, esp(a_policy(9, 1, "10.1.0.0/16", "10.2.0.0/16")));
	assert_int_equal(core_each(b->core, &noun_lint, count_rule, &n), 0);
	assert_int_equal(n, 1);
	put(SA_ADDED, esp(a_policy(8, 1, "10.2.0.0/16", "10.1.0.0/16")));
	put(SA_ADDED, esp(a_policy(10, 1, "10.2.0.0/16", "10.1.0.0/16")));
	n = 0;
	assert_int_equal(core_each(b->core, &noun_lint, count_rule, &n), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_addresses_say_where_and_which_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_index_follows_every_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_there_before_the_first_question_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			losers_stand_in_the_kernels_order_with_their_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			ties_are_ambiguous_when_the_outcome_differs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_sub_policy_comes_first_and_the_main_one_behind_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_newest_sa_that_fits_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_default_counts_where_no_policy_fits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			policies_of_sockets_are_mentioned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			disable_xfrm_lets_all_out_in_the_clear, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_an_interface_all_that_it_may_be_must_agree, set_up, tear_down),
		cmocka_unit_test_setup_teardown(disable_policy_lets_all_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			ipv6_has_a_setting_of_its_own_addresses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_default_blocks_what_no_policy_is_asked_about, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			rows_of_links_say_that_policies_do_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lint_has_a_row_for_each_finding, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
