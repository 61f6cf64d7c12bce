/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/ipsecconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/source/confparse.h"

/* That pluto has what we read is test/netns/config_libreswan.sh's business. */
#define MAIN "/etc/ipsec.conf"

static enum ipsec_dialect parse(struct found *f, uint8_t daemon, const char *text)
{
	enum ipsec_dialect dialect = DIALECT_EITHER;

	assert_int_equal(
		ipsecconf_parse(MAIN, span_text(text), daemon, FILES_OF(f), SINK_OF(f), &dialect),
		0);
	return dialect;
}

static void keys_tell_whose_file_it_is(void **state)
{
	static const char stroke[] =
		"config setup\n\tcharondebug=\"ike 1\"\nconn a\n\tright=192.0.2.1\n";
	static const char libreswan[] =
		"config setup\n\tprotostack=xfrm\nconn a\n\tleft=%any\n\tright=192.0.2.1\n";
	static const char either[] = "conn a\n\tleft=192.0.2.2\n\tright=192.0.2.1\n\tauto=add\n";
	struct found f = { 0 };

	(void)state;
	assert_int_equal(parse(&f, DAEMON_STRONGSWAN, libreswan), DIALECT_LIBRESWAN);
	assert_int_equal(parse(&f, DAEMON_LIBRESWAN, stroke), DIALECT_STROKE);
	assert_int_equal(f.lines.n, 0);
	assert_int_equal(parse(&f, DAEMON_STRONGSWAN, either), DIALECT_EITHER);
	/* strongSwan's: 3 hours, less 9 minutes. */
	assert_true(has(&f, "\"reauth_s\":10260,\"over_s\":540"));
	buf_clear(&f.lines);
	assert_int_equal(parse(&f, DAEMON_LIBRESWAN, either), DIALECT_EITHER);
	assert_true(has(&f, "\"rekey_s\":28260,\"over_s\":540"));
	buf_done(&f.lines);
}

static void stroke_has_its_own_defaults_and_words(void **state)
{
	struct found f = { 0 };

	(void)state;
	parse(&f, DAEMON_STRONGSWAN,
		"config setup\n\tuniqueids=never\n"
		"conn %default\n\tkeyexchange=ikev1\n\tmargintime=5m\n\tikelifetime=1h\n"
		"conn "
		"a\n\talso=b\n\tleft=%defaultroute\n\tleftsubnet=10.1.0.0/16[tcp/ssh],10.9.0.0/24\n"
		"\tright=%vpn.example.com\n\trightsourceip=10.77.0.0/24\n\trightid=\"C=DE, CN=x\"\n"
		"\tleftauth=pubkey\n\tleftauth2=xauth-generic\n\trightauth=psk\n\tauto=route\n"
		"conn "
		"b\n\tkeyexchange=ikev2\n\tdpdaction=restart\n\tcloseaction=hold\n\tdpddelay=1m\n"
		"\tesp=aes128-sha1!\n\tforceencaps=yes\n\tmark_in=%unique\n\tmark_out=8/0xff\n");
	assert_true(
		has(&f, "\"connection\":\"a\",\"file\":\"" MAIN "\",\"line\":7,\"version\":2,"
			"\"local\":\"%any\",\"remote\":\"vpn.example.com\","
			"\"remote_id\":\"C=DE, CN=x\",\"local_auth\":\"pubkey xauth-generic\","
			"\"remote_auth\":\"psk\",\"proposals\":\"default\",\"unique\":\"never\","
			"\"mobike\":true,\"encap\":true,\"reauth_s\":3300,\"over_s\":300,"
			"\"dpd_s\":60}"));
	assert_true(has(&f,
		"\"mode\":1,\"action\":\"protect\",\"intent\":\"on demand\",\"proto\":50,"
		"\"local_ts\":\"10.1.0.0/16[tcp/22] 10.9.0.0/24\",\"remote_ts\":\"dynamic\","
		"\"proposals\":\"aes128-sha1!\",\"dpd_action\":\"start\","
		"\"close_action\":\"trap\",\"rekey_s\":3300,\"life_s\":3600,"
		"\"mark_out\":8}"));
	/* Without a peer and not loaded, b is there for a. */
	assert_true(lacks(&f, "\"connection\":\"b\""));
	buf_done(&f.lines);
}

