/* SPDX-License-Identifier: Apache-2.0 */
#include "match/match.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oom.h"
#include "random.h"

#define WORLD 600u
#define STEPS 20000u

static struct policy policies[WORLD];
static bool present[WORLD];

static struct policy host_policy(
	uint32_t index, uint32_t priority, const char *src, const char *dst)
{
	struct policy p = { .netns = 1, .index = index, .priority = priority };

	p.direction = POLICY_OUT;
	assert_int_equal(prefix_parse(src, &p.selector.src, NULL), 0);
	assert_int_equal(prefix_parse(dst, &p.selector.dst, NULL), 0);
	return p;
}

static const struct flow a_flow = { .src = { AF_INET, { 10, 1, 0, 1 } },
	.dst = { AF_INET, { 10, 2, 0, 1 } },
	.proto = IPPROTO_UDP,
	.sport = 1,
	.dport = 2 };
static const struct match_where out = { .netns = 1, .direction = POLICY_OUT };

static struct match *match_of(const struct policy *p, size_t n)
{
	struct match *m = NULL;

	assert_int_equal(match_new(1, &m), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(match_add(m, &p[i]), 0);
	return m;
}

static uint32_t best_index(const struct match *m)
{
	struct match_hit h;

	match_best(m, out, &a_flow, &h);
	return h.found ? h.index : 0;
}

static void assert_same(const struct match_hit *a, const struct match_hit *b)
{
	assert_int_equal(a->found, b->found);
	assert_int_equal(a->block, b->block);
	assert_int_equal(a->first, b->first);
	assert_int_equal(a->index, b->index);
	assert_int_equal(a->priority, b->priority);
}

static void the_lowest_priority_number_wins_over_the_longest_prefix(void **state)
{
	struct policy p[] = { host_policy(8, 20, "10.1.0.1", "10.2.0.1"),
		host_policy(16, 10, "0.0.0.0/0", "0.0.0.0/0"),
		host_policy(24, 5, "10.9.0.0/16", "10.2.0.0/16") };
	struct match *m = match_of(p, 3);

	(void)state;
	assert_int_equal(best_index(m), 16);
	match_remove(m, &p[1]);
	assert_int_equal(best_index(m), 8);
	match_remove(m, &p[0]);
	assert_int_equal(best_index(m), 0);
	assert_int_equal(match_count(m), 1);
	match_free(m);
}

static void of_equal_priorities_the_first_inserted_wins_and_the_tie_is_told(void **state)
{
	struct policy p[] = { host_policy(32, 10, "10.1.0.0/16", "10.2.0.0/16"),
		host_policy(16, 10, "0.0.0.0/0", "10.2.0.1"),
		host_policy(8, 11, "10.1.0.1", "10.2.0.1") };
	struct match *m = match_of(p, 3);
	struct match_hit hits[2];

	(void)state;
	assert_int_equal(best_index(m), 16);
	assert_int_equal(match_all(m, out, &a_flow, hits, 2), 3);
	assert_int_equal(hits[0].index, 16);
	assert_int_equal(hits[1].index, 32);
	assert_int_equal(hits[1].priority, 10);
	match_free(m);
}

static void an_offloaded_policy_for_hosts_comes_first(void **state)
{
	struct policy p[] = { host_policy(8, 1, "10.1.0.1", "10.2.0.1"),
		host_policy(16, 99, "10.1.0.1", "10.2.0.1"),
		host_policy(24, 0, "10.1.0.0/16", "10.2.0.1") };
	struct match *m;

	(void)state;
	p[1].offload_ifindex = 3;
	m = match_of(p, 3);
	assert_int_equal(best_index(m), 16);
	match_remove(m, &p[1]);
	assert_int_equal(best_index(m), 24);
	match_free(m);
}

static void netns_direction_type_and_if_id_are_kept_apart(void **state)
{
	struct policy p[] = { host_policy(8, 1, "10.1.0.1", "10.2.0.1"),
		host_policy(16, 1, "10.1.0.1", "10.2.0.1"),
		host_policy(24, 1, "10.1.0.1", "10.2.0.1"),
		host_policy(32, 1, "10.1.0.1", "10.2.0.1") };
	struct match *m;

	(void)state;
	p[0].netns = 2;
	p[1].direction = POLICY_IN;
	p[2].type = 1;
	p[3].if_id = 7;
	m = match_of(p, 4);
	assert_int_equal(best_index(m), 0);
	match_forget(m, 1);
	assert_int_equal(match_count(m), 1);
	match_free(m);
}

static void a_prefix_longer_than_the_address_is_not_kept(void **state)
{
	struct policy p = host_policy(8, 1, "10.1.0.1", "10.2.0.1");
	struct match *m;

	(void)state;
	p.selector.src.length = 33;
	m = match_of(&p, 1);
	assert_int_equal(match_count(m), 0);
	match_remove(m, &p);
	assert_int_equal(match_count(m), 0);
	match_free(m);
}

static void policies_of_one_selector_keep_their_order_as_they_come_and_go(void **state)
{
	/* Each order of three, and each order of taking them away. */
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	struct policy p[] = { host_policy(8, 1, "10.1.0.1", "10.2.0.1"),
		host_policy(16, 2, "10.1.0.1", "10.2.0.1"),
		host_policy(24, 2, "10.1.0.1", "10.2.0.1") };
	struct policy other = host_policy(32, 1, "10.1.0.1", "10.2.0.1");

	(void)state;
	for (unsigned way = 0; way < 36; way++) {
		const uint8_t *come = orders[way / 6], *go = orders[way % 6];
		struct match *m = match_of(NULL, 0);
		bool there[3] = { true, true, true };
		struct match_hit hits[3];

		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(match_add(m, &p[come[i]]), 0);
		match_remove(m, &other);
		for (unsigned i = 0; i < 3; i++) {
			size_t n = match_all(m, out, &a_flow, hits, 3), at = 0;

			assert_int_equal(n, 3 - i);
			for (unsigned k = 0; k < 3; k++)
				if (there[k])
					assert_int_equal(hits[at++].index, p[k].index);
			assert_int_equal(best_index(m), hits[0].index);
			there[go[i]] = false;
			match_remove(m, &p[go[i]]);
		}
		assert_int_equal(best_index(m), 0);
		match_free(m);
	}
}

#define PAIRS (33u * 32)

/* Each pair of prefix lengths has a policy of its own, and each is the best for some packet. */
static void every_one_of_more_masks_than_are_hashed_beforehand_is_found(void **state)
{
	static struct policy pairs[PAIRS];
	/* Its destination's mask is the first, and of no use to the others. */
	struct policy other = host_policy(1, 1, "0.0.0.0/0", "10.9.0.1");
	struct match *m = match_of(&other, 1);
	struct match_hit single, batch;

	(void)state;
	for (uint32_t i = 0; i < PAIRS; i++) {
		pairs[i] = host_policy(8 * i + 9, PAIRS - i, "10.1.0.1", "10.2.0.1");
		pairs[i].selector.src.length = (uint8_t)(i / 32);
		pairs[i].selector.dst.length = (uint8_t)(i % 32);
		assert_int_equal(match_add(m, &pairs[i]), 0);
	}
	for (uint32_t i = PAIRS; i > 0; i--) {
		match_best(m, out, &a_flow, &single);
		match_batch(m, out, &a_flow, 1, &batch);
		assert_same(&single, &batch);
		assert_int_equal(single.index, pairs[i - 1].index);
		match_remove(m, &pairs[i - 1]);
	}
	match_free(m);
}

static void masks_that_come_and_go_take_no_memory(void **state)
{
	struct policy p = host_policy(8, 1, "10.1.0.1", "10.2.0.1");
	struct match *m = match_of(&p, 1);
	size_t before = 0;

	(void)state;
	p.index = 16;
	for (uint32_t mask = 1; mask < 1000; mask++) {
		p.mark_mask = mask;
		assert_int_equal(match_add(m, &p), 0);
		match_remove(m, &p);
		if (mask == 1)
			before = match_memory(m);
	}
	assert_int_equal(match_memory(m), before);
	match_free(m);
}

static void without_memory_it_stays_as_it_was(void **state)
{
	struct policy p[40];
	struct match *m = match_of(NULL, 0);

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		/* New masks, full tables, and one selector more than once. */
		p[i] = host_policy(8 * i + 9, 50 - i, "10.1.0.1", "10.2.0.1");
		p[i].selector.src.length = (uint8_t)(32 - i % 8);
		p[i].selector.dst.addr.octets[3] = (uint8_t)(i < 20);
		for (unsigned long nth = 1, failed = 1; failed; nth++) {
			uint32_t best = best_index(m);
			int r;

			oom_arm(nth);
			r = match_add(m, &p[i]);
			failed = oom_disarm();
			if (r == 0)
				break;
			assert_int_equal(r, -ENOMEM);
			assert_true(failed);
			assert_int_equal(match_count(m), i);
			assert_int_equal(best_index(m), best);
		}
	}
	for (uint32_t i = 0; i < 40; i++)
		match_remove(m, &p[i]);
	assert_int_equal(match_count(m), 0);
	match_free(m);
}

