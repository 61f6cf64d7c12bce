/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "store/headsfile.h"
#include "store/lines.h"
#include "store/logline.h"
#include "store/segments.h"

#define LOG_DIR "log" /* within DIR, as in a state directory: `audit verify DIR` works on both */
#define PART_NAME "export.part"
#define BAR_WIDTH 30

/* Of the segments that the monitor has, those with something of what was asked for. */
struct wanted {
	struct segment {
		char name[SEGMENT_NAME_SIZE];
		bool sealed;
		uint64_t size;
	} * v;
	size_t n;
	uint64_t size; /* of all */
};

struct download {
	const struct cli *cli;
	int top_fd, dir_fd, fd; /* DIR, DIR/log, what is written now */
	uint64_t done, of; /* octets, of all segments */
	unsigned shown; /* of the bar: per mille */
	int error;
};

static void draw_bar(struct download *d, const char *name)
{
	unsigned mille = d->of ? (unsigned)(d->done * 1000 / d->of) : 1000;
	char bar[BAR_WIDTH + 1] = "";

	if (mille > 1000)
		mille = 1000;
	if (!d->cli->screen.talk_terminal || (mille == d->shown && !name))
		return;
	d->shown = mille;
	memset(bar, '#', mille * BAR_WIDTH / 1000);
	(void)fprintf(stderr, "\r[%-*s] %3u %%  %.1f MB", BAR_WIDTH, bar, mille / 10,
		(double)d->done / 1e6);
	(void)fflush(stderr);
}

static void end_bar(const struct download *d)
{
	if (d->cli->screen.talk_terminal)
		(void)fputs("\r\033[K", stderr);
}

