/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/vici.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "source/strongswan/der.h"
#include "source/strongswan/fields.h"

#define SPAN(text) span_of(text, sizeof(text) - 1)

static enum parse_result take(struct span octets, struct vici_packet *ret)
{
	return vici_take(&octets, ret);
}

static void what_is_put_is_taken(void **state)
{
	struct buf message = { 0 }, frame = { 0 };
	struct vici_packet p;
	struct span octets;

	(void)state;
	vici_put_value(&message, "noblock", "yes");
	vici_put(&frame, VICI_CMD_REQUEST, "list-sas", buf_span(&message));
	vici_put(&frame, VICI_EVENT_REGISTER, "log", span_of(NULL, 0));
	for (size_t n = 0; n < 28; n++)
		assert_int_equal(take(span_of(frame.p, n), &p), PARSE_TRUNCATED);
	octets = buf_span(&frame);
	assert_int_equal(vici_take(&octets, &p), PARSE_OK);
	assert_true(p.type == VICI_CMD_REQUEST && vici_is(p.name, "list-sas"));
	assert_true(vici_is(vici_get(p.message, VICI_VALUE, "noblock"), "yes"));
	assert_int_equal(vici_get(p.message, VICI_LIST, "noblock").n, 0);
	assert_int_equal(vici_take(&octets, &p), PARSE_OK);
	assert_true(p.type == VICI_EVENT_REGISTER && vici_is(p.name, "log"));
	assert_int_equal(octets.n, 0);
	buf_done(&message);
	buf_done(&frame);
}

static void trees_are_walked(void **state)
{
	/* a { b = c, l [ x, "" ], in { } } d = e */
	struct span m = SPAN("\1\1a\3\1b\0\1c\4\1l\5\0\1x\5\0\0\6\1\2in\2\2\3\1d\0\1e");
	struct span a = vici_get(m, VICI_SECTION, "a"), l = vici_get(a, VICI_LIST, "l"), v;
	struct vici_item item;
	size_t n = 0;

	(void)state;
	while (vici_next(&m, &item))
		n++;
	assert_int_equal(n, 2);
	assert_true(vici_is(item.name, "d") && vici_is(item.body, "e"));
	assert_true(vici_is(vici_get(a, VICI_VALUE, "b"), "c"));
	assert_true(vici_next_value(&l, &v) && vici_is(v, "x"));
	assert_true(vici_next_value(&l, &v) && v.n == 0);
	assert_false(vici_next_value(&l, &v));
	assert_int_equal(vici_get(a, VICI_VALUE, "in").n, 0);
}

static void only_whole_trees_pass(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
#define BAD(text) { text, sizeof(text) - 1 }
		BAD("\1\1a"), /* never ends */
		BAD("\2"), /* ends what did not begin */
		BAD("\4\1l"),
		BAD("\6"),
		BAD("\5\0\1x"), /* an item outside a list */
		BAD("\4\1l\4\1m\6\6"), /* a list in a list */
		BAD("\4\1l\3\1k\0\1v\6"), /* a value in a list */
		BAD("\1\1a\4\1l\2\6"), /* crossed */
		BAD("\3\1k\0\2v"), /* shorter than it says */
		BAD("\3\5k"),
		BAD("\7"),
		BAD("\0"),
	};
	struct buf frame = { 0 };
	struct vici_packet p = { .type = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&frame);
		vici_put(&frame, VICI_CMD_RESPONSE, "", span_of(bad[i].p, bad[i].n));
		assert_int_equal(take(buf_span(&frame), &p), PARSE_MALFORMED);
		assert_int_equal(p.type, 99);
	}
	buf_clear(&frame);
	for (size_t depth = 0; depth <= VICI_DEPTH_MAX; depth++)
		buf_append(&frame, "\1\1a", 3);
	for (size_t depth = 0; depth <= VICI_DEPTH_MAX; depth++)
		buf_append(&frame, "\2", 1);
	{
		struct buf deep = { 0 };

		vici_put(&deep, VICI_CMD_RESPONSE, "", buf_span(&frame));
		assert_int_equal(take(buf_span(&deep), &p), PARSE_MALFORMED);
		buf_done(&deep);
	}
	buf_done(&frame);
}

static void a_frame_has_a_limit(void **state)
{
	struct vici_packet p;

	(void)state;
	assert_int_equal(take(SPAN("\0\x08\0\0"), &p), PARSE_TRUNCATED); /* 512 KiB */
	assert_int_equal(take(SPAN("\0\x08\0\1"), &p), PARSE_MALFORMED);
	assert_int_equal(take(SPAN("\0\0\0\2\5x"), &p), PARSE_MALFORMED); /* says more */
}

