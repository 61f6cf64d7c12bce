/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "samples.h"

static void put_name(const struct sink_event *e, size_t limit, struct buf *out)
{
	(void)limit;
	buf_text(out, e->name);
}

static const struct sink_ops test_ops = { .name = "test", .limit = 600, .format = put_name };

static void write_named(struct sink *s, const char *name)
{
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };
	char line[2000];

	(void)snprintf(line, sizeof(line), "{\"id\":1,\"name\":\"%s\"}", name);
	assert_int_equal(sink_event_parse(span_text(line), &e), 0);
	sink_write(s, &e);
}

static void expect_datagram(int fd, const char *text)
{
	char got[1000];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void a_line_is_taken_apart(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "null", "{}", "{\"id\":\"1\"}",
		"{\"id\":-1}", "{\"id\":4294967296}", "{\"id\":1,\"id\":2}", "{\"id\":1}x",
		"{\"type\":\"commit\",\"events\":1}" };
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sink_event_parse(span_text(bad[i]), &e), -EBADMSG);
	assert_int_equal(sink_event_parse(span_text(SAMPLE_LINE), &e), 0);
	assert_int_equal(e.id, 4965);
	assert_string_equal(e.name, "unknown_spi");
	assert_string_equal(e.level, "warning");
	assert_string_equal(e.host, "gw1");
	assert_int_equal(e.n, 17); /* two of 19 are null */
	assert_string_equal(e.fields[1].key, "seq");
	assert_string_equal(e.fields[1].text, "17");
}

static void a_full_socket_makes_events_wait_then_drop(void **state)
{
	CLEANUP(sink) struct sink *s = NULL;
	struct sink_stats stats;
	char name[501], got[1000];
	int fds[2], n = 0;

	(void)state;
	memset(name, 'n', 500);
	name[500] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	assert_int_equal(sink_new(&test_ops, SINK_LOCAL, fds[0], &s), 0);
	write_named(s, "first");
	for (int i = 0; i < 4000; i++)
		write_named(s, name);
	sink_stats(s, &stats);
	assert_true(stats.sent > 0 && stats.waiting > 1000 && stats.dropped > 0);
	assert_int_equal(stats.sent + stats.waiting + stats.dropped, 4001);
	expect_datagram(fds[1], "first");
	while (recv(fds[1], got, sizeof(got), MSG_DONTWAIT) > 0) {
		n++;
		sink_flush(s);
	}
	assert_int_equal(n + 1, stats.sent + stats.waiting); /* all that did not drop came */
	write_named(s, "last");
	expect_datagram(fds[1], "last");
	sink_stats(s, &stats);
	assert_int_equal(stats.waiting, 0);
	(void)close(fds[1]);
}

static void a_gone_peer_is_replaced_and_nothing_is_lost(void **state)
{
	CLEANUP(sink) struct sink *s = NULL;
	struct sink_stats stats;
	int fds[2];

	(void)state;
	assert_int_equal(sink_new(&test_ops, SINK_LOCAL, -1, &s), 0);
	assert_true(sink_wants_fd(s));
	write_named(s, "before");
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	sink_connect(s, fds[0]);
	assert_false(sink_wants_fd(s));
	expect_datagram(fds[1], "before");
	(void)close(fds[1]);
	write_named(s, "while away");
	assert_true(sink_wants_fd(s));
	assert_int_equal(sink_fd(s), -1);
	write_named(s, "still away");
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	sink_connect(s, fds[0]);
	expect_datagram(fds[1], "while away");
	expect_datagram(fds[1], "still away");
	sink_stats(s, &stats);
	assert_int_equal(stats.sent, 3);
	assert_int_equal(stats.dropped, 0);
	(void)close(fds[1]);
}

static void what_is_too_long_or_empty_is_counted(void **state)
{
	CLEANUP(sink) struct sink *s = NULL;
	struct sink_stats stats;
	char name[700];
	int fds[2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[601] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	assert_int_equal(sink_new(&test_ops, SINK_LOCAL, fds[0], &s), 0);
	write_named(s, name);
	write_named(s, "");
	sink_stats(s, &stats);
	assert_int_equal(stats.dropped, 2);
	assert_int_equal(stats.sent, 0);
	(void)close(fds[1]);
}

/* A collector that is away costs what it misses, and the next datagram still goes. */
static void udp_survives_a_collector_that_is_away(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CLEANUP(sink) struct sink *s = NULL;
	socklen_t n = sizeof(to);
	struct sink_stats stats;

	(void)state;
	assert_int_equal(bind(server, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&to, &n), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(sink_new(&test_ops, SINK_REMOTE, client, &s), 0);
	write_named(s, "one");
	expect_datagram(server, "one");
	(void)close(server);
	for (int i = 0; i < 5; i++)
		write_named(s, "nobody listens");
	assert_false(sink_wants_fd(s));
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&to, sizeof(to)), 0);
	write_named(s, "back");
	expect_datagram(server, "back");
	sink_stats(s, &stats);
	assert_int_equal(stats.waiting, 0);
	assert_int_equal(stats.sent + stats.dropped, 7);
	(void)close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_taken_apart),
		cmocka_unit_test(a_full_socket_makes_events_wait_then_drop),
		cmocka_unit_test(a_gone_peer_is_replaced_and_nothing_is_lost),
		cmocka_unit_test(what_is_too_long_or_empty_is_counted),
		cmocka_unit_test(udp_survives_a_collector_that_is_away),
	};

	return cmocka_run_group_tests_name("sink/sink", tests, NULL, NULL);
}
