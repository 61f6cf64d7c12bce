/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/syslog/syslog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "samples.h"

static void format(const char *line, size_t limit, struct buf *out)
{
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };

	assert_int_equal(sink_event_parse(span_text(line), &e), 0);
	syslog_format(&e, limit, out);
	assert_false(out->failed);
}

static void a_message_has_the_form_of_rfc5424(void **state)
{
	static const char expected[] =
		"<84>1 2026-01-02T03:04:05.000006Z gw1 ipsecmon - unknown_spi [ipsecmon@32473 "
		"v=\"1\" seq=\"17\" time=\"2026-01-02T03:04:05.000006Z\" id=\"4965\" "
		"name=\"unknown_spi\" log=\"security\" level=\"warning\" host=\"gw1\" count=\"1\" "
		"counter=\"XfrmInNoStates\" netns=\"init\" src=\"192.0.2.1\" spi=\"4294967295\" "
		"peer=\"O=\\\"A\\]\\\\B\\\"\" "
		"detail=\"{\\\"ours\\\":\\\"never\\\",\\\"n\\\":[1,2\\]}\" "
		"h=\"0123456789abcdef\"] no SA with SPI 0xffffffff";
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format(SAMPLE_LINE, SYSLOG_MESSAGE_MAX, &out);
	assert_string_equal(out.p, expected);
}

static void what_is_missing_is_the_nilvalue(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format("{\"id\":1,\"level\":\"error\",\"host\":\"\"}", SYSLOG_MESSAGE_MAX, &out);
	assert_string_equal(out.p,
		"<83>1 - - ipsecmon - - [ipsecmon@32473 id=\"1\" level=\"error\" host=\"\"] ");
}

static void nothing_from_outside_breaks_the_header(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format("{\"id\":1,\"host\":\"a "
	       "b\\n\",\"name\":\"0123456789012345678901234567890123456789\"}",
		SYSLOG_MESSAGE_MAX, &out);
	assert_non_null(strstr(out.p, " a?b? ipsecmon - 01234567890123456789012345678901 ["));
	buf_clear(&out);
	format("{\"id\":1,\"a] =\\\"\":\"x\\n<0>1\",\"message\":\"y\\r\\n<0>1 z\"}",
		SYSLOG_MESSAGE_MAX, &out);
	assert_non_null(strstr(out.p, " a____=\"x <0>1\"] y  <0>1 z"));
	assert_null(strchr(out.p, '\n'));
}

static void a_mark_stands_before_what_is_not_ascii(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format("{\"id\":1,\"message\":\"caf\xc3\xa9\"}", SYSLOG_MESSAGE_MAX, &out);
	assert_non_null(strstr(out.p, "] \xef\xbb\xbf"
				      "caf\xc3\xa9"));
}

static void a_long_one_loses_detail_then_its_end(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	char line[5000], text[3000];

	(void)state;
	memset(text, 'd', 1990);
	text[1990] = '\0';
	(void)snprintf(line, sizeof(line),
		"{\"id\":1,\"message\":\"short\",\"detail\":{\"x\":\"%s\"}}", text);
	format(line, SYSLOG_MESSAGE_MAX, &out);
	assert_null(strstr(out.p, "detail"));
	assert_non_null(strstr(out.p, "] short"));
	buf_clear(&out);
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	(void)snprintf(line, sizeof(line), "{\"id\":1,\"message\":\"%s\"}", text);
	format(line, SYSLOG_MESSAGE_MAX, &out);
	assert_true(out.n == SYSLOG_MESSAGE_MAX || out.n == SYSLOG_MESSAGE_MAX - 1);
	assert_int_equal((unsigned char)out.p[out.n - 1], 0xa9); /* no half character */
	buf_clear(&out);
	memset(text, 'p', 2500);
	text[2500] = '\0';
	(void)snprintf(line, sizeof(line), "{\"id\":1,\"peer\":\"%s\"}", text);
	format(line, SYSLOG_MESSAGE_MAX, &out);
	assert_true(out.n > SYSLOG_MESSAGE_MAX); /* which the sink refuses and counts */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_the_form_of_rfc5424),
		cmocka_unit_test(what_is_missing_is_the_nilvalue),
		cmocka_unit_test(nothing_from_outside_breaks_the_header),
		cmocka_unit_test(a_mark_stands_before_what_is_not_ascii),
		cmocka_unit_test(a_long_one_loses_detail_then_its_end),
	};

	return cmocka_run_group_tests_name("sink/syslog", tests, NULL, NULL);
}