static void values_that_are_none_cost_one_field(void **state)
{
	struct buf m = { 0 };
	struct ike_sa sa = { 0 };
	struct child_sa child = { 0 };

	(void)state;
	vici_put_value(&m, "uniqueid", "18446744073709551615");
	vici_put_value(&m, "version", "300");
	vici_put_value(&m, "local-port", "65536");
	vici_put_value(&m, "remote-port", "4500");
	vici_put_value(&m, "state", "DREAMING");
	vici_put_value(&m, "local-host", "not an address");
	vici_put_value(&m, "remote-host", "fe80::1%eth0");
	vici_put_value(&m, "local-id", "a\x01z\xc3\xa4\xff");
	vici_put_value(&m, "remote-id", "%any");
	vici_put_value(&m, "initiator-spi", "ffffffffffffffff");
	vici_put_value(&m, "established", "10");
	vici_put_value(&m, "rekey-time", "-5");
	vici_put_value(&m, "reauth-time", "99999999999999999999");
	ike_sa_read(buf_span(&m), 1000000000, &sa);
	assert_true(sa.unique == UINT64_MAX && sa.version == 0 && sa.state == IKE_UNKNOWN);
	assert_true(sa.local_port == 0 && sa.remote_port == 4500);
	assert_true(sa.local.family == 0 && sa.remote.family != 0);
	assert_string_equal(sa.local_id, "a?z\xc3\xa4?");
	assert_string_equal(sa.remote_id, "");
	assert_true(sa.spi_i == UINT64_MAX && sa.established_us == 990000000);
	assert_true(sa.rekey_us == 995000000 && sa.reauth_us == 0);
	assert_true(sa.role_known && !sa.initiator);
	buf_clear(&m);
	vici_put_value(&m, "spi-in", "c0ffee00");
	vici_put_value(&m, "spi-out", "1c0ffee00");
	vici_put_value(&m, "protocol", "AH");
	child_sa_read(buf_span(&m), 0, &child);
	assert_true(child.spi_in == 0xc0ffee00 && child.spi_out == 0 && child.proto == 51);
	buf_done(&m);
}

static void long_names_are_cut_between_characters(void **state)
{
	char text[6];

	(void)state;
	field_text(SPAN("abcd\xc3\xa4"), text, sizeof(text));
	assert_string_equal(text, "abcd");
	field_text(SPAN("abc\xc3\xa4x"), text, sizeof(text));
	assert_string_equal(text, "abc\xc3\xa4");
	field_text(SPAN("\xed\xa0\x80"), text, sizeof(text)); /* a surrogate */
	assert_string_equal(text, "???");
}

/* Names and times at their edges; whole certificates are among the recordings. */
static void certificates(void **state)
{
#define NAME \
	"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02" \
	"ca"
#define TIMES \
	"\x30\x20\x17\x0d" \
	"491231235959Z" \
	"\x18\x0f" \
	"20500101000000Z"
#define HEAD "\xa0\x03\x02\x01\x02\x02\x01\x07\x30\x00"
	static const char good[] = "\x30\x51\x30\x4a" HEAD NAME TIMES NAME "\x30\x00\x03\x01\x00";
	struct certificate c = { .subject = "before" };

	(void)state;
	assert_int_equal(der_certificate(SPAN("\x30\x03\x02\x01\x07"), &c), PARSE_MALFORMED);
	assert_string_equal(c.subject, "before");
	assert_int_equal(der_certificate(SPAN(good), &c), PARSE_OK);
	assert_string_equal(c.subject, "CN=ca");
	assert_string_equal(c.issuer, "CN=ca");
	assert_string_equal(c.serial, "07");
	assert_int_equal(c.not_before_us, 2524607999000000);
	assert_int_equal(c.not_after_us, 2524608000000000);
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		assert_int_equal(der_certificate(span_of(good, n), &c), PARSE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_taken),
		cmocka_unit_test(trees_are_walked),
		cmocka_unit_test(only_whole_trees_pass),
		cmocka_unit_test(a_frame_has_a_limit),
		cmocka_unit_test(values_that_are_none_cost_one_field),
		cmocka_unit_test(long_names_are_cut_between_characters),
		cmocka_unit_test(certificates),
	};

	return cmocka_run_group_tests_name("source/vici", tests, NULL, NULL);
}
