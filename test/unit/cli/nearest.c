/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void distances(void **state)
{
	(void)state;
	assert_int_equal(edit_distance("", ""), 0);
	assert_int_equal(edit_distance("abc", ""), 3);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	assert_int_equal(edit_distance("stauts", "status"), 1); /* neighbours swapped */
	assert_int_equal(edit_distance("SHOW", "show"), 0);
	assert_int_equal(edit_distance("ab", "ba"), 1);
}

static void long_words_are_bounded(void **state)
{
	char a[300], b[300];

	(void)state;
	for (size_t i = 0; i < sizeof(a); i++) {
		a[i] = 'a';
		b[i] = 'b';
	}
	a[299] = b[299] = '\0';
	assert_int_equal(edit_distance(a, b), 64);
}

static void only_near_words_are_meant(void **state)
{
	const char *const words[] = { "status", "show", "events", "audit" };

	(void)state;
	assert_string_equal(nearest("shwo", words, 4), "show");
	assert_string_equal(nearest("event", words, 4), "events");
	assert_string_equal(nearest("audti", words, 4), "audit");
	assert_null(nearest("zebra", words, 4));
	assert_null(nearest("", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(long_words_are_bounded),
		cmocka_unit_test(only_near_words_are_meant),
	};

	return cmocka_run_group_tests_name("cli/nearest", tests, NULL, NULL);
}
