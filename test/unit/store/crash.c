/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logfixture.h"

/* What a crash or a power loss leaves: any prefix of the last group, or worse. */

#define SECOND "00000000000000000003.jsonl"

/* Two groups in one segment; the file after the first and after both. */
struct two_groups {
	char *p;
	size_t first, both;
};

static void make_two_groups(struct logfixture *f, struct two_groups *g)
{
	struct eventlog_end end;
	struct eventlog *l = fixture_reopen(f, &end);
	char *p;

	write_group_of(l, 1, 2);
	p = read_log_file(f, "00000000000000000001.jsonl", &g->first);
	free(p);
	write_group_of(l, 3, 4);
	g->p = read_log_file(f, "00000000000000000001.jsonl", &g->both);
	eventlog_free(l);
}

/* Recovery of what lies there: the whole log holds. */
static struct eventlog *recover(struct logfixture *f, uint64_t last_seq, uint64_t torn)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct eventlog *l = NULL;

	assert_int_equal(fixture_open(f, &restored, &end, &l), 0);
	assert_int_equal(restored.kernel, last_seq); /* no reading without its commit line */
	assert_int_equal(restored.events, last_seq);
	assert_int_equal(end.last_seq, last_seq);
	assert_int_equal(end.applied, last_seq);
	assert_int_equal(end.torn, torn);
	assert_int_equal(end.damaged_line, 0);
	assert_int_equal(verify(f, &v), last_seq > 0 ? 0 : -ENOENT);
	assert_int_equal(v.events, last_seq);
	assert_int_equal(v.uncommitted + v.torn, 0);
	return l;
}

/* And it does so after one more group. */
static void recover_and_go_on(struct logfixture *f, uint64_t last_seq, uint64_t torn)
{
	struct eventlog *l = recover(f, last_seq, torn);
	struct eventlog_verdict v = { 0 };

	write_group_of(l, last_seq + 1, last_seq + 2);
	eventlog_free(l);
	assert_int_equal(verify(f, &v), 0);
	assert_int_equal(v.events, last_seq + 2);
	assert_int_equal(scan_events(f), last_seq + 2);
}

static void every_prefix_of_the_last_group_is_cut(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct two_groups g;
	struct logfixture f;

	(void)state;
	fixture_init(&f);
	make_two_groups(&f, &g);
	for (size_t n = g.first; n <= g.both; n++) {
		uint64_t last = n == g.both ? 4 : 2;

		write_log_file(&f, "00000000000000000001.jsonl", g.p, n);
		assert_int_equal(verify(&f, &v), 0); /* unfinished is no fault */
		assert_int_equal(scan_events(&f), last);
		assert_true(n == g.first || n == g.both || v.uncommitted + v.torn > 0);
		assert_int_equal(v.torn > 0, strncmp(v.reason, "torn tail", 9) == 0);
		if (n % 64 == 0)
			recover_and_go_on(&f, last, last == 4 ? 0 : n - g.first);
		else
			eventlog_free(recover(&f, last, last == 4 ? 0 : n - g.first));
	}
	free(g.p);
	fixture_done(&f);
}

static void every_prefix_of_a_new_segment_is_removed(void **state)
{
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	char *p, *first, names[4][32];
	size_t n, n_first;

	(void)state;
	fixture_init(&f);
	f.segment_size = 100;
	l = fixture_reopen(&f, &end);
	write_group_of(l, 1, 2);
	write_group_of(l, 3, 4);
	eventlog_free(l);
	p = read_log_file(&f, SECOND, &n);
	first = read_log_file(&f, "00000000000000000001.jsonl", &n_first);
	f.segment_size = 1 << 20;
	for (size_t i = 0; i < n; i++) {
		write_log_file(&f, "00000000000000000001.jsonl", first, n_first);
		write_log_file(&f, SECOND, p, i);
		if (i % 64 == 0)
			recover_and_go_on(&f, 2, i);
		else
			eventlog_free(recover(&f, 2, i));
		assert_int_equal(segment_names(&f, names, 4), 1); /* the older one went on */
	}
	free(p);
	free(first);
	fixture_done(&f);
}

