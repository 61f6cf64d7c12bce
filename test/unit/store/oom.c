/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logfixture.h"
#include "oom.h"

#define GROUPS 12u

static void count_line(void *userdata, struct span line)
{
	size_t *n = userdata;

	(void)line;
	++*n;
}

/* Several segments are written and sealed, and one allocation fails. Did it? */
static bool write_log(unsigned long nth)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	size_t shown = 0;
	uint64_t lost;
	bool failed;

	fixture_init(&f);
	f.segment_size = 3000;
	l = fixture_reopen(&f, &end);
	oom_arm(nth);
	for (uint64_t seq = 1; seq <= GROUPS; seq++) {
		struct eventlog_commit c = { .time_us = FIXTURE_TIME_US, .applied = seq };

		append_event(l, seq);
		append_reading_of(l, "XfrmInNoStates", seq);
		(void)eventlog_commit(l, &c, count_line, &shown);
	}
	for (int more = 1; more > 0;)
		more = eventlog_seal(l);
	failed = oom_disarm();
	/* With memory again what waits is written, and nothing else is missing than is counted. */
	assert_int_equal(eventlog_commit(l, &(struct eventlog_commit){ .applied = GROUPS },
				 count_line, &shown),
		0);
	lost = eventlog_lost(l);
	assert_true(lost <= 1);
	assert_int_equal(shown + lost, GROUPS);
	eventlog_free(l);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.events, shown);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.kernel, GROUPS);
	assert_int_equal(end.torn, 0);
	assert_int_equal(end.damaged_line, 0);
	eventlog_free(l);
	fixture_done(&f);
	return failed;
}

static void writing_and_sealing_without_memory(void **state)
{
	unsigned long nth = 1;

	(void)state;
	while (write_log(nth))
		nth++;
	assert_true(nth > 20);
}

/* It opens or says why not, and leaves the log as it was. */
static void opening_without_memory(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	bool failed = true;

	(void)state;
	fixture_init(&f);
	f.segment_size = 3000;
	eventlog_free(fixture_reopen(&f, &end));
	for (unsigned long nth = 1; failed; nth++) {
		struct restored restored = { 0 };
		struct eventlog *l = NULL;
		int r;

		if (nth == 1) {
			l = fixture_reopen(&f, &end);
			for (uint64_t seq = 1; seq <= GROUPS; seq++)
				write_group_of(l, seq, seq);
			l = eventlog_free(l);
		}
		oom_arm(nth);
		r = fixture_open(&f, &restored, &end, &l);
		failed = oom_disarm();
		assert_true(r == 0 || r == -ENOMEM || r == -EIO);
		if (r == 0) {
			assert_int_equal(end.last_seq, GROUPS);
			assert_int_equal(end.damaged_line, 0);
			assert_int_equal(restored.kernel, GROUPS);
			assert_int_equal(restored.events, GROUPS);
		}
		eventlog_free(l);
		assert_int_equal(verify(&f, &v), 0);
		assert_int_equal(v.events, GROUPS);
	}
	fixture_done(&f);
}

/* A verdict is right or none: never that a sound log is broken. */
static void verifying_without_memory(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	unsigned long nth = 1;
	bool failed;

	(void)state;
	fixture_init(&f);
	f.segment_size = 3000;
	l = fixture_reopen(&f, &end);
	for (uint64_t seq = 1; seq <= GROUPS; seq++)
		write_group_of(l, seq, seq);
	for (int more = 1; more > 0;)
		more = eventlog_seal(l);
	eventlog_free(l);
	do {
		int r;

		oom_arm(nth++);
		r = verify(&f, &v);
		failed = oom_disarm();
		assert_true(r == 0 || r == -ENOMEM || r == -EIO);
		if (r == 0)
			assert_int_equal(v.events, GROUPS);
	} while (failed);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writing_and_sealing_without_memory),
		cmocka_unit_test(opening_without_memory),
		cmocka_unit_test(verifying_without_memory),
	};

	return cmocka_run_group_tests_name("store/oom", tests, NULL, NULL);
}
