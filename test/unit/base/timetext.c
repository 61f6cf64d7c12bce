/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timetext.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 1795311580000000u /* 2026-11-22T01:39:40Z */
#define S 1000000u

static void written_in_utc_with_microseconds(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	assert_string_equal(time_format(0, text), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(time_format(NOW + 7, text), "2026-11-22T01:39:40.000007Z");
	assert_string_equal(time_format(UINT64_MAX, text), "9999-12-31T23:59:59.999999Z");
	assert_string_equal(time_format(253402300799999999u, text), "9999-12-31T23:59:59.999999Z");
}

static void every_form_is_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t us;
	} cases[] = { { "2026-11-22T01:39:40Z", NOW }, { "2026-11-22t01:39:40.000007z", NOW + 7 },
		{ "2026-11-22 01:39:40.5Z", NOW + 500000 }, { "2026-11-22T03:39:40+02:00", NOW },
		{ "2026-11-21T20:09:40-05:30", NOW },
		{ "2026-11-22T01:39:40.1234567Z", NOW + 123456 },
		{ "2026-11-22", NOW - 5980 * (uint64_t)S }, { "1795311580", NOW }, { "0", 0 },
		{ "30s", NOW - 30 * (uint64_t)S }, { "15m", NOW - 900 * (uint64_t)S },
		{ "2h", NOW - 7200 * (uint64_t)S }, { "7d", NOW - 604800 * (uint64_t)S },
		{ "99999d", 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag diag = { "" };
		uint64_t us = 1;

		if (time_parse(cases[i].text, NOW, &us, &diag) != 0 || us != cases[i].us)
			fail_msg("%s: %llu %s", cases[i].text, (unsigned long long)us, diag.text);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const wrong[] = { "", "now", "2026-11-22T01:39:40", "2026-13-01",
		"2026-11-22T24:00:00Z", "2026-11-22T01:60:00Z", "2026-11-22T01:39:40+24:00",
		"2026-11-22T01:39:40Zx", "1969-12-31", "26-11-22", "-5", "5w", "5 s", "5ss",
		"99999999999999999999", "99999999999999999999d", "2026-11-22X01:39:40Z",
		"1970-01-01T00:00:00+01:00" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct diag diag = { "" };
		uint64_t us = 77;

		if (time_parse(wrong[i], NOW, &us, &diag) != -EINVAL || us != 77)
			fail_msg("'%s' was taken", wrong[i]);
		assert_true(diag.text[0] != '\0');
	}
}

static void durations_have_two_units(void **state)
{
	char text[DURATION_TEXT_SIZE];

	(void)state;
	assert_string_equal(duration_format(0, text), "0 s");
	assert_string_equal(duration_format(60, text), "1 min");
	assert_string_equal(duration_format(11520, text), "3 h 12 min");
	assert_string_equal(duration_format(86400 + 59, text), "1 d");
	assert_string_equal(duration_format(UINT64_MAX, text), "213503982334601 d 7 h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_in_utc_with_microseconds),
		cmocka_unit_test(every_form_is_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(durations_have_two_units),
	};

	return cmocka_run_group_tests_name("base/timetext", tests, NULL, NULL);
}
