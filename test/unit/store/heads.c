/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "logfixture.h"
#include "store/headsfile.h"

#define DAY_US UINT64_C(86400000000)

static struct logfixture f;
static struct fixture_key key;
static struct keyring trusted;

static int setup(void **state)
{
	CLEANUP_BUF struct buf pem = { 0 };

	(void)state;
	fixture_init(&f);
	key_init(&key, 1);
	public_write(&key.key, &pem);
	memset(&trusted, 0, sizeof(trusted));
	return keyring_give(&trusted, buf_span(&pem), "test", NULL);
}

static int teardown(void **state)
{
	(void)state;
	fixture_done(&f);
	return 0;
}

/* Against the key, with heads from elsewhere. */
static int judge(const struct buf *given, struct eventlog_verdict *ret)
{
	struct eventlog_verify_options o = { .keys = &trusted };
	struct diag d = { "" };
	int r;

	if (given)
		o.heads = buf_span(given);
	r = eventlog_verify(f.dir_fd, &o, ret, &d);
	assert_true(r == 0 || d.text[0]);
	return r;
}

static bool add(void *userdata, struct span line)
{
	struct buf *b = userdata;

	buf_append(b, line.p, line.n);
	buf_char(b, '\n');
	return true;
}

static size_t lines_of(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

static bool first_only(void *userdata, struct span line)
{
	(void)add(userdata, line);
	return false;
}

static void keep_first_head(void)
{
	CLEANUP_BUF struct buf first = { 0 };
	int fd;

	assert_int_equal(headsfile_scan(f.dir_fd, 0, first_only, &first), 0);
	fd = openat(f.dir_fd, HEADS_FILE, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, first.p, first.n), first.n);
	(void)close(fd);
}

static void heads_and_the_uncovered_tail_are_told(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct eventlog *l = fixture_reopen(&f, &end);

	(void)state;
	write_group_of(l, 1, 3);
	sign_log(&f, l, &key, 1);
	write_group_of(l, 4, 5);
	assert_int_equal(judge(NULL, &v), 0);
	assert_int_equal(v.keys, VERIFY_KEYS_GIVEN);
	assert_int_equal(v.heads, 1);
	assert_int_equal(v.head_line, 6); /* head, three events, reading, commit */
	assert_int_equal(v.uncovered_lines, 4);
	assert_int_equal(v.uncovered_events, 2);
	sign_log(&f, l, &key, 2);
	assert_int_equal(judge(NULL, &v), 0);
	assert_int_equal(v.heads, 2);
	assert_int_equal(v.uncovered_lines, 0);
	eventlog_free(l);
	/* The place is the same after a restart. */
	l = fixture_reopen(&f, &end);
	sign_log(&f, l, &key, 3);
	write_group_of(l, 6, 6);
	sign_log(&f, l, &key, 4);
	eventlog_free(l);
	assert_int_equal(judge(NULL, &v), 0);
	assert_int_equal(v.heads, 4);
	assert_int_equal(v.uncovered_lines, 0);
}

