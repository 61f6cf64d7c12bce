/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void commas_fall_where_they_belong(void **state)
{
	CLEANUP_BUF struct buf b = { 0 };
	struct json j;

	(void)state;
	json_init(&j, &b);
	json_open(&j, NULL, '{');
	json_u64(&j, "a", UINT64_MAX);
	json_i64(&j, "b", INT64_MIN);
	json_open(&j, "c", '[');
	json_close(&j, ']');
	json_open(&j, "d", '[');
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_bool(&j, NULL, true);
	json_bool(&j, NULL, false);
	json_close(&j, ']');
	json_none(&j, "e");
	json_text(&j, "f", NULL);
	json_text(&j, "g", "");
	json_raw(&j, "h", span_text("{\"x\":1}"));
	json_close(&j, '}');
	assert_string_equal(b.p,
		"{\"a\":18446744073709551615,\"b\":-9223372036854775808,\"c\":[],\"d\":[{},true,"
		"false],\"e\":null,\"f\":null,\"g\":\"\",\"h\":{\"x\":1}}");
}

static void quotes(const char *octets, size_t n, const char *expected)
{
	CLEANUP_BUF struct buf b = { 0 };
	struct json j;

	json_init(&j, &b);
	json_span(&j, NULL, span_of(octets, n));
	assert_string_equal(b.p, expected);
}

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void texts_are_escaped_and_mended(void **state)
{
	(void)state;
	quotes("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
	quotes("\n\t\r\0\x1f\x7f", 6, "\"\\n\\t\\u000d\\u0000\\u001f\\u007f\"");
	quotes("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x80", 9,
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x80\"");
	quotes("\xc0\x80", 2, "\"" BAD BAD "\""); /* overlong */
	quotes("\xe0\x80\x80", 3, "\"" BAD BAD BAD "\"");
	quotes("\xed\xa0\x80", 3, "\"" BAD BAD BAD "\""); /* surrogate */
	quotes("\xf4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""); /* beyond U+10FFFF */
	quotes("\xe2\x82", 2, "\"" BAD BAD "\""); /* cut short */
	quotes("x\xffy", 3, "\"x" BAD "y\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_fall_where_they_belong),
		cmocka_unit_test(texts_are_escaped_and_mended),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
