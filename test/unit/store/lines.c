/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lines.h"

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

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("lines", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	return fd;
}

static struct segtext *text_of(int fd)
{
	struct segtext *t;

	assert_int_equal(segtext_of_fd(fd, &t), 0);
	return t;
}

/* Joins the lines that a reader gives, each behind '|', and '!' behind one that is not whole. */
static void expect(const char *content, const char *forward, const char *backward)
{
	int fd = file_of(content, strlen(content));
	CLEANUP(segtext) struct segtext *text = text_of(fd);

	for (int way = 0; way < 2; way++) {
		CLEANUP_LINES struct lines l = { 0 };
		char got[256] = "";
		struct span line;
		bool whole;

		if (way == 0)
			lines_forward(&l, text, strlen(content));
		else
			lines_backward(&l, text, strlen(content));
		while ((way == 0 ? lines_next(&l, &line, &whole) : lines_prev(&l, &line, &whole)) ==
			1)
			(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "|%.*s%s",
				(int)line.n, (const char *)line.p, whole ? "" : "!");
		assert_string_equal(got, way == 0 ? forward : backward);
	}
	(void)close(fd);
}

static void small_files_are_split_both_ways(void **state)
{
	(void)state;
	expect("", "", "");
	expect("\n", "|", "|");
	expect("\n\n", "||", "||");
	expect("a", "|a!", "|a!");
	expect("a\n", "|a", "|a");
	expect("a\nbc\n\nd\n", "|a|bc||d", "|d||bc|a");
	expect("a\nbc", "|a|bc!", "|bc!|a");
}

/* Lines shorter, longer and just as long as blocks. */
static void lines_across_blocks_are_whole(void **state)
{
	static const size_t lengths[] = { 10, LINES_BLOCK - 12, LINES_BLOCK - 1, LINES_BLOCK, 1,
		3 * LINES_BLOCK + 7, 0, 5, LINES_BLOCK * 5, 100 };
	const size_t n_lines = sizeof(lengths) / sizeof(lengths[0]);
	CLEANUP(segtext) struct segtext *text = NULL;
	size_t total = 0, n = 0;
	struct span line;
	bool whole;
	char *p;
	int fd;

	(void)state;
	for (size_t i = 0; i < n_lines; i++)
		total += lengths[i] + 1;
	p = malloc(total);
	assert_non_null(p);
	for (size_t i = 0; i < n_lines; i++) {
		memset(p + n, 'a' + (int)i, lengths[i]);
		p[n + lengths[i]] = '\n';
		n += lengths[i] + 1;
	}
	fd = file_of(p, total);
	text = text_of(fd);
	for (int way = 0; way < 2; way++) {
		CLEANUP_LINES struct lines l = { 0 };

		if (way == 0)
			lines_forward(&l, text, total);
		else
			lines_backward(&l, text, total);
		for (size_t k = 0; k < n_lines; k++) {
			size_t i = way == 0 ? k : n_lines - 1 - k;

			assert_int_equal(way == 0 ? lines_next(&l, &line, &whole)
						  : lines_prev(&l, &line, &whole),
				1);
			assert_true(whole);
			assert_int_equal(line.n, lengths[i]);
			if (line.n > 0) {
				assert_int_equal(line.p[0], 'a' + (int)i);
				assert_int_equal(line.p[line.n - 1], 'a' + (int)i);
			}
		}
		assert_int_equal(
			way == 0 ? lines_next(&l, &line, &whole) : lines_prev(&l, &line, &whole),
			0);
	}
	(void)close(fd);
	free(p);
}

static void a_line_without_end_is_refused(void **state)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	int fd = memfd_create("lines", MFD_CLOEXEC);
	uint64_t size = LINE_MAX_SIZE * 2;
	struct span line;
	bool whole;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	text = text_of(fd);
	for (int way = 0; way < 2; way++) {
		CLEANUP_LINES struct lines l = { 0 };

		if (way == 0)
			lines_forward(&l, text, size);
		else
			lines_backward(&l, text, size);
		assert_int_equal(
			way == 0 ? lines_next(&l, &line, &whole) : lines_prev(&l, &line, &whole),
			-EMSGSIZE);
	}
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_files_are_split_both_ways),
		cmocka_unit_test(lines_across_blocks_are_whole),
		cmocka_unit_test(a_line_without_end_is_refused),
	};

	return cmocka_run_group_tests_name("store/lines", tests, NULL, NULL);
}