/* The first segment of all, empty or with half a head. */
static void a_log_that_was_only_being_begun_is_empty(void **state)
{
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;

	(void)state;
	fixture_init(&f);
	eventlog_free(fixture_reopen(&f, &end));
	write_log_file(&f, "00000000000000000001.jsonl", "", 0);
	l = fixture_reopen(&f, &end);
	assert_true(end.empty);
	eventlog_free(l);
	write_log_file(&f, "00000000000000000001.jsonl", "{\"type\":\"head\",\"sch", 19);
	recover_and_go_on(&f, 0, 19);
	fixture_done(&f);
}

/* Blocks that were allocated but never written read as zeroes. */
static void a_tail_of_zeroes_is_cut(void **state)
{
	struct two_groups g;
	struct logfixture f;

	(void)state;
	fixture_init(&f);
	make_two_groups(&f, &g);
	memset(g.p + g.first + 10, 0, g.both - g.first - 10);
	write_log_file(&f, "00000000000000000001.jsonl", g.p, g.both);
	recover_and_go_on(&f, 2, g.both - g.first);
	free(g.p);
	fixture_done(&f);
}

static void damage_is_kept_and_named_and_a_new_segment_begins(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct two_groups g;
	struct logfixture f;
	struct eventlog *l;
	char names[4][32], *at, *after;
	size_t n;

	(void)state;
	fixture_init(&f);
	make_two_groups(&f, &g);
	at = strstr(g.p, "\"seq\":3,"); /* line 6, the first of the second group */
	at[6] = '1';
	write_log_file(&f, "00000000000000000001.jsonl", g.p, g.both);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(end.damaged_line, 6);
	assert_string_equal(end.damaged_segment, "00000000000000000001.jsonl");
	assert_int_equal(end.torn, 0);
	assert_int_equal(end.last_seq, 4); /* what can be read still counts */
	assert_int_equal(end.applied, 4);
	assert_int_equal(restored.kernel, 4);
	assert_int_equal(restored.events, 4);
	write_group_of(l, 5, 6);
	eventlog_free(l);
	assert_int_equal(segment_names(&f, names, 4), 2);
	assert_string_equal(names[1], "00000000000000000005.jsonl");
	after = read_log_file(&f, names[0], &n);
	assert_int_equal(n, g.both);
	assert_memory_equal(after, g.p, n); /* the evidence is untouched */
	free(after);
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_int_equal(v.line, 6);
	assert_string_equal(v.segment, names[0]);
	/* Nor can it be hidden, by cutting the segment before the damage or by mending that. */
	write_log_file(&f, names[0], g.p, g.first);
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_string_equal(v.segment, names[1]);
	at[6] = '3';
	write_log_file(&f, names[0], g.p, g.both);
	assert_int_equal(verify(&f, &v), -EBADMSG);
	assert_string_equal(v.segment, names[1]);
	free(g.p);
	fixture_done(&f);
}

/* A group whose commit line is there, but not all of what it covers, was no mere crash. */
static void a_hole_before_a_commit_line_is_damage(void **state)
{
	struct eventlog_end end;
	struct two_groups g;
	struct logfixture f;
	struct eventlog *l;

	(void)state;
	fixture_init(&f);
	make_two_groups(&f, &g);
	memset(g.p + g.first + 5, 0, 20);
	write_log_file(&f, "00000000000000000001.jsonl", g.p, g.both);
	l = fixture_reopen(&f, &end);
	assert_int_equal(end.torn, 0);
	assert_int_equal(end.damaged_line, 6);
	assert_int_equal(end.last_seq, 4); /* so no seq is given twice */
	eventlog_free(l);
	free(g.p);
	fixture_done(&f);
}