/* The rules, once more and in the plainest way. */
static const struct policy *scan(struct match_where where, const struct flow *f, size_t *ret_n)
{
	const struct policy *best = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < WORLD; i++) {
		const struct policy *p = &policies[i];
		unsigned bits = addr_bits(&p->selector.dst.addr);
		bool first = p->offload_ifindex && p->selector.src.length == bits &&
			     p->selector.dst.length == bits;
		bool best_first = best && best->offload_ifindex &&
				  best->selector.src.length == bits &&
				  best->selector.dst.length == bits;

		if (!present[i] || p->netns != where.netns || p->direction != where.direction ||
			p->type != where.type || policy_misfits(p, f))
			continue;
		++*ret_n;
		if (!best || (first != best_first                    ? first
				     : p->priority != best->priority ? p->priority < best->priority
								     : p->index < best->index))
			best = p;
	}
	return best;
}

static void check(const struct match *m, struct random *r)
{
	struct flow flows[33];
	struct match_hit single, batch[33], all[WORLD];
	const struct match_where where = { .netns = 1 + random_below(r, 2),
		.direction = (uint8_t)random_below(r, 3),
		.type = (uint8_t)random_below(r, 2) };

	for (size_t i = 0; i < 33; i++)
		flows[i] = random_flow(r);
	match_batch(m, where, flows, 33, batch);
	for (size_t i = 0; i < 33; i++) {
		size_t n;
		const struct policy *p = scan(where, &flows[i], &n);

		match_best(m, where, &flows[i], &single);
		assert_int_equal(single.found, p != NULL);
		assert_same(&single, &batch[i]);
		assert_int_equal(match_all(m, where, &flows[i], all, WORLD), n);
		for (size_t k = 1; k < n; k++)
			assert_true(all[k - 1].first >= all[k].first);
		if (!p)
			continue;
		assert_int_equal(single.index, p->index);
		assert_int_equal(single.priority, p->priority);
		assert_int_equal(single.block, p->block);
		assert_int_equal(all[0].index, p->index);
	}
}

