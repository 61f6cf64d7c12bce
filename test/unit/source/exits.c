/* SPDX-License-Identifier: Apache-2.0 */
/* How processes end, as the kernel tells it: hostile messages; real processes with threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "source/service/exits.h"

/* The end of process 7062 with exit(3), as Linux 6.18 told it. */
static const uint8_t told[] = { 0x4c, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x28, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0x9e, 0x2a, 0x8e,
	0xbe, 0xd8, 0x2c, 0, 0, 0x96, 0x1b, 0, 0, 0x96, 0x1b, 0, 0, 0, 3, 0, 0, 0x11, 0, 0, 0, 0x62,
	0x1b, 0, 0, 0x62, 0x1b, 0, 0 };

#define AT_TYPE 4 /* of nlmsghdr */
#define AT_ID 16 /* of cn_msg */
#define AT_LEN 32
#define AT_WHAT 36 /* of proc_event */
#define AT_END 64 /* of what is needed */

static bool parse(const uint8_t *p, size_t n, struct exit_report *ret)
{
	uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees its end */
	bool r;

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	r = exits_parse(span_of(copy, n), ret);
	free(copy);
	return r;
}

static void an_end_is_read(void **state)
{
	struct exit_report r;

	(void)state;
	assert_true(parse(told, sizeof(told), &r));
	assert_int_equal(r.thread, 7062);
	assert_int_equal(r.process, 7062);
	assert_int_equal(r.status, 3 << 8);
	assert_true(r.at_ns == 0x2cd8be8e2a9eull);
}

static void what_is_no_end_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t octet;
	} wrong[] = { { AT_TYPE, NLMSG_ERROR }, { AT_ID, 2 }, { AT_ID + 4, 2 }, { AT_LEN, 27 },
		{ AT_WHAT + 3, 0 }, { AT_WHAT, 1 }, { 0, AT_END - 1 }, { 0, sizeof(told) + 1 },
		{ 3, 0x80 } };
	struct exit_report r;
	uint8_t copy[sizeof(told)];

	(void)state;
	for (size_t n = 0; n < sizeof(told); n++)
		assert_false(parse(told, n, &r)); /* says that it is longer */
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		memcpy(copy, told, sizeof(told));
		copy[wrong[i].at] = wrong[i].octet;
		assert_false(parse(copy, sizeof(copy), &r));
	}
	/* What is told of the parent, since 4.18, is not needed. */
	memcpy(copy, told, sizeof(told));
	copy[0] = AT_END;
	assert_true(parse(copy, AT_END, &r));
}

/* ---- real processes */

static struct inbox inbox;

static bool exists(const char *path, const char *link)
{
	char text[64];
	ssize_t n;

	if (!link)
		return access(path, F_OK) == 0;
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return !strcmp(text, link);
}

/* The initial namespaces of users and processes have numbers of their own; the file is in that of
 * networks only. */
static bool is_told(void)
{
	return geteuid() == 0 && exists("/proc/net/connector", NULL) &&
	       exists("/proc/self/ns/pid", "pid:[4026531836]") &&
	       exists("/proc/self/ns/user", "user:[4026531837]");
}