/* Damaged down to the head: its totals come from the segment before. */
static void a_damaged_head_costs_no_reading(void **state)
{
	struct restored restored = { 0 };
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l;
	char *p, names[4][32];
	size_t n;

	(void)state;
	fixture_init(&f);
	f.segment_size = 100;
	l = fixture_reopen(&f, &end);
	append_reading_of(l, "XfrmInError", 5);
	write_group_of(l, 1, 2);
	write_group_of(l, 3, 4);
	eventlog_free(l);
	p = read_log_file(&f, SECOND, &n);
	memset(p, '#', 30);
	write_log_file(&f, SECOND, p, n);
	assert_int_equal(fixture_open(&f, &restored, &end, &l), 0);
	assert_int_equal(end.damaged_line, 1);
	assert_int_equal(restored.readings, 2);
	assert_int_equal(end.last_seq, 4);
	write_group_of(l, 5, 5);
	assert_int_equal(segment_names(&f, names, 4), 3);
	eventlog_free(l);
	free(p);
	/* The new segment is number 3, as if the damaged one were sound. */
	p = read_log_file(&f, names[2], &n);
	assert_non_null(strstr(p, "\"segment\":3,"));
	free(p);
	fixture_done(&f);
}

static void garbage_of_any_kind_is_damage_not_death(void **state)
{
	static const char *const garbage[] = { "\n", "x\n", "{}\n", "{\"type\":\"head\"}\n",
		"{\"type\":\"commit\",\"h\":\"0123456789abcdef\"}\n\n\n" };
	struct eventlog_verdict v = { 0 };
	struct eventlog_end end;
	char names[4][32];

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		struct logfixture f;
		struct eventlog *l;

		fixture_init(&f);
		eventlog_free(fixture_reopen(&f, &end));
		write_log_file(&f, "00000000000000000001.jsonl", garbage[i], strlen(garbage[i]));
		l = fixture_reopen(&f, &end);
		assert_int_equal(end.damaged_line, 1);
		write_group_of(l, 1, 2);
		eventlog_free(l);
		assert_int_equal(segment_names(&f, names, 4), 2);
		assert_string_equal(names[1], "00000000000000000001r001.jsonl");
		assert_int_equal(verify(&f, &v), -EBADMSG);
		assert_int_equal(v.line, 1);
		assert_int_equal(scan_events(&f), 2);
		l = fixture_reopen(&f, &end);
		assert_int_equal(end.damaged_line, 0);
		assert_int_equal(end.last_seq, 2);
		eventlog_free(l);
		fixture_done(&f);
	}
}

/* Numbers that nobody reaches must not lead to lines that nobody can read. */
static void a_made_up_seq_is_refused(void **state)
{
	struct eventlog_end end;
	struct logfixture f;
	struct eventlog *l = NULL;

	(void)state;
	fixture_init(&f);
	l = fixture_reopen(&f, &end);
	write_group_of(l, 1, 2);
	l = eventlog_free(l);
	write_log_file(&f, "18446744073709551615.jsonl", "x\n", 2);
	assert_int_equal(fixture_open(&f, NULL, &end, &l), -EBADMSG);
	assert_null(l);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix_of_the_last_group_is_cut),
		cmocka_unit_test(every_prefix_of_a_new_segment_is_removed),
		cmocka_unit_test(a_log_that_was_only_being_begun_is_empty),
		cmocka_unit_test(a_tail_of_zeroes_is_cut),
		cmocka_unit_test(damage_is_kept_and_named_and_a_new_segment_begins),
		cmocka_unit_test(a_hole_before_a_commit_line_is_damage),
		cmocka_unit_test(a_damaged_head_costs_no_reading),
		cmocka_unit_test(garbage_of_any_kind_is_damage_not_death),
		cmocka_unit_test(a_made_up_seq_is_refused),
	};

	return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
