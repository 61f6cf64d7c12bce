/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/journald/journald.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "samples.h"

static void format(const char *line, struct buf *out)
{
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };

	assert_int_equal(sink_event_parse(span_text(line), &e), 0);
	journald_format(&e, 65536, out);
	assert_false(out->failed);
}

static void every_key_becomes_a_field(void **state)
{
	static const char expected[] = "MESSAGE=no SA with SPI 0xffffffff\n"
				       "MESSAGE_ID=e3b16316983c4c6f8da91a3100004965\n"
				       "PRIORITY=4\n"
				       "SYSLOG_FACILITY=10\n"
				       "SYSLOG_IDENTIFIER=ipsecmon\n"
				       "IPSECMON_V=1\n"
				       "IPSECMON_SEQ=17\n"
				       "IPSECMON_TIME=2026-01-02T03:04:05.000006Z\n"
				       "IPSECMON_ID=4965\n"
				       "IPSECMON_NAME=unknown_spi\n"
				       "IPSECMON_LOG=security\n"
				       "IPSECMON_LEVEL=warning\n"
				       "IPSECMON_HOST=gw1\n"
				       "IPSECMON_COUNT=1\n"
				       "IPSECMON_COUNTER=XfrmInNoStates\n"
				       "IPSECMON_NETNS=init\n"
				       "IPSECMON_SRC=192.0.2.1\n"
				       "IPSECMON_SPI=4294967295\n"
				       "IPSECMON_PEER=O=\"A]\\B\"\n"
				       "IPSECMON_DETAIL={\"ours\":\"never\",\"n\":[1,2]}\n"
				       "IPSECMON_H=0123456789abcdef\n";
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format(SAMPLE_LINE, &out);
	assert_string_equal(out.p, expected);
}

/* A newline in a value must not end it, else anybody could forge fields. */
static void a_value_with_newlines_is_counted(void **state)
{
	static const char expected[] = "MESSAGE\n\x0d\0\0\0\0\0\0\0a\nPRIORITY=0\n\n";
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format("{\"id\":1,\"message\":\"a\\nPRIORITY=0\\n\"}", &out);
	assert_true(out.n > sizeof(expected));
	assert_memory_equal(out.p, expected, sizeof(expected) - 1);
	buf_clear(&out);
	format("{\"id\":1,\"a=b\\nC\":\"x\"}", &out);
	assert_non_null(strstr(out.p, "\nIPSECMON_A_B_C=x\n"));
	assert_non_null(strstr(out.p, "\nPRIORITY=5\n"));
}

static void levels_are_priorities(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format("{\"id\":10001,\"level\":\"error\"}", &out);
	assert_non_null(strstr(out.p, "\nPRIORITY=3\n"));
	assert_non_null(strstr(out.p, "8da91a3100010001\n"));
	buf_clear(&out);
	format("{\"id\":10001,\"level\":\"information\"}", &out);
	assert_non_null(strstr(out.p, "\nPRIORITY=6\n"));
}

/* The line itself is the message: `journalctl -o cat` gives what `audit verify --head` takes. */
static void a_signed_head_is_its_line(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };

	(void)state;
	format(SAMPLE_HEAD, &out);
	assert_memory_equal(
		out.p, "MESSAGE=" SAMPLE_HEAD "\n", sizeof("MESSAGE=" SAMPLE_HEAD "\n") - 1);
	assert_non_null(strstr(out.p, "\nPRIORITY=6\n"));
	assert_non_null(strstr(out.p, "\nIPSECMON_TYPE=signed-head\n"));
	assert_non_null(strstr(out.p, "\nIPSECMON_NUMBER=7\n"));
}

static void it_goes_over_a_datagram_socket(void **state)
{
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };
	CLEANUP(sink) struct sink *s = NULL;
	struct sink_stats stats;
	char got[4096];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(journald_new(fds[0], &s), 0);
	assert_int_equal(sink_event_parse(span_text(SAMPLE_LINE), &e), 0);
	sink_write(s, &e);
	assert_true(recv(fds[1], got, sizeof(got), 0) > 300);
	assert_memory_equal(got, "MESSAGE=no SA", 13);
	sink_stats(s, &stats);
	assert_int_equal(stats.sent, 1);
	assert_string_equal(sink_name(s), "journald");
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_becomes_a_field),
		cmocka_unit_test(a_value_with_newlines_is_counted),
		cmocka_unit_test(levels_are_priorities),
		cmocka_unit_test(a_signed_head_is_its_line),
		cmocka_unit_test(it_goes_over_a_datagram_socket),
	};

	return cmocka_run_group_tests_name("sink/journald", tests, NULL, NULL);
}