static void a_cut_end_is_told_by_a_head_from_elsewhere(void **state)
{
	CLEANUP_BUF struct buf heads = { 0 }, noisy = { 0 };
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct eventlog *l = fixture_reopen(&f, &end);
	char names[1][32];
	size_t n;
	char *text;

	(void)state;
	write_group_of(l, 1, 3);
	sign_log(&f, l, &key, 1);
	(void)segment_names(&f, names, 1);
	text = read_log_file(&f, names[0], &n);
	write_group_of(l, 4, 10);
	sign_log(&f, l, &key, 2);
	eventlog_free(l);
	assert_int_equal(headsfile_scan(f.dir_fd, 1, add, &heads), 0);
	assert_int_equal(lines_of(&heads), 1);
	write_log_file(&f, names[0], text, n);
	assert_int_equal(judge(NULL, &v), -EBADMSG);
	assert_int_equal(v.missing_events, 7);
	assert_int_equal(v.line, 0);
	/* Its heads cut as well: only who kept one elsewhere sees it. */
	keep_first_head();
	assert_int_equal(judge(NULL, &v), 0);
	assert_int_equal(judge(&heads, &v), -EBADMSG);
	assert_int_equal(v.missing_events, 7);
	assert_non_null(strstr(v.reason, "head 2"));
	/* As a syslog file has it. */
	buf_printf(&noisy, "Nov 25 gw1 ipsecmon[1]: %.*s and more\n\nanother line\n",
		(int)heads.n - 1, heads.p);
	assert_int_equal(judge(&noisy, &v), -EBADMSG);
	assert_int_equal(v.missing_events, 7);
	buf_clear(&noisy);
	buf_text(&noisy, "nothing of that kind\n");
	assert_int_equal(judge(&noisy, &v), -EINVAL);
	free(text);
}

static void without_any_head_nothing_is_proven(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct eventlog *l = fixture_reopen(&f, &end);

	(void)state;
	write_group_of(l, 1, 3);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.keys, VERIFY_NO_KEYS);
	assert_int_equal(judge(NULL, &v), -EBADMSG);
	/* With a key beside the log, and no other, it is tried: but that is no proof of much. */
	introduce_key(&f, &key, 1, NULL);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.keys, VERIFY_KEYS_OF_LOG);
	sign_log(&f, l, &key, 1);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.heads, 1);
	eventlog_free(l);
}

/* Also where the key itself signed them so: somebody has it. */
static void numbers_must_rise(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct eventlog *l = fixture_reopen(&f, &end);

	(void)state;
	write_group_of(l, 1, 3);
	sign_log(&f, l, &key, 5);
	write_group_of(l, 4, 5);
	assert_int_equal(judge(NULL, &v), 0);
	sign_log(&f, l, &key, 5);
	assert_int_equal(judge(NULL, &v), -EBADMSG);
	assert_string_equal(v.segment, HEADS_FILE);
	assert_int_equal(v.line, 2);
	assert_string_equal(v.reason, "head 5 stands behind head 5");
	eventlog_free(l);
}

static void places_must_not_fall(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_place before;
	struct eventlog_end end;
	struct eventlog *l = fixture_reopen(&f, &end);

	(void)state;
	write_group_of(l, 1, 3);
	assert_true(eventlog_place(l, &before));
	write_group_of(l, 4, 5);
	sign_log(&f, l, &key, 1);
	sign_log(&f, l, &key, 2); /* the same again is no fall */
	assert_int_equal(judge(NULL, &v), 0);
	sign_place(&f, &before, &key, 3);
	assert_int_equal(judge(NULL, &v), -EBADMSG);
	assert_int_equal(v.line, 3);
	assert_non_null(strstr(v.reason, "the log was replaced"));
	eventlog_free(l);
}

static void heads_of_removed_segments_stay_and_are_counted(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_place place;
	struct eventlog_end end;
	struct eventlog *l;
	uint64_t seq = 1, n = 0;
	char names[4][32];

	(void)state;
	f.segment_size = 4000;
	l = fixture_reopen(&f, &end);
	while (segment_names(&f, names, 4) < 4) {
		write_group_of(l, seq, seq + 2);
		seq += 3;
		assert_true(eventlog_place(l, &place));
		if (place.ends_segment)
			sign_log(&f, l, &key, ++n);
	}
	sign_log(&f, l, &key, ++n);
	assert_int_equal(judge(NULL, &v), 0);
	assert_int_equal(v.heads, 4);
	f.keep_size = 1;
	eventlog_set_limits(l, f.segment_size, 1, 0);
	assert_int_equal(eventlog_retain(l, 0, NULL, NULL), 0);
	eventlog_free(l);
	assert_int_equal(segment_names(&f, names, 4), 1);
	assert_int_equal(judge(NULL, &v), 0);
	assert_int_equal(v.heads, 1);
	assert_int_equal(v.heads_removed, 3);
	assert_int_equal(v.first_segment, 4);
}

