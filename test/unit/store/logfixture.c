/* SPDX-License-Identifier: Apache-2.0 */
#include "logfixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/headsfile.h"
#include "store/logline.h"

void fixture_init(struct logfixture *f)
{
	*f = (struct logfixture){ .segment_size = 1 << 20 };
	/* In memory where there is such a place: thousands of fdatasync() take their time on a
	 * disk. */
	(void)snprintf(f->path, sizeof(f->path), "%s/ipsecmon-log-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dir_fd >= 0);
}

void fixture_done(struct logfixture *f)
{
	char names[64][32];
	size_t n;

	while ((n = segment_names(f, names, 64)) > 0) {
		for (size_t i = 0; i < n; i++) {
			char path[64];

			(void)snprintf(path, sizeof(path), "log/%.31s", names[i]);
			(void)unlinkat(f->dir_fd, path, 0);
			(void)snprintf(path, sizeof(path), "log/%.31s.zst", names[i]);
			(void)unlinkat(f->dir_fd, path, 0);
		}
	}
	(void)unlinkat(f->dir_fd, "log", AT_REMOVEDIR);
	(void)unlinkat(f->dir_fd, "version", 0);
	(void)unlinkat(f->dir_fd, "lock", 0);
	(void)unlinkat(f->dir_fd, HEADS_FILE, 0);
	(void)unlinkat(f->dir_fd, KEYS_FILE, 0);
	(void)close(f->dir_fd);
	assert_int_equal(rmdir(f->path), 0);
}

static void take_reading(void *userdata, const char *boot, uint64_t cookie, const char *netns,
	const char *counter, uint64_t kernel, uint64_t attributed, uint64_t unattributed,
	uint64_t suppressed)
{
	struct restored *r = userdata;

	assert_int_equal(cookie, 4711);
	assert_int_equal(kernel, attributed + unattributed + suppressed);
	r->readings++;
	r->kernel = kernel;
	(void)snprintf(r->counter, sizeof(r->counter), "%s", counter);
	(void)snprintf(r->boot, sizeof(r->boot), "%s", boot);
	(void)snprintf(r->netns, sizeof(r->netns), "%s", netns ? netns : "");
}

static void take_statistic(void *userdata, const struct eventlog_statistic *s)
{
	struct restored *r = userdata;

	r->statistics++;
	r->statistic = *s;
	(void)snprintf(r->key, sizeof(r->key), "%s", s->key);
	(void)snprintf(r->boot, sizeof(r->boot), "%s", s->boot);
	(void)snprintf(r->netns, sizeof(r->netns), "%s", s->netns ? s->netns : "");
}

static void take_event(void *userdata, struct span line)
{
	struct restored *r = userdata;

	r->events++;
	assert_true(logline_seq(line, &r->last_seq));
}

int fixture_open(struct logfixture *f, struct restored *ret_restored, struct eventlog_end *ret_end,
	struct eventlog **ret)
{
	struct eventlog_options o = { .dir_fd = f->dir_fd,
		.host = "gw1",
		.boot = "boot-1",
		.segment_size = f->segment_size,
		.keep_size = f->keep_size,
		.keep_age_s = f->keep_age_s };
	struct eventlog_restore restore = { .userdata = ret_restored,
		.reading = take_reading,
		.statistic = take_statistic,
		.event = take_event };
	struct diag d = { "" };
	int r = eventlog_open(&o, ret_restored ? &restore : NULL, ret_end, ret, &d);

	if (r < 0) {
		assert_string_not_equal(d.text, "");
		print_message("# %s\n", d.text);
	}
	return r;
}

struct eventlog *fixture_reopen(struct logfixture *f, struct eventlog_end *ret_end)
{
	struct eventlog *l = NULL;

	assert_int_equal(fixture_open(f, NULL, ret_end, &l), 0);
	return l;
}

void append_event(struct eventlog *l, uint64_t seq)
{
	struct event e = { .seq = seq,
		.time_us = FIXTURE_TIME_US + seq,
		.id = 4965,
		.name = "unknown_spi",
		.log = "security",
		.subcategory = "IPsec Driver",
		.outcome = "failure",
		.level = "warning",
		.count = 1,
		.counter = "XfrmInNoStates",
		.host = "gw1",
		.boot = "boot-1",
		.netns = "init",
		.has_spi = true,
		.spi = (uint32_t)(seq * 2654435761u) };

	(void)snprintf(e.message, sizeof(e.message), "\"no\" SA for \xc3\xa9\n{%u}", e.spi);
	(void)snprintf(e.detail, sizeof(e.detail), "{\"n\":\n%u}", e.spi % 1000);
	eventlog_event(l, &e);
}

void append_reading_of(struct eventlog *l, const char *counter, uint64_t kernel)
{
	eventlog_reading(l, &(struct eventlog_totals){ .time_us = FIXTURE_TIME_US + kernel,
				    .boot = "boot-1",
				    .netns = "init",
				    .cookie = 4711,
				    .counter = counter,
				    .kernel = kernel,
				    .attributed = kernel - kernel / 3,
				    .unattributed = kernel / 3 });
}

void append_statistic_of(
	struct eventlog *l, const char *netns, uint8_t daemon, const char *key, uint64_t total)
{
	const struct eventlog_statistic s = { .time_us = FIXTURE_TIME_US,
		.cookie = 4711,
		.service = (uint64_t)123456 << 22 | 999,
		.total = total,
		.since = total - 1,
		.base = total - 2,
		.daemon = daemon,
		.before = daemon == 0,
		.boot = "boot-1",
		.netns = netns,
		.key = key };

	eventlog_statistic(l, &s);
}

int commit_group(struct eventlog *l, uint64_t applied)
{
	struct eventlog_commit c = { .time_us = FIXTURE_TIME_US + applied,
		.epoch = 7,
		.applied = applied,
		.n_pending = 2,
		.pending = { { applied / 2, applied / 2 + 1 }, { applied, applied } } };

	return eventlog_commit(l, &c, NULL, NULL);
}

void write_group_of(struct eventlog *l, uint64_t first, uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++)
		append_event(l, seq);
	append_reading_of(l, "XfrmInNoStates", last);
	assert_int_equal(commit_group(l, last), 0);
}

