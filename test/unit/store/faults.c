/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "logfixture.h"
#include "store/headsfile.h"

/*
 * A disk that fails on purpose: linked with --wrap for the four calls that a group needs
 * (ftruncate() goes by its name for 64-bit offsets). Call number `at` fails, then works again; or
 * all from it on while `for_good`.
 */
enum call { WRITE, FDATASYNC, FSYNC, FTRUNCATE, N_CALLS };
struct fault {
	bool on, for_good;
	unsigned at, seen; /* from 1 */
	int error; /* 0, of a write: only half of it is done */
};
static struct fault faults[N_CALLS];
static unsigned calls[N_CALLS];

static bool fails(enum call call)
{
	struct fault *f = &faults[call];

	calls[call]++;
	if (!f->on)
		return false;
	f->seen++;
	return f->for_good ? f->seen >= f->at : f->seen == f->at;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_ftruncate64(int fd, off_t n);
int __wrap_ftruncate64(int fd, off_t n);

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (fd <= 2 || !fails(WRITE))
		return __real_write(fd, p, n);
	/* A full disk takes part of it first. */
	if (__real_write(fd, p, n / 2) < 0)
		return -1;
	if (faults[WRITE].error == 0)
		return (ssize_t)(n / 2);
	errno = faults[WRITE].error;
	return -1;
}

int __wrap_fdatasync(int fd)
{
	if (!fails(FDATASYNC))
		return __real_fdatasync(fd);
	errno = faults[FDATASYNC].error;
	return -1;
}

int __wrap_fsync(int fd)
{
	if (!fails(FSYNC))
		return __real_fsync(fd);
	errno = faults[FSYNC].error;
	return -1;
}

int __wrap_ftruncate64(int fd, off_t n)
{
	if (!fails(FTRUNCATE))
		return __real_ftruncate64(fd, n);
	errno = faults[FTRUNCATE].error;
	return -1;
}

static void break_call(enum call call, unsigned at, int error, bool for_good)
{
	faults[call] = (struct fault){ .on = true, .for_good = for_good, .at = at, .error = error };
}

static void heal(void)
{
	memset(faults, 0, sizeof(faults));
}

static void count_line(void *userdata, struct span line)
{
	size_t *n = userdata;

	(void)line;
	++*n;
}

static int commit_counting(struct eventlog *l, uint64_t applied, size_t *n)
{
	struct eventlog_commit c = { .time_us = FIXTURE_TIME_US, .applied = applied };

	return eventlog_commit(l, &c, count_line, n);
}

/* Whatever failed: the log on the disk holds, and has exactly so many events. */
static void expect_log(struct logfixture *f, uint64_t events)
{
	struct eventlog_verdict v = { 0 };

	assert_int_equal(verify(f, &v), events > 0 ? 0 : -ENOENT);
	assert_int_equal(v.events, events);
	assert_int_equal(v.uncommitted + v.torn, 0);
}

/*
 * 40 groups over several segments, during which one call fails; every group is tried again with
 * the next. At any moment what was shown is what is on the disk.
 */
static void run_with_one_fault(enum call call, unsigned at, int error)
{
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	size_t shown = 0;
	unsigned failures = 0;

	fixture_init(&f);
	f.segment_size = 3000;
	l = fixture_reopen(&f, &end);
	break_call(call, at, error, false);
	for (uint64_t seq = 1; seq <= 20; seq++) {
		int r;

		append_event(l, seq);
		append_reading_of(l, "XfrmInNoStates", seq);
		r = commit_counting(l, seq, &shown);
		if (r == 0) {
			assert_int_equal(shown, seq);
			continue;
		}
		failures++;
		assert_int_equal(r, -error);
		assert_true(shown < seq);
		assert_int_equal(eventlog_group_events(l), seq - shown);
		if (shown > 0)
			expect_log(&f, shown);
	}
	assert_int_equal(failures, error == 0 ? 0 : 1);
	heal();
	assert_int_equal(commit_counting(l, 20, &shown), 0);
	assert_int_equal(shown, 20);
	assert_int_equal(eventlog_lost(l), 0);
	eventlog_free(l);
	expect_log(&f, 20);
	l = fixture_reopen(&f, &end);
	assert_int_equal(end.last_seq, 20);
	assert_int_equal(end.torn, 0);
	eventlog_free(l);
	fixture_done(&f);
}

static void each_call_may_fail_once(void **state)
{
	static const int errors[] = { ENOSPC, EIO, EDQUOT };

	(void)state;
	for (unsigned at = 1; at <= 20; at++) {
		for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
			if (at % 3 != i && at > 3) /* one kind each, all kinds at the start */
				continue;
			run_with_one_fault(WRITE, at, errors[i]);
			run_with_one_fault(FDATASYNC, at, errors[i]);
		}
		run_with_one_fault(WRITE, at, 0); /* a short write alone is no failure */
	}
	for (unsigned at = 1; at <= 5; at++)
		run_with_one_fault(FSYNC, at, EIO);
}

static void a_full_disk_delays_and_loses_nothing(void **state)
{
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	size_t shown = 0;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	write_group_of(l, 1, 3);
	break_call(WRITE, 1, ENOSPC, true);
	for (uint64_t seq = 4; seq <= 50; seq++) {
		append_event(l, seq);
		append_reading_of(l, "XfrmInNoStates", seq);
		assert_int_equal(commit_counting(l, seq, &shown), -ENOSPC);
	}
	expect_log(&f, 3);
	assert_int_equal(shown, 0);
	heal();
	assert_int_equal(commit_counting(l, 50, &shown), 0);
	assert_int_equal(shown, 47);
	eventlog_free(l);
	expect_log(&f, 50);
	fixture_done(&f);
}

