/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/signed_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t secret[SECRET_KEY_SIZE] = "not a secret: this is for tests";

static void make(struct signed_head *h, struct public_key *k, struct buf *out)
{
	*h = (struct signed_head){ .number = 123456,
		.host = "gw-1.example.net",
		.boot = "af84fb9b-e67e-4626-bd15-406835b8bf82",
		.time_us = 1767225600000001,
		.segment = 7,
		.line = 1041,
		.seq = 999999999999999999 };
	memset(h->digest, 0xa5, sizeof(h->digest));
	assert_int_equal(secret_public(secret, k), 0);
	assert_int_equal(signed_head_write(h, secret, k, out), 0);
}

static void what_is_written_is_read(void **state)
{
	CLEANUP_BUF struct buf line = { 0 };
	struct span text, digits;
	struct signed_head h, back;
	struct public_key k;

	(void)state;
	make(&h, &k, &line);
	assert_true(line.n < SIGNED_HEAD_MAX);
	assert_true(signed_head_parse(buf_span(&line), &back, &text, &digits));
	assert_int_equal(back.number, h.number);
	assert_string_equal(back.host, h.host);
	assert_string_equal(back.boot, h.boot);
	assert_int_equal(back.time_us, h.time_us);
	assert_int_equal(back.segment, h.segment);
	assert_int_equal(back.line, h.line);
	assert_int_equal(back.seq, h.seq);
	assert_memory_equal(back.digest, h.digest, DIGEST_SIZE);
	assert_string_equal(back.key, k.fingerprint);
	assert_true(public_verify(&k, text, digits));
}

/* Whatever octet is another one: it is no head, or nobody signed it. */
static void every_octet_is_proven(void **state)
{
	CLEANUP_BUF struct buf line = { 0 };
	struct span text, digits;
	struct signed_head h, back;
	struct public_key k;

	(void)state;
	make(&h, &k, &line);
	for (size_t i = 0; i < line.n; i++) {
		line.p[i] ^= 1;
		assert_false(signed_head_parse(buf_span(&line), &back, &text, &digits) &&
			     public_verify(&k, text, digits));
		line.p[i] ^= 1;
		assert_false(signed_head_parse(span_of(line.p, i), &back, &text, &digits));
	}
	buf_char(&line, ' ');
	assert_false(signed_head_parse(buf_span(&line), &back, &text, &digits));
}

/* A host's name may be anything; the line stays one of ASCII that needs no escapes. */
static void names_cannot_forge(void **state)
{
	CLEANUP_BUF struct buf line = { 0 };
	struct span text, digits;
	struct signed_head h, back;
	struct public_key k;

	(void)state;
	make(&h, &k, &line);
	buf_clear(&line);
	memcpy(h.host, "a\",\"number\":\"\xc3\xa9\n", 17);
	assert_int_equal(signed_head_write(&h, secret, &k, &line), 0);
	assert_true(signed_head_parse(buf_span(&line), &back, &text, &digits));
	assert_string_equal(back.host, "a___number_:____");
}

static void numbers_have_one_form(void **state)
{
	static const char *const wrong[] = { "0123", "", "-1", "1000000000000000000", "+1", "1.0" };
	CLEANUP_BUF struct buf line = { 0 };
	struct span text, digits;
	struct signed_head h, back;
	struct public_key k;

	(void)state;
	make(&h, &k, &line);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CLEANUP_BUF struct buf other = { 0 };
		const char *rest = strstr(line.p, ",\"host\"");

		buf_printf(&other, SIGNED_HEAD_BEGIN "\"number\":%s%s", wrong[i], rest);
		assert_false(signed_head_parse(buf_span(&other), &back, &text, &digits));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_octet_is_proven),
		cmocka_unit_test(names_cannot_forge),
		cmocka_unit_test(numbers_have_one_form),
	};

	return cmocka_run_group_tests_name("sign/signed_head", tests, NULL, NULL);
}
