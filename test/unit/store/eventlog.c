/* SPDX-License-Identifier: Apache-2.0 */
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
#include "store/logline.h"

static void an_empty_directory_becomes_a_log(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l = NULL;

	(void)state;
	fixture_init(&f);
	assert_int_equal(verify(&f, &v), -ENOENT);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_true(end.empty);
	assert_int_equal(end.last_seq, 0);
	assert_int_equal(restored.events + restored.readings, 0);
	assert_false(eventlog_group_open(l));
	assert_int_equal(commit_group(l, 5), 0); /* nothing to write: no file */
	assert_int_equal(verify(&f, &v), -ENOENT);
	eventlog_free(l);
	fixture_done(&f);
}

static void what_was_committed_is_told_at_the_next_start(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	append_event(l, 1);
	append_event(l, 2);
	assert_int_equal(eventlog_group_events(l), 2);
	assert_int_equal(scan_events(&f), 0); /* nothing before the commit */
	append_reading_of(l, "XfrmInNoStates", 2);
	append_reading_of(l, "XfrmInError", 9);
	append_reading_of(l, "XfrmInNoStates", 3);
	assert_int_equal(commit_group(l, 10), 0);
	write_group_of(l, 3, 5);
	append_event(l, 6); /* never committed */
	eventlog_free(l);

	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_false(end.empty);
	assert_int_equal(end.last_seq, 5);
	assert_int_equal(end.last_us, FIXTURE_TIME_US + 5);
	assert_int_equal(end.last_id, 4965);
	assert_string_equal(end.boot, "boot-1");
	assert_int_equal(end.epoch, 7);
	assert_int_equal(end.applied, 5);
	assert_int_equal(end.n_pending, 2);
	assert_int_equal(end.pending[0][0], 2);
	assert_int_equal(end.pending[0][1], 3);
	assert_int_equal(end.pending[1][1], 5);
	assert_int_equal(end.torn, 0);
	assert_int_equal(end.damaged_line, 0);
	assert_int_equal(restored.events, 5);
	assert_int_equal(restored.last_seq, 5);
	assert_int_equal(restored.readings, 2);
	assert_string_equal(restored.netns, "init");
	assert_string_equal(restored.counter, "XfrmInError");
	assert_int_equal(restored.kernel, 9);
	write_group_of(l, 6, 6);
	eventlog_free(l);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.segments, 1);
	assert_int_equal(v.first_segment, 1);
	assert_int_equal(v.events, 6);
	assert_int_equal(v.lines, 1 + 2 + 3 + 1 + 3 + 1 + 1 + 1 + 1 + 1);
	assert_int_equal(v.line, 0);
	assert_string_equal(v.reason, "");
	assert_int_equal(scan_events(&f), 6);
	fixture_done(&f);
}

static void take_line(void *userdata, struct span line)
{
	struct restored *r = userdata;

	r->events++;
	assert_true(logline_seq(line, &r->last_seq));
	assert_int_equal(line.p[line.n - 1], '}');
}

static void events_are_shown_once_they_are_committed(void **state)
{
	struct eventlog_commit c = { .time_us = FIXTURE_TIME_US };
	struct restored seen = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	append_event(l, 1);
	append_reading_of(l, "XfrmInNoStates", 1);
	append_event(l, 2);
	assert_int_equal(eventlog_commit(l, &c, take_line, &seen), 0);
	assert_int_equal(seen.events, 2);
	assert_int_equal(seen.last_seq, 2);
	assert_false(eventlog_group_open(l));
	eventlog_free(l);
	fixture_done(&f);
}

static void segments_follow_each_other(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	char names[64][32];
	uint64_t first;

	(void)state;
	fixture_init(&f);
	f.segment_size = 4000;
	l = fixture_reopen(&f, &end);
	append_reading_of(l, "XfrmInError", 77); /* in the first segment only */
	for (first = 1; first < 100; first += 3)
		write_group_of(l, first, first + 2);
	eventlog_free(l);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.events, 99);
	assert_true(v.segments > 10);
	assert_int_equal(segment_names(&f, names, 64), v.segments);
	assert_string_equal(names[0], "00000000000000000001.jsonl");
	assert_int_equal(scan_events(&f), 99);

	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(end.last_seq, 99);
	assert_int_equal(restored.readings, 2); /* the heads carry the older one on */
	assert_true(restored.events < 99 && restored.events >= 8 * 3); /* of 8 segments */
	assert_int_equal(restored.last_seq, 99);
	eventlog_free(l);
	fixture_done(&f);
}

struct order {
	uint64_t last;
	size_t events, lines, stop;
};

static bool falling(void *userdata, struct span line)
{
	struct order *o = userdata;
	uint64_t seq;

	o->lines++;
	if (logline_kind(line) == LOGLINE_EVENT) {
		assert_true(logline_seq(line, &seq));
		assert_true(o->last == 0 || seq == o->last - 1);
		o->last = seq;
		o->events++;
	}
	return o->stop == 0 || o->events < o->stop;
}

