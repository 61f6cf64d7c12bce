/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that says the same to everybody and ends. */
static char folder[64], path[80];
static struct client *c;
static struct diag d;
static pid_t server;
static bool holds; /* the server keeps the connection open */

static void serve(const char *answer, size_t n)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(name.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(listener, 8), 0);
	server = fork();
	if (server > 0) {
		(void)close(listener);
		return;
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char room[4096];
		size_t at = 0;

		(void)!read(fd, room, sizeof(room));
		while (at < n) {
			ssize_t w = send(fd, answer + at, n - at, MSG_NOSIGNAL);

			if (w < 0)
				break;
			at += (size_t)w;
		}
		while (holds)
			(void)pause();
		(void)close(fd);
	}
}

static void serve_text(const char *answer)
{
	serve(answer, strlen(answer));
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ipsecmon-client-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	memset(&d, 0, sizeof(d));
	return client_new(path, &c, &d);
}

static int teardown(void **state)
{
	(void)state;
	c = client_free(c);
	if (server > 0) {
		(void)kill(server, SIGTERM);
		(void)waitpid(server, NULL, 0);
	}
	server = 0;
	(void)unlink(path);
	return rmdir(folder);
}

static void an_object_comes(void **state)
{
	json_t *o = NULL;

	(void)state;
	serve_text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\": 42}");
	assert_int_equal(client_call(c, "GET", "/x", NULL, &o, &d), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "a")), 42);
	json_decref(o);
}

static void refusals_say_why(void **state)
{
	static const struct {
		const char *status;
		int r;
	} cases[] = { { "400 Bad", -EINVAL }, { "403 No", -EACCES }, { "404 No", -ENOENT },
		{ "503 Busy", -EIO } };
	static const char said[] = "{\"error\":\"so not\",\"hint\":\"ask A\"}";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char answer[256];
		json_t *o = (json_t *)&d;

		(void)snprintf(answer, sizeof(answer),
			"HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", cases[i].status,
			strlen(said), said);
		serve_text(answer);
		assert_int_equal(client_call(c, "GET", "/x", NULL, &o, &d), cases[i].r);
		assert_ptr_equal(o, &d);
		assert_string_equal(d.text, "so not\nask A");
		(void)kill(server, SIGTERM);
		(void)waitpid(server, NULL, 0);
		(void)unlink(path);
	}
	server = 0;
}

static void what_is_no_json_is_refused(void **state)
{
	json_t *o = NULL;

	(void)state;
	serve_text("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{\"a\"");
	assert_int_equal(client_call(c, "GET", "/x", NULL, &o, &d), -EBADMSG);
	assert_null(o);
}

static void nobody_there(void **state)
{
	(void)state;
	assert_int_equal(client_call(c, "GET", "/x", NULL, NULL, &d), -ENOTCONN);
	assert_non_null(strstr(d.text, "systemctl start ipsecmond"));
}

static void a_left_socket_is_not_a_monitor(void **state)
{
	(void)state;
	serve_text("");
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	server = 0;
	assert_int_equal(client_call(c, "GET", "/x", NULL, NULL, &d), -ENOTCONN);
	assert_non_null(strstr(d.text, "does not run any more"));
}

/* Lines as they came, with | between. */
static struct buf lines;
static unsigned enough;

static bool on_line(void *userdata, struct span line)
{
	(void)userdata;
	buf_append(&lines, line.p, line.n);
	buf_char(&lines, '|');
	return enough == 0 || --enough > 0;
}

static void lines_are_put_together(void **state)
{
	(void)state;
	buf_clear(&lines);
	enough = 0;
	serve_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "3\r\none\r\n1\r\n\n\r\n6\r\ntwo\nth\r\n5\r\nree\n\n\r\n0\r\n\r\n");
	assert_int_equal(client_lines(c, "/x", "*/*", on_line, NULL, &d), 0);
	assert_string_equal(lines.p, "one|two|three||");
	buf_done(&lines);
}

static void a_cut_answer_is_told(void **state)
{
	(void)state;
	buf_clear(&lines);
	enough = 0;
	serve_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n9\r\ntw");
	assert_int_equal(client_lines(c, "/x", "*/*", on_line, NULL, &d), -EPIPE);
	assert_string_equal(lines.p, "one|");
	buf_done(&lines);
}

static void who_has_enough_ends(void **state)
{
	(void)state;
	buf_clear(&lines);
	enough = 1;
	serve_text("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none\ntwo\n");
	assert_int_equal(client_lines(c, "/x", "*/*", on_line, NULL, &d), 0);
	assert_string_equal(lines.p, "one|");
	buf_done(&lines);
}

static void an_endless_line_ends(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
	size_t n = sizeof(head) - 1 + CLIENT_LINE_MAX + 4096;
	char *answer = malloc(n);

	(void)state;
	assert_non_null(answer);
	memset(answer, 'x', n);
	memcpy(answer, head, sizeof(head) - 1);
	buf_clear(&lines);
	enough = 0;
	serve(answer, n);
	assert_int_equal(client_lines(c, "/x", "*/*", on_line, NULL, &d), -EBADMSG);
	assert_int_equal(lines.n, 0);
	free(answer);
}

static void a_wake_ends_the_wait(void **state)
{
	int wake[2];

	(void)state;
	assert_int_equal(pipe(wake), 0);
	assert_int_equal(write(wake[1], "x", 1), 1);
	client_wake_by(c, wake[0]);
	holds = true;
	serve_text("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
	holds = false;
	assert_int_equal(client_lines(c, "/x", "*/*", on_line, NULL, &d), -EINTR);
	(void)close(wake[0]);
	(void)close(wake[1]);
}

static void urls(void **state)
{
	CLEANUP_BUF struct buf b = { 0 };
	bool first = true;

	(void)state;
	buf_text(&b, "/p");
	url_parameter(&b, &first, "where", "src=10.0.0.0/8,a>b c");
	url_parameter(&b, &first, "sort", NULL);
	url_parameter(&b, &first, "limit", "5");
	assert_string_equal(b.p, "/p?where=src%3D10.0.0.0%2F8%2Ca%3Eb%20c&limit=5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_object_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_say_why, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_json_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_left_socket_is_not_a_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_are_put_together, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_answer_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(who_has_enough_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(an_endless_line_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wake_ends_the_wait, setup, teardown),
		cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests_name("cli/client", tests, NULL, NULL);
}
