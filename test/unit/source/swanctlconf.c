/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/swanctlconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/source/confparse.h"

/* That charon has what we read is test/netns/config.sh's business; here is what it can't show. */
#define MAIN "/etc/swanctl/swanctl.conf"

static void parse(struct found *f, const char *text)
{
	assert_int_equal(swanctlconf_parse(MAIN, span_text(text), FILES_OF(f), SINK_OF(f)), 0);
}

static void defaults_are_charons(void **state)
{
	struct found f = { 0 };

	(void)state;
	parse(&f, "connections {\n\n a { children { b { } } }\n}\n");
	assert_string_equal(f.lines.p,
		"{\"connection\":\"a\",\"file\":\"" MAIN "\",\"line\":3,\"local\":\"%any\","
		"\"remote\":\"%any\",\"local_auth\":\"pubkey\",\"remote_auth\":\"pubkey\","
		"\"proposals\":\"default\",\"unique\":\"no\",\"mobike\":true,\"rekey_s\":14400,"
		"\"over_s\":1440}\n"
		"{\"child\":\"b\",\"of\":\"a\",\"file\":\"" MAIN "\",\"line\":3,\"mode\":1,"
		"\"action\":\"protect\",\"intent\":\"none\",\"proto\":50,\"local_ts\":\"dynamic\","
		"\"remote_ts\":\"dynamic\",\"proposals\":\"default\",\"dpd_action\":\"none\","
		"\"close_action\":\"none\",\"rekey_s\":3600,\"life_s\":3960}\n");
	buf_done(&f.lines);
}

static void secrets_are_passed_over(void **state)
{
	static const struct included files[] = {
		{ "more.conf", "/etc/swanctl/more.conf",
			"secret = hidden1\n ike-9 { secret = hidden2 }" },
		{ NULL, NULL, NULL }
	};
	struct found f = { .included = files };

	(void)state;
	parse(&f, "secrets { include more.conf\n ike-a { secret = \"hidden3\nhidden3\" \n id = "
		  "hidden4 } }\n"
		  "t { secret = hidden5\n secrets { id = hidden6\n b { id = hidden7 } } }\n"
		  "connections { a : secrets.ike-a, t, t.secrets { secret = hidden8\n local : "
		  "t.secrets.b { } "
		  "children { } } }\n");
	assert_true(has(&f, "\"connection\":\"a\""));
	assert_true(lacks(&f, "hidden"));
	buf_done(&f.lines);
}

/* Where a value is expected and the grammar is broken, nothing of the text may be quoted. */
static void errors_name_lines_and_quote_nothing(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "connections {\n a { version = 2 }\n", ":0: the file ends within a section" },
		{ "a {\n}\n}\n", ":3: } without a section" },
		{ "secrets { ike {\n secret hidden\n", ":2: = or { is expected" },
		{ "secrets { ike { secret = \"hidden\n\n", ":3: a text in quotes does not end" },
		{ "a = b\n\n\"hidden\" = c\n", ":3: a name is expected here" },
		{ "connections { a { \n version = hidden\n } }\n",
			":2: version has a value that charon" },
		{ "connections { a { children { c {\n remote_ts = 10.0.0.0/33\n } } } }\n",
			":2: remote_ts has a value that charon" },
		{ "connections { a { children { c { rekey_time = 1y\n } } } }\n",
			":1: rekey_time has a value that charon" },
		{ "a : { }\n", ":1: the name of a section is expected" },
		{ "a.b = c\n", ":1: = or { is expected" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct found f = { 0 };

		parse(&f, cases[i].text);
		assert_true(has(&f, cases[i].error));
		assert_true(lacks(&f, "hidden"));
		buf_done(&f.lines);
	}
}

static void what_stands_before_an_error_is_kept(void **state)
{
	struct found f = { 0 };

	(void)state;
	parse(&f, "connections { a { version = 1\n } b {\n version = 2\n ] }");
	assert_true(has(&f, "\"connection\":\"a\""));
	assert_true(has(&f, "\"connection\":\"b\""));
	assert_true(has(&f, MAIN ":4: "));
	buf_done(&f.lines);
}

