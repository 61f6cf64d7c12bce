/* SPDX-License-Identifier: Apache-2.0 */
/* Which sockets a process has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "main/supervisor/process.h"

static bool has(const uint64_t *sockets, int n, int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	for (int i = 0; i < n; i++) {
		if (sockets[i] == st.st_ino)
			return true;
	}
	return false;
}

static void its_sockets_are_found(void **state)
{
	int files[] = { open("/", O_RDONLY | O_DIRECTORY), socket(AF_INET, SOCK_DGRAM, 0),
		open("/dev/null", O_RDONLY), socket(AF_UNIX, SOCK_STREAM, 0) };
	uint64_t sockets[16];
	struct process p;
	int ends[2], n;

	(void)state;
	assert_int_equal(process_open(getpid(), &p), 0);
	n = process_sockets(&p, sockets, ARRAY_LEN(sockets));
	assert_true(n >= 2 && n < (int)ARRAY_LEN(sockets));
	assert_true(has(sockets, n, files[1]) && has(sockets, n, files[3]));
	assert_false(has(sockets, n, files[0]) || has(sockets, n, files[2]));
	close(files[1]);
	assert_int_equal(pipe(ends), 0); /* "pipe:[NUMBER]" */
	assert_int_equal(process_sockets(&p, sockets, ARRAY_LEN(sockets)), n - 1);
	close(ends[0]);
	close(ends[1]);
	files[1] = socket(AF_INET, SOCK_DGRAM, 0);
	sockets[1] = 77;
	assert_int_equal(process_sockets(&p, sockets, 1), 1); /* there may be more */
	assert_int_equal(sockets[1], 77);
	process_close(&p);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		close(files[i]);
}

static void too_many_descriptors_are_not_looked_at(void **state)
{
	enum { N = 16 * 8 + 16 };
	int files[N], last;
	uint64_t sockets[8];
	struct process p;

	(void)state;
	for (int i = 0; i < N; i++)
		files[i] = open("/dev/null", O_RDONLY);
	last = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(process_open(getpid(), &p), 0);
	assert_int_equal(process_sockets(&p, sockets, ARRAY_LEN(sockets)), ARRAY_LEN(sockets));
	assert_false(has(sockets, ARRAY_LEN(sockets), last));
	process_close(&p);
	close(last);
	for (int i = 0; i < N; i++)
		close(files[i]);
}

static void of_one_that_is_gone_there_are_none(void **state)
{
	uint64_t sockets[8];
	struct process p;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)alarm(60);
		for (;;)
			(void)pause();
	}
	assert_int_equal(process_open(pid, &p), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(process_sockets(&p, sockets, ARRAY_LEN(sockets)) < 0);
	process_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_sockets_are_found),
		cmocka_unit_test(too_many_descriptors_are_not_looked_at),
		cmocka_unit_test(of_one_that_is_gone_there_are_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