/* The octets of a failed group must be gone before anything else is written. */
static void nothing_is_written_behind_octets_that_could_not_be_cut(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	unsigned writes;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	write_group_of(l, 1, 3);
	append_event(l, 4);
	break_call(WRITE, 1, EIO, false);
	break_call(FTRUNCATE, 1, EIO, true);
	assert_int_equal(commit_group(l, 4), -EIO);
	writes = calls[WRITE];
	append_event(l, 5);
	assert_int_equal(commit_group(l, 5), -EIO);
	assert_int_equal(calls[WRITE], writes);
	heal();
	assert_int_equal(commit_group(l, 5), 0);
	eventlog_free(l);
	expect_log(&f, 5);

	l = fixture_reopen(&f, &end);
	append_event(l, 6);
	break_call(FDATASYNC, 1, EIO, false);
	assert_int_equal(commit_group(l, 6), -EIO); /* written, not synced, cut */
	expect_log(&f, 5);
	writes = calls[WRITE];
	heal();
	assert_int_equal(commit_group(l, 6), 0);
	assert_int_equal(calls[WRITE], writes + 1); /* written anew */
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.events, 6);
	eventlog_free(l);
	fixture_done(&f);
}

/* Events wait up to a bound; readings beyond it too, the newest of each. */
static void waiting_is_bounded_and_readings_survive(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	uint64_t seq = 1, lost;
	char *p, name[4][32];
	size_t shown = 0, n;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	break_call(WRITE, 1, ENOSPC, true);
	while (eventlog_lost(l) == 0) {
		append_event(l, seq++);
		if (seq % 40000 == 0)
			assert_int_equal(commit_counting(l, seq, &shown), -ENOSPC);
	}
	for (uint64_t i = 1; i < 20; i++) {
		append_event(l, seq++);
		append_reading_of(l, "XfrmInNoStates", i * 1000);
		append_reading_of(l, "XfrmInError", i);
		if (i % 7 == 0)
			assert_int_equal(commit_counting(l, seq, &shown), -ENOSPC);
	}
	lost = eventlog_lost(l);
	assert_int_equal(lost, 20);
	heal();
	assert_int_equal(commit_counting(l, seq, &shown), 0);
	assert_int_equal(shown + lost, seq - 1);
	append_event(l, seq);
	assert_int_equal(commit_counting(l, seq, &shown), 0);
	eventlog_free(l);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.events, shown);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.readings, 2);
	assert_int_equal(restored.kernel, 19);
	eventlog_free(l);
	assert_int_equal(segment_names(&f, name, 4), 2);
	p = read_log_file(&f, name[0], &n);
	assert_true(n < EVENTLOG_WAITING_MAX + 20000);
	assert_non_null(strstr(p + n - 400, ",\"lost\":20,"));
	assert_non_null(strstr(p + n - 2000, ",\"kernel\":19000,")); /* as a line of its own */
	assert_null(strstr(p + n - 2000, ",\"kernel\":18000,")); /* the newest alone */
	free(p);
	p = read_log_file(&f, name[1], &n);
	assert_non_null(strstr(p, ",\"lost\":0,"));
	free(p);
	fixture_done(&f);
}

static bool count_head(void *userdata, struct span line)
{
	size_t *n = userdata;
	struct signed_head h;
	struct span text, digits;

	assert_true(signed_head_parse(line, &h, &text, &digits));
	++*n;
	return true;
}

static int append_head(struct headsfile *file, uint64_t number)
{
	struct signed_head h = { .number = number, .host = "gw1", .boot = "b", .line = number };
	CLEANUP_BUF struct buf line = { 0 };
	struct fixture_key key;

	key_init(&key, 1);
	assert_int_equal(signed_head_write(&h, key.secret, &key.key, &line), 0);
	return headsfile_append(file, buf_span(&line));
}

/* A head that could not be kept whole is not kept, whatever fails, also cutting off its half. */
static void a_head_is_kept_whole_or_not_at_all(void **state)
{
	static const struct {
		enum call call;
		int error;
	} breaks[] = { { WRITE, EIO }, { WRITE, 0 }, { FDATASYNC, EIO } };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(breaks); i++) {
		CLEANUP(headsfile) struct headsfile *file = NULL;
		struct logfixture f;
		struct diag d;
		size_t n = 0;

		fixture_init(&f);
		assert_int_equal(headsfile_open(f.dir_fd, &file, &d), 0);
		assert_int_equal(append_head(file, 1), 0);
		break_call(breaks[i / 2].call, 1, breaks[i / 2].error, false);
		if (i % 2)
			break_call(FTRUNCATE, 1, EIO, false);
		assert_true(append_head(file, 2) < 0);
		heal();
		assert_int_equal(append_head(file, 3), 0);
		assert_int_equal(headsfile_scan(f.dir_fd, 0, count_head, &n), 0);
		assert_int_equal(n, 2);
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_may_fail_once),
		cmocka_unit_test(a_full_disk_delays_and_loses_nothing),
		cmocka_unit_test(nothing_is_written_behind_octets_that_could_not_be_cut),
		cmocka_unit_test(waiting_is_bounded_and_readings_survive),
		cmocka_unit_test(a_head_is_kept_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("store/faults", tests, NULL, NULL);
}
