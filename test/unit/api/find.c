/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/index.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/plan.h"
#include "base/map.h"
#include "logfixture.h"

/*
 * One thing is to hold whatever happens to the index: an answer that it helped with is the answer
 * of a plain scan. Logs and questions are random, the seed is fixed.
 */
#define EVENTS 2000u
#define QUESTIONS 40u
#define PART_EVENTS 400u

struct world {
	struct logfixture log;
	struct eventlog *writer;
	uint64_t seq, state;
	struct index *index;
	unsigned told;
	uint64_t found; /* lines that came through the index */
};

static uint64_t random_u64(struct world *w)
{
	uint64_t z = w->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static const char *pick(struct world *w, const char *const *from, size_t n)
{
	return from[random_u64(w) % n];
}
#define PICK(w, from) pick(w, from, ARRAY_LEN(from))

static const char *const sources[] = { "10.1.2.3", "10.1.2.77", "10.1.9.1", "10.200.0.1",
	"192.0.2.1", "2001:db8::1", "2001:db8:0:1::9", "fe80::1", "" };
static const char *const names[] = { "init", "paris", "Paris", "a b", "\xc3\xa9t\xc3\xa9", "" };
static const char *const messages[] = { "integrity check failed from 10.1.2.3",
	"no SA for the SPI 0xdeadbeef: \"ours\" until 12 s ago", "tunnel paris-1 is up", "",
	"sequence number 4711, replayed (late)", "Link ETH0 went\nand came" };
static const uint32_t ids[] = { 4960, 4961, 4965, 10111, 10212 };

static void append_random(struct world *w)
{
	struct event e = { .seq = ++w->seq,
		.time_us = FIXTURE_TIME_US + w->seq * 1000000u,
		.id = ids[random_u64(w) % ARRAY_LEN(ids)],
		.name = "x",
		.log = "security",
		.level = random_u64(w) % 9 ? "warning" : "error",
		.host = "gw1",
		.boot = "boot-1",
		.count = random_u64(w) % 3 };
	const char *source = PICK(w, sources);

	if (random_u64(w) % 40 == 0) /* somebody set the clock */
		e.time_us -= random_u64(w) % 2000u * 1000000u;
	if (random_u64(w) % 3)
		e.counter = "XfrmInNoStates";
	e.netns = PICK(w, names);
	if (*source)
		assert_int_equal(addr_parse(source, &e.src), 0);
	if (random_u64(w) % 2)
		assert_int_equal(addr_parse("192.0.2.9", &e.dst), 0);
	e.has_spi = random_u64(w) % 4;
	e.spi = (uint32_t)(0xc0ffee00u + random_u64(w) % 20);
	(void)snprintf(e.tunnel, sizeof(e.tunnel), "%s", PICK(w, names));
	(void)snprintf(e.message, sizeof(e.message), "%s", PICK(w, messages));
	eventlog_event(w->writer, &e);
}

static void grow(struct world *w, unsigned events)
{
	for (unsigned i = 0; i < events; i++) {
		append_random(w);
		if (random_u64(w) % 7 == 0)
			append_reading_of(w->writer, "XfrmInNoStates", w->seq);
		if (random_u64(w) % 10 == 0)
			assert_int_equal(commit_group(w->writer, w->seq), 0);
	}
	assert_int_equal(commit_group(w->writer, w->seq), 0);
}

static void on_told(void *userdata, const char *what)
{
	struct world *w = userdata;

	print_message("# %s\n", what);
	w->told++;
}

static void open_index(struct world *w, const char *boot)
{
	const struct index_options o = { .state_fd = w->log.dir_fd,
		.boot = boot,
		.part_events = PART_EVENTS,
		.told = on_told,
		.userdata = w };

	assert_int_equal(index_open(&o, &w->index), 0);
}

/* Follows at most so many lines; UINT_MAX: to the end. */
static void follow(struct world *w, unsigned lines)
{
	uint64_t now_ns = 1;

	while (lines > 0) {
		unsigned step = lines < 50 ? lines : 50;

		now_ns += 100000000;
		if (index_follow(w->index, w->seq, step, now_ns) <= 0)
			break;
		if (lines != UINT32_MAX)
			lines -= step;
	}
}

static void world_init_sized(struct world *w, uint64_t seed, uint64_t segment_size)
{
	struct eventlog_end end;

	*w = (struct world){ .state = seed };
	fixture_init(&w->log);
	w->log.segment_size = segment_size;
	w->writer = fixture_reopen(&w->log, &end);
	grow(w, EVENTS);
	open_index(w, "boot-1");
}

static void world_init(struct world *w, uint64_t seed)
{
	world_init_sized(w, seed, 60000);
}

static void index_files_each(struct world *w, void (*each)(struct world *w, const char *path))
{
	char pattern[128];
	glob_t found;

	(void)snprintf(pattern, sizeof(pattern), "%s/index/*", w->log.path);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			each(w, found.gl_pathv[i]);
		globfree(&found);
	}
}

