/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N 5000

static uint32_t values[N];

static struct map *map_of_integers(size_t limit, uint64_t seed)
{
	struct map *m = NULL;

	assert_int_equal(map_new(sizeof(uint32_t), limit, seed, &m), 0);
	return m;
}

static void what_was_put_is_found_until_removed(void **state)
{
	struct map *m = map_of_integers(N, 1);

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(map_put(m, &i, &values[i]), 0);
	assert_int_equal(map_count(m), N);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(map_get(m, &i), &values[i]);
	for (uint32_t i = 0; i < N; i += 2)
		assert_ptr_equal(map_remove(m, &i), &values[i]);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(map_get(m, &i), i % 2 ? &values[i] : NULL);
	assert_int_equal(map_count(m), N / 2);
	map_free(m);
}

static void limits_and_doubles_are_refused(void **state)
{
	struct map *m = map_of_integers(2, 1);
	uint32_t a = 1, b = 2, c = 3;

	(void)state;
	assert_int_equal(map_put(m, &a, &values[0]), 0);
	assert_int_equal(map_put(m, &a, &values[1]), -EEXIST);
	assert_ptr_equal(map_get(m, &a), &values[0]);
	assert_int_equal(map_put(m, &b, &values[1]), 0);
	assert_int_equal(map_put(m, &c, &values[2]), -ENOSPC);
	assert_null(map_remove(m, &c));
	assert_ptr_equal(map_remove(m, &a), &values[0]);
	assert_int_equal(map_put(m, &c, &values[2]), 0);
	map_free(m);
	m = NULL;
	assert_int_equal(map_new(0, 1, 1, &m), -EINVAL);
	assert_int_equal(map_new(4, 0, 1, &m), -EINVAL);
	assert_null(m);
	assert_null(map_free(NULL));
}

/* Coming and going for long must neither fill the table with marks nor grow it. */
static void churn_keeps_it_working(void **state)
{
	struct map *m = map_of_integers(16, 7);

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		assert_int_equal(map_put(m, &i, &values[i % N]), 0);
		if (i >= 8) {
			uint32_t old = i - 8;

			assert_ptr_equal(map_remove(m, &old), &values[old % N]);
		}
	}
	assert_int_equal(map_count(m), 8);
	map_free(m);
}

static void iteration_is_in_order_and_allows_removal(void **state)
{
	struct map *m = map_of_integers(N, 3);
	const void *key;
	uint32_t expected = 0;
	size_t at = 0;
	void *v;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(map_put(m, &i, &values[i]), 0);
	while ((v = map_next(m, &at, &key))) {
		assert_ptr_equal(v, &values[expected]);
		assert_int_equal(*(const uint32_t *)key, expected);
		if (expected % 3 == 0) {
			uint32_t copy = expected;

			assert_ptr_equal(map_remove(m, &copy), v);
		}
		expected++;
	}
	assert_int_equal(expected, 100);
	at = 0;
	assert_ptr_equal(map_next(m, &at, NULL), &values[1]);
	map_free(m);
}

/* SipHash's answers differ by seed and by every octet; equal inputs agree. */
static void the_hash_depends_on_everything(void **state)
{
	(void)state;
	assert_true(hash_octets("abc", 3, 1) == hash_octets("abc", 3, 1));
	assert_true(hash_octets("abc", 3, 1) != hash_octets("abc", 3, 2));
	assert_true(hash_octets("abc", 3, 1) != hash_octets("abd", 3, 1));
	assert_true(hash_octets("\0", 1, 1) != hash_octets("\0\0", 2, 1));
	assert_true(hash_octets("12345678", 8, 1) != hash_octets("12345679", 8, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_until_removed),
		cmocka_unit_test(limits_and_doubles_are_refused),
		cmocka_unit_test(churn_keeps_it_working),
		cmocka_unit_test(iteration_is_in_order_and_allows_removal),
		cmocka_unit_test(the_hash_depends_on_everything),
	};

	return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
