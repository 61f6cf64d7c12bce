/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct buf line;

static void put(uint8_t type, uint16_t session, uint16_t seq, const char *text)
{
	struct frame f = { type, session, seq, span_text(text) };

	frame_encode(&f, &line);
}

static int setup(void **state)
{
	(void)state;
	buf_clear(&line);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&line);
	return 0;
}

static void crc_is_the_documented_one(void **state)
{
	(void)state;
	assert_int_equal(frame_crc(span_text("123456789")), 0x29b1); /* CRC-16/CCITT-FALSE */
}

static void round_trip(void **state)
{
	struct frame f;
	size_t used, noise;

	(void)state;
	put(FRAME_DATA, 0x1234, 0xfffe, "hello");
	assert_int_equal(line.n, FRAME_HEADER_SIZE + 5);
	assert_int_equal(frame_decode(buf_span(&line), &f, &used, &noise), FRAME_OK);
	assert_int_equal(f.type, FRAME_DATA);
	assert_int_equal(f.session, 0x1234);
	assert_int_equal(f.seq, 0xfffe);
	assert_true(span_equal(f.payload, span_text("hello")));
	assert_int_equal(used, line.n);
	assert_int_equal(noise, 0);
}

static void each_beginning_waits_for_more(void **state)
{
	struct frame f;
	size_t used, noise;

	(void)state;
	put(FRAME_OPEN, 1, 1, "x");
	for (size_t n = 0; n < line.n; n++) {
		assert_int_equal(
			frame_decode(span_of(line.p, n), &f, &used, &noise), FRAME_TRUNCATED);
		assert_int_equal(used, 0);
	}
}

static void noise_is_passed_over(void **state)
{
	static const char noise_text[] = "[  12.3] kernel says\n\xc5\xc5\x9a";
	struct frame f;
	size_t used, noise;

	(void)state;
	buf_append(&line, noise_text, sizeof(noise_text) - 1);
	put(FRAME_DATA, 7, 3, "payload");
	assert_int_equal(frame_decode(buf_span(&line), &f, &used, &noise), FRAME_OK);
	assert_int_equal(noise, sizeof(noise_text) - 1);
	assert_int_equal(used, line.n);
	assert_int_equal(f.session, 7);
}

/* Any octet of it changed: not that frame, and the one behind it is found all the same. */
static void damage_is_seen_everywhere(void **state)
{
	size_t first;

	(void)state;
	put(FRAME_DATA, 1, 1, "first");
	first = line.n;
	put(FRAME_DATA, 2, 2, "second");
	for (size_t i = 0; i < first; i++) {
		CLEANUP_BUF struct buf bad = { 0 };
		struct frame f;
		size_t used, noise;

		buf_append(&bad, line.p, line.n);
		bad.p[i] = (char)(bad.p[i] ^ 0x40);
		assert_int_equal(frame_decode(buf_span(&bad), &f, &used, &noise), FRAME_OK);
		assert_int_equal(f.session, 2);
		assert_int_equal(noise, first);
	}
}

static void an_octet_lost_costs_one_frame(void **state)
{
	size_t first;

	(void)state;
	put(FRAME_DATA, 1, 1, "first");
	first = line.n;
	put(FRAME_DATA, 2, 2, "second");
	for (size_t i = 0; i < first; i++) {
		CLEANUP_BUF struct buf bad = { 0 };
		struct frame f;
		size_t used, noise;

		buf_append(&bad, line.p, i);
		buf_append(&bad, line.p + i + 1, line.n - i - 1);
		assert_int_equal(frame_decode(buf_span(&bad), &f, &used, &noise), FRAME_OK);
		assert_int_equal(f.session, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_the_documented_one),
		cmocka_unit_test_setup(round_trip, setup),
		cmocka_unit_test_setup(each_beginning_waits_for_more, setup),
		cmocka_unit_test_setup(noise_is_passed_over, setup),
		cmocka_unit_test_setup(damage_is_seen_everywhere, setup),
		cmocka_unit_test_setup(an_octet_lost_costs_one_frame, setup),
	};

	return cmocka_run_group_tests_name("cli/frame", tests, NULL, teardown);
}