static void remove_file(struct world *w, const char *path)
{
	(void)w;
	(void)unlink(path);
}

static void world_done(struct world *w)
{
	w->index = index_close(w->index);
	w->writer = eventlog_free(w->writer);
	index_files_each(w, remove_file);
	(void)unlinkat(w->log.dir_fd, "index", AT_REMOVEDIR);
	fixture_done(&w->log);
}

/* A question as somebody might type it. */
struct typed {
	char ids[32], since[40], until[40], words[64], where[256];
};

static void type_random(struct world *w, struct typed *t)
{
	static const char *const id_lists[] = { "", "", "4960", "4965,10111", "4242" };
	static const char *const words[] = { "", "", "", "integrity", "10.1.2.3", "SPI ago", "seq*",
		"0xDEADBEEF: no", "eth0", "nowhere" };
	static const char *const terms[] = { "src=10.1.2.3", "src=10.1.0.0/16", "src=10.1.2.0/24",
		"src=10.0.0.0/8", "src=2001:db8::/32", "src=2001:db8::1", "src=null", "dst!=null",
		"netns=paris", "netns=Paris", "netns=\"a b\"", "netns=par*", "netns=null",
		"netns=\xc3\xa9t\xc3\xa9", "spi=0xc0ffee03", "spi>0xc0ffee10", "id=4961",
		"id!=4960", "level=error", "counter=XfrmInNoStates", "counter!=null",
		"tunnel=paris", "count>0", "dst=192.0.2.9", "id=4960", "seq<700",
		"message=\"tunnel paris-1 is up\"" };
	unsigned n = (unsigned)(random_u64(w) % 4);

	*t = (struct typed){ 0 };
	(void)snprintf(t->ids, sizeof(t->ids), "%s", PICK(w, id_lists));
	(void)snprintf(t->words, sizeof(t->words), "%s", PICK(w, words));
	if (random_u64(w) % 4 == 0)
		(void)snprintf(t->since, sizeof(t->since), "%llu",
			(unsigned long long)(FIXTURE_TIME_US / 1000000u + random_u64(w) % w->seq));
	if (random_u64(w) % 4 == 0)
		(void)snprintf(t->until, sizeof(t->until), "%llu",
			(unsigned long long)(FIXTURE_TIME_US / 1000000u + random_u64(w) % w->seq));
	while (n-- > 0)
		(void)snprintf(t->where + strlen(t->where), sizeof(t->where) - strlen(t->where),
			"%s%s", t->where[0] ? "," : "", PICK(w, terms));
}

struct lines_seen {
	uint64_t n, hash;
};

