/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/collect.h"
#include "api/ring.h"
#include "store/cursor.h"
#include "store/eventlog.h"
#include "view/filter.h"

/* Spans have no end mark. */
static unsigned long number_at(const struct collect *c, size_t at)
{
	struct span text = collect_text(c, at);
	unsigned long v = 0;

	for (size_t i = 0; i < text.n; i++)
		v = v * 10 + (unsigned long)(text.p[i] - '0');
	return v;
}

static void collecting_keeps_the_first(void **state)
{
	static const size_t wants[] = { 0, 1, 7, 2000, 50000 };

	(void)state;
	for (size_t w = 0; w < ARRAY_LEN(wants); w++) {
		CLEANUP(collect) struct collect *c = NULL;
		size_t n = 20000, kept = wants[w] < n ? wants[w] : n;

		assert_int_equal(collect_new(wants[w], &c), 0);
		for (size_t i = 0; i < n; i++) {
			char key[16], text[16];

			/* Each key twice, scattered; the earlier one comes first. */
			(void)snprintf(key, sizeof(key), "%08zu", i * 7919 % n / 2);
			(void)snprintf(text, sizeof(text), "%zu", i);
			collect_add_text(c, span_text(key), span_text(text));
		}
		assert_false(collect_failed(c));
		assert_int_equal(collect_finish(c), kept);
		for (size_t at = 0; at < kept; at++) {
			unsigned long i = number_at(c, at);

			assert_int_equal(i * 7919 % n / 2, at / 2);
			if (at % 2 == 0)
				continue;
			assert_true(number_at(c, at - 1) < i);
		}
	}
}

#define CURSOR_EVENTS 40u

static void ignore_line(void *userdata, struct span line)
{
	(void)userdata;
	(void)line;
}

/* Small groups in small segments: about two events each. */
static void small_log_make(int state_fd)
{
	const struct eventlog_options o = {
		.dir_fd = state_fd, .host = "h", .boot = "b", .segment_size = 1500
	};
	const struct eventlog_restore restore = { 0 };
	const struct eventlog_commit commit = { .time_us = 1 };
	struct eventlog_end end;
	struct eventlog *log;

	assert_int_equal(eventlog_open(&o, &restore, &end, &log, NULL), 0);
	for (uint64_t seq = 1; seq <= CURSOR_EVENTS; seq++) {
		const struct event e = { .seq = seq, .id = 4960, .time_us = seq };

		eventlog_event(log, &e);
		assert_int_equal(eventlog_commit(log, &commit, ignore_line, NULL), 0);
	}
	eventlog_free(log);
}

static void cursor_check(int state_fd, uint64_t from_seq, bool newest_first)
{
	CLEANUP(cursor) struct cursor *c = NULL;
	uint64_t seq, wanted = newest_first ? CURSOR_EVENTS : from_seq;
	struct span line;
	unsigned budget = 3;
	int r;

	assert_int_equal(cursor_new(state_fd, from_seq, newest_first, &c), 0);
	while ((r = cursor_next(c, &budget, &line, &seq)) != 0) {
		if (r == -EAGAIN) {
			assert_int_equal(budget, 0);
			budget = 3;
			continue;
		}
		assert_int_equal(r, 1);
		assert_int_equal(seq, wanted);
		wanted += newest_first ? (uint64_t)-1 : 1;
	}
	assert_int_equal(wanted, newest_first ? from_seq - 1 : CURSOR_EVENTS + 1);
}

static void cursors_cross_segments(void **state)
{
	char dir[] = "/tmp/test-cursor-XXXXXX", command[64];
	struct eventlog_segment *segments = NULL;
	size_t n = 0;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	small_log_make(fd);
	assert_int_equal(eventlog_segments(fd, &segments, &n), 0);
	assert_true(n > 5);
	free(segments);
	for (uint64_t from = 1; from <= CURSOR_EVENTS; from++) {
		cursor_check(fd, from, false);
		cursor_check(fd, from, true);
	}
	close(fd);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void the_ring_forgets_the_oldest(void **state)
{
	struct ring r;
	static char large[API_RING_OCTETS / 4];

	(void)state;
	assert_int_equal(ring_init(&r, 1), 0);
	assert_null(ring_find(&r, 1));
	for (uint64_t seq = 1; seq <= API_RING_LINES + 10; seq++)
		ring_push(&r, seq, span_text("x"));
	assert_int_equal(r.n, API_RING_LINES);
	assert_int_equal(r.from_seq, 11);
	assert_int_equal(ring_find(&r, 1)->seq, 11);
	assert_int_equal(ring_find(&r, 500)->seq, 500);
	assert_null(ring_find(&r, API_RING_LINES + 11));
	for (uint64_t seq = 10000; seq < 10010; seq++)
		ring_push(&r, seq, span_of(large, sizeof(large)));
	assert_true(r.octets <= API_RING_OCTETS);
	assert_int_equal(ring_find(&r, 1)->seq, 10006);
	ring_done(&r);
}

static bool filter_holds(const struct filter_text *text, const char *line)
{
	struct filter f = { 0 };
	bool holds;

	assert_int_equal(filter_init(&f, text, 1800000000000000u, NULL), 0);
	holds = filter_match(&f, span_text(line));
	filter_done(&f);
	return holds;
}

static void both_ways_to_read_a_line_agree(void **state)
{
	/* As our writer spells it, and as another might. */
	static const char *const lines[] = { "{\"v\":1,\"seq\":7,\"time\":\"2027-01-15T08:00:00."
					     "000000Z\",\"id\":4960,\"spi\":9}",
		"{ \"id\": 4960, \"seq\": 7, \"time\": \"2027-01-15T08:00:00.000000Z\", \"spi\": 9 "
		"}" };
	static const struct {
		struct filter_text text;
		bool holds;
	} cases[] = { { { .ids = "4960" }, true }, { { .ids = "4961,4960" }, true },
		{ { .ids = "496" }, false }, { { .since = "2027-01-15T08:00:00Z" }, true },
		{ { .since = "2027-01-15T08:00:01Z" }, false },
		{ { .until = "2027-01-15T08:00:00Z" }, false },
		{ { .until = "2027-01-15T08:00:01Z" }, true }, { { .since = "1m" }, true },
		{ { .ids = "4960", .query = { .where = "spi=9" } }, true },
		{ { .ids = "4960", .query = { .where = "spi=8" } }, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
			if (filter_holds(&cases[i].text, lines[k]) != cases[i].holds)
				fail_msg("case %zu, line %zu", i, k);
		}
	}
	assert_false(
		filter_holds(&(struct filter_text){ .ids = "1" }, "{\"v\":1,\"seq\":7,\"time\":"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collecting_keeps_the_first),
		cmocka_unit_test(cursors_cross_segments),
		cmocka_unit_test(the_ring_forgets_the_oldest),
		cmocka_unit_test(both_ways_to_read_a_line_agree),
	};

	return cmocka_run_group_tests_name("api/parts", tests, NULL, NULL);
}
