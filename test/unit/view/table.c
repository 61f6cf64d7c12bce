/* SPDX-License-Identifier: Apache-2.0 */
#include "view/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void get_nothing(const void *row, struct value *ret)
{
	(void)row;
	(void)ret;
}

static const struct field fields[] = {
	{ "name", "NAME", FIELD_TEXT, "", true, "", get_nothing },
	{ "spi", "SPI", FIELD_SPI, "", true, "", get_nothing },
	{ "src", "SOURCE", FIELD_ADDR, "", true, "", get_nothing },
	{ "bytes", "BYTES", FIELD_NUMBER, "octets", true, "", get_nothing },
	{ "time", "TIME", FIELD_TIME, "", false, "", get_nothing },
	{ "up", "UP", FIELD_BOOL, "", false, "", get_nothing },
	{ "detail", "DETAIL", FIELD_JSON, "", false, "", get_nothing },
	{ "age_s", "AGE", FIELD_NUMBER, "s", FIELD_WIDE, "", get_nothing },
	{ "gap_ms", "GAP", FIELD_NUMBER, "ms", false, "", get_nothing },
	{ "rate", "RATE", FIELD_NUMBER, "octets/s", false, "", get_nothing },
};
static const struct noun noun = { "thing", "Things", "", fields, ARRAY_LEN(fields) };

static json_t *row_of(const char *text)
{
	json_t *row = json_loads(text, 0, NULL);

	assert_non_null(row);
	return row;
}

/* The table of these rows (NULL-terminated) as text. */
static void expect(const struct table_options *o, const struct field *const *columns, size_t n,
	const char *const *rows, const char *wanted)
{
	CLEANUP(table) struct table *t = NULL;
	CLEANUP_BUF struct buf out = { 0 };

	assert_int_equal(table_new(&noun, columns, n, o, &t), 0);
	for (size_t i = 0; rows[i]; i++) {
		json_t *row = row_of(rows[i]);

		table_add(t, row, &out);
		json_decref(row);
	}
	table_flush(t, &out);
	assert_string_equal(out.p, wanted);
}

static const char *const two[] = {
	"{\"name\":\"a\",\"spi\":4097,\"src\":\"2001:db8::1\",\"bytes\":1234567}",
	"{\"name\":\"longer-name-of-it\",\"spi\":null,\"src\":\"10.0.0.1\",\"bytes\":5}", NULL
};

static void columns_are_aligned(void **state)
{
	const struct table_options o = { .form = TABLE_TEXT };

	(void)state;
	expect(&o, NULL, 0, two,
		"NAME               SPI         SOURCE       BYTES\n"
		"a                  0x00001001  2001:db8::1   1.2M\n"
		"longer-name-of-it  -           10.0.0.1         5\n");
}

static void only_text_is_cut(void **state)
{
	const struct table_options o = { .form = TABLE_TEXT, .width = 42 };
	const struct table_options narrow = { .form = TABLE_TEXT, .width = 10, .no_titles = true };

	(void)state;
	expect(&o, NULL, 0, two,
		"NAME        SPI         SOURCE       BYTES\n"
		"a           0x00001001  2001:db8::1   1.2M\n"
		"longer-na…  -           10.0.0.1         5\n");
	expect(&narrow, NULL, 0, two,
		"a         0x00001001  2001:db8::1  1.2M\n"
		"longer-…  -           10.0.0.1        5\n");
}

static void tabs_are_exact(void **state)
{
	const struct table_options o = { .form = TABLE_TABS };
	const struct field *const columns[] = { &fields[0], &fields[1], &fields[3], &fields[4],
		&fields[5], &fields[6] };
	static const char *const rows[] = {
		"{\"name\":\"a\\tb\\n\\\\\\u001b\",\"spi\":255,\"bytes\":1234567,"
		"\"time\":\"2026-01-31T12:00:00.123456Z\",\"up\":true,\"detail\":{\"x\":[1,2]}}",
		"{\"name\":null}", NULL
	};

	(void)state;
	expect(&o, columns, ARRAY_LEN(columns), rows,
		"name\tspi\tbytes\ttime\tup\tdetail\n"
		"a\\tb\\n\\\\\\x1b\t0x000000ff\t1234567\t2026-01-31T12:00:00.123456Z\tyes\t"
		"{\"x\":[1,2]}\n"
		"\t\t\t\t\t\n");
}

static void objects_keep_or_choose_their_keys(void **state)
{
	const struct table_options o = { .form = TABLE_NDJSON };
	const struct field *const columns[] = { &fields[3], &fields[4] };
	static const char *const rows[] = { "{\"z\": 1, \"bytes\": 5}", NULL };

	(void)state;
	expect(&o, NULL, 0, rows, "{\"z\":1,\"bytes\":5}\n");
	expect(&o, columns, 2, rows, "{\"bytes\":5,\"time\":null}\n");
}

static void no_terminal_obeys_a_name(void **state)
{
	const struct table_options o = { .form = TABLE_TEXT };
	const struct field *const columns[] = { &fields[0] };
	static const char *const rows[] = { "{\"name\":\"a\\u001b[31mb\\u009b1m\\u202ec\\nd\"}",
		NULL };

	(void)state;
	expect(&o, columns, 1, rows,
		"NAME\na\xef\xbf\xbd[31mb\xef\xbf\xbd"
		"1m\xef\xbf\xbd"
		"c d\n");
}

