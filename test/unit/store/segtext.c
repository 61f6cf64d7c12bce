/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segtext.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/lines.h"

#define TEXT_SIZE ((size_t)200000)

/* Numbered lines, so that every place is unlike its neighbours. */
static char *text_make(void)
{
	char *p = malloc(TEXT_SIZE + 32);

	assert_non_null(p);
	for (size_t n = 0, i = 0; n < TEXT_SIZE; i++)
		n += (size_t)snprintf(p + n, 32, "%zu\n", i * 2654435761u);
	p[TEXT_SIZE - 1] = '\n';
	return p;
}

static int file_of(const char *p)
{
	int fd = memfd_create("segtext", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, TEXT_SIZE), (ssize_t)TEXT_SIZE);
	return fd;
}

static void expect_text(struct segtext *t, const char *p)
{
	static char got[TEXT_SIZE];

	assert_int_equal(segtext_size(t), TEXT_SIZE);
	for (size_t at = 0; at < TEXT_SIZE; at += 997) {
		size_t n = at * 31 % TEXT_SIZE, rest = TEXT_SIZE - at;
		struct span some = { 0 };

		assert_int_equal(segtext_read(t, at, got, n), n < rest ? n : rest);
		assert_memory_equal(got, p + at, n < rest ? n : rest);
		assert_int_equal(segtext_borrow(t, at, &some), 0);
		assert_in_range(some.n, 1, rest);
		assert_memory_equal(some.p, p + at, some.n);
	}
}

static void any_part_of_it_can_be_read(void **state)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	char *p = text_make(), c;
	int fd = file_of(p);
	struct span some = { 0 };

	(void)state;
	assert_int_equal(segtext_of_fd(fd, &t), 0);
	expect_text(t, p);
	assert_false(segtext_sealed(t));
	assert_int_equal(segtext_read(t, TEXT_SIZE, &c, 1), 0);
	assert_int_equal(segtext_read(t, UINT64_MAX, &c, 1), 0);
	assert_int_equal(segtext_borrow(t, TEXT_SIZE, &some), 0);
	assert_int_equal(some.n, 0);
	(void)close(fd);
	free(p);
}

static void a_line_is_found_again_by_its_place(void **state)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	CLEANUP_LINES struct lines all = { 0 };
	char *p = text_make();
	struct span line, again;
	int fd = file_of(p);
	bool whole;

	(void)state;
	assert_int_equal(segtext_of_fd(fd, &t), 0);
	lines_forward(&all, t, TEXT_SIZE);
	for (unsigned i = 0; lines_next(&all, &line, &whole) == 1; i++) {
		CLEANUP_LINES struct lines one = { 0 };

		if (i % 500 != 0)
			continue;
		lines_forward_from(&one, t, all.line_at, TEXT_SIZE);
		assert_int_equal(lines_next(&one, &again, &whole), 1);
		assert_int_equal(one.line_at, all.line_at);
		assert_true(span_equal(line, again));
		assert_memory_equal(line.p, p + all.line_at, line.n);
	}
	(void)close(fd);
	free(p);
}

static void what_is_no_file_is_refused(void **state)
{
	struct segtext *t = NULL;
	int ends[2];

	(void)state;
	assert_int_equal(segtext_open(-1, "/nowhere", &t), -ENOENT);
	assert_int_equal(segtext_open(-1, "/tmp", &t), -EINVAL);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(segtext_of_fd(ends[0], &t), -EINVAL);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_null(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_part_of_it_can_be_read),
		cmocka_unit_test(a_line_is_found_again_by_its_place),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests_name("store/segtext", tests, NULL, NULL);
}
