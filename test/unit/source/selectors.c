/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/selectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "source/config/conftext.h"

static void swanctl_conf(void **state)
{
	static const struct {
		const char *text, *expected; /* NULL: refused */
	} cases[] = {
		{ "10.1.2.3/16", "10.1.0.0/16" },
		{ "10.1.2.3", "10.1.2.3/32" },
		/* charon reads no further than it has to. */
		{ "10.0.0.0/8 10.1.0.0/16", "10.0.0.0/8" },
		{ "fd00::1", "fd00::1/128" },
		{ "fd00:1::/33[tcp]", "fd00:1::/33[tcp]" },
		{ "0.0.0.0/0[6/80]", "0.0.0.0/0[tcp/80]" },
		{ "dynamic[udp/l2tp]", "dynamic[udp/1701]" },
		{ "dynamic[/443]", "dynamic[0/443]" },
		{ "dynamic[any/any]", "dynamic" },
		{ "dynamic[200]", "dynamic[200]" },
		{ "dynamic[tcp/1000-2000]", "dynamic[tcp/1000-2000]" },
		{ "dynamic[udp/opaque]", "dynamic[udp/opaque]" },
		{ "dynamic[icmp/0x0800]", "dynamic[icmp/8]" },
		{ "dynamic[icmp/0x0301-0x0304]", "dynamic[icmp/3(1)-3(4)]" },
		{ "10.0.0.0-10.0.255.255", "10.0.0.0/16" },
		{ "10.0.0.1-10.0.0.2", "10.0.0.1..10.0.0.2" },
		{ "fd00::-fd00::ffff[tcp/22]", "fd00::/112[tcp/22]" },
		{ "", NULL },
		{ "10.0.0.0/33", NULL },
		{ "10.0.0.2-10.0.0.1", NULL },
		{ "10.0.0.1-fd00::1", NULL },
		{ "10.0.0.1[tcp", NULL },
		{ "10.0.0.1[tcp/65536]", NULL },
		{ "10.0.0.1[256]", NULL },
		{ "10.0.0.1[nonsense/1]", NULL },
		{ "vpn.example.com", NULL },
	};
	char text[SELECTOR_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = selector_strongswan(span_text(cases[i].text), text);

		assert_int_equal(good, cases[i].expected != NULL);
		assert_string_equal(text, good ? cases[i].expected : "");
	}
}

static void ipsec_conf(void **state)
{
	char text[SELECTOR_SIZE];

	(void)state;
	assert_true(selector_ipsec(span_text("10.1.0.0/16"), span_text("17/1701"), text));
	assert_string_equal(text, "10.1.0.0/16[udp/1701]");
	assert_true(selector_ipsec(span_text(""), span_text("tcp/%any"), text));
	assert_string_equal(text, "dynamic[tcp]");
	assert_true(selector_ipsec(span_text("fd00::/8"), span_text(""), text));
	assert_string_equal(text, "fd00::/8");
	assert_false(selector_ipsec(span_text("fd00::/8"), span_text("tcp/x"), text));
	assert_string_equal(text, "");
}

static void quantities(void **state)
{
	static const struct conf_unit units[] = { { "", 1 }, { "m", 60 }, { "h", 3600 } };
	uint64_t v = 7;
	uint32_t mark = 7;

	(void)state;
	assert_true(conf_quantity(span_text("2 h"), units, ARRAY_LEN(units), &v) && v == 7200);
	assert_true(conf_quantity(span_text("0x10M"), units, ARRAY_LEN(units), &v) && v == 960);
	assert_true(conf_quantity(span_text("18446744073709551615h"), units, ARRAY_LEN(units), &v));
	assert_true(v == UINT64_MAX);
	v = 7;
	assert_false(conf_quantity(span_text("2y"), units, ARRAY_LEN(units), &v));
	assert_false(conf_quantity(span_text("h"), units, ARRAY_LEN(units), &v));
	assert_false(conf_u64(span_text("18446744073709551616"), &v));
	assert_false(conf_u64(span_text("-1"), &v));
	assert_false(conf_u64(span_text("0x"), &v));
	assert_false(conf_u64(span_text("08"), &v));
	assert_false(conf_u64(span_text("1\x11"), &v));
	assert_true(v == 7);
	assert_true(conf_u64(span_text("010"), &v) && v == 8);
	assert_true(conf_mark(span_text("0x1ff/0xff"), &mark) && mark == 0xff);
	assert_true(conf_mark(span_text("%unique-dir"), &mark) && mark == 0);
	assert_true(conf_mark(span_text("1/"), &mark) && mark == 0);
	assert_false(conf_mark(span_text("1/x"), &mark));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(swanctl_conf),
		cmocka_unit_test(ipsec_conf),
		cmocka_unit_test(quantities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