/* All that match, by the index or without. Now and then `between` happens in the midst of it. */
static struct lines_seen answer(struct world *w, struct index *x, const struct filter *f,
	bool newest_first, void (*between)(struct world *w))
{
	CLEANUP(index_question) struct index_question *q = NULL;
	CLEANUP(index_find) struct index_find *find = NULL;
	struct lines_seen seen = { 0 };
	struct span line;
	int r;

	assert_int_equal(plan_question(f, &q), 0);
	assert_int_equal(index_find_new(x, w->log.dir_fd, q, newest_first, &find), 0);
	do {
		unsigned budget = 100;

		while ((r = index_find_next(find, &budget, &line)) == 1) {
			if (!filter_match(f, line))
				continue;
			seen.n++;
			seen.hash = hash_octets(line.p, line.n, seen.hash);
		}
		if (between && r == -EAGAIN)
			between(w);
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
	w->found += index_find_found(find);
	return seen;
}

static void compare_asking(struct world *w, unsigned questions, void (*between)(struct world *w))
{
	for (unsigned i = 0; i < questions; i++) {
		struct lines_seen with, without;
		struct filter f = { 0 };
		struct typed t;
		bool newest_first = random_u64(w) % 2;
		struct diag d = { "" };

		type_random(w, &t);
		if (filter_init(&f,
			    &(struct filter_text){ .ids = t.ids,
				    .since = t.since,
				    .until = t.until,
				    .words = t.words,
				    .query = { .where = t.where } },
			    FIXTURE_TIME_US, &d) < 0)
			fail_msg("%s", d.text);
		without = answer(w, NULL, &f, newest_first, NULL);
		with = answer(w, w->index, &f, newest_first, between);
		if (with.n != without.n || with.hash != without.hash)
			fail_msg("id=%s since=%s until=%s text=%s where=%s %s: %llu lines with the "
				 "index, %llu without",
				t.ids, t.since, t.until, t.words, t.where,
				newest_first ? "newest first" : "oldest first",
				(unsigned long long)with.n, (unsigned long long)without.n);
		filter_done(&f);
	}
}

static void compare(struct world *w)
{
	compare_asking(w, QUESTIONS, NULL);
}

static void answers_are_those_of_a_scan(void **state)
{
	struct index_status status;
	struct world w;

	(void)state;
	world_init(&w, 1);
	compare(&w); /* nothing is indexed */
	assert_int_equal(w.found, 0);
	for (unsigned i = 0; i < 10; i++) { /* … a part of it is */
		follow(&w, 250);
		compare(&w);
	}
	follow(&w, UINT32_MAX);
	index_status(w.index, &status);
	assert_int_equal(status.events, EVENTS);
	assert_int_equal(status.last_seq, EVENTS);
	assert_true(status.in_step);
	w.found = 0;
	compare(&w);
	assert_true(w.found > 0);
	grow(&w, 100); /* the tail is scanned */
	compare(&w);
	follow(&w, UINT32_MAX);
	compare(&w);
	index_status(w.index, &status);
	assert_int_equal(status.last_seq, EVENTS + 100);
	assert_int_equal(w.told, 0);
	world_done(&w);
}

static void kept_over_a_restart(void **state)
{
	struct index_status status;
	struct world w;

	(void)state;
	world_init(&w, 2);
	follow(&w, 1477);
	w.index = index_close(w.index);
	open_index(&w, "boot-2"); /* it was closed well: another boot may trust it */
	index_status(w.index, &status);
	assert_true(status.events >= 1000);
	compare(&w);
	follow(&w, UINT32_MAX);
	compare(&w);
	assert_int_equal(w.told, 0);
	world_done(&w);
}

static void another_boot_does_not_trust_what_was_not_closed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 3);
	follow(&w, UINT32_MAX);
	grow(&w, 20);
	follow(&w, UINT32_MAX);
	w.index = index_free(w.index); /* as if the power went */
	open_index(&w, "boot-2");
	assert_true(w.told > 0);
	compare(&w);
	follow(&w, UINT32_MAX);
	compare(&w);
	world_done(&w);
}

/* Killed at any moment, it is as it was a little before. */
static void a_kill_harms_nothing(void **state)
{
	struct index_status status;
	struct world w;

	(void)state;
	world_init(&w, 4);
	w.index = index_free(w.index);
	for (unsigned i = 0; i < 12; i++) {
		pid_t child = fork();
		int how;

		assert_true(child >= 0);
		if (child == 0) {
			unsigned lines = 100 + (unsigned)(w.state % 700);

			open_index(&w, "boot-1");
			follow(&w, lines);
			(void)raise(SIGKILL);
		}
		assert_int_equal(waitpid(child, &how, 0), child);
		(void)random_u64(&w);
		open_index(&w, "boot-1");
		compare_asking(&w, 10, NULL);
		w.index = index_free(w.index);
	}
	open_index(&w, "boot-1");
	assert_int_equal(w.told, 0);
	follow(&w, UINT32_MAX);
	index_status(w.index, &status);
	assert_int_equal(status.events, EVENTS);
	compare(&w);
	world_done(&w);
}

static void spoil_file(struct world *w, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t size;

	if (fd < 0) /* a part that went with the first of its files */
		return;
	size = lseek(fd, 0, SEEK_END);
	if (random_u64(w) % 8 == 0 && size > 0) {
		assert_int_equal(ftruncate(fd, (off_t)(random_u64(w) % (uint64_t)size)), 0);
	} else if (size > 0) {
		uint64_t octets = random_u64(w);

		(void)!pwrite(fd, &octets, 1 + random_u64(w) % 8,
			(off_t)(random_u64(w) % (uint64_t)size));
	}
	(void)close(fd);
}