static void a_scan_goes_both_ways_and_skips_segments(void **state)
{
	struct order all = { 0 }, few = { .stop = 4 }, late = { 0 };
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	uint64_t seq;
	int log_fd;

	(void)state;
	fixture_init(&f);
	f.segment_size = 4000;
	l = fixture_reopen(&f, &end);
	for (seq = 1; seq < 100; seq += 3)
		write_group_of(l, seq, seq + 2);
	assert_int_equal(eventlog_scan(f.dir_fd, 0, true, falling, &all, NULL), 0);
	assert_int_equal(all.events, 99);
	assert_int_equal(all.last, 1);
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(all.lines, v.lines);
	assert_int_equal(eventlog_scan(f.dir_fd, 0, true, falling, &few, NULL), 0);
	assert_int_equal(few.last, 96);
	assert_int_equal(eventlog_scan(f.dir_fd, 90, true, falling, &late, NULL), 0);
	assert_true(late.last <= 90 && late.last > 80);
	/* A copy of `log` alone can be read too. */
	log_fd = openat(f.dir_fd, "log", O_RDONLY | O_DIRECTORY);
	all = (struct order){ 0 };
	assert_int_equal(eventlog_scan(log_fd, 0, true, falling, &all, NULL), 0);
	assert_int_equal(all.events, 99);
	assert_int_equal(eventlog_verify(log_fd, NULL, &v, NULL), 0);
	(void)close(log_fd);
	eventlog_free(l);
	fixture_done(&f);
}

struct removals {
	size_t segments;
	uint64_t events;
};

static void count_removed(void *userdata, const char *segment, uint64_t events)
{
	struct removals *r = userdata;

	assert_int_equal(strlen(segment), 26);
	r->segments++;
	r->events += events;
}

static void retention_removes_the_oldest_and_totals_stay(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct removals gone = { 0 };
	struct eventlog_segment *s = NULL;
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	uint64_t total = 0;
	size_t n = 0;

	(void)state;
	fixture_init(&f);
	f.segment_size = 4000;
	f.keep_size = 20000;
	l = fixture_reopen(&f, &end);
	append_reading_of(l, "XfrmInError", 77);
	for (uint64_t seq = 1; seq < 100; seq += 3)
		write_group_of(l, seq, seq + 2);
	assert_int_equal(eventlog_retain(l, FIXTURE_TIME_US, count_removed, &gone), 0);
	assert_int_equal(verify(&f, &v), 0);
	assert_true(gone.segments > 3);
	assert_int_equal(v.first_segment, gone.segments + 1);
	assert_int_equal(v.events + gone.events, 99);
	assert_int_equal(eventlog_segments(f.dir_fd, &s, &n), 0);
	for (size_t i = 0; i < n; i++)
		total += s[i].size;
	assert_true(total <= 20000 && total > 12000);
	eventlog_free(l);
	f.keep_size = 0;
	f.keep_age_s = 3600;
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.readings, 2);
	gone = (struct removals){ 0 };
	assert_int_equal(eventlog_retain(l, s[n - 1].modified_us + 3600u * 1000000u - 1000000u,
				 count_removed, &gone),
		0);
	assert_int_equal(gone.segments, 0);
	assert_int_equal(eventlog_retain(l, s[n - 1].modified_us + UINT64_C(3602000000),
				 count_removed, &gone),
		0);
	assert_int_equal(gone.segments, n - 1); /* the newest stays */
	free(s);
	write_group_of(l, 100, 101);
	eventlog_free(l);
	assert_int_equal(verify(&f, &v), 0);
	restored = (struct restored){ 0 };
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.readings, 2);
	eventlog_free(l);
	fixture_done(&f);
}

static void a_second_monitor_is_refused(void **state)
{
	struct eventlog_options o = { .host = "h", .boot = "b", .segment_size = 1000 };
	struct eventlog *l = NULL, *second = NULL;
	struct eventlog_end end;
	struct logfixture f;
	struct diag d = { "" };
	char pid[32];

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	o.dir_fd = f.dir_fd;
	assert_int_equal(eventlog_open(&o, NULL, &end, &second, &d), -EBUSY);
	assert_null(second);
	(void)snprintf(pid, sizeof(pid), "process %ld,", (long)getpid());
	assert_non_null(strstr(d.text, pid));
	eventlog_free(l);
	l = fixture_reopen(&f, &end);
	eventlog_free(l);
	fixture_done(&f);
}