static void local_is_left_unless_the_text_says_otherwise(void **state)
{
	static const struct {
		const char *left, *right, *local;
	} cases[] = { { "192.0.2.1", "192.0.2.2", "192.0.2.1" },
		{ "192.0.2.1", "%defaultroute", "%defaultroute" },
		{ "%defaultroute", "192.0.2.1", "%defaultroute" },
		{ "192.0.2.1", "%eth0", "%eth0" }, { "%any", "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1", "%any", "192.0.2.1" },
		{ "%opportunisticgroup", "vpn.example.com", "vpn.example.com" },
		{ "%any", "%group", "%any" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct found f = { 0 };
		char text[256], expected[64];

		snprintf(text, sizeof(text), "conn a\n\tleft=%s\n\tright=%s\n\tphase2=esp\n",
			cases[i].left, cases[i].right);
		snprintf(expected, sizeof(expected), "\"local\":\"%s\"", cases[i].local);
		parse(&f, DAEMON_LIBRESWAN, text);
		assert_true(has(&f, expected));
		buf_done(&f.lines);
	}
}

/* Also when the local end is the right one: the numbers are left's and right's. */
static void pairs_of_subnets_are_connections(void **state)
{
	struct found f = { 0 };

	(void)state;
	parse(&f, DAEMON_LIBRESWAN,
		"conn a\n\tleft=192.0.2.9\n\tright=%defaultroute\n\tleftsubnet=10.0.0.0/24\n"
		"\tleftsubnets={10.1.0.0/24 "
		"10.2.0.0/24}\n\tleftsubnets=10.3.0.0/24\n\tauto=start\n");
	assert_true(has(&f, "\"child\":\"a/0x0\""));
	assert_true(has(&f, "\"child\":\"a/3x0\""));
	assert_true(has(&f, "\"remote_ts\":\"10.3.0.0/24\""));
	assert_true(lacks(&f, "a/4x0"));
	assert_true(lacks(&f, "\"connection\":\"a\""));
	buf_done(&f.lines);
}

static void bad_lines_are_told(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "\n\tauto=add\n", ":2: an indented line before any section" },
		{ "conn a\n\tleft 192.0.2.1\n", ":2: = is expected behind the key" },
		{ "conn a\nleft=192.0.2.1\n", ":2: neither a section nor an include" },
		{ "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tikelifetime=1y\n\tphase2=esp\n",
			":4: ikelifetime= has a value" },
		{ "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=maybe\n\tphase2=esp\n",
			":4: auto= has a value" },
		{ "conn "
		  "a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tleftsubnet=10.1.2.3/"
		  "40\n\tphase2=esp\n",
			":4: leftsubnet= has a value" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct found f = { 0 };

		parse(&f, DAEMON_LIBRESWAN, cases[i].text);
		assert_true(has(&f, cases[i].error));
		buf_done(&f.lines);
	}
}

static void connections_are_limited(void **state)
{
	struct found f = { 0 };
	struct buf text = { 0 };
	size_t n = 0;

	(void)state;
	buf_text(&text, "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tleftsubnets={");
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&text, "10.0.%u.0/24 ", i);
	buf_text(&text, "}\n\trightsubnets={");
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&text, "10.1.%u.0/24 ", i);
	buf_text(&text, "}\n");
	parse(&f, DAEMON_LIBRESWAN, text.p);
	for (const char *p = f.lines.p; (p = strstr(p, "\"connection\"")); p++)
		n++;
	assert_int_equal(n, CONF_CONNECTIONS_MAX);
	assert_true(has(&f, ":1: more than 4,096 connections"));
	buf_done(&text);
	buf_done(&f.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_tell_whose_file_it_is),
		cmocka_unit_test(stroke_has_its_own_defaults_and_words),
		cmocka_unit_test(local_is_left_unless_the_text_says_otherwise),
		cmocka_unit_test(pairs_of_subnets_are_connections),
		cmocka_unit_test(bad_lines_are_told),
		cmocka_unit_test(connections_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