/* Heads of a day each 10 minutes, of segments of an hour. */
static void write_days(struct headsfile *file, unsigned days, uint64_t from)
{
	for (uint64_t i = 0; i < days * 144u; i++) {
		struct signed_head h = { .number = from + i,
			.host = "gw1",
			.boot = "b",
			.time_us = FIXTURE_TIME_US + (from + i) * (DAY_US / 144),
			.segment = 1 + (from + i) / 6,
			.line = 1 + (from + i) % 6 };
		CLEANUP_BUF struct buf line = { 0 };

		assert_int_equal(signed_head_write(&h, key.secret, &key.key, &line), 0);
		assert_int_equal(headsfile_append(file, buf_span(&line)), 0);
	}
}

static void old_heads_are_thinned_to_one_a_segment(void **state)
{
	CLEANUP(headsfile) struct headsfile *file = NULL;
	CLEANUP_BUF struct buf before = { 0 }, after = { 0 };
	struct signed_head last;
	struct diag d;

	(void)state;
	assert_int_equal(headsfile_open(f.dir_fd, &file, &d), 0);
	assert_false(headsfile_last(file, &last));
	write_days(file, 10, 0);
	assert_int_equal(headsfile_scan(f.dir_fd, 0, add, &before), 0);
	assert_int_equal(headsfile_thin(file, FIXTURE_TIME_US + 10 * DAY_US), 0);
	assert_int_equal(headsfile_scan(f.dir_fd, 0, add, &after), 0);
	/* Seven days with one an hour, three with all; number 0 is not above 0. */
	assert_int_equal(lines_of(&after), 7 * 24 + 3 * 144);
	assert_true(memcmp(before.p + before.n - 1000, after.p + after.n - 1000, 1000) == 0);
	write_days(file, 1, 10 * 144);
	assert_true(headsfile_last(file, &last));
	assert_int_equal(last.number, 11 * 144 - 1);
	buf_clear(&after);
	assert_int_equal(headsfile_scan(f.dir_fd, 10 * 144 - 1, add, &after), 0);
	assert_int_equal(lines_of(&after), 144);
}

static void a_torn_head_is_cut_at_start(void **state)
{
	CLEANUP(headsfile) struct headsfile *file = NULL;
	CLEANUP_BUF struct buf lines = { 0 };
	struct signed_head last;
	struct diag d;
	int fd;

	(void)state;
	assert_int_equal(headsfile_open(f.dir_fd, &file, &d), 0);
	write_days(file, 1, 1);
	file = headsfile_free(file);
	fd = openat(f.dir_fd, HEADS_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"type\":\"signed-he", 18), 18);
	(void)close(fd);
	assert_int_equal(headsfile_open(f.dir_fd, &file, &d), 0);
	assert_true(headsfile_last(file, &last));
	assert_int_equal(last.number, 144);
	assert_int_equal(headsfile_append(file, span_text("no head")), -EINVAL);
	write_days(file, 1, 145);
	assert_int_equal(headsfile_scan(f.dir_fd, 0, add, &lines), 0);
	assert_int_equal(lines_of(&lines), 288);
	assert_null(strstr(lines.p, "signed-he{"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			heads_and_the_uncovered_tail_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_cut_end_is_told_by_a_head_from_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_any_head_nothing_is_proven, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_must_rise, setup, teardown),
		cmocka_unit_test_setup_teardown(places_must_not_fall, setup, teardown),
		cmocka_unit_test_setup_teardown(
			heads_of_removed_segments_stay_and_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			old_heads_are_thinned_to_one_a_segment, setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_head_is_cut_at_start, setup, teardown),
	};

	return cmocka_run_group_tests_name("store/heads", tests, NULL, NULL);
}
