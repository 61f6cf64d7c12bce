/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/internal.h"

#define N 3000

/* Index i: seven of a place, most places of a block, some blocks, far ones, of three netns. */
static uint32_t index_of(uint32_t i)
{
	return i % 1000 < 700 ? i % 1000 : (i % 1000) * 4099;
}

static uint64_t netns_of(uint32_t i)
{
	return 1 + i / 1000;
}

static void fill_addr(struct addr *a, uint8_t family, uint8_t from)
{
	uint8_t octets[16];

	for (uint8_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(from + i);
	addr_set(a, family, octets);
}

/* Every member another value. */
static void fill_policy(struct policy *p, uint8_t family, uint8_t n_templates)
{
	*p = (struct policy){ .netns = 1,
		.index = 0x80000001,
		.priority = 0x80000002,
		.direction = POLICY_FWD,
		.type = 1,
		.block = true,
		.flags = 0x83,
		.if_id = 0x80000004,
		.mark = 0x80000005,
		.mark_mask = 0x80000006,
		.selector = { .sport = 0x8001,
			.sport_mask = 0x8002,
			.dport = 0x8003,
			.dport_mask = 0x8004,
			.proto = 0x85,
			.ifindex = 0x80000007 },
		.added_s = UINT64_MAX,
		.used_s = UINT64_MAX - 1,
		.hard_add_s = UINT64_MAX - 2,
		.hard_use_s = UINT64_MAX - 3,
		.offload_ifindex = 0x80000008,
		.n_templates = n_templates };
	fill_addr(&p->selector.src.addr, family, 1);
	fill_addr(&p->selector.dst.addr, family, 20);
	p->selector.src.length = 31;
	p->selector.dst.length = 30;
	for (uint8_t i = 0; i < n_templates; i++) {
		struct template *t = &p->templates[i];

		fill_addr(&t->src, i % 2 ? AF_INET : AF_INET6, (uint8_t)(40 + i));
		fill_addr(&t->dst, i % 3 ? AF_INET : AF_INET6, (uint8_t)(60 + i));
		t->spi = 0x90000000 + i;
		t->reqid = 0xa0000000 + i;
		t->proto = (uint8_t)(0xb0 + i);
		t->mode = (uint8_t)(0xc0 + i);
		t->optional = i % 2;
	}
}

static void assert_same(const struct policy *a, const struct policy *b)
{
	struct fact fa = { .type = FACT_POLICY }, fb = { .type = FACT_POLICY };
	struct buf ba = { 0 }, bb = { 0 };

	fa.policy.policy = *a;
	fb.policy.policy = *b;
	fact_encode(&fa, &ba);
	fact_encode(&fb, &bb);
	assert_int_equal(ba.n, bb.n);
	assert_memory_equal(ba.p, bb.p, ba.n);
	assert_int_equal(a->netns, b->netns);
	buf_done(&ba);
	buf_done(&bb);
}

static void what_is_kept_is_the_whole_policy(void **state)
{
	static const uint8_t families[] = { 0, AF_INET, AF_INET6 };
	struct bench *b = bench_new(0);
	struct policy p, got;
	struct ledger_policy *l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		for (uint8_t n = 0; n <= POLICY_TEMPLATES; n++) {
			fill_policy(&p, families[i], n);
			l = spd_put(b->core, &p);
			assert_non_null(l);
			assert_ptr_equal(spd_find(b->core, 1, p.index), l);
			spd_get(l, &got);
			assert_same(&p, &got);
		}
	}
	/* Without what few have. */
	p = (struct policy){ .netns = 1, .index = p.index, .selector.proto = 17, .used_s = 5 };
	fill_addr(&p.selector.src.addr, AF_INET6, 1);
	l = spd_put(b->core, &p);
	spd_get(l, &got);
	assert_same(&p, &got);
	p.selector.dport_mask = 1;
	l = spd_put(b->core, &p);
	spd_get(l, &got);
	assert_same(&p, &got);
	/* Always the same one, in whatever size. */
	assert_int_equal(b->core->n_policies, 1);
	bench_free(b);
}

static void another_size_keeps_what_is_known_of_it(void **state)
{
	struct bench *b = bench_new(0);
	struct ledger_policy *l;
	struct policy p;

	(void)state;
	fill_policy(&p, AF_INET, 1);
	l = spd_put(b->core, &p);
	l->announced = l->missing = true;
	l->generation = 7;
	fill_policy(&p, AF_INET6, 6);
	l = spd_put(b->core, &p);
	assert_true(l->announced && l->missing);
	assert_int_equal(l->generation, 7);
	bench_free(b);
}

static struct core *filled(struct bench *b)
{
	struct policy p;

	for (uint32_t i = 0; i < N; i++) {
		fill_policy(&p, i % 2 ? AF_INET : AF_INET6, (uint8_t)(i % 3));
		p.netns = netns_of(i);
		p.index = index_of(i);
		p.priority = i;
		assert_non_null(spd_put(b->core, &p));
	}
	assert_int_equal(b->core->n_policies, N);
	return b->core;
}

static void each_index_has_its_own(void **state)
{
	struct bench *b = bench_new(0);
	struct core *c = filled(b);

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(spd_find(c, netns_of(i), index_of(i))->priority, i);
	for (uint32_t i = 0; i < N; i += 2)
		spd_remove(c, spd_find(c, netns_of(i), index_of(i)));
	assert_int_equal(c->n_policies, N / 2);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(spd_find(c, netns_of(i), index_of(i)) != NULL, i % 2);
	assert_null(spd_find(c, 99, 8));
	bench_free(b);
}

static void a_walk_meets_each_once_and_may_remove(void **state)
{
	static bool met[N];
	struct bench *b = bench_new(0);
	struct core *c = filled(b);
	struct ledger_policy *l;
	unsigned n = 0;

	(void)state;
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at)); n++) {
		assert_false(met[l->priority]);
		met[l->priority] = true;
		if (l->priority % 7 != 0)
			spd_remove(c, l);
	}
	assert_int_equal(n, N);
	assert_int_equal(c->n_policies, (N + 6) / 7);
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		assert_int_equal(l->priority % 7, 0);
		spd_remove(c, l);
	}
	assert_int_equal(c->n_policies, 0);
	assert_int_equal(map_count(c->spd), 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_the_whole_policy),
		cmocka_unit_test(another_size_keeps_what_is_known_of_it),
		cmocka_unit_test(each_index_has_its_own),
		cmocka_unit_test(a_walk_meets_each_once_and_may_remove),
	};

	return cmocka_run_group_tests_name("core/spd", tests, NULL, NULL);
}
