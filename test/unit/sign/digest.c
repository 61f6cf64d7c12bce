/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, size_t n, const char *expected)
{
	char hex[DIGEST_HEX + 1];

	assert_int_equal(sha256_digits(span_of(text, n), hex), 0);
	assert_string_equal(hex, expected);
}

/* NIST's examples for FIPS 180-4. */
static void known_answers(void **state)
{
	static const char fifty_six[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	(void)state;
	check(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check(fifty_six, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void two_spans_are_one_text(void **state)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX + 1];
	struct sha256 s;

	(void)state;
	assert_int_equal(sha256_init(&s), 0);
	for (int i = 0; i < 2; i++) { /* the second as the first */
		assert_int_equal(sha256_of(&s, span_of("a", 1), span_of("bc", 2), digest), 0);
		hex_format(digest, DIGEST_SIZE, hex);
		assert_string_equal(
			hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
	sha256_done(&s);
}

static void digits_are_lower_case_and_of_the_right_number(void **state)
{
	uint8_t octets[2] = { 7, 7 };
	char hex[5];

	(void)state;
	assert_true(hex_parse(span_text("0aff"), octets, 2));
	assert_int_equal(octets[0], 0x0a);
	assert_int_equal(octets[1], 0xff);
	hex_format(octets, 2, hex);
	assert_string_equal(hex, "0aff");
	assert_false(hex_parse(span_text("0aFf"), octets, 2));
	assert_false(hex_parse(span_text("0af"), octets, 2));
	assert_false(hex_parse(span_text("0aff0"), octets, 2));
	assert_false(hex_parse(span_text("0ag0"), octets, 2));
	assert_int_equal(octets[1], 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(two_spans_are_one_text),
		cmocka_unit_test(digits_are_lower_case_and_of_the_right_number),
	};

	return cmocka_run_group_tests_name("sign/digest", tests, NULL, NULL);
}
