/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool seq_of(const char *line, uint64_t *ret)
{
	return logline_seq(span_text(line), ret);
}

static void seq_is_found_quickly_and_slowly(void **state)
{
	static const char *const bad[] = { "", "{", "x", "{\"v\":1,\"seq\":", "{\"v\":1,\"seq\":7",
		"{\"v\":1,\"seq\":-7,\"id\":1}", "{\"v\":1,\"seq\":\"7\",\"id\":1}",
		"{\"v\":1,\"seq\":99999999999999999999,\"id\":1}",
		"{\"type\":\"x\",\"seq\":7,\"id\":1}", "[7]", "{\"seq\":7}",
		"{\"seq\":7,\"id\":4294967296}" };
	uint64_t seq = 0;

	(void)state;
	assert_true(seq_of("{\"v\":1,\"seq\":7,\"id\":1}", &seq));
	assert_int_equal(seq, 7);
	assert_true(seq_of("{\"id\":1, \"seq\": 8}", &seq));
	assert_int_equal(seq, 8);
	assert_true(seq_of("{\"v\":1,\"seq\":9223372036854775807,\"id\":1}", &seq));
	assert_int_equal(seq, INT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(seq_of(bad[i], &seq));
	assert_int_equal(seq, INT64_MAX);
}

static void kinds_are_told_by_the_first_key(void **state)
{
	(void)state;
	assert_int_equal(logline_kind(span_text("{\"v\":1}")), LOGLINE_EVENT);
	assert_int_equal(logline_kind(span_text("")), LOGLINE_EVENT);
	assert_int_equal(logline_kind(span_text("{\"type\":\"head\",\"x\":1}")), LOGLINE_HEAD);
	assert_int_equal(logline_kind(span_text("{\"type\":\"commit\",\"x\":1}")), LOGLINE_COMMIT);
	assert_int_equal(
		logline_kind(span_text("{\"type\":\"reading\",\"x\":1}")), LOGLINE_READING);
	assert_int_equal(logline_kind(span_text("{\"type\":\"commits\",\"x\":1}")), LOGLINE_OTHER);
}

#define READING(kernel) \
	"{\"type\":\"reading\",\"time\":\"2026-01-02T03:04:05.000006Z\",\"boot\":\"b\"," \
	"\"netns\":null,\"cookie\":1,\"counter\":\"XfrmInError\",\"kernel\":" kernel \
	",\"attributed\":1,\"unattributed\":2,\"suppressed\":3}"

static void a_reading_is_whole_or_none(void **state)
{
	struct reading r = { .kernel = 77 };

	(void)state;
	assert_false(logline_reading(span_text(READING("-6")), &r));
	assert_false(logline_reading(span_text(READING("1.5")), &r));
	assert_false(logline_reading(span_text(READING("18446744073709551616")), &r));
	assert_int_equal(r.kernel, 77);
	assert_true(logline_reading(span_text(READING("6")), &r));
	assert_int_equal(r.kernel, 6);
	assert_int_equal(r.time_us, UINT64_C(1767323045000006));
	assert_string_equal(r.netns, "");
	assert_string_equal(r.counter, "XfrmInError");
}

static void a_commit_knows_what_is_pending(void **state)
{
	struct logline_commit c = { 0 };
	char line[512];

	(void)state;
	assert_true(logline_commit(
		span_text("{\"type\":\"commit\",\"boot\":\"b\",\"seq\":9,"
			  "\"events\":2,\"epoch\":3,\"applied\":4,\"pending\":[[1,2],[4,4]]}"),
		&c));
	assert_int_equal(c.n_pending, 2);
	assert_int_equal(c.pending[1][0], 4);
	assert_int_equal(c.lost, 0);
	assert_false(logline_commit(
		span_text("{\"type\":\"commit\",\"boot\":\"b\",\"seq\":9,"
			  "\"events\":2,\"epoch\":3,\"applied\":4,\"pending\":[[1]]}"),
		&c));
	(void)snprintf(line, sizeof(line),
		"{\"type\":\"commit\",\"boot\":\"b\",\"seq\":9,"
		"\"events\":2,\"epoch\":3,\"applied\":4,\"pending\":[");
	for (int i = 0; i < 17; i++)
		(void)snprintf(
			line + strlen(line), sizeof(line) - strlen(line), "%s[1,2]", i ? "," : "");
	(void)snprintf(line + strlen(line), sizeof(line) - strlen(line), "]}");
	assert_false(logline_commit(span_text(line), &c)); /* one more than there can be */
}

static void digests_are_split_from_the_end(void **state)
{
	static const char *const bad[] = { "", "}", ",\"h\":\"0123456789abcde\"}",
		"{\"a\":1,\"h\":\"0123456789ABCDEF\"}", "{\"a\":1,\"h\":\"0123456789abcdef\"} ",
		"{\"a\":1,\"h\":\"0123456789abcdef0\"}", "{\"a\":1, \"h\":\"0123456789abcdef\"}" };
	struct span text, digits;
	const char *line = "{\"h\":1,\"h\":\"0123456789abcdef\",\"h\":\"0123456789abcdef\"}";

	(void)state;
	assert_true(chain_split(span_text(line), &text, &digits));
	assert_int_equal(text.n, strlen(line) - 24);
	assert_int_equal(digits.n, 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(chain_split(span_text(bad[i]), &text, &digits));
}

#define STATISTIC(daemon, total, before) \
	"{\"type\":\"statistic\",\"time\":\"2026-01-02T03:04:05.000006Z\",\"boot\":\"b\"," \
	"\"netns\":null,\"cookie\":7,\"daemon\":" daemon ",\"service\":0," \
	"\"key\":\"mainmode.key_additions\",\"total\":" total ",\"since\":1,\"base\":2," \
	"\"before\":" before "}"

static void a_statistic_is_whole_or_none(void **state)
{
	struct reading r = { .total = 77 };

	(void)state;
	assert_int_equal(
		logline_kind(span_text(STATISTIC("null", "6", "true"))), LOGLINE_STATISTIC);
	assert_false(logline_reading(span_text(STATISTIC("null", "-6", "true")), &r));
	assert_false(logline_reading(span_text(STATISTIC("\"racoon\"", "6", "true")), &r));
	assert_false(logline_reading(span_text(STATISTIC("3", "6", "true")), &r));
	assert_false(logline_reading(span_text(STATISTIC("null", "6", "1")), &r));
	assert_int_equal(r.total, 77);
	assert_true(logline_reading(span_text(STATISTIC("\"Libreswan\"", "6", "false")), &r));
	assert_true(r.statistic);
	assert_int_equal(r.total, 6);
	assert_int_equal(r.daemon, DAEMON_LIBRESWAN);
	assert_false(r.before);
}

static struct reading reading_numbered(unsigned i, const char *boot)
{
	struct reading r = { .cookie = i, .kernel = i };

	(void)snprintf(r.boot, sizeof(r.boot), "%s", boot);
	(void)snprintf(r.counter, sizeof(r.counter), "XfrmInError");
	return r;
}

static void readings_are_bounded_and_the_oldest_goes(void **state)
{
	struct readings t;
	struct reading r, *at;
	size_t old = 0, n = 0;

	(void)state;
	assert_int_equal(readings_init(&t), 0);
	for (unsigned i = 0; i < READINGS_MAX; i++) {
		r = reading_numbered(i, i < 3 ? "old" : "now");
		assert_non_null(readings_put(&t, &r));
	}
	r = reading_numbered(3, "now"); /* known: takes no room, and is young again */
	assert_non_null(readings_put(&t, &r));
	assert_int_equal(t.dropped, 0);
	for (unsigned i = 0; i < 4; i++) {
		r = reading_numbered(100000 + i, "now");
		assert_non_null(readings_put(&t, &r));
	}
	assert_int_equal(t.dropped, 4);
	for (size_t k = 0; (at = map_next(t.map, &k, NULL)); n++) {
		old += strcmp(at->boot, "old") == 0;
		assert_int_not_equal(at->cookie, 4); /* the oldest of this boot */
	}
	assert_int_equal(n, READINGS_MAX);
	assert_int_equal(old, 0);
	readings_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statistic_is_whole_or_none),
		cmocka_unit_test(seq_is_found_quickly_and_slowly),
		cmocka_unit_test(kinds_are_told_by_the_first_key),
		cmocka_unit_test(a_reading_is_whole_or_none),
		cmocka_unit_test(a_commit_knows_what_is_pending),
		cmocka_unit_test(digests_are_split_from_the_end),
		cmocka_unit_test(readings_are_bounded_and_the_oldest_goes),
	};

	return cmocka_run_group_tests_name("store/logline", tests, NULL, NULL);
}