static void includes_stand_in_their_place(void **state)
{
	static const struct included files[] = {
		{ "conf.d/*.conf", "/etc/swanctl/conf.d/1.conf",
			"a { version = 1\n mobike = no\n}" },
		{ "conf.d/*.conf", "/etc/swanctl/conf.d/2.conf", "\nb { version = 2 " },
		{ "loop", MAIN, "include loop\n" },
		{ NULL, NULL, NULL },
	};
	struct found f = { .included = files };

	(void)state;
	/* A section may end in another file; a later value overrides. */
	parse(&f, "connections { a { version = 2 }\n include conf.d/*.conf # both\n }\n c { } }\n"
		  "include \"loop\"\n");
	assert_true(
		has(&f, "\"connection\":\"a\",\"file\":\"" MAIN "\",\"line\":1,\"version\":1,"));
	assert_true(has(
		&f, "\"connection\":\"b\",\"file\":\"/etc/swanctl/conf.d/2.conf\",\"line\":2,"));
	assert_true(has(&f, "\"connection\":\"c\""));
	assert_true(has(&f, ":1: too deep"));
	buf_done(&f.lines);
}

static void references_that_loop_end(void **state)
{
	struct found f = { 0 };
	struct buf text = { 0 };

	(void)state;
	parse(&f, "a : b { version = 1 }\nb : a { mobike = no\n }\n"
		  "connections : connections { x : a, connections.x, nowhere.at.all { } }\n");
	assert_true(has(&f, "\"connection\":\"x\""));
	assert_true(has(&f, "\"version\":1,"));
	assert_true(lacks(&f, "\"mobike\":true"));
	buf_clear(&f.lines);
	/* Each doubles what the one before is worth. */
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&text, "s%u : s%u.c, s%u.c, s%u.d { c : s%u { }\n d : s%u { } }\n", i,
			i + 1, i + 2, i + 3, i + 1, i + 2);
	buf_text(&text, "connections { x : s0.c.d, s1.d.c { } }\n");
	parse(&f, text.p);
	assert_true(has(&f, "\"connection\":\"x\""));
	buf_done(&text);
	buf_done(&f.lines);
}

static void too_much_is_refused(void **state)
{
	struct found f = { 0 };
	struct buf text = { 0 };

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		buf_text(&text, "a { ");
	parse(&f, text.p);
	assert_true(has(&f, "nested more than 32 deep"));
	buf_clear(&f.lines);
	buf_clear(&text);
	buf_text(&text, "connections {\n");
	for (unsigned i = 0; i < 4100; i++)
		buf_printf(&text, "c%u { }\n", i);
	parse(&f, text.p);
	assert_true(has(&f, ":4098: there are more sections"));
	assert_true(has(&f, "\"connection\":\"c4095\""));
	buf_clear(&f.lines);
	buf_clear(&text);
	buf_text(&text, "connections { a { proposals = ");
	for (unsigned i = 0; i < 20000; i++)
		buf_char(&text, 'x');
	buf_text(&text, "\n} }");
	parse(&f, text.p);
	assert_true(has(&f, "longer than 16 KiB"));
	buf_done(&text);
	buf_done(&f.lines);
}

static void long_and_odd_texts_are_cut_and_cleaned(void **state)
{
	struct found f = { 0 };
	struct buf text = { 0 };

	(void)state;
	buf_text(
		&text, "connections { a { local { id = \"x\x01\xff\xc3\xa9\\ty\" } remote { id = ");
	for (unsigned i = 0; i < 200; i++)
		buf_text(&text, "\xc3\xa9");
	buf_text(&text, "\n } } }\n");
	parse(&f, text.p);
	assert_true(has(&f, "\"local_id\":\"x??\xc3\xa9?y\""));
	/* 126 of two octets, and the mark, in 255. */
	assert_true(has(&f, "\xc3\xa9\xc3\xa9\xe2\x80\xa6\","));
	buf_done(&text);
	buf_done(&f.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_charons),
		cmocka_unit_test(secrets_are_passed_over),
		cmocka_unit_test(errors_name_lines_and_quote_nothing),
		cmocka_unit_test(what_stands_before_an_error_is_kept),
		cmocka_unit_test(includes_stand_in_their_place),
		cmocka_unit_test(references_that_loop_end),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(long_and_odd_texts_are_cut_and_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