static void put_version(struct logfixture *f, const char *text)
{
	int fd = openat(f->dir_fd, "version", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	(void)close(fd);
}

static void foreign_and_future_directories_are_refused(void **state)
{
	static const char *const bad[] = { "ipsecmon state 2\n", "ipsecmon state 0\n", "", "12\n",
		"PG_VERSION 15\n", "ipsecmon state 1", "ipsecmon state 1 \n",
		"ipsecmon state 99999999999999999999999\n" };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	write_group_of(l, 1, 2);
	eventlog_free(l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_version(&f, bad[i]);
		assert_int_equal(fixture_open(&f, NULL, &end, &l), -EPROTONOSUPPORT);
	}
	assert_int_equal(unlinkat(f.dir_fd, "version", 0), 0); /* a log that nobody vouches for */
	assert_int_equal(fixture_open(&f, NULL, &end, &l), -EPROTONOSUPPORT);
	put_version(&f, "ipsecmon state 1\n");
	l = fixture_reopen(&f, &end);
	assert_int_equal(end.last_seq, 2);
	eventlog_free(l);
	fixture_done(&f);
}

static void segments_without_events_get_names_too(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	char names[64][32];
	size_t n;

	(void)state;
	fixture_init(&f);
	f.segment_size = 600;
	l = fixture_reopen(&f, &end);
	for (unsigned i = 1; i <= 12; i++) { /* all is suppressed: readings alone */
		append_reading_of(l, "XfrmInNoStates", i);
		assert_int_equal(commit_group(l, i), 0);
	}
	n = segment_names(&f, names, 64);
	assert_true(n > 3);
	assert_string_equal(names[0], "00000000000000000001.jsonl");
	assert_string_equal(names[1], "00000000000000000001r001.jsonl");
	assert_string_equal(names[2], "00000000000000000001r002.jsonl");
	eventlog_free(l);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_true(end.empty);
	assert_int_equal(end.applied, 12);
	assert_int_equal(restored.kernel, 12);
	write_group_of(l, 1, 9);
	write_group_of(l, 10, 10);
	assert_int_equal(segment_names(&f, names, 64), n + 2);
	assert_string_equal(names[n + 1], "00000000000000000010.jsonl");
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(scan_events(&f), 10);
	eventlog_free(l);
	fixture_done(&f);
}

/* Readings before anything else of a segment, and the last event in an older one. */
static void the_last_event_may_lie_in_an_older_segment(void **state)
{
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;

	(void)state;
	fixture_init(&f);
	f.segment_size = 500;
	l = fixture_reopen(&f, &end);
	write_group_of(l, 1, 3);
	append_reading_of(l, "XfrmInError", 1);
	assert_int_equal(commit_group(l, 9), 0);
	eventlog_free(l);
	l = fixture_reopen(&f, &end);
	assert_int_equal(end.last_seq, 3);
	assert_int_equal(end.last_us, FIXTURE_TIME_US + 3);
	assert_int_equal(end.last_id, 4965);
	assert_int_equal(end.applied, 9);
	eventlog_free(l);
	fixture_done(&f);
}

/* By netns name, daemon and key; over segments that are gone, and in a group of its own. */
static void kept_totals_outlive_their_segment(void **state)
{
	struct restored restored = { 0 };
	struct eventlog_verdict v;
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	char names[64][32];
	size_t n;

	(void)state;
	fixture_init(&f);
	f.segment_size = 4000;
	l = fixture_reopen(&f, &end);
	append_statistic_of(l, "init", 0, "quickmode.key_additions", 10);
	append_statistic_of(l, "init", 1, "mainmode.ike_main_mode", 20);
	append_statistic_of(l, "init", 2, "mainmode.ike_main_mode", 30);
	append_statistic_of(l, "red", 0, "quickmode.key_additions", 40);
	append_statistic_of(l, "init", 0, "quickmode.key_additions", 11);
	assert_true(eventlog_group_open(l));
	assert_int_equal(eventlog_group_events(l), 0);
	assert_int_equal(commit_group(l, 1), 0);
	for (uint64_t first = 1; first < 40; first += 3)
		write_group_of(l, first, first + 2);
	eventlog_free(l);
	n = segment_names(&f, names, 64);
	assert_true(n > 3);
	for (size_t i = 0; i + 1 < n; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "log/%.31s", names[i]);
		assert_int_equal(unlinkat(f.dir_fd, path, 0), 0);
	}
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.statistics, 4);
	assert_int_equal(restored.readings, 1);
	append_statistic_of(l, "red", 0, "quickmode.key_additions", 41);
	assert_int_equal(commit_group(l, 2), 0);
	eventlog_free(l);
	restored = (struct restored){ 0 };
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(restored.statistics, 4);
	assert_string_equal(restored.netns, "red");
	assert_string_equal(restored.key, "quickmode.key_additions");
	assert_int_equal(restored.statistic.total, 41);
	assert_int_equal(restored.statistic.since, 40);
	assert_int_equal(restored.statistic.base, 39);
	assert_int_equal(restored.statistic.service, (uint64_t)123456 << 22 | 999);
	assert_true(restored.statistic.before);
	eventlog_free(l);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_totals_outlive_their_segment),
		cmocka_unit_test(an_empty_directory_becomes_a_log),
		cmocka_unit_test(what_was_committed_is_told_at_the_next_start),
		cmocka_unit_test(events_are_shown_once_they_are_committed),
		cmocka_unit_test(segments_follow_each_other),
		cmocka_unit_test(a_scan_goes_both_ways_and_skips_segments),
		cmocka_unit_test(retention_removes_the_oldest_and_totals_stay),
		cmocka_unit_test(a_second_monitor_is_refused),
		cmocka_unit_test(foreign_and_future_directories_are_refused),
		cmocka_unit_test(segments_without_events_get_names_too),
		cmocka_unit_test(the_last_event_may_lie_in_an_older_segment),
	};

	return cmocka_run_group_tests_name("store/eventlog", tests, NULL, NULL);
}
