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
#include "store/segments.h"

#define LOG_DIR "log" /* within DIR, as in a state directory: `audit verify DIR` works on both */
#define PART_NAME "segment.part"
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
	int dir_fd, fd;
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

static bool on_octets(void *userdata, struct span octets)
{
	struct download *d = userdata;

	for (size_t at = 0; at < octets.n;) {
		ssize_t n = write(d->fd, octets.p + at, octets.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			d->error = -errno;
			return false;
		}
		at += (size_t)n;
	}
	d->done += octets.n;
	draw_bar(d, NULL);
	return true;
}

/* Under its name only when it is complete and on the disk. -ENOENT: the monitor has no such file.
 */
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
	if (r == 0 && fdatasync(d->fd) < 0)
		r = diag_set(reterr, -errno, "%s: %s", file, strerror(errno));
	(void)close(d->fd);
	if (r == 0 && renameat(d->dir_fd, PART_NAME, d->dir_fd, file) < 0)
		r = diag_set(reterr, -errno, "%s: %s", file, strerror(errno));
	if (r < 0)
		(void)unlinkat(d->dir_fd, PART_NAME, 0);
	else /* of an earlier export, perhaps from when the segment was still written */
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

/* DIR/log, made where it is missing. Never the log of a monitor, which has a lock. */
static int open_target(const char *dir, struct diag *reterr)
{
	int fd, log_fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	if (faccessat(fd, "lock", F_OK, 0) == 0) {
		(void)close(fd);
		return diag_set(reterr, -EEXIST,
			"%s is a monitor's own state directory; name another", dir);
	}
	if (mkdirat(fd, LOG_DIR, 0700) < 0 && errno != EEXIST)
		log_fd = -errno;
	else
		log_fd = openat(fd, LOG_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_fd = log_fd == -1 ? -errno : log_fd;
	(void)close(fd);
	return log_fd < 0 ? diag_set(reterr, log_fd, "%s/" LOG_DIR ": %s", dir, strerror(-log_fd))
			  : log_fd;
}

static int export(struct cli *c, struct wanted *w, struct diag *reterr)
{
	struct download d = { .cli = c, .fd = -1 };
	int r;

	r = list_segments(c, w, reterr);
	if (r < 0)
		return r;
	if (w->n == 0)
		return diag_set(reterr, -ENOENT, "the log has nothing of that");
	d.dir_fd = open_target(c->args->args[0], reterr);
	if (d.dir_fd < 0)
		return d.dir_fd;
	d.of = w->size;
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		draw_bar(&d, w->v[i].name);
		r = fetch(&d, &w->v[i], reterr);
	}
	(void)close(d.dir_fd);
	end_bar(&d);
	if (r == 0)
		cli_talk("%zu segment%s, %.1f MB; check with `ipsecmon audit verify %s`", w->n,
			w->n == 1 ? "" : "s", (double)d.done / 1e6, c->args->args[0]);
	return r;
}

int audit_export_run(struct cli *c)
{
	struct wanted w = { 0 };
	struct diag d = { "" };
	int r;

	if (c->args->from && c->args->to && c->args->from > c->args->to) {
		(void)diag_set(&d, -EINVAL, "--from lies behind --to");
		return cli_usage(&d);
	}
	r = export(c, &w, &d);
	free(w.v);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