void key_init(struct fixture_key *k, uint8_t of)
{
	memset(k->secret, of, sizeof(k->secret));
	assert_int_equal(secret_public(k->secret, &k->key), 0);
}

void introduce_key(struct logfixture *f, const struct fixture_key *k, uint64_t number,
	const struct fixture_key *by)
{
	struct introduction i = {
		.key = k->key, .number = number, .host = "gw1", .time_us = FIXTURE_TIME_US
	};
	CLEANUP_BUF struct buf text = { 0 };
	int fd = openat(f->dir_fd, KEYS_FILE, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	by = by ? by : k;
	memcpy(i.by, by->key.fingerprint, sizeof(i.by));
	assert_int_equal(introduction_write(&i, by->secret, &text), 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	(void)close(fd);
}

void sign_place(struct logfixture *f, const struct eventlog_place *p, const struct fixture_key *k,
	uint64_t number)
{
	struct signed_head head = { .number = number,
		.host = "gw1",
		.boot = "boot-1",
		.time_us = FIXTURE_TIME_US + number,
		.segment = p->segment,
		.line = p->line,
		.seq = p->seq };
	CLEANUP(headsfile) struct headsfile *file = NULL;
	CLEANUP_BUF struct buf line = { 0 };
	struct diag d;

	memcpy(head.digest, p->digest, DIGEST_SIZE);
	assert_int_equal(signed_head_write(&head, k->secret, &k->key, &line), 0);
	assert_int_equal(headsfile_open(f->dir_fd, &file, &d), 0);
	assert_int_equal(headsfile_append(file, buf_span(&line)), 0);
}

void sign_log(struct logfixture *f, const struct eventlog *l, const struct fixture_key *k,
	uint64_t number)
{
	struct eventlog_place place;

	assert_true(eventlog_place(l, &place));
	sign_place(f, &place, k, number);
}

int verify(struct logfixture *f, struct eventlog_verdict *ret)
{
	struct diag d = { "" };
	int r = eventlog_verify(f->dir_fd, NULL, ret, &d);

	if (r < 0)
		assert_string_not_equal(d.text, "");
	return r;
}

static bool count_event(void *userdata, struct span line)
{
	size_t *n = userdata;
	uint64_t seq;

	if (logline_kind(line) != LOGLINE_EVENT)
		return true;
	assert_true(logline_seq(line, &seq));
	assert_int_equal(seq, ++*n);
	return true;
}

size_t scan_events(struct logfixture *f)
{
	struct diag d = { "" };
	size_t n = 0;

	assert_int_equal(eventlog_scan(f->dir_fd, 0, false, count_event, &n, &d), 0);
	return n;
}

size_t segment_names(struct logfixture *f, char ret[][32], size_t max)
{
	struct eventlog_segment *segments = NULL;
	size_t n = 0, i;

	assert_int_equal(eventlog_segments(f->dir_fd, &segments, &n), 0);
	for (i = 0; i < n && i < max; i++)
		memcpy(ret[i], segments[i].name, sizeof(ret[i]));
	free(segments);
	return i;
}

static int open_log_file(struct logfixture *f, const char *name, int flags)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "log/%.40s", name);
	fd = openat(f->dir_fd, path, flags | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	return fd;
}

char *read_log_file(struct logfixture *f, const char *name, size_t *ret_n)
{
	int fd = open_log_file(f, name, O_RDONLY);
	struct stat st;
	char *p;

	assert_int_equal(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size + 1);
	assert_non_null(p);
	assert_int_equal(pread(fd, p, (size_t)st.st_size, 0), st.st_size);
	p[st.st_size] = '\0';
	(void)close(fd);
	*ret_n = (size_t)st.st_size;
	return p;
}

void write_log_file(struct logfixture *f, const char *name, const char *p, size_t n)
{
	int fd = open_log_file(f, name, O_WRONLY | O_CREAT | O_TRUNC);

	assert_int_equal(pwrite(fd, p, n, 0), (ssize_t)n);
	(void)close(fd);
}
