/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/events.h"
#include "cli/list.h"
#include "store/lines.h"
#include "store/logline.h"
#include "store/segments.h"
#include "view/filter.h"

/*
 * `audit scan`: events of a log directory or a copy, without monitor and index. Segments are
 * independent, so each processor takes one after the other; what matches is shown in their order.
 */
#define STATE_DIR "/var/lib/ipsecmon"
#define THREADS_MAX 16u
#define AHEAD 2u /* segments a thread that wait to be shown, at most */

struct scan {
	const struct filter *filter;
	int log_fd;
	struct eventlog_segment *segments;
	size_t n;
	bool newest_first;
	uint64_t limit;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t taken, shown; /* segments, in the order of the scan */
	size_t ahead;
	bool stop;
	struct result {
		struct buf text; /* matching lines, each with its newline */
		uint64_t lines;
		bool done;
		int error;
	} * results;
};

static size_t segment_of(const struct scan *s, size_t turn)
{
	return s->newest_first ? s->n - 1 - turn : turn;
}

static int scan_segment(const struct scan *s, size_t at, struct result *ret)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	int r = segtext_open(s->log_fd, s->segments[at].name, &text);
	struct span line;
	uint64_t end, seq;
	bool whole;

	if (r < 0)
		return r == -ENOENT || r == -EBADMSG ? 0 : r; /* as the monitor does */
	end = segtext_size(text);
	if (at + 1 == s->n)
		r = segment_committed_end(text, &end);
	lines_forward(&lines, text, end);
	while (r >= 0 && (r = lines_next(&lines, &line, &whole)) > 0) {
		if (!whole || logline_kind(line) != LOGLINE_EVENT ||
			!filter_match(s->filter, line) || !logline_seq(line, &seq))
			continue;
		buf_append(&ret->text, line.p, line.n);
		buf_char(&ret->text, '\n');
		ret->lines++;
	}
	return r == 0 && ret->text.failed ? -ENOMEM : r;
}

static void *work(void *opaque)
{
	struct scan *s = opaque;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->stop && s->taken < s->n) {
		struct result *result;
		size_t turn;
		int r;

		if (s->taken >= s->shown + s->ahead) {
			(void)pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		turn = s->taken++;
		result = &s->results[turn];
		(void)pthread_mutex_unlock(&s->lock);
		r = scan_segment(s, segment_of(s, turn), result);
		(void)pthread_mutex_lock(&s->lock);
		result->error = r;
		result->done = true;
		(void)pthread_cond_broadcast(&s->changed);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* The first lines of a result are passed over. */
static int show(struct events *e, const struct buf *text, uint64_t skip)
{
	const char *p = text->p, *end = text->p + text->n;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)(newline - p);

		if (skip > 0)
			skip--;
		else if (!events_take(e, span_of(p, n)))
			return e->error;
		p = newline + 1;
	}
	return 0;
}

/* Waits for the segment whose turn it is. */
static struct result *result_wait(struct scan *s, size_t turn)
{
	struct result *result = &s->results[turn];

	(void)pthread_mutex_lock(&s->lock);
	while (!result->done)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	s->shown = turn + 1;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	return result;
}

/* Results as they come; or, of the newest first, kept until there are enough. */
static int take_results(struct scan *s, struct events *e, const char *dir, struct diag *reterr)
{
	uint64_t lines = 0;
	size_t turn = 0;
	int r = 0;

	for (; turn < s->n && r == 0 && lines < s->limit; turn++) {
		struct result *result = result_wait(s, turn);

		if (result->error < 0)
			return diag_set(reterr, result->error, "%s: segment %s: %s", dir,
				s->segments[segment_of(s, turn)].name, strerror(-result->error));
		lines += result->lines;
		if (s->newest_first)
			continue;
		r = show(e, &result->text, 0);
		buf_done(&result->text);
	}
	while (s->newest_first && r == 0 && turn > 0) {
		r = show(e, &s->results[--turn].text, lines > s->limit ? lines - s->limit : 0);
		lines = 0; /* only of the oldest some are too many */
	}
	return r;
}

static int scan_run(struct scan *s, struct events *e, const char *dir, struct diag *reterr)
{
	pthread_t threads[THREADS_MAX];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = processors > 0 ? (size_t)processors : 1, n = 0;
	int r;

	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	s->ahead = wanted * AHEAD;
	s->results = calloc(s->n + 1, sizeof(*s->results));
	if (!s->results)
		return diag_set(reterr, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	for (size_t i = 0; i < s->n; i++)
		s->results[i].text.limit = SIZE_MAX / 2;
	while (n < wanted && n < s->n && pthread_create(&threads[n], NULL, work, s) == 0)
		n++;
	if (n == 0 && s->n > 0)
		r = diag_set(reterr, -EAGAIN, "no thread could be started");
	else
		r = take_results(s, e, dir, reterr);
	(void)pthread_mutex_lock(&s->lock);
	s->stop = true;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	while (n > 0)
		(void)pthread_join(threads[--n], NULL);
	for (size_t i = 0; i < s->n; i++)
		buf_done(&s->results[i].text);
	free(s->results);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	return r;
}

static int scan_dir(struct scan *s, struct events *e, const char *dir, struct diag *reterr)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	s->log_fd = segments_open_dir(fd);
	(void)close(fd);
	if (s->log_fd < 0)
		return diag_set(reterr, s->log_fd, "%s: %s", dir, strerror(-s->log_fd));
	r = segments_list(s->log_fd, &s->segments, &s->n);
	if (r < 0)
		(void)diag_set(reterr, r, "%s: %s", dir, strerror(-r));
	else if (s->n == 0)
		r = diag_set(reterr, -ENOENT, "%s: there is no segment of an event log here", dir);
	else
		r = scan_run(s, e, dir, reterr);
	free(s->segments);
	(void)close(s->log_fd);
	return r;
}

int audit_scan_run(struct cli *c)
{
	const struct arguments *a = c->args;
	const struct filter_text text = { .ids = a->values[OPTION_ID],
		.since = a->values[OPTION_SINCE],
		.until = a->values[OPTION_UNTIL],
		.words = a->values[OPTION_TEXT],
		.query = { .where = a->values[OPTION_WHERE] } };
	struct events e = { .cli = c };
	struct filter filter = { 0 };
	struct scan s = { .filter = &filter,
		.newest_first = a->limit > 0,
		.limit = a->limit ? a->limit : UINT64_MAX };
	struct diag d = { "" };
	int r = events_prepare(&e, &d), ret;

	if (r == 0)
		r = filter_init(&filter, &text, clock_real_us(), &d);
	if (r < 0) {
		ret = cli_usage(&d);
	} else {
		r = scan_dir(&s, &e, a->n_args ? a->args[0] : STATE_DIR, &d);
		if (r == 0)
			r = events_flush(&e);
		if (r < 0 && *d.text)
			cli_talk("%s", d.text);
		ret = r == 0 ? CLI_DONE : *d.text ? CLI_FAILED : cli_fail(c, r, &d);
		if (r == 0 && e.last_seq == 0)
			cli_talk("none");
	}
	filter_done(&filter);
	events_done(&e);
	return ret;
}
