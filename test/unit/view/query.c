/* SPDX-License-Identifier: Apache-2.0 */
#include "view/query.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One row that has every type, so that both kinds of rows are asked the same questions. */
struct row {
	const char *name, *detail;
	bool known;
	uint64_t count, spi, time_us;
	bool up;
	const char *addr, *prefix;
};

static const struct row *row_of(const void *row)
{
	return row;
}

static void get_name(const void *row, struct value *ret)
{
	ret->known = row_of(row)->name != NULL;
	if (ret->known)
		ret->text = span_text(row_of(row)->name);
}

static void get_count(const void *row, struct value *ret)
{
	ret->known = row_of(row)->known;
	ret->number = row_of(row)->count;
}

static void get_spi(const void *row, struct value *ret)
{
	ret->known = true;
	ret->number = row_of(row)->spi;
}

static void get_time(const void *row, struct value *ret)
{
	ret->known = true;
	ret->number = row_of(row)->time_us;
}

static void get_up(const void *row, struct value *ret)
{
	ret->known = true;
	ret->number = row_of(row)->up;
}

static void get_addr(const void *row, struct value *ret)
{
	ret->known = row_of(row)->addr && addr_parse(row_of(row)->addr, &ret->addr) == 0;
}

static void get_prefix(const void *row, struct value *ret)
{
	ret->known =
		row_of(row)->prefix && prefix_parse(row_of(row)->prefix, &ret->prefix, NULL) == 0;
}

static void get_detail(const void *row, struct value *ret)
{
	ret->known = row_of(row)->detail != NULL;
	if (ret->known)
		ret->text = span_text(row_of(row)->detail);
}

static const struct field fields[] = {
	{ "name", "NAME", FIELD_TEXT, "", true, "", get_name },
	{ "count", "COUNT", FIELD_NUMBER, "", true, "", get_count },
	{ "spi", "SPI", FIELD_SPI, "", true, "", get_spi },
	{ "time", "TIME", FIELD_TIME, "", false, "", get_time },
	{ "up", "UP", FIELD_BOOL, "", false, "", get_up },
	{ "src", "SRC", FIELD_ADDR, "", true, "", get_addr },
	{ "net", "NET", FIELD_PREFIX, "", true, "", get_prefix },
	{ "detail", "DETAIL", FIELD_JSON, "", true, "", get_detail },
	{ "proto", "PROTO", FIELD_TEXT, "", true, "", get_name },
};
static const struct noun noun = { "thing", "Things", "", fields, ARRAY_LEN(fields) };

#define NOW_US 1800000000000000u

static const struct row full = { .name = "veth-a",
	.known = true,
	.count = 1500,
	.spi = 0xc0ffee00,
	.time_us = NOW_US - 60u * 1000000u,
	.up = true,
	.addr = "10.1.2.3",
	.prefix = "10.1.0.0/16",
	.detail = "{\"cause\":\"late\"}" };
static const struct row empty = { .spi = 1, .time_us = 5 };

static int parse(const char *where, const char *sort, struct query **ret, struct diag *reterr)
{
	const struct query_text text = { .where = where, .sort = sort };

	return query_new(&noun, &text, NOW_US, ret, reterr);
}

static json_t *json_of(const struct row *row, struct buf *text)
{
	json_t *json;

	noun_json(&noun, row, text);
	json = json_loadb(text->p, text->n, 0, NULL);
	assert_non_null(json);
	return json;
}

/* The same answer from the row, from its JSON and from its line. */
static bool holds(const char *where, const struct row *row)
{
	CLEANUP(query) struct query *q = NULL;
	CLEANUP_BUF struct buf text = { 0 };
	struct diag d = { 0 };
	json_t *json;
	bool answer;

	if (parse(where, NULL, &q, &d) < 0)
		fail_msg("%s: %s", where, d.text);
	answer = query_match_row(q, row);
	json = json_of(row, &text);
	assert_int_equal(query_match_json(q, json), answer);
	assert_int_equal(query_match_line(q, buf_span(&text)), answer);
	json_decref(json);
	return answer;
}

