/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/daemonlog.h"

/* Each example is known by its own entry and by no other: the order of the file says nothing. */
static void every_example_is_its_own(void **state)
{
	(void)state;
	assert_true(daemonlog_n_entries > 0);
	for (size_t i = 0; i < daemonlog_n_entries; i++) {
		const struct daemonlog_entry *e = &daemonlog_entries[i];
		struct span line = span_text(e->example);

		assert_ptr_equal(daemonlog_match(e->daemon, line, NULL), e);
		for (size_t k = 0; k < daemonlog_n_entries; k++) {
			const struct daemonlog_entry *other = &daemonlog_entries[k];

			if (k == i || other->daemon != e->daemon)
				continue;
			if (daemonlog_is(other, line, NULL))
				fail_msg("\"%s\" is entry %zu's and matches entry %zu, \"%s\"",
					e->example, i, k, other->example);
		}
	}
}

static void capture_is(const char *line, enum daemonlog_capture which, const char *expected)
{
	struct daemonlog_captures c = { 0 };

	assert_non_null(daemonlog_match(DAEMON_STRONGSWAN, span_text(line), &c));
	assert_true(span_equal(c.v[which], span_text(expected)));
}

static void captures_are_what_the_line_says(void **state)
{
	const char *psk = "tried 2 shared keys for 'a - b' - 'c, d', but MAC mismatched";

	(void)state;
	capture_is(psk, DAEMONLOG_LOCAL_ID, "a - b");
	capture_is(psk, DAEMONLOG_ID, "c, d");
	capture_is("traffic selectors 10.77.0.0/16 === 10.1.0.1/32 unacceptable", DAEMONLOG_THEIRS,
		"10.77.0.0/16 === 10.1.0.1/32");
	capture_is("  issuer is \"C=XX, O=Evil, CN=Evil CA\"\n", DAEMONLOG_ISSUER,
		"C=XX, O=Evil, CN=Evil CA");
	capture_is("configured proposals: ESP:AES_CBC_128", DAEMONLOG_OURS, "ESP:AES_CBC_128");
}

static void a_line_is_known_as_a_whole(void **state)
{
	struct daemonlog_captures c = { .v[DAEMONLOG_ID] = { .n = 7 } };
	static const char *const others[] = { "", " ", "received AUTHENTICATION_FAILED notify",
		"received AUTHENTICATION_FAILED notify error!",
		"x received AUTHENTICATION_FAILED notify error",
		"tried 1 shared key for 'a' - '', but MAC mismatched",
		"configured proposals: ", " received, shutting down",
		"traffic selectors unacceptable" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(daemonlog_match(DAEMON_STRONGSWAN, span_text(others[i]), &c));
	assert_int_equal(c.v[DAEMONLOG_ID].n, 7);
	assert_null(daemonlog_match(DAEMON_STRONGSWAN, span_of(NULL, 0), NULL));
	assert_null(daemonlog_match(
		DAEMON_LIBRESWAN, span_text("received AUTHENTICATION_FAILED notify error"), NULL));
}

/* A cause that is told, but never an enum's end. */
static void entries_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < daemonlog_n_entries; i++) {
		const struct daemonlog_entry *e = &daemonlog_entries[i];

		assert_true(e->cause < CAUSE_N && e->up_cause < CAUSE_N);
		assert_in_range(e->n_parts, 1, DAEMONLOG_PARTS_MAX);
		assert_true(e->means == DAEMONLOG_FAILURE || e->cause == CAUSE_UNKNOWN);
		assert_true(e->cause != CAUSE_UNKNOWN || e->fallback ||
			    e->means != DAEMONLOG_FAILURE || e->daemon == DAEMON_LIBRESWAN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_is_its_own),
		cmocka_unit_test(captures_are_what_the_line_says),
		cmocka_unit_test(a_line_is_known_as_a_whole),
		cmocka_unit_test(entries_are_whole),
	};

	return cmocka_run_group_tests_name("catalog/daemonlog", tests, NULL, NULL);
}
