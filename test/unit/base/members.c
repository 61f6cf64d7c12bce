/* SPDX-License-Identifier: Apache-2.0 */
#include "base/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static void walks_in_order(void **state)
{
	static const char line[] = "{\"v\":1,\"t\":\"a b\",\"n\":null,\"d\":{\"x\":[\"}\",{}]},"
				   "\"e\":\"\\\"\\\\\",\"last\":-2.5}";
	static const char *const wanted[][2] = { { "v", "1" }, { "t", "\"a b\"" }, { "n", "null" },
		{ "d", "{\"x\":[\"}\",{}]}" }, { "e", "\"\\\"\\\\\"" }, { "last", "-2.5" } };
	struct members m;
	struct member member;

	(void)state;
	members_init(&m, span_text(line));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_true(members_next(&m, &member));
		assert_true(member_is(&member, wanted[i][0]));
		assert_true(span_equal(member.value, span_text(wanted[i][1])));
	}
	assert_false(members_next(&m, &member));
	assert_false(m.odd);
}

static void says_what_is_odd(void **state)
{
	static const char *const odd[] = { "", "[]", "{", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":\"b", "{\"a\":\"b\\", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}x", "{ \"a\":1}",
		"{\"\\u0061\":1}", "{\"a\" :1}", "{\"a\":[1}", "{a:1}", "{\"a\": 1}", "{\"a\":1 }",
		"{\"a\":null\r,\"b\":1}", "{\"a\":\"b\" }" };
	struct member member;
	struct members m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		members_init(&m, span_text(odd[i]));
		while (members_next(&m, &member))
			;
		if (!m.odd)
			fail_msg("%s", odd[i]);
	}
	/* Nor is what lies within a value taken for a member. */
	members_init(&m, span_text("{\"a\":\r{\"b\":1,\"c\":2}}"));
	assert_false(members_next(&m, &member));
	members_init(&m, span_text("{}"));
	assert_false(members_next(&m, &member));
	assert_false(m.odd);
}

static void values(void **state)
{
	struct span text;
	uint64_t v;

	(void)state;
	assert_true(member_u64(span_text("0"), &v) && v == 0);
	assert_true(member_u64(span_text("999999999999999999"), &v) && v == 999999999999999999u);
	assert_false(member_u64(span_text("1000000000000000000"), &v));
	assert_false(member_u64(span_text("01"), &v));
	assert_false(member_u64(span_text("-1"), &v));
	assert_false(member_u64(span_text("1.0"), &v));
	assert_false(member_u64(span_text(""), &v));
	assert_true(member_text(span_text("\"\""), &text) && text.n == 0);
	assert_true(member_text(span_text("\"x\""), &text) && text.n == 1);
	assert_false(member_text(span_text("\"\\n\""), &text));
	assert_false(member_text(span_text("1"), &text));
	assert_true(member_is_null(span_text("null")));
	assert_false(member_is_null(span_text("\"null\"")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_in_order),
		cmocka_unit_test(says_what_is_odd),
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