static void every_type_is_compared(void **state)
{
	static const char *const yes[] = { "name=veth-a", "name=veth*", "name!=veth-b", "name<w",
		"name>=veth-a", "count=1500", "count=1.5k", "count>1499", "count<0x5dd",
		"count<=1500", "spi=0xc0ffee00", "spi=c0ffee00", "spi=3237998080", "up=yes",
		"up!=false", "src=10.1.2.3", "src=10.1.0.0/16", "src!=10.2.0.0/16", "src>10.1.2.2",
		"net=10.0.0.0/8", "net=10.1.0.0/16", "net!=10.1.2.0/24", "time>2m", "time<30s",
		"time<2028-01-01", "detail=late", "detail=\"cause\\\":\"", "name=*",
		"name=veth-a,count>1,spi!=5", "\0", "count!=null", "proto=veth-a" };
	static const char *const no[] = { "name=veth", "name=\"veth*\"", "name!=veth*", "name>w",
		"count=1501", "count!=1500", "count<1500", "count>1500", "spi=0xc0ffee01", "up=no",
		"src=10.1.2.4", "src=2001:db8::/32", "net=10.1.2.0/24", "net=10.1.0.0/17",
		"time>30s", "detail=early", "name=veth-a,count>2k", "count=null", "name=null" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!holds(yes[i], &full))
			fail_msg("%s does not hold", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		if (holds(no[i], &full))
			fail_msg("%s holds", no[i]);
	}
}

static void the_unknown_matches_null_only(void **state)
{
	static const char *const no[] = { "name=x", "name=*", "name<x", "name>x", "count=0",
		"count<5", "src=0.0.0.0/0", "net=::/0", "detail=\"\"", "count!=null",
		"name=\"null\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		if (holds(no[i], &empty))
			fail_msg("%s holds", no[i]);
	}
	assert_true(holds("name=null,count=null,src=null,net=null,detail=null", &empty));
	assert_true(holds("name!=x", &empty));
	assert_false(holds("name!=null", &empty));
}

static void numbers_of_protocols_are_names(void **state)
{
	const struct row esp = { .name = "esp" };

	(void)state;
	assert_true(holds("proto=50", &esp));
	assert_true(holds("proto=esp", &esp));
	assert_false(holds("proto=51", &esp));
}