static void widths_are_those_of_the_terminal(void **state)
{
	const struct table_options o = { .form = TABLE_TEXT, .width = 16 };
	const struct field *const columns[] = { &fields[0], &fields[2] };
	static const char *const rows[] = {
		"{\"name\":\"\xe6\x9d\xb1\xe4\xba\xac\",\"src\":\"::1\"}",
		"{\"name\":\"e\xcc\x81t\xc3\xa9\",\"src\":\"::2\"}",
		"{\"name\":\"\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\","
		"\"src\":\"::2\"}",
		NULL
	};

	(void)state;
	assert_int_equal(table_text_width(span_text("\xe6\x9d\xb1")), 2);
	assert_int_equal(table_text_width(span_text("e\xcc\x81")), 1);
	assert_int_equal(table_text_width(span_text("\xff\xe6\x9d")), 3);
	expect(&o, columns, 2, rows,
		"NAME      SOURCE\n"
		"\xe6\x9d\xb1\xe4\xba\xac      ::1\n"
		"e\xcc\x81t\xc3\xa9       ::2\n"
		"\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1…   ::2\n");
}

static void many_rows_are_not_held(void **state)
{
	const struct table_options o = { .form = TABLE_TEXT };
	CLEANUP(table) struct table *t = NULL;
	CLEANUP_BUF struct buf out = { 0 };
	json_t *row = row_of(two[0]);

	(void)state;
	assert_int_equal(table_new(&noun, NULL, 0, &o, &t), 0);
	for (int i = 0; i < TABLE_ROWS_MAX; i++) {
		assert_int_equal(out.n, 0);
		table_add(t, row, &out);
	}
	assert_true(out.n > TABLE_ROWS_MAX * 10);
	assert_int_equal(table_rows(t), TABLE_ROWS_MAX);
	buf_clear(&out);
	table_add(t, row, &out);
	table_flush(t, &out);
	assert_int_equal(strncmp(out.p, "a ", 2), 0);
	json_decref(row);
}

static void wide_terminals_get_more_columns(void **state)
{
	const struct table_options narrow = { .form = TABLE_TEXT, .width = TABLE_WIDE - 1 };
	const struct table_options wide = { .form = TABLE_TEXT, .width = TABLE_WIDE };
	const struct table_options pipe = { .form = TABLE_TEXT };
	static const char *const none[] = { NULL };

	(void)state;
	expect(&narrow, NULL, 0, none, "NAME  SPI  SOURCE  BYTES\n");
	expect(&pipe, NULL, 0, none, "NAME  SPI  SOURCE  BYTES\n");
	expect(&wide, NULL, 0, none, "NAME  SPI  SOURCE  BYTES  AGE\n");
}

static void cells_are_for_people(void **state)
{
	static const struct {
		size_t field;
		const char *json, *plain, *exact;
	} cases[] = { { 3, "9999", "9999", "9999" }, { 3, "10000", "10.0k", "10000" },
		{ 3, "999999", "999k", "999999" }, { 3, "1000000", "1.0M", "1000000" },
		{ 3, "9223372036854775807", "9.2E", "9223372036854775807" },
		{ 3, "-5", "-5", "-5" }, { 1, "4294967295", "0xffffffff", "0xffffffff" },
		{ 4, "\"2026-01-31T12:00:00.5Z\"", "2026-01-31T12:00:00Z",
			"2026-01-31T12:00:00.500000Z" },
		{ 5, "false", "no", "no" }, { 0, "null", "-", "-" }, { 0, "\"\"", "-", "-" },
		{ 6, "{\"a\": 1}", "{\"a\":1}", "{\"a\":1}" }, { 4, "\"soon\"", "?", "?" },
		{ 7, "11521", "3 h 12 min", "11521" }, { 7, "0", "0 s", "0" },
		{ 8, "999", "999 ms", "999" }, { 8, "61000", "1 min 1 s", "61000" },
		{ 9, "1500000", "1.5M/s", "1500000" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf out = { 0 };
		struct table_options o = { 0 };
		json_t *v = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);

		table_cell(&fields[cases[i].field], v, &o, &out);
		assert_string_equal(out.p, cases[i].plain);
		buf_clear(&out);
		o.exact = true;
		table_cell(&fields[cases[i].field], v, &o, &out);
		assert_string_equal(out.p, cases[i].exact);
		json_decref(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(only_text_is_cut),
		cmocka_unit_test(tabs_are_exact),
		cmocka_unit_test(objects_keep_or_choose_their_keys),
		cmocka_unit_test(no_terminal_obeys_a_name),
		cmocka_unit_test(widths_are_those_of_the_terminal),
		cmocka_unit_test(many_rows_are_not_held),
		cmocka_unit_test(wide_terminals_get_more_columns),
		cmocka_unit_test(cells_are_for_people),
	};

	return cmocka_run_group_tests_name("view/table", tests, NULL, NULL);
}