static void it_says_what_a_plain_scan_says_while_policies_come_and_go(void **state)
{
	struct random r = { 42 };
	struct match *m = match_of(NULL, 0);
	size_t n = 0;

	(void)state;
	memset(present, 0, sizeof(present));
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t i = random_below(&r, WORLD);
		/* In turns it fills up and drains. */
		bool add = random_below(&r, 10) < (step / 3000 % 2 ? 2u : 8u);

		if (present[i]) {
			match_remove(m, &policies[i]);
			present[i] = false;
			n--;
		}
		if (add) {
			policies[i] = random_policy(&r, 8 * i + 8);
			assert_int_equal(match_add(m, &policies[i]), 0);
			present[i] = true;
			n++;
		}
		assert_int_equal(match_count(m), n);
		if (step % 50 == 0)
			check(m, &r);
	}
	for (size_t i = 0; i < WORLD; i++) {
		if (present[i])
			match_remove(m, &policies[i]);
	}
	assert_int_equal(match_count(m), 0);
	match_free(m);
}

static void set_host(struct policy *p, uint32_t number)
{
	p->index = 8 * number + 9;
	p->selector.src.addr.octets[2] = (uint8_t)(number >> 8);
	p->selector.src.addr.octets[3] = (uint8_t)number;
}

/* Of two buckets, in time, each has had a key that went past to the other. */
static void a_search_ends_where_all_buckets_were_full(void **state)
{
	struct policy hosts[24];
	struct match *m = match_of(NULL, 0);
	struct random r = { 11 };

	(void)state;
	for (uint32_t i = 0; i < 24; i++) {
		hosts[i] = host_policy(0, 1, "10.1.0.1", "10.2.0.1");
		set_host(&hosts[i], 1000 + i);
		assert_int_equal(match_add(m, &hosts[i]), 0);
	}
	for (uint32_t step = 0; step < 50000; step++) {
		struct policy *p = &hosts[random_below(&r, 24)];

		match_remove(m, p);
		set_host(p, 2000 + step % 60000);
		assert_int_equal(match_add(m, p), 0);
		assert_int_equal(best_index(m), 0);
	}
	match_free(m);
}