static void negative_numbers_are_in_order(void **state)
{
	static const char line[] = "{\"count\":-3}";
	static const struct {
		const char *where;
		bool holds;
	} cases[] = { { "count=-3", true }, { "count<0", true }, { "count>-4", true },
		{ "count<-4", false }, { "count=3", false }, { "count=-0", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(query) struct query *q = NULL;

		assert_int_equal(parse(cases[i].where, NULL, &q, NULL), 0);
		assert_int_equal(query_match_line(q, span_text(line)), cases[i].holds);
	}
}

static void quotes_take_commas(void **state)
{
	const struct row row = { .name = "a,\"b\"*" };

	(void)state;
	assert_true(holds("name=\"a,\\\"b\\\"*\",spi=0", &row));
	assert_false(holds("name=\"a,\\\"b\\\"*\",spi=1", &row));
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *where, *sort, *says;
	} cases[] = { { "spii=1", NULL, "spii" }, { "spii=1", NULL, "name count spi" },
		{ "count", NULL, "count" }, { "=1", NULL, "=1" }, { "count=many", NULL, "many" },
		{ "count=5x", NULL, "5x" }, { "count=99999999999999999999", NULL, "9999" },
		{ "count=99999999P", NULL, "99999999P" }, { "spi=0x1ffffffff", NULL, "0x1ff" },
		{ "spi=", NULL, "SPI" }, { "up=maybe", NULL, "maybe" },
		{ "src=10.1.2", NULL, "10.1.2" }, { "src=10.1.2.3/33", NULL, "/33" },
		{ "time>yesterday", NULL, "yesterday" }, { "count<null", NULL, "null" },
		{ "name<a*", NULL, "a*" }, { "name=\"open", NULL, "closed" },
		{ "name=\"a\"b", NULL, "'b'" }, { "name=a,,", NULL, "','" },
		{ NULL, "height", "height" }, { NULL, "-", "''" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct query *q = NULL;
		struct diag d = { 0 };

		assert_int_equal(parse(cases[i].where, cases[i].sort, &q, &d), -EINVAL);
		assert_null(q);
		if (!strstr(d.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", d.text, cases[i].says);
	}
}

static void limits_hold(void **state)
{
	char where[QUERY_TEXT_MAX + 10];
	struct query *q = NULL;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < QUERY_TERMS_MAX + 1; i++)
		n += (size_t)snprintf(where + n, sizeof(where) - n, "%scount=1", i ? "," : "");
	assert_int_equal(parse(where, NULL, &q, NULL), -EINVAL);
	where[n - 8] = '\0';
	assert_int_equal(parse(where, NULL, &q, NULL), 0);
	q = query_free(q);
	memset(where, ' ', sizeof(where));
	where[sizeof(where) - 1] = '\0';
	assert_int_equal(parse(where, NULL, &q, NULL), -EINVAL);
}

/* Sort keys are in the order of the rows; line is the JSON of first. */
static void expect_keys_in_order(const struct query *q, const struct row *first,
	const struct row *second, const struct buf *line)
{
	CLEANUP_BUF struct buf a = { 0 }, b = { 0 }, c = { 0 };
	size_t n;
	int order;

	query_sort_key_row(q, first, &a);
	query_sort_key_row(q, second, &b);
	query_sort_key_line(q, buf_span(line), &c);
	assert_true(span_equal(buf_span(&a), buf_span(&c)));
	n = a.n < b.n ? a.n : b.n;
	order = memcmp(a.p, b.p, n);
	assert_true(order < 0 || (order == 0 && a.n < b.n));
}

static void sorting_puts_the_unknown_last(void **state)
{
	const struct row rows[] = { { .name = "a", .known = true, .count = 5 },
		{ .name = "b", .known = true, .count = 9 }, { .name = "c" } };
	static const struct {
		const char *sort;
		size_t first, second;
	} cases[] = { { "count", 0, 1 }, { "-count", 1, 0 }, { "count", 1, 2 }, { "-count", 1, 2 },
		{ "spi,-name", 2, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(query) struct query *q = NULL;
		CLEANUP_BUF struct buf x = { 0 }, y = { 0 };
		const struct row *first = &rows[cases[i].first], *second = &rows[cases[i].second];
		json_t *a = json_of(first, &x), *b = json_of(second, &y);

		assert_int_equal(parse(NULL, cases[i].sort, &q, NULL), 0);
		assert_true(query_cmp_row(q, first, second) < 0);
		assert_true(query_cmp_row(q, second, first) > 0);
		assert_int_equal(query_cmp_row(q, first, first), 0);
		expect_keys_in_order(q, first, second, &x);
		assert_true(query_cmp_json(q, a, b) < 0);
		assert_true(query_cmp_json(q, b, a) > 0);
		json_decref(a);
		json_decref(b);
	}
}

static void columns_and_bounds_are_read(void **state)
{
	const struct query_text text = { .columns = "spi,name", .limit = "10", .offset = "20" };
	const struct query_text all = { .columns = "*" };
	const struct query_text bad = { .limit = "-1" };
	CLEANUP(query) struct query *q = NULL;
	struct query *other = NULL;
	const struct field *const *columns;
	size_t n;

	(void)state;
	assert_int_equal(query_new(&noun, &text, NOW_US, &q, NULL), 0);
	columns = query_columns(q, &n);
	assert_int_equal(n, 2);
	assert_string_equal(columns[0]->key, "spi");
	assert_string_equal(columns[1]->key, "name");
	assert_int_equal(query_limit(q), 10);
	assert_int_equal(query_offset(q), 20);
	assert_int_equal(query_new(&noun, &bad, NOW_US, &other, NULL), -EINVAL);
	assert_int_equal(query_new(&noun, &all, NOW_US, &other, NULL), 0);
	(void)query_columns(other, &n);
	assert_int_equal(n, ARRAY_LEN(fields));
	assert_true(query_limit(other) == UINT64_MAX);
	query_free(other);
}

static void what_is_no_object_does_not_match(void **state)
{
	CLEANUP(query) struct query *q = NULL;

	(void)state;
	assert_int_equal(parse("name=null", NULL, &q, NULL), 0);
	assert_false(query_match_line(q, span_text("[1]")));
	assert_false(query_match_line(q, span_text("{\"name\":")));
	assert_false(query_match_line(q, span_text("")));
	assert_true(query_match_line(q, span_text("{}")));
	assert_true(query_match_line(q, span_text("{\"name\":7}")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_compared),
		cmocka_unit_test(the_unknown_matches_null_only),
		cmocka_unit_test(numbers_of_protocols_are_names),
		cmocka_unit_test(negative_numbers_are_in_order),
		cmocka_unit_test(quotes_take_commas),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(sorting_puts_the_unknown_last),
		cmocka_unit_test(columns_and_bounds_are_read),
		cmocka_unit_test(what_is_no_object_does_not_match),
	};

	return cmocka_run_group_tests_name("view/query", tests, NULL, NULL);
}
