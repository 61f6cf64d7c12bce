/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "logfixture.h"

#define FIRST "00000000000000000001.jsonl"
#define EVENTS 600u

/*
 * The calls that change files, counted while `watched`: number `at` fails with `error`, or, when
 * that is 0, is the last thing that the process does not do.
 */
static struct {
	bool watched;
	unsigned at, seen;
	int error;
} fault;

static bool fails(void)
{
	if (!fault.watched || ++fault.seen != fault.at)
		return false;
	if (fault.error == 0)
		_exit(0);
	errno = fault.error;
	return true;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_futimens(int fd, const struct timespec times[2]);
int __wrap_futimens(int fd, const struct timespec times[2]);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (fault.watched && fault.seen + 1 == fault.at && n > 1) /* a part of it is done first */
		(void)__real_write(fd, p, n / 2);
	return fails() ? -1 : __real_write(fd, p, n);
}

int __wrap_fdatasync(int fd)
{
	return fails() ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
	return fails() ? -1 : __real_fsync(fd);
}

int __wrap_futimens(int fd, const struct timespec times[2])
{
	return fails() ? -1 : __real_futimens(fd, times);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return fails() ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	return fails() ? -1 : __real_unlinkat(fd, name, flags);
}

/* A log of some segments, each of more than a frame. */
static struct eventlog *log_make(struct logfixture *f)
{
	struct eventlog_end end;
	struct eventlog *l;

	fixture_init(f);
	f->segment_size = 90000;
	l = fixture_reopen(f, &end);
	for (uint64_t seq = 1; seq < EVENTS; seq += 20)
		write_group_of(l, seq, seq + 19);
	return l;
}

/* Until there is nothing to do; how many steps failed. */
static unsigned seal_all(struct eventlog *l)
{
	unsigned failed = 0;
	int r;

	while ((r = eventlog_seal(l)) != 0)
		failed += r < 0;
	return failed;
}

/* How many segments are not sealed, and how many there are. */
static size_t plain_of(struct logfixture *f, size_t *ret_all)
{
	struct eventlog_segment *s = NULL;
	size_t plain = 0;

	assert_int_equal(eventlog_segments(f->dir_fd, &s, ret_all), 0);
	for (size_t i = 0; i < *ret_all; i++)
		plain += !s[i].sealed;
	free(s);
	return plain;
}

static bool there(struct logfixture *f, const char *file)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "log/%.50s", file);
	return faccessat(f->dir_fd, path, F_OK, 0) == 0;
}

/* The whole log, and only the newest segment is plain. */
static void expect_sealed(struct logfixture *f)
{
	struct eventlog_verdict v = { 0 };
	size_t n;

	assert_int_equal(plain_of(f, &n), 1);
	assert_false(there(f, SEAL_PART));
	assert_int_equal(verify(f, &v), 0);
	assert_int_equal(v.events, scan_events(f));
	assert_int_equal(v.segments, n);
}

static void sealing_changes_the_form_and_nothing_else(void **state)
{
	struct eventlog_verdict before = { 0 }, after = { 0 };
	struct eventlog_segment *plain = NULL, *sealed = NULL;
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	size_t n;

	(void)state;
	assert_int_equal(verify(&f, &before), 0);
	assert_int_equal(eventlog_segments(f.dir_fd, &plain, &n), 0);
	assert_true(n > 2);
	assert_int_equal(seal_all(l), 0);
	expect_sealed(&f);
	assert_int_equal(verify(&f, &after), 0);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(eventlog_segments(f.dir_fd, &sealed, &n), 0);
	for (size_t i = 0; i + 1 < n; i++) {
		assert_string_equal(sealed[i].name, plain[i].name);
		assert_int_equal(sealed[i].modified_us, plain[i].modified_us);
		assert_true(sealed[i].size * 4 < plain[i].size);
		assert_false(there(&f, plain[i].name));
	}
	/* It is written on, and read at the next start. */
	write_group_of(l, EVENTS + 1, EVENTS + 2);
	eventlog_free(l);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.last_seq, EVENTS + 2);
	assert_int_equal(restored.events, EVENTS + 2);
	assert_int_equal(end.damaged_line + end.torn, 0);
	eventlog_free(l);
	assert_int_equal(scan_events(&f), EVENTS + 2);
	free(plain);
	free(sealed);
	fixture_done(&f);
}