static void *idle(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

static void *at_once(void *unused)
{
	return unused;
}

static void *call_exit(void *unused)
{
	_exit(3);
	return unused;
}

static void *crash(void *unused)
{
	(void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's */
	(void)raise(SIGSEGV);
	return unused;
}

static void thread(void *(*f)(void *), bool join)
{
	pthread_t t;

	if (pthread_create(&t, NULL, f, NULL) != 0)
		_exit(99);
	if (join)
		(void)pthread_join(t, NULL);
}

static void *crowd(void *unused)
{
	char go;

	if (read(STDIN_FILENO, &go, 1) != 1)
		_exit(98);
	for (int i = 0; i < 100; i++)
		thread(at_once, true);
	if (read(STDIN_FILENO, &go, 1) != 1)
		_exit(98);
	(void)kill(getpid(), SIGKILL);
	return unused;
}

struct process {
	pid_t pid;
	int pidfd, go; /* each octet lets it go on */
};

/* Begins when told to, with a thread that is idle, one that has ended, and one that runs f. */
static struct process start(void *(*f)(void *), bool without_first)
{
	struct process p;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	p.pid = fork();
	if (p.pid == 0) {
		const struct rlimit none = { 0, 0 };
		char go;

		(void)alarm(60);
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)dup2(ends[0], STDIN_FILENO);
		close(ends[1]);
		if (read(STDIN_FILENO, &go, 1) != 1)
			_exit(97);
		thread(at_once, true);
		thread(idle, false);
		thread(f, false);
		if (without_first)
			(void)syscall(SYS_exit, 0);
		idle(NULL);
	}
	close(ends[0]);
	p.go = ends[1];
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	assert_true(p.pidfd >= 0);
	return p;
}

static void go(const struct process *p)
{
	assert_int_equal(write(p->go, "", 1), 1);
}

static void wait_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

/* Its end as the kernel tells its parent, a moment after which all has been told. */
static int end(struct exits *e, struct process *p)
{
	struct pollfd end = { .fd = p->pidfd, .events = POLLIN };
	struct timespec now;
	int status;

	assert_int_equal(poll(&end, 1, 30000), 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	exits_ended(e, (uint32_t)p->pid, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	wait_ms(100);
	exits_ready(e);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	close(p->pidfd);
	close(p->go);
	return status;
}

static struct exits *begin(void)
{
	struct exits *e = NULL;

	if (!is_told())
		skip();
	assert_int_equal(exits_new(&inbox, &e), 0);
	return e;
}

static void every_end_is_told_as_the_parent_hears_it(void **state)
{
	static const struct {
		void *(*f)(void *);
		bool without_first;
		int kill, status;
	} cases[] = { { idle, false, SIGKILL, SIGKILL }, { idle, false, SIGTERM, SIGTERM },
		{ call_exit, false, 0, 3 << 8 }, { crash, false, 0, SIGSEGV },
		{ idle, true, SIGKILL, SIGKILL }, { call_exit, true, 0, 3 << 8 } };
	struct exits *e = begin();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct process p = start(cases[i].f, cases[i].without_first);
		int heard = -1;

		assert_int_equal(exits_watch(e, (uint32_t)p.pid), 0);
		go(&p);
		wait_ms(100);
		exits_ready(e);
		if (cases[i].kill) {
			/* Of a thread that ended by itself nothing is made. */
			assert_int_equal(
				exits_status(e, (uint32_t)p.pid, &heard), cases[i].without_first);
			assert_int_equal(kill(p.pid, cases[i].kill), 0);
		}
		assert_int_equal(end(e, &p), cases[i].status);
		assert_true(exits_status(e, (uint32_t)p.pid, &heard));
		assert_int_equal(heard, cases[i].status);
		exits_forget(e, (uint32_t)p.pid);
		assert_false(exits_status(e, (uint32_t)p.pid, &heard));
	}
	exits_free(e);
}

/* Ends of n other processes. */
static void others_end(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(1);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static void nothing_else_arrives(void **state)
{
	struct exits *e = begin();
	struct process p[2] = { start(idle, false), start(idle, false) };
	uint8_t octet;
	int heard = -1;

	(void)state;
	assert_int_equal(exits_watch(e, (uint32_t)p[0].pid), 0);
	assert_int_equal(exits_watch(e, (uint32_t)p[1].pid), 0);
	others_end(200);
	assert_int_equal(recv(exits_fd(e), &octet, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	exits_forget(e, (uint32_t)p[0].pid);
	assert_int_equal(kill(p[0].pid, SIGKILL), 0);
	(void)end(e, &p[0]);
	assert_false(exits_status(e, (uint32_t)p[0].pid, &heard));
	assert_int_equal(kill(p[1].pid, SIGKILL), 0);
	(void)end(e, &p[1]);
	assert_true(exits_status(e, (uint32_t)p[1].pid, &heard));
	exits_free(e);
}

static void a_loss_leaves_no_status(void **state)
{
	struct exits *e = begin();
	struct process p = start(crowd, true);
	int heard = -1, small = 1;

	(void)state;
	assert_int_equal(setsockopt(exits_fd(e), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(exits_watch(e, (uint32_t)p.pid), 0);
	go(&p);
	wait_ms(100);
	exits_ready(e);
	assert_true(exits_status(e, (uint32_t)p.pid, &heard)); /* of its first thread */
	go(&p);
	wait_ms(300);
	exits_ready(e);
	assert_false(exits_status(e, (uint32_t)p.pid, &heard));
	go(&p);
	assert_int_equal(end(e, &p), SIGKILL);
	assert_true(exits_status(e, (uint32_t)p.pid, &heard));
	assert_int_equal(heard, SIGKILL);
	exits_free(e);
}

static void a_number_that_is_used_again_is_another_process(void **state)
{
	struct exits *e = begin();
	struct process p = start(idle, false);
	int heard = -1;

	(void)state;
	assert_int_equal(exits_watch(e, (uint32_t)p.pid), 0);
	exits_ended(e, (uint32_t)p.pid, 0); /* long ago */
	assert_int_equal(kill(p.pid, SIGKILL), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = p.pidfd, .events = POLLIN }, 1, 30000), 1);
	wait_ms(100);
	exits_ready(e);
	assert_false(exits_status(e, (uint32_t)p.pid, &heard));
	(void)end(e, &p);
	exits_free(e);
}

static void no_more_than_the_limit_is_watched(void **state)
{
	struct exits *e = begin();
	struct process p = start(idle, false);
	int heard = -1;

	(void)state;
	for (uint32_t i = 1; i < EXITS_MAX; i++)
		assert_int_equal(exits_watch(e, 0x7fff0000 + i), 0);
	assert_int_equal(
		exits_watch(e, (uint32_t)p.pid), 0); /* the last comparison of the filter */
	assert_int_equal(exits_watch(e, 0x7fff0000), -ENOSPC);
	assert_int_equal(kill(p.pid, SIGKILL), 0);
	(void)end(e, &p);
	assert_true(exits_status(e, (uint32_t)p.pid, &heard));
	exits_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_read),
		cmocka_unit_test(what_is_no_end_is_refused),
		cmocka_unit_test(every_end_is_told_as_the_parent_hears_it),
		cmocka_unit_test(nothing_else_arrives),
		cmocka_unit_test(a_loss_leaves_no_status),
		cmocka_unit_test(a_number_that_is_used_again_is_another_process),
		cmocka_unit_test(no_more_than_the_limit_is_watched),
	};
	int r;

	if (inbox_init(&inbox) < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	inbox_done(&inbox);
	return r;
}
