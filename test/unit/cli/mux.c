/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/mux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/frame.h"

/* Two ends in processes of their own, an echo server behind the serial one. */
static char folder[64], echo_path[80], host_path[80];
static pid_t children[64];
static size_t n_children;

static int listen_at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(name.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static int connect_at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(name.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static _Noreturn void echo_one(int fd)
{
	char room[4096];
	ssize_t n;

	while ((n = read(fd, room, sizeof(room))) > 0) {
		for (ssize_t at = 0; at < n;) {
			ssize_t w = write(fd, room + at, (size_t)(n - at));

			if (w < 0)
				_exit(0);
			at += w;
		}
	}
	_exit(0);
}

static pid_t child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		children[n_children++] = pid;
	return pid;
}

static void start_echo(void)
{
	int listener = listen_at(echo_path);

	if (child() == 0) {
		(void)signal(SIGCHLD, SIG_IGN);
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			if (fd >= 0 && fork() == 0)
				echo_one(fd);
			(void)close(fd);
		}
	}
	(void)close(listener);
}

/* The end of the line that the test keeps. */
static int start_end(bool listens)
{
	struct timeval patience = { .tv_sec = 10 };
	int line[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
	if (child() == 0) {
		struct mux_counters n;
		struct mux_options o = { line[1], line[1], listens ? listen_at(host_path) : -1,
			echo_path, -1 };

		(void)close(line[0]);
		_exit(mux_run(&o, &n, NULL) < 0);
	}
	(void)close(line[1]);
	(void)setsockopt(line[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return line[0];
}

static void start_pair(void)
{
	int line[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
	for (int end = 0; end < 2; end++) {
		struct mux_counters n;
		struct mux_options o = { line[end], line[end], -1, echo_path, -1 };

		if (end == 0)
			o.listen_fd = listen_at(host_path);
		if (child() == 0) {
			(void)close(line[!end]);
			_exit(mux_run(&o, &n, NULL) < 0);
		}
		if (end == 0)
			(void)close(o.listen_fd);
	}
	(void)close(line[0]);
	(void)close(line[1]);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ipsecmon-mux-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(echo_path, sizeof(echo_path), "%s/echo", folder);
	(void)snprintf(host_path, sizeof(host_path), "%s/host", folder);
	start_echo();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (n_children > 0) {
		pid_t pid = children[--n_children];

		(void)kill(pid, SIGTERM);
		(void)waitpid(pid, NULL, 0);
	}
	(void)unlink(echo_path);
	(void)unlink(host_path);
	return rmdir(folder);
}

static struct buf in;
static uint16_t seq;

static void say(int fd, uint8_t type, uint16_t session, const char *text)
{
	struct frame f = { type, session, seq++, span_text(text) };
	CLEANUP_BUF struct buf out = { 0 };

	frame_encode(&f, &out);
	assert_int_equal(write(fd, out.p, out.n), (ssize_t)out.n);
}

static void say_reset(int fd)
{
	static const uint8_t asks = FRAME_RESET_ASKS;
	struct frame f = { FRAME_RESET, 0, seq++, span_of(&asks, 1) };
	CLEANUP_BUF struct buf out = { 0 };

	frame_encode(&f, &out);
	assert_int_equal(write(fd, out.p, out.n), (ssize_t)out.n);
}

/* The next frame from the other end; its payload lives until the next call. */
static struct frame hear(int fd)
{
	static char kept[FRAME_PAYLOAD_MAX];
	struct frame f;
	size_t used, noise;

	while (frame_decode(buf_span(&in), &f, &used, &noise) != FRAME_OK) {
		char room[4096];
		ssize_t n = read(fd, room, sizeof(room));

		if (n <= 0)
			fail_msg("the line is silent");
		buf_append(&in, room, (size_t)n);
	}
	memcpy(kept, f.payload.p, f.payload.n);
	f.payload.p = (const uint8_t *)kept;
	buf_drop_front(&in, used);
	return f;
}

static void expect(int fd, uint8_t type, uint16_t session, const char *text)
{
	struct frame f;

	do
		f = hear(fd);
	while (f.type == FRAME_RESET &&
		(type != FRAME_RESET || f.payload.p[0] == FRAME_RESET_ASKS));
	assert_int_equal(f.type, type);
	assert_int_equal(f.session, session);
	if (text)
		assert_true(span_equal(f.payload, span_text(text)));
}

static void a_session_goes_through(void **state)
{
	int fd = start_end(false);

	(void)state;
	buf_clear(&in);
	say_reset(fd);
	expect(fd, FRAME_RESET, 0, "\x01"); /* FRAME_RESET_ANSWERS */
	say(fd, FRAME_OPEN, 5, "");
	say(fd, FRAME_DATA, 5, "hello");
	expect(fd, FRAME_DATA, 5, "hello");
	assert_int_equal(write(fd, "[1.0] noise \xc5 of a kernel\n", 26), 26);
	say(fd, FRAME_DATA, 5, "again");
	expect(fd, FRAME_DATA, 5, "again");
	say(fd, FRAME_CLOSE, 5, "");
	say(fd, FRAME_OPEN, 6, "");
	say(fd, FRAME_DATA, 6, "new");
	expect(fd, FRAME_DATA, 6, "new");
	(void)close(fd);
	buf_done(&in);
}

static void a_lost_frame_ends_what_is_open(void **state)
{
	int fd = start_end(false);

	(void)state;
	buf_clear(&in);
	say(fd, FRAME_OPEN, 1, "");
	say(fd, FRAME_DATA, 1, "hello");
	expect(fd, FRAME_DATA, 1, "hello");
	seq++;
	say(fd, FRAME_DATA, 1, "after a gap");
	expect(fd, FRAME_CLOSE, 1, NULL);
	expect(fd, FRAME_RESET, 0, "\x02"); /* FRAME_RESET_LOST */
	say(fd, FRAME_DATA, 1, "to a session that is gone");
	say(fd, FRAME_OPEN, 2, "");
	say(fd, FRAME_DATA, 2, "works");
	expect(fd, FRAME_DATA, 2, "works");
	(void)close(fd);
	buf_done(&in);
}

static void more_than_the_window_is_refused(void **state)
{
	char much[FRAME_PAYLOAD_MAX];
	int fd = start_end(false), nobody;

	(void)state;
	buf_clear(&in);
	/* A server that accepts nothing: what is sent to it stays. */
	(void)unlink(echo_path);
	nobody = listen_at(echo_path);
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	say(fd, FRAME_OPEN, 1, "");
	for (int i = 0; i < 400; i++)
		say(fd, FRAME_DATA, 1, much);
	for (struct frame f = { 0 }; f.type != FRAME_CLOSE;)
		f = hear(fd);
	(void)close(nobody);
	(void)close(fd);
	buf_done(&in);
}

static void no_server_no_session(void **state)
{
	int fd = start_end(false);

	(void)state;
	buf_clear(&in);
	(void)unlink(echo_path);
	say(fd, FRAME_OPEN, 9, "");
	expect(fd, FRAME_CLOSE, 9, NULL);
	(void)close(fd);
	buf_done(&in);
}

static void round_trip(int fd, char letter, size_t n)
{
	char there[1000], back[1000];

	memset(there, letter, sizeof(there));
	for (size_t done = 0; done < n; done += sizeof(there)) {
		assert_int_equal(write(fd, there, sizeof(there)), sizeof(there));
		for (size_t at = 0; at < sizeof(back);) {
			ssize_t got = read(fd, back + at, sizeof(back) - at);

			assert_true(got > 0);
			at += (size_t)got;
		}
		assert_memory_equal(there, back, sizeof(back));
	}
}

static void many_sessions_share_the_line(void **state)
{
	int fds[8];

	(void)state;
	start_pair();
	for (int i = 0; i < 8; i++)
		fds[i] = connect_at(host_path);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 8; i++)
			round_trip(fds[i], (char)('a' + i), 20000);
	}
	for (int i = 0; i < 8; i++)
		(void)close(fds[i]);
}

/* It sends and never reads: all its buffers fill, and the others don't notice. */
static void a_stuck_client_holds_up_itself_only(void **state)
{
	int stuck, other;
	char much[8192] = "";

	(void)state;
	start_pair();
	stuck = connect_at(host_path);
	other = connect_at(host_path);
	round_trip(other, 'a', 1000);
	assert_int_equal(fcntl(stuck, F_SETFL, O_NONBLOCK), 0);
	for (int quiet = 0; quiet < 5;) {
		if (write(stuck, much, sizeof(much)) > 0)
			quiet = 0;
		else if (quiet++ < 5)
			(void)poll(NULL, 0, 20);
	}
	round_trip(other, 'b', 100000);
	(void)close(stuck);
	round_trip(other, 'c', 1000);
	(void)close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_goes_through, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_frame_ends_what_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_the_window_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_server_no_session, setup, teardown),
		cmocka_unit_test_setup_teardown(many_sessions_share_the_line, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_stuck_client_holds_up_itself_only, setup, teardown),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("cli/mux", tests, NULL, NULL);
}