/* Groups go on between any two steps, and begin new segments. */
static void sealing_and_writing_take_turns(void **state)
{
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	uint64_t seq = EVENTS;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 200; i++, seq += 5) {
		assert_true(eventlog_seal(l) >= 0);
		write_group_of(l, seq + 1, seq + 5);
	}
	assert_int_equal(seal_all(l), 0);
	expect_sealed(&f);
	assert_int_equal(scan_events(&f), seq);
	assert_int_equal(plain_of(&f, &n), 1);
	assert_true(n > 5);
	eventlog_free(l);
	fixture_done(&f);
}

static uint32_t draw(uint32_t n)
{
	static uint64_t v = UINT64_C(88172645463325252);

	v ^= v << 13;
	v ^= v >> 7;
	v ^= v << 17;
	return (uint32_t)(v >> 16) % n;
}

/* A drop as they come from all over: of many sources, SPIs and times. */
static void append_drop(struct eventlog *l, uint64_t seq, uint64_t time_us)
{
	static const uint32_t widths[] = { 1u << 8, 1u << 16, UINT32_MAX };
	struct event e = { .seq = seq,
		.time_us = time_us,
		.id = 4965,
		.name = "unknown_spi",
		.log = "security",
		.subcategory = "IPsec Driver",
		.outcome = "failure",
		.level = "warning",
		.host = "gw-fra-1",
		.boot = "5e654fcb-fb28-4c74-bf26-b9fbffa9e1f3",
		.count = 1,
		.counter = "XfrmInNoStates",
		.netns = "init",
		.direction = 1,
		.evidence = 2,
		.has_spi = true,
		.spi = draw(UINT32_MAX),
		.has_seqno = true,
		.seqno = draw(widths[draw(3)]) };
	char src[16], dst[16], history[32];

	(void)snprintf(src, sizeof(src), "203.%u.113.%u", draw(12), draw(250));
	(void)snprintf(dst, sizeof(dst), "192.0.2.%u", 1 + draw(3));
	(void)snprintf(history, sizeof(history),
		draw(3) ? "never ours" : "ours until %u s ago, deleted", draw(9000));
	assert_int_equal(addr_parse(src, &e.src), 0);
	assert_int_equal(addr_parse(dst, &e.dst), 0);
	(void)snprintf(e.message, sizeof(e.message),
		"1 packet dropped: no SA for the SPI 0x%08x from %s to %s, sequence number %u: %s",
		e.spi, src, dst, e.seqno, history);
	(void)snprintf(e.detail, sizeof(e.detail), "{\"history\":\"%s\",\"cookie\":5}", history);
	eventlog_event(l, &e);
}

static void an_event_takes_at_most_70_octets(void **state)
{
	const uint64_t events = 20000;
	struct eventlog_segment *s = NULL;
	uint64_t time_us = FIXTURE_TIME_US;
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	size_t n;

	(void)state;
	fixture_init(&f);
	f.segment_size = 64 << 20;
	l = fixture_reopen(&f, &end);
	for (uint64_t seq = 1; seq <= events; seq++) {
		append_drop(l, seq, time_us += 1 + draw(40000));
		if (seq % 100 == 0) {
			append_reading_of(l, "XfrmInNoStates", seq);
			assert_int_equal(commit_group(l, seq), 0);
		}
	}
	eventlog_set_limits(l, 1, 0, 0);
	write_group_of(l, events + 1, events + 1);
	assert_int_equal(seal_all(l), 0);
	assert_int_equal(eventlog_segments(f.dir_fd, &s, &n), 0);
	assert_int_equal(n, 2);
	print_message("# %.1f octets an event\n", (double)s[0].size / (double)events);
	assert_true(s[0].size <= 70 * events);
	free(s);
	eventlog_free(l);
	fixture_done(&f);
}

static void other_tools_read_a_sealed_segment(void **state)
{
	char command[256];
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	char *plain, *text;
	size_t n_plain, n_text;

	(void)state;
	if (system("command -v zstd >/dev/null") != 0)
		skip();
	plain = read_log_file(&f, FIRST, &n_plain);
	assert_int_equal(seal_all(l), 0);
	(void)snprintf(command, sizeof(command), "zstd -dcq '%s/log/" FIRST ".zst' >'%s/log/text'",
		f.path, f.path);
	assert_int_equal(system(command), 0);
	text = read_log_file(&f, "text", &n_text);
	assert_int_equal(n_text, n_plain);
	assert_memory_equal(text, plain, n_plain);
	(void)unlinkat(f.dir_fd, "log/text", 0);
	free(plain);
	free(text);
	eventlog_free(l);
	fixture_done(&f);
}

