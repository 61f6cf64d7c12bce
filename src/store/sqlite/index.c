/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "store/logline.h"
#include "store/sqlite/index_private.h"

void index_tell(struct index *x, const char *format, ...)
{
	char text[200];
	va_list args;

	if (!x->told)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	x->told(x->userdata, text);
}

struct index_part *index_part_by_id(struct index *x, uint64_t id)
{
	for (size_t i = 0; i < x->n_parts; i++) {
		if (x->parts[i].id == id)
			return &x->parts[i];
	}
	return NULL;
}

struct index_part *index_part_of(struct index *x, const char *segment, size_t *ret_at)
{
	for (size_t i = 0; i < x->n_parts; i++) {
		const struct part *p = x->parts[i].part;

		for (size_t k = 0; k < part_segments(p); k++) {
			if (strcmp(part_segment(p, k), segment) != 0)
				continue;
			*ret_at = k;
			return &x->parts[i];
		}
	}
	return NULL;
}

void index_stop_reading(struct index *x)
{
	lines_done(&x->lines);
	x->text = segtext_free(x->text);
	x->reading = false;
	x->growing = 0;
}

void index_forget(struct index *x, struct index_part *p)
{
	if (p->id == x->growing)
		index_stop_reading(x);
	(void)part_free(p->part);
	x->n_parts--;
	memmove(p, p + 1, (size_t)(x->parts + x->n_parts - p) * sizeof(*p));
	x->in_step = false;
	x->segments_stale = true;
}

void index_drop(struct index *x, struct index_part *p, const char *why)
{
	char name[PART_NAME_SIZE];

	part_name(part_segment(p->part, 0), name);
	index_forget(x, p);
	part_unlink(x->dir_fd, name);
	if (why)
		index_tell(x, "index/%s %s: it is made anew", name, why);
}

int index_part_add(struct index *x, struct part *part, uint64_t *ret_id)
{
	struct index_part *parts;
	size_t at = 0;

	if (x->n_parts == INDEX_PARTS_MAX)
		return -ENOSPC;
	parts = reallocarray(x->parts, x->n_parts + 1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	x->parts = parts;
	while (at < x->n_parts &&
		strcmp(part_segment(parts[at].part, 0), part_segment(part, 0)) < 0)
		at++;
	memmove(parts + at + 1, parts + at, (x->n_parts - at) * sizeof(*parts));
	parts[at] = (struct index_part){ .part = part, .id = ++x->next_id };
	x->n_parts++;
	*ret_id = parts[at].id;
	return 0;
}

/* Does the last line that it has stand where it says? Then all before does: they are chained. */
static int fits_log(struct index *x, struct part *p)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	uint64_t ordinal, hash, offset, seq;
	struct span line;
	size_t segment;
	bool whole;
	int r;

	if (!part_last(p, &ordinal, &hash))
		return 0;
	r = part_place(p, ordinal, &segment, &offset);
	if (r == 0)
		r = segtext_open(x->log.log_fd, part_segment(p, segment), &text);
	if (r < 0)
		return r;
	if (offset >= segtext_size(text) || part_passed(p) > segtext_size(text))
		return -ESTALE;
	lines_forward_from(&lines, text, offset, segtext_size(text));
	r = lines_next(&lines, &line, &whole);
	if (r < 0)
		return r;
	if (r == 1 && logline_seq(line, &seq) && seq > x->last_seq)
		x->last_seq = seq;
	return r == 1 && whole && hash_octets(line.p, line.n, 0) == hash ? 0 : -ESTALE;
}

void index_take_part(struct index *x, const char *name)
{
	struct part *p = NULL;
	uint64_t id;
	int r = part_open(x->dir_fd, name, x->boot, &p);

	if (r == 0)
		r = fits_log(x, p);
	for (size_t i = 0, at; r == 0 && i < part_segments(p); i++) {
		if (index_part_of(x, part_segment(p, i), &at))
			r = -ESTALE; /* two files for one segment */
	}
	if (r == 0)
		r = index_part_add(x, p, &id);
	if (r == 0)
		return;
	(void)part_free(p);
	part_unlink(x->dir_fd, name);
	if (r == -ENOENT) /* retention took its segments while nobody looked */
		return;
	index_tell(x, "index/%s %s: it is made anew", name,
		r == -ESTALE    ? "is not of this log"
		: r == -EBADMSG ? "is damaged, or was not closed before the machine stopped"
				: strerror(-r));
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Files of parts in order; what else lies there is ours too, and goes. */
static void take_parts(struct index *x)
{
	int fd = openat(x->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char *names[INDEX_PARTS_MAX];
	struct dirent *e;
	size_t n = 0;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((e = readdir(dir)) && n < INDEX_PARTS_MAX) {
		size_t length = strlen(e->d_name);

		if (length > 7 && length < PART_NAME_SIZE &&
			strcmp(e->d_name + length - 7, ".sqlite") == 0 &&
			(names[n] = strdup(e->d_name)))
			n++;
	}
	(void)closedir(dir);
	qsort(names, n, sizeof(*names), name_cmp);
	for (size_t i = 0; i < n; i++) {
		index_take_part(x, names[i]);
		free(names[i]);
	}
}

int index_open(const struct index_options *o, struct index **ret)
{
	struct index *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->dir_fd = -1;
	x->part_events = o->part_events ? o->part_events : INDEX_PART_EVENTS;
	x->told = o->told;
	x->userdata = o->userdata;
	x->segments_stale = true;
	(void)snprintf(x->boot, sizeof(x->boot), "%s", o->boot);
	r = logview_init(&x->log, o->state_fd);
	if (r < 0) {
		(void)index_free(x);
		return r;
	}
	if (mkdirat(o->state_fd, "index", 0750) == 0 || errno == EEXIST)
		x->dir_fd = openat(
			o->state_fd, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (x->dir_fd < 0) {
		(void)snprintf(x->error, sizeof(x->error), "`index` in the state directory: %s",
			strerror(errno));
		index_tell(x, "there is no index: %s", x->error);
	} else {
		take_parts(x);
	}
	*ret = x;
	return 0;
}

struct index *index_free(struct index *x)
{
	if (!x)
		return NULL;
	index_stop_reading(x);
	for (size_t i = 0; i < x->n_parts; i++)
		(void)part_free(x->parts[i].part);
	free(x->parts);
	logview_done(&x->log);
	if (x->dir_fd >= 0)
		(void)close(x->dir_fd);
	free(x);
	return NULL;
}

struct index *index_close(struct index *x)
{
	for (size_t i = 0; x && i < x->n_parts; i++)
		(void)part_sync(x->parts[i].part);
	return index_free(x);
}

void index_segments_changed(struct index *x)
{
	x->segments_stale = true;
}

void index_rebuild(struct index *x)
{
	while (x->n_parts > 0)
		index_drop(x, &x->parts[x->n_parts - 1], NULL);
	x->last_seq = 0;
	x->retry_ns = 0;
	x->error[0] = '\0';
}

void index_status(const struct index *x, struct index_status *ret)
{
	*ret = (struct index_status){ .last_seq = x->last_seq,
		.rebuilding = x->rebuilding,
		.in_step = x->in_step,
		.error = x->error[0] ? x->error : NULL };
	for (size_t i = 0; i < x->n_parts; i++) {
		ret->events += part_events(x->parts[i].part);
		ret->size += part_size(x->parts[i].part);
	}
}
