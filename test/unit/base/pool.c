/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N 20000 /* more than one slab */

static uint8_t *objects[N];

static size_t size_of(size_t i)
{
	return 1 + i * 37 % POOL_OBJECT_MAX;
}

static void fill(struct pool *p)
{
	for (size_t i = 0; i < N; i++) {
		objects[i] = pool_take(p, size_of(i));
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % 8, 0);
		memset(objects[i], (int)(i & 0xff), size_of(i));
	}
}

static void assert_whole(size_t i)
{
	for (size_t k = 0; k < size_of(i); k++)
		assert_int_equal(objects[i][k], i & 0xff);
}

static void objects_do_not_touch(void **state)
{
	struct pool p = { 0 };

	(void)state;
	fill(&p);
	for (size_t i = 0; i < N; i++)
		assert_whole(i);
	/* Every other one goes, and others come in their place. */
	for (size_t i = 0; i < N; i += 2)
		pool_give(&p, objects[i], size_of(i));
	for (size_t i = 0; i < N; i += 2) {
		objects[i] = pool_take(&p, size_of(i));
		memset(objects[i], (int)(i & 0xff), size_of(i));
	}
	for (size_t i = 0; i < N; i++)
		assert_whole(i);
	pool_done(&p);
}

static void what_was_given_is_taken_again(void **state)
{
	struct pool p = { 0 };
	char *end;
	void *slabs;

	(void)state;
	fill(&p);
	end = p.at;
	slabs = p.slabs;
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < N; i++)
			pool_give(&p, objects[i], size_of(i));
		fill(&p);
	}
	assert_ptr_equal(p.at, end);
	assert_ptr_equal(p.slabs, slabs);
	pool_done(&p);
	assert_null(p.slabs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_do_not_touch),
		cmocka_unit_test(what_was_given_is_taken_again),
	};

	return cmocka_run_group_tests_name("base/pool", tests, NULL, NULL);
}