/* The sealing of the first segment, which a kill may end before any call. */
static void a_kill_at_any_point_loses_nothing(void **state)
{
	unsigned at = 0;
	bool killed = true;

	(void)state;
	while (killed) {
		struct eventlog_verdict v = { 0 };
		struct eventlog_end end;
		struct logfixture f;
		struct eventlog *l = log_make(&f);
		pid_t child = fork();
		int status;

		at++;
		assert_true(child >= 0);
		if (child == 0) {
			fault.watched = true;
			fault.at = at;
			while (eventlog_seal(l) > 0)
				;
			_exit(1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		killed = WEXITSTATUS(status) == 0;
		eventlog_free(l);
		assert_int_equal(verify(&f, &v), 0);
		assert_int_equal(v.events, EVENTS);
		assert_int_equal(scan_events(&f), EVENTS);
		l = fixture_reopen(&f, &end);
		assert_int_equal(end.last_seq, EVENTS);
		assert_false(there(&f, SEAL_PART));
		assert_int_equal(seal_all(l), 0);
		expect_sealed(&f);
		write_group_of(l, EVENTS + 1, EVENTS + 1);
		eventlog_free(l);
		assert_int_equal(scan_events(&f), EVENTS + 1);
		fixture_done(&f);
	}
	assert_true(at > 15); /* it was killed that often */
}

static void a_call_that_fails_leaves_it_plain_and_is_tried_again(void **state)
{
	static const int errors[] = { ENOSPC, EIO };
	bool failed = true;

	(void)state;
	for (unsigned at = 1; failed; at++) {
		struct logfixture f;
		struct eventlog *l = log_make(&f);

		fault.watched = true;
		fault.at = at;
		fault.seen = 0;
		fault.error = errors[at % 2];
		failed = seal_all(l) > 0;
		fault.watched = false;
		assert_int_equal(scan_events(&f), EVENTS);
		assert_int_equal(seal_all(l), 0); /* the next look */
		expect_sealed(&f);
		eventlog_free(l);
		fixture_done(&f);
	}
	fault.error = 0;
}

/* One that cannot be sealed at all does not hold up the others. */
static void one_that_cannot_be_sealed_stays_plain(void **state)
{
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	size_t n;

	(void)state;
	assert_int_equal(mkdirat(f.dir_fd, "log/" FIRST ".zst", 0700), 0); /* in its place */
	assert_int_equal(seal_all(l), 1);
	assert_int_equal(plain_of(&f, &n), 2);
	assert_true(there(&f, FIRST));
	assert_int_equal(seal_all(l), 1);
	assert_int_equal(unlinkat(f.dir_fd, "log/" FIRST ".zst", AT_REMOVEDIR), 0);
	assert_int_equal(seal_all(l), 0);
	expect_sealed(&f);
	eventlog_free(l);
	fixture_done(&f);
}

static void the_plain_one_counts_where_both_are(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	char *plain, *again;
	size_t n, n_again, segments;

	(void)state;
	plain = read_log_file(&f, FIRST, &n);
	assert_int_equal(seal_all(l), 0);
	eventlog_free(l);
	/* As a crash before the last step leaves it; then with a sealed one that is wrong. */
	for (unsigned i = 0; i < 2; i++) {
		write_log_file(&f, FIRST, plain, n);
		if (i == 1)
			write_log_file(&f, FIRST ".zst", "nonsense", 8);
		assert_int_equal(plain_of(&f, &segments), 2);
		assert_int_equal(verify(&f, &v), 0);
		assert_int_equal(v.events, EVENTS);
		assert_int_equal(scan_events(&f), EVENTS);
		l = fixture_reopen(&f, &end);
		assert_int_equal(seal_all(l), 0);
		expect_sealed(&f);
		eventlog_free(l);
	}
	write_log_file(&f, FIRST, plain, n / 2); /* and if it is the plain one, that is a fault */
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_string_equal(v.segment, FIRST);
	assert_int_equal(unlinkat(f.dir_fd, "log/" FIRST, 0), 0);
	again = read_log_file(&f, FIRST ".zst", &n_again);
	assert_true(n_again * 4 < n);
	free(again);
	free(plain);
	fixture_done(&f);
}

static void count_removed(void *userdata, const char *segment, uint64_t events)
{
	uint64_t *n = userdata;

	assert_int_equal(strlen(segment), strlen(FIRST));
	*n += events;
}

static void sealed_segments_are_removed_by_their_size(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_segment *s = NULL;
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	uint64_t gone = 0, size = 0;
	size_t n, left;

	(void)state;
	assert_int_equal(eventlog_seal(l), 1);
	assert_int_equal(eventlog_seal(l), 1); /* the first one is in hand */
	eventlog_set_limits(l, 90000, 1, 0);
	assert_int_equal(eventlog_retain(l, FIXTURE_TIME_US, count_removed, &gone), 0);
	assert_int_equal(seal_all(l), 0);
	assert_int_equal(plain_of(&f, &n), 1);
	assert_int_equal(n, 1);
	assert_true(gone > 0);
	for (uint64_t seq = EVENTS + 1; seq < 2 * EVENTS; seq += 20)
		write_group_of(l, seq, seq + 19);
	assert_int_equal(seal_all(l), 0);
	assert_int_equal(eventlog_segments(f.dir_fd, &s, &n), 0);
	for (size_t i = 0; i < n; i++)
		size += s[i].size;
	eventlog_set_limits(l, 90000, size - s[0].size, 0);
	gone = 0;
	assert_int_equal(eventlog_retain(l, FIXTURE_TIME_US, count_removed, &gone), 0);
	(void)plain_of(&f, &left);
	assert_int_equal(left, n - 1);
	assert_int_equal(gone, s[1].first_seq - s[0].first_seq);
	assert_int_equal(verify(&f, &v), 0);
	free(s);
	eventlog_free(l);
	fixture_done(&f);
}

/* The newest segment is gone, or was never there: a sealed one is not written to. */
static void behind_a_sealed_one_a_new_segment_begins(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	char names[64][32], path[64];
	size_t n;

	(void)state;
	assert_int_equal(seal_all(l), 0);
	eventlog_free(l);
	n = segment_names(&f, names, 64);
	(void)snprintf(path, sizeof(path), "log/%.31s", names[n - 1]);
	assert_int_equal(unlinkat(f.dir_fd, path, 0), 0);
	l = fixture_reopen(&f, &end);
	assert_int_equal(end.damaged_line, 0);
	write_group_of(l, end.last_seq + 1, end.last_seq + 3);
	eventlog_free(l);
	assert_int_equal(segment_names(&f, names, 64), n);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.events, end.last_seq + 3);
	fixture_done(&f);
}

/* What is damaged is named, and what is not is still found. */
static void damage_to_a_sealed_segment_is_named_and_passed_over(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l = log_make(&f);
	size_t n, all = EVENTS;
	char *p;

	(void)state;
	assert_int_equal(seal_all(l), 0);
	eventlog_free(l);
	p = read_log_file(&f, FIRST ".zst", &n);
	p[n / 3] ^= 1; /* in the first frame, and then … */
	write_log_file(&f, FIRST ".zst", p, n);
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_string_equal(v.segment, FIRST);
	assert_int_equal(v.line, 1);
	p[n / 3] ^= 1;
	p[n - 60] ^= 1; /* … in the last */
	write_log_file(&f, FIRST ".zst", p, n);
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_in_range(v.line, 50, EVENTS);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(end.last_seq, EVENTS);
	assert_int_equal(end.damaged_line, 0);
	assert_int_equal(restored.last_seq, EVENTS);
	assert_in_range(restored.events, EVENTS / 2, EVENTS - 1);
	eventlog_free(l);
	p[n - 1] ^= 1; /* the table */
	write_log_file(&f, FIRST ".zst", p, n);
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_string_equal(v.segment, FIRST);
	assert_int_equal(v.line, 1);
	l = fixture_reopen(&f, &end);
	assert_int_equal(end.last_seq, all);
	eventlog_free(l);
	free(p);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealing_changes_the_form_and_nothing_else),
		cmocka_unit_test(sealing_and_writing_take_turns),
		cmocka_unit_test(an_event_takes_at_most_70_octets),
		cmocka_unit_test(other_tools_read_a_sealed_segment),
		cmocka_unit_test(a_kill_at_any_point_loses_nothing),
		cmocka_unit_test(a_call_that_fails_leaves_it_plain_and_is_tried_again),
		cmocka_unit_test(one_that_cannot_be_sealed_stays_plain),
		cmocka_unit_test(the_plain_one_counts_where_both_are),
		cmocka_unit_test(sealed_segments_are_removed_by_their_size),
		cmocka_unit_test(behind_a_sealed_one_a_new_segment_begins),
		cmocka_unit_test(damage_to_a_sealed_segment_is_named_and_passed_over),
	};

	return cmocka_run_group_tests_name("store/seal", tests, NULL, NULL);
}
