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

#include "store/frames.h"
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

/* The text, sealed. */
static int sealed_of(const char *p, size_t size, struct buf *file)
{
	struct framer framer;
	size_t n;
	int fd = memfd_create("sealed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(framer_init(&framer), 0);
	for (size_t at = 0, part = 0; at < size; at += n, part++) {
		n = FRAME_TEXT_MAX - (part % 3) * 20011; /* of several lengths */
		n = n < size - at ? n : size - at;
		assert_int_equal(framer_frame(&framer, span_of(p + at, n), file), 0);
	}
	assert_int_equal(framer_table(&framer, file), 0);
	framer_done(&framer);
	assert_int_equal(pwrite(fd, file->p, file->n, 0), (ssize_t)file->n);
	return fd;
}

static void sealed_it_reads_the_same(void **state)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	CLEANUP_BUF struct buf file = { 0 };
	char *p = text_make();
	int fd = sealed_of(p, TEXT_SIZE, &file);
	size_t at = TEXT_SIZE;
	struct span line;
	bool whole;

	(void)state;
	assert_int_equal(segtext_of_sealed_fd(fd, &t), 0);
	assert_true(segtext_sealed(t));
	expect_text(t, p);
	lines_backward(&lines, t, TEXT_SIZE);
	while (lines_prev(&lines, &line, &whole) == 1) {
		assert_true(whole);
		at -= line.n + 1;
		assert_int_equal(lines.line_at, at);
		assert_memory_equal(line.p, p + at, line.n);
	}
	assert_int_equal(at, 0);
	(void)close(fd);
	free(p);
}

static void nothing_sealed_is_nothing(void **state)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	CLEANUP_BUF struct buf file = { 0 };
	struct span some;
	int fd = sealed_of("", 0, &file);
	char c;

	(void)state;
	assert_int_equal(segtext_of_sealed_fd(fd, &t), 0);
	assert_int_equal(segtext_size(t), 0);
	assert_int_equal(segtext_read(t, 0, &c, 1), 0);
	assert_int_equal(segtext_borrow(t, 0, &some), 0);
	assert_int_equal(some.n, 0);
	(void)close(fd);
}

/* Reads all of it. 0: it is this text; -EBADMSG: it says that it is damaged. */
static int read_back(int fd, const char *p, size_t size, char *scratch)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	ssize_t got;
	size_t n = 0;
	int r = segtext_of_sealed_fd(fd, &t);

	if (r < 0)
		return r;
	do {
		got = segtext_read(t, n, scratch + n, size - n);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && n < size);
	if (got < 0)
		return (int)got;
	return n == size && segtext_size(t) == size && memcmp(scratch, p, size) == 0 ? 0 : -EPROTO;
}

static void damage_never_reads_as_another_text(void **state)
{
	static const uint8_t flips[] = { 1, 0x80, 0xff };
	const size_t size = 70000;
	CLEANUP_BUF struct buf file = { 0 };
	char *p = text_make(), *scratch = malloc(size);
	int fd = sealed_of(p, size, &file), r;
	unsigned harmless = 0, tried = 0;

	(void)state;
	assert_non_null(scratch);
	assert_int_equal(read_back(fd, p, size, scratch), 0);
	for (size_t at = 0; at < file.n; at += at + 400 < file.n ? 41 : 1) {
		char octet = (char)(file.p[at] ^ (char)flips[at % 3]);

		assert_int_equal(pwrite(fd, &octet, 1, (off_t)at), 1);
		r = read_back(fd, p, size, scratch);
		assert_true(r == 0 || r == -EBADMSG); /* zstd has bits that mean nothing */
		harmless += r == 0;
		tried++;
		assert_int_equal(pwrite(fd, &file.p[at], 1, (off_t)at), 1);
	}
	assert_true(harmless * 100 < tried);
	for (size_t n = file.n; n > 0; n -= n > 400 ? 41 : 1) {
		assert_int_equal(ftruncate(fd, (off_t)n - 1), 0);
		assert_int_equal(read_back(fd, p, size, scratch), -EBADMSG);
	}
	(void)close(fd);
	free(scratch);
	free(p);
}

/* The lenient find what is before and behind a damaged frame, where it was. */
static void damage_is_passed_over_by_the_lenient(void **state)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	CLEANUP_BUF struct buf file = { 0 };
	static char got[TEXT_SIZE];
	char *p = text_make();
	int fd = sealed_of(p, TEXT_SIZE, &file);
	size_t second = FRAME_TEXT_MAX, third = second + FRAME_TEXT_MAX - 20011, n = 0, lost = 0;
	struct span line;
	bool whole;

	(void)state;
	file.p[file.n / 2] ^= 1; /* the second of four */
	assert_int_equal(pwrite(fd, file.p, file.n, 0), (ssize_t)file.n);
	assert_int_equal(segtext_of_sealed_fd(fd, &t), 0);
	assert_int_equal(segtext_read(t, 0, got, TEXT_SIZE), second); /* as far as it goes */
	assert_int_equal(segtext_read(t, second, got, 1), -EBADMSG);
	segtext_set_lenient(t);
	assert_int_equal(segtext_read(t, 0, got, TEXT_SIZE), TEXT_SIZE);
	assert_memory_equal(got, p, second);
	assert_memory_equal(got + third, p + third, TEXT_SIZE - third);
	lines_forward(&lines, t, TEXT_SIZE);
	while (lines_next(&lines, &line, &whole) == 1) {
		n++;
		lost += line.n == 0 || line.p[0] == ' ';
	}
	assert_int_equal(lost, 2);
	assert_true(n > 5000);
	(void)close(fd);
	free(p);
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
		cmocka_unit_test(sealed_it_reads_the_same),
		cmocka_unit_test(nothing_sealed_is_nothing),
		cmocka_unit_test(damage_never_reads_as_another_text),
		cmocka_unit_test(damage_is_passed_over_by_the_lenient),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests_name("store/segtext", tests, NULL, NULL);
}
