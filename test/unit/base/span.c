/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void integers_are_little_endian_both_ways(void **state)
{
	CLEANUP_BUF struct buf b = { 0 };
	struct reader r;

	(void)state;
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0302);
	buf_u32(&b, 0x07060504);
	buf_u64(&b, 0x0f0e0d0c0b0a0908u);
	assert_int_equal(b.n, 15);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], i + 1);
	reader_init(&r, buf_span(&b));
	assert_int_equal(reader_u8(&r), 0x01);
	assert_int_equal(reader_u16(&r), 0x0302);
	assert_int_equal(reader_u32(&r), 0x07060504);
	assert_true(reader_u64(&r) == 0x0f0e0d0c0b0a0908u);
	assert_int_equal(reader_left(&r), 0);
	assert_true(reader_ok(&r));
}

static void reading_past_the_end_gives_zero_for_good(void **state)
{
	static const uint8_t three[] = { 0xff, 0xff, 0xff };
	struct reader r;

	(void)state;
	reader_init(&r, span_of(three, sizeof(three)));
	assert_int_equal(reader_u32(&r), 0);
	assert_false(reader_ok(&r));
	assert_int_equal(reader_u8(&r), 0); /* although three were left */
	assert_false(reader_ok(&r));
	reader_init(&r, span_of(NULL, 0));
	assert_true(reader_ok(&r));
	assert_int_equal(reader_take(&r, 0).n, 0);
	assert_true(reader_ok(&r));
	assert_int_equal(reader_take(&r, SIZE_MAX).n, 0);
	assert_false(reader_ok(&r));
}

static void numbers_are_taken_whole_or_not_at_all(void **state)
{
	struct span text = span_text("0x1fFg 18446744073709551615 18446744073709551616");
	uint64_t v = 7;

	(void)state;
	assert_false(span_take(&text, "0y"));
	assert_true(span_take(&text, "0x"));
	assert_false(span_number(&text, 16, 0x1fe, &v));
	assert_int_equal(v, 7);
	assert_true(span_number(&text, 16, 0x1ff, &v));
	assert_int_equal(v, 0x1ff);
	assert_false(span_number(&text, 10, UINT64_MAX, &v)); /* g */
	assert_true(span_take(&text, "g "));
	assert_true(span_number(&text, 10, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_true(span_take(&text, " "));
	assert_false(span_number(&text, 10, UINT64_MAX, &v)); /* one too many */
	assert_true(span_equal(text, span_text("18446744073709551616")));
	text = span_of(NULL, 0);
	assert_false(span_number(&text, 10, UINT64_MAX, &v));
	assert_true(span_take(&text, ""));
	assert_false(span_take(&text, " "));
}

static void spans_compare_by_octets(void **state)
{
	(void)state;
	assert_true(span_equal(span_text("abc"), span_of("abcd", 3)));
	assert_false(span_equal(span_text("abc"), span_text("abd")));
	assert_false(span_equal(span_text("abc"), span_text("abcd")));
	assert_true(span_equal(span_of(NULL, 0), span_text("")));
}

static void a_buffer_grows_and_stays_terminated(void **state)
{
	CLEANUP_BUF struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		buf_printf(&b, "%03d", i);
		buf_char(&b, ',');
	}
	assert_false(b.failed);
	assert_int_equal(b.n, 4000);
	assert_int_equal(strlen(b.p), 4000);
	buf_drop_front(&b, 3996);
	assert_string_equal(b.p, "999,");
	buf_drop_front(&b, 0);
	assert_string_equal(b.p, "999,");
	buf_drop_front(&b, 100);
	assert_string_equal(b.p, "");
	buf_append(&b, NULL, 0);
	buf_text(&b, "x");
	assert_string_equal(b.p, "x");
	buf_clear(&b);
	assert_int_equal(b.n, 0);
}

static void a_limit_fails_for_good(void **state)
{
	CLEANUP_BUF struct buf b = { .limit = 10 };

	(void)state;
	buf_text(&b, "0123456789");
	assert_false(b.failed);
	buf_char(&b, 'x');
	assert_true(b.failed);
	assert_int_equal(b.n, 10);
	buf_drop_front(&b, 5);
	buf_char(&b, 'x');
	assert_int_equal(b.n, 5); /* still failed */
	buf_clear(&b);
	buf_char(&b, 'x');
	assert_string_equal(b.p, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_little_endian_both_ways),
		cmocka_unit_test(reading_past_the_end_gives_zero_for_good),
		cmocka_unit_test(numbers_are_taken_whole_or_not_at_all),
		cmocka_unit_test(spans_compare_by_octets),
		cmocka_unit_test(a_buffer_grows_and_stays_terminated),
		cmocka_unit_test(a_limit_fails_for_good),
	};

	return cmocka_run_group_tests_name("base/span", tests, NULL, NULL);
}