static void spoil_some(struct world *w)
{
	if (random_u64(w) % 6 == 0)
		index_files_each(w, spoil_file);
}

static void damage_is_found_out(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 5);
	for (unsigned i = 0; i < 20; i++) {
		follow(&w, UINT32_MAX);
		w.index = index_close(w.index);
		index_files_each(&w, spoil_file);
		open_index(&w, "boot-1");
		compare_asking(&w, 15, NULL);
	}
	assert_true(w.told > 10);
	/* … also while it is in use, and in the midst of answers. */
	for (unsigned i = 0; i < 5; i++) {
		follow(&w, UINT32_MAX);
		compare_asking(&w, 25, spoil_some);
	}
	follow(&w, UINT32_MAX);
	compare(&w);
	world_done(&w);
}

static void the_index_of_another_log_is_not_used(void **state)
{
	struct world w, other;
	char command[256];

	(void)state;
	world_init_sized(&w, 6, 1 << 30); /* both have one segment, of the same name */
	world_init_sized(&other, 7, 1 << 30);
	follow(&other, UINT32_MAX);
	other.index = index_close(other.index);
	w.index = index_close(w.index);
	(void)snprintf(
		command, sizeof(command), "cp %s/index/* %s/index/", other.log.path, w.log.path);
	assert_int_equal(system(command), 0);
	open_index(&w, "boot-1");
	assert_true(w.told > 0);
	compare(&w);
	assert_int_equal(w.found, 0);
	follow(&w, UINT32_MAX);
	compare(&w);
	assert_true(w.found > 0);
	open_index(&other, "boot-1");
	world_done(&other);
	world_done(&w);
}

static void seal_some(struct world *w)
{
	for (unsigned i = 0; i < 3; i++)
		assert_true(eventlog_seal(w->writer) >= 0);
}

/* A line stays where it was when its segment is sealed, also in the midst of an answer. */
static void sealing_changes_nothing(void **state)
{
	char found[64][32], path[128];
	struct index_status status;
	struct world w;

	(void)state;
	world_init(&w, 12);
	follow(&w, 1200);
	compare_asking(&w, 100, seal_some);
	while (eventlog_seal(w.writer) > 0)
		;
	compare(&w);
	follow(&w, UINT32_MAX);
	w.found = 0;
	compare(&w);
	index_status(w.index, &status);
	assert_int_equal(status.events, EVENTS);
	assert_true(w.found > 0);
	assert_int_equal(w.told, 0);
	/* One that can't be read at all has no lines, for either. */
	assert_true(segment_names(&w.log, found, 64) > 3);
	(void)snprintf(path, sizeof(path), "%s/log/%.31s.zst", w.log.path, found[1]);
	assert_int_equal(truncate(path, 10), 0);
	index_rebuild(w.index);
	compare(&w);
	follow(&w, UINT32_MAX);
	index_status(w.index, &status);
	assert_true(status.in_step && status.events < EVENTS);
	compare(&w);
	world_done(&w);
}

static void change_the_world(struct world *w)
{
	switch (random_u64(w) % 6) {
	case 0:
		follow(w, 100);
		break;
	case 1:
		index_rebuild(w->index);
		break;
	default:
		break;
	}
}

static void it_may_be_rebuilt_in_the_midst_of_an_answer(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 8);
	follow(&w, UINT32_MAX);
	compare_asking(&w, 150, change_the_world);
	follow(&w, UINT32_MAX);
	compare(&w);
	assert_int_equal(w.told, 0);
	world_done(&w);
}

static void remove_oldest(struct world *w)
{
	char found[64][32], path[64];

	assert_true(segment_names(&w->log, found, 64) > 2);
	(void)snprintf(path, sizeof(path), "log/%.31s", found[0]);
	assert_int_equal(unlinkat(w->log.dir_fd, path, 0), 0);
}