static int write_all(int fd, struct span octets)
{
	for (size_t at = 0; at < octets.n;) {
		ssize_t n = write(fd, octets.p + at, octets.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return 0;
}

static bool on_octets(void *userdata, struct span octets)
{
	struct download *d = userdata;

	d->error = write_all(d->fd, octets);
	if (d->error < 0)
		return false;
	d->done += octets.n;
	draw_bar(d, NULL);
	return true;
}

/* What was written takes its name only when it is complete (r: 0) and on the disk. */
static int finish(int dir_fd, int fd, const char *name, int r, struct diag *reterr)
{
	if (r == 0 && fdatasync(fd) < 0)
		r = diag_set(reterr, -errno, "%s: %s", name, strerror(errno));
	(void)close(fd);
	if (r == 0 && renameat(dir_fd, PART_NAME, dir_fd, name) < 0)
		r = diag_set(reterr, -errno, "%s: %s", name, strerror(errno));
	if (r < 0)
		(void)unlinkat(dir_fd, PART_NAME, 0);
	return r;
}

/* -ENOENT: the monitor has no such file. */
static int fetch_file(struct download *d, const struct segment *s, bool sealed, struct diag *reterr)
{
	CLEANUP_BUF struct buf path = { 0 };
	char file[SEGMENT_FILE_SIZE], other[SEGMENT_FILE_SIZE];
	int r;

	segment_file_format(s->name, sealed, file);
	segment_file_format(s->name, !sealed, other);
	d->fd = openat(d->dir_fd, PART_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return diag_set(reterr, -errno, LOG_DIR "/" PART_NAME ": %s", strerror(errno));
	buf_printf(&path, "/api/v1/log/segments/%s", file);
	r = path.failed ? -ENOMEM : client_octets(d->cli->client, path.p, on_octets, d, reterr);
	if (r == -ECANCELED)
		r = diag_set(reterr, d->error, "%s: %s", file, strerror(-d->error));
	r = finish(d->dir_fd, d->fd, file, r, reterr);
	if (r == 0) /* of an earlier export, perhaps from when the segment was still written */
		(void)unlinkat(d->dir_fd, other, 0);
	return r;
}

static int fetch(struct download *d, const struct segment *s, struct diag *reterr)
{
	int r = fetch_file(d, s, s->sealed, reterr);

	if (r == -ENOENT && !s->sealed) /* it was sealed since the list was made */
		r = fetch_file(d, s, true, reterr);
	return r;
}

/* A name that is no segment's could be any path. */
static int take_segments(
	const json_t *items, uint64_t from, uint64_t to, struct wanted *ret, struct diag *reterr)
{
	size_t n = json_array_size(items);

	ret->v = calloc(n ? n : 1, sizeof(ret->v[0]));
	if (!ret->v)
		return diag_set(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(items, i);
		const char *name = json_string_value(json_object_get(item, "name"));
		json_int_t first = json_integer_value(json_object_get(item, "first_seq"));
		json_int_t size = json_integer_value(json_object_get(item, "size"));
		const json_t *next = json_object_get(json_array_get(items, i + 1), "first_seq");
		struct segment *s = &ret->v[ret->n];

		if (!name || first < 0 || size < 0 ||
			!segment_file_parse(name, s->name, &s->sealed))
			return diag_set(reterr, -EBADMSG, "the monitor's list of segments is none");
		if ((to && (uint64_t)first > to) ||
			(from && next && (uint64_t)json_integer_value(next) <= from))
			continue;
		s->size = (uint64_t)size;
		ret->size += s->size;
		ret->n++;
	}
	return 0;
}

static int list_segments(const struct cli *c, struct wanted *ret, struct diag *reterr)
{
	json_t *answer = NULL;
	int r;

	r = client_call(c->client, "GET", "/api/v1/log/segments", NULL, &answer, reterr);
	if (r < 0)
		return r;
	r = take_segments(
		json_object_get(answer, "items"), c->args->from, c->args->to, ret, reterr);
	json_decref(answer);
	return r;
}

/* DIR and DIR/log, made where they are missing. Never those of a monitor, which have a lock. */
static int open_target(const char *dir, struct download *d, struct diag *reterr)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	d->top_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->top_fd < 0)
		return diag_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	if (faccessat(d->top_fd, "lock", F_OK, 0) == 0)
		return diag_set(reterr, -EEXIST,
			"%s is a monitor's own state directory; name another", dir);
	if (mkdirat(d->top_fd, LOG_DIR, 0700) == 0 || errno == EEXIST)
		d->dir_fd = openat(d->top_fd, LOG_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return d->dir_fd < 0 ? diag_set(reterr, -errno, "%s/" LOG_DIR ": %s", dir, strerror(errno))
			     : 0;
}

static bool add_line(void *userdata, struct span line)
{
	struct buf *b = userdata;

	buf_append(b, line.p, line.n);
	buf_char(b, '\n');
	return !b->failed;
}

static bool add_octets(void *userdata, struct span octets)
{
	struct buf *b = userdata;

	buf_append(b, octets.p, octets.n);
	return !b->failed;
}

/* What proves the segments. A monitor that signs nothing has none: the chain is proof then. */
static int ask_proof(const struct cli *c, struct buf *heads, struct buf *keys, struct diag *reterr)
{
	int r = client_lines(
		c->client, "/api/v1/log/heads", "application/x-ndjson", add_line, heads, reterr);

	if (r == 0)
		r = client_octets(c->client, "/api/v1/log/keys", add_octets, keys, reterr);
	return r == -ENOENT ? 0 : r;
}

/* The number in a segment's head; 0: it cannot be read. */
static uint64_t number_of(int log_fd, const char *name)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	struct logline_head head;
	struct span line;
	bool whole;

	if (segtext_open(log_fd, name, &text) < 0)
		return 0;
	lines_forward(&lines, text, segtext_size(text));
	return lines_next(&lines, &line, &whole) > 0 && logline_head(line, &head, NULL, NULL)
		       ? head.segment
		       : 0;
}

static int write_file(int dir_fd, const char *name, const struct buf *octets, struct diag *reterr)
{
	int fd = openat(dir_fd, PART_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return diag_set(reterr, -errno, PART_NAME ": %s", strerror(errno));
	r = write_all(fd, buf_span(octets));
	if (r < 0)
		(void)diag_set(reterr, r, "%s: %s", name, strerror(-r));
	return finish(dir_fd, fd, name, r, reterr);
}

/* The heads that cover lines of the segments from first to last, and all keys. */
static int write_proof(const struct download *d, const struct wanted *w, const struct buf *heads,
	const struct buf *keys, struct diag *reterr)
{
	uint64_t first = number_of(d->dir_fd, w->v[0].name),
		 last = number_of(d->dir_fd, w->v[w->n - 1].name);
	const char *p = heads->p, *end = heads->p + heads->n;
	CLEANUP_BUF struct buf within = { 0 };
	int r = 0;

	for (const char *newline; p < end; p = newline + 1) {
		struct span line, text, digits;
		struct signed_head head;

		newline = memchr(p, '\n', (size_t)(end - p));
		line = span_of(p, (size_t)(newline - p));
		if (signed_head_parse(line, &head, &text, &digits) && head.segment >= first &&
			head.segment <= last)
			(void)add_line(&within, line);
	}
	if (within.failed)
		return diag_set(reterr, -ENOMEM, "out of memory");
	if (keys->n > 0)
		r = write_file(d->top_fd, KEYS_FILE, keys, reterr);
	if (r == 0 && within.n > 0)
		r = write_file(d->top_fd, HEADS_FILE, &within, reterr);
	return r;
}

/* The heads come first, so that every line that they cover is in the segments. */
static int export(struct cli *c, struct wanted *w, struct download *d, struct diag *reterr)
{
	CLEANUP_BUF struct buf heads = { 0 }, keys = { 0 };
	int r;

	r = ask_proof(c, &heads, &keys, reterr);
	if (r == 0)
		r = list_segments(c, w, reterr);
	if (r < 0)
		return r;
	if (w->n == 0)
		return diag_set(reterr, -ENOENT, "the log has nothing of that");
	r = open_target(c->args->args[0], d, reterr);
	d->of = w->size;
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		draw_bar(d, w->v[i].name);
		r = fetch(d, &w->v[i], reterr);
	}
	end_bar(d);
	if (r == 0)
		r = write_proof(d, w, &heads, &keys, reterr);
	if (r == 0)
		cli_talk(
			"%zu segment%s, %.1f MB; check with `ipsecmon audit verify %s --key FILE`, "
			"where FILE was made by `ipsecmon audit key` at another time, elsewhere",
			w->n, w->n == 1 ? "" : "s", (double)d->done / 1e6, c->args->args[0]);
	return r;
}

int audit_export_run(struct cli *c)
{
	struct download of = { .cli = c, .top_fd = -1, .dir_fd = -1, .fd = -1 };
	struct wanted w = { 0 };
	struct diag d = { "" };
	int r;

	if (c->args->from && c->args->to && c->args->from > c->args->to) {
		(void)diag_set(&d, -EINVAL, "--from lies behind --to");
		return cli_usage(&d);
	}
	r = export(c, &w, &of, &d);
	if (of.dir_fd >= 0)
		(void)close(of.dir_fd);
	if (of.top_fd >= 0)
		(void)close(of.top_fd);
	free(w.v);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