#define HOSTS 5600u /* as many as find room before a table grows */

/* One table with many keys: buckets overflow into the next. */
static void a_crowded_table_loses_nothing(void **state)
{
	static struct policy hosts[HOSTS];
	static bool there[HOSTS];
	struct match *m = match_of(NULL, 0);
	struct random r = { 7 };
	uint32_t n = 0;

	(void)state;
	memset(there, 0, sizeof(there));
	for (uint32_t i = 0; i < HOSTS; i++) {
		hosts[i] = host_policy(0, 1, "10.1.0.1", "10.2.0.1");
		set_host(&hosts[i], i);
	}
	for (uint32_t step = 0; step < 20 * HOSTS; step++) {
		uint32_t i = random_below(&r, HOSTS);

		/* It fills up, then drains to nothing. */
		if (there[i] == (step < 10 * HOSTS))
			continue;
		there[i] = !there[i];
		if (there[i])
			assert_int_equal(match_add(m, &hosts[i]), 0);
		else
			match_remove(m, &hosts[i]);
		n = there[i] ? n + 1 : n - 1;
		assert_int_equal(match_count(m), n);
		for (uint32_t k = 0; step % 1000 == 0 && k < HOSTS; k++) {
			struct flow f = a_flow;
			struct match_hit h;

			f.src = hosts[k].selector.src.addr;
			match_best(m, out, &f, &h);
			assert_int_equal(h.found, there[k]);
			assert_int_equal(match_twin(m, out, &hosts[k]), there[k]);
		}
	}
	match_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_priority_number_wins_over_the_longest_prefix),
		cmocka_unit_test(of_equal_priorities_the_first_inserted_wins_and_the_tie_is_told),
		cmocka_unit_test(an_offloaded_policy_for_hosts_comes_first),
		cmocka_unit_test(netns_direction_type_and_if_id_are_kept_apart),
		cmocka_unit_test(a_prefix_longer_than_the_address_is_not_kept),
		cmocka_unit_test(policies_of_one_selector_keep_their_order_as_they_come_and_go),
		cmocka_unit_test(every_one_of_more_masks_than_are_hashed_beforehand_is_found),
		cmocka_unit_test(masks_that_come_and_go_take_no_memory),
		cmocka_unit_test(without_memory_it_stays_as_it_was),
		cmocka_unit_test(a_search_ends_where_all_buckets_were_full),
		cmocka_unit_test(a_crowded_table_loses_nothing),
		cmocka_unit_test(it_says_what_a_plain_scan_says_while_policies_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