static void what_retention_took_is_forgotten(void **state)
{
	struct index_status before, after;
	struct world w;

	(void)state;
	world_init(&w, 9);
	follow(&w, UINT32_MAX);
	index_status(w.index, &before);
	for (unsigned i = 0; i < 6; i++) {
		remove_oldest(&w);
		compare_asking(&w, 20, NULL);
	}
	index_segments_changed(w.index);
	follow(&w, UINT32_MAX);
	index_status(w.index, &after);
	assert_true(after.size < before.size);
	compare(&w);
	assert_int_equal(w.told, 0);
	world_done(&w);
}

/* Lines as no writer of ours wrote them. */
static void foreign_lines_are_found_too(void **state)
{
	static const char foreign[] =
		"{\"seq\": 1, \"id\": 4960, \"src\": \"10.1.2.3\", \"message\": \"integrity\"}\n"
		"{\"v\":1,\"seq\":7,\"id\":4960,\"s\\u0072c\":\"10.1.2.3\",\"netns\":\"paris\"}\n"
		"{\"v\":1,\"seq\":7,\"time\":\"2026-01-01T02:00:00+02:00\",\"id\":4961,\"src\":"
		"\"10.1.2.3/32\",\"message\":\"\\u0069ntegrity\"}\n"
		"{\"v\":1,\"seq\":3,\"id\":4960,\"src\":\"2001:DB8:0:0::1\",\"spi\":3237998083.0,"
		"\"netns\":\"paris\",\"netns\":\"init\"}\n"
		"not even an event\n{\"v\":1,\"seq\":2}\n{\"v\":1,\"seq\":2,\"id\":4960,\"x\n";
	struct world w;
	char found[64][32], *text, *longer;
	size_t n, length;

	(void)state;
	world_init(&w, 10);
	n = segment_names(&w.log, found, 64);
	assert_true(n > 4);
	for (size_t i = 1; i + 1 < n; i += 2) {
		text = read_log_file(&w.log, found[i], &length);
		longer = malloc(length + sizeof(foreign));
		assert_non_null(longer);
		memcpy(longer, text, length);
		memcpy(longer + length, foreign, sizeof(foreign) - 1);
		write_log_file(&w.log, found[i], longer, length + sizeof(foreign) - 1);
		free(longer);
		free(text);
	}
	compare(&w);
	follow(&w, UINT32_MAX);
	w.found = 0;
	compare_asking(&w, 200, NULL);
	assert_true(w.found > 0);
	world_done(&w);
}

static int space = -1; /* octets that may still be written; -1: any */
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
	if (space < 0)
		return __real_pwrite64(fd, p, n, at);
	if ((size_t)space < n) {
		errno = ENOSPC;
		return -1;
	}
	space -= (int)n;
	return __real_pwrite64(fd, p, n, at);
}

static void a_full_disk_is_no_more_than_a_slow_answer(void **state)
{
	struct index_status status;
	struct world w;

	(void)state;
	world_init(&w, 11);
	for (unsigned i = 0; i < 20; i++) {
		space = (int)(random_u64(&w) % 400000);
		follow(&w, UINT32_MAX);
		compare_asking(&w, 10, NULL);
		w.index = index_free(w.index);
		space = i % 2 ? 0 : -1;
		open_index(&w, "boot-1");
		compare_asking(&w, 10, NULL);
	}
	space = 0;
	grow(&w, 10);
	index_rebuild(w.index);
	follow(&w, UINT32_MAX);
	index_status(w.index, &status);
	assert_non_null(status.error);
	compare(&w);
	space = -1;
	assert_int_equal(index_follow(w.index, w.seq, 10, 30000000000), -EAGAIN); /* it rests */
	assert_int_equal(index_follow(w.index, w.seq, 10, 90000000000), 1);
	follow(&w, UINT32_MAX);
	index_status(w.index, &status);
	assert_null(status.error);
	compare(&w);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_a_scan),
		cmocka_unit_test(kept_over_a_restart),
		cmocka_unit_test(another_boot_does_not_trust_what_was_not_closed),
		cmocka_unit_test(a_kill_harms_nothing),
		cmocka_unit_test(damage_is_found_out),
		cmocka_unit_test(the_index_of_another_log_is_not_used),
		cmocka_unit_test(it_may_be_rebuilt_in_the_midst_of_an_answer),
		cmocka_unit_test(sealing_changes_nothing),
		cmocka_unit_test(what_retention_took_is_forgotten),
		cmocka_unit_test(foreign_lines_are_found_too),
		cmocka_unit_test(a_full_disk_is_no_more_than_a_slow_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
