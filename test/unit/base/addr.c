/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct addr addr(const char *text)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };
	struct diag diag = { "" };

	if (prefix_parse(text, &p, &diag) != 0)
		fail_msg("%s", diag.text);
	return p;
}

static void texts_are_those_of_rfc_5952(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "10.9.0.1", "10.9.0.1" },
		{ "fd09:0000:0000:0000:0000:0000:0000:0001", "fd09::1" },
		{ "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, { "::", "::" },
		{ "0.0.0.0", "0.0.0.0" }, { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" } };
	char text[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = addr(cases[i].in);

		assert_string_equal(addr_format(&a, text), cases[i].out);
	}
	assert_string_equal(addr_format(&(struct addr){ 0 }, text), "");
}

static void what_is_no_address_leaves_ret_alone(void **state)
{
	static const char *const wrong[] = { "", "10.9.0", "10.9.0.256", "1::2::3", "10.9.0.1 ",
		"x" };
	struct addr a = { .family = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(addr_parse(wrong[i], &a), -EINVAL);
	assert_int_equal(a.family, 77);
}

static void unused_octets_are_zero(void **state)
{
	static const uint8_t octets[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct addr a = addr_make(AF_INET, octets);
	struct addr b = addr("1.2.3.4");

	(void)state;
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(addr_equal(&a, &b));
}

static void order_is_family_then_octets(void **state)
{
	struct addr a = addr("10.0.0.1"), b = addr("10.0.0.2"), c = addr("::1");

	(void)state;
	assert_true(addr_cmp(&a, &b) < 0);
	assert_true(addr_cmp(&b, &a) > 0);
	assert_true(addr_cmp(&b, &c) < 0);
	assert_int_equal(addr_cmp(&a, &a), 0);
}

static void any_is_unspecified_or_unknown(void **state)
{
	struct addr any4 = addr("0.0.0.0"), any6 = addr("::"), one = addr("::1");

	(void)state;
	assert_true(addr_is_any(&any4));
	assert_true(addr_is_any(&any6));
	assert_true(addr_is_any(&(struct addr){ 0 }));
	assert_false(addr_is_any(&one));
	assert_int_equal(addr_bits(&any4), 32);
	assert_int_equal(addr_bits(&any6), 128);
	assert_int_equal(addr_bits(&(struct addr){ 0 }), 0);
}

static void prefixes_are_read_and_written(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "10.1.0.0/16", "10.1.0.0/16" }, { "10.1.2.3/16", "10.1.2.3/16" },
		{ "10.1.2.3", "10.1.2.3" }, { "10.1.2.3/32", "10.1.2.3" }, { "::/0", "::/0" },
		{ "2001:db8::/128", "2001:db8::" } };
	char text[PREFIX_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct prefix p = prefix(cases[i].in);

		assert_string_equal(prefix_format(&p, text), cases[i].out);
	}
}

static void wrong_prefixes_are_refused_with_a_reason(void **state)
{
	static const char *const wrong[] = { "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1",
		"10.0.0.0/ 8", "10.0.0.0/8x", "/8", "",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/8" };
	struct prefix p = { .length = 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct diag diag = { "" };

		if (prefix_parse(wrong[i], &p, &diag) != -EINVAL || diag.text[0] == '\0')
			fail_msg("'%s' was taken", wrong[i]);
	}
	assert_int_equal(p.length, 99);
	assert_int_equal(prefix_parse("x", &p, NULL), -EINVAL);
}

static bool holds(const char *p, const char *a)
{
	struct prefix prefix_of = prefix(p);
	struct addr addr_of = addr(a);

	return prefix_holds(&prefix_of, &addr_of);
}

static void holding_ends_at_the_last_bit(void **state)
{
	(void)state;
	assert_true(holds("10.1.0.0/15", "10.1.255.255"));
	assert_false(holds("10.0.0.0/15", "10.2.0.0"));
	assert_true(holds("10.1.2.3", "10.1.2.3"));
	assert_false(holds("10.1.2.3", "10.1.2.2"));
	assert_true(holds("0.0.0.0/0", "255.0.0.1"));
	assert_false(holds("0.0.0.0/0", "::1"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::"));
	assert_false(holds("2001:db8::/33", "2001:db8:8000::"));
	assert_true(holds("fd00::1", "fd00::1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_those_of_rfc_5952),
		cmocka_unit_test(what_is_no_address_leaves_ret_alone),
		cmocka_unit_test(unused_octets_are_zero),
		cmocka_unit_test(order_is_family_then_octets),
		cmocka_unit_test(any_is_unspecified_or_unknown),
		cmocka_unit_test(prefixes_are_read_and_written),
		cmocka_unit_test(wrong_prefixes_are_refused_with_a_reason),
		cmocka_unit_test(holding_ends_at_the_last_bit),
	};

	return cmocka_run_group_tests_name("base/addr", tests, NULL, NULL);
}
