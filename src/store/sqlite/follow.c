/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/logline.h"
#include "store/sqlite/index_private.h"

#define COMMIT_NS UINT64_C(250000000) /* a transaction ends after so long at the latest */
#define RETRY_NS (60ull * 1000000000u)

static bool segment_exists(const struct index *x, const char *name)
{
	for (size_t i = 0; i < x->log.n; i++) {
		if (strcmp(x->log.segments[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Parts of which retention has left nothing go; nobody needs to be told. */
static void forget_removed(struct index *x)
{
	for (size_t i = 0; i < x->n_parts;) {
		struct index_part *p = &x->parts[i];
		bool any = false;

		for (size_t k = 0; k < part_segments(p->part) && !any; k++)
			any = segment_exists(x, part_segment(p->part, k));
		if (any)
			i++;
		else
			index_drop(x, p, NULL);
	}
}

static int segments_refresh(struct index *x)
{
	int r = x->segments_stale ? logview_refresh(&x->log) : 0;

	if (r < 0 || !x->segments_stale)
		return r;
	forget_removed(x);
	x->segments_stale = false;
	return 0;
}

/* The first segment that is not covered to its end, which may be the one that still grows. */
static bool next_gap(struct index *x, size_t *ret_at, struct index_part **ret_part)
{
	for (size_t i = 0; i < x->log.n; i++) {
		size_t at;
		struct index_part *p = index_part_of(x, x->log.segments[i].name, &at);

		if (p && (part_finished(p->part) || at + 1 < part_segments(p->part)))
			continue;
		*ret_at = i;
		*ret_part = p;
		return true;
	}
	return false;
}

static int read_segment(struct index *x, struct index_part *p)
{
	const struct part *part = p->part;
	int r = segtext_open(x->log.log_fd, part_segment(part, part_segments(part) - 1), &x->text);

	if (r < 0 && r != -EBADMSG)
		return r;
	if (r == 0)
		lines_forward_from(&x->lines, x->text, part_passed(part), segtext_size(x->text));
	else /* a sealed file that nobody can read has no lines, for a scan either */
		lines_forward_from(&x->lines, NULL, 0, 0);
	x->growing = p->id;
	x->reading = true;
	return 0;
}

/* A part that may take the segment in: the one of the segment before, if it has room. */
static struct index_part *part_with_room(struct index *x, size_t segment)
{
	struct index_part *p;
	size_t at;

	if (segment == 0)
		return NULL;
	p = index_part_of(x, x->log.segments[segment - 1].name, &at);
	if (!p || part_finished(p->part) || at + 1 != part_segments(p->part))
		return NULL;
	return p;
}

static int begin_part(struct index *x, const char *segment, struct index_part **ret)
{
	struct part *part;
	uint64_t id;
	int r = part_create(x->dir_fd, segment, x->boot, &part);

	if (r < 0)
		return r;
	r = index_part_add(x, part, &id);
	if (r < 0) {
		(void)part_free(part);
		return r;
	}
	*ret = index_part_by_id(x, id);
	return 0;
}

/* Has the right segment open for reading. 1: it has; 0: nothing is left to read. */
static int begin_reading(struct index *x)
{
	struct index_part *p;
	size_t at;
	int r = 0;

	if (!next_gap(x, &at, &p))
		return 0;
	if (!p) {
		p = part_with_room(x, at);
		if (p)
			r = part_begin_segment(p->part, x->log.segments[at].name);
		else
			r = begin_part(x, x->log.segments[at].name, &p);
	}
	if (r == 0)
		r = read_segment(x, p);
	return r < 0 ? r : 1;
}

/* The segment is over: a newer one exists, or the next is covered by another part. */
static int end_segment(struct index *x, struct index_part *p, size_t at)
{
	size_t covered;
	bool last = part_events(p->part) >= x->part_events ||
		    (at + 1 < x->log.n && index_part_of(x, x->log.segments[at + 1].name, &covered));
	int r;

	index_stop_reading(x);
	if (last)
		return part_finish(p->part);
	/* The next segment joins; that also says that this one is done. */
	r = part_begin_segment(p->part, x->log.segments[at + 1].name);
	return r;
}

static size_t segment_at(const struct index *x, const char *name)
{
	size_t i = 0;

	while (i < x->log.n && strcmp(x->log.segments[i].name, name) != 0)
		i++;
	return i;
}

/* At the end of what the segment had when it was opened. 1: go on; 0: nothing more for now. */
static int at_end(struct index *x, struct index_part *p)
{
	size_t at = segment_at(x, part_segment(p->part, part_segments(p->part) - 1));
	uint64_t had = x->lines.end;
	int r;

	if (at + 1 >= x->log.n) {
		index_stop_reading(x);
		return 0;
	}
	/* There is a newer one, so it grows no more; but did we see all of it? */
	index_stop_reading(x);
	r = read_segment(x, p);
	if (r == 0 && x->lines.end <= had)
		r = end_segment(x, p, at);
	return r < 0 ? r : 1;
}

/* One line. 1: go on; 0: nothing more for now. */
static int follow_line(struct index *x)
{
	struct index_part *p = index_part_by_id(x, x->growing);
	struct span line;
	uint64_t seq;
	bool whole;
	int r = lines_next(&x->lines, &line, &whole);

	if (r < 0)
		return -EREMOTEIO; /* the log's trouble, not ours */
	if (r == 0 || !whole)
		return at_end(x, p);
	if (logline_kind(line) != LOGLINE_EVENT || !logline_seq(line, &seq))
		return 1;
	/* Of the newest segment the end may still be cut off. */
	if (seq > x->committed_seq &&
		segment_at(x, part_segment(p->part, part_segments(p->part) - 1)) + 1 >= x->log.n) {
		index_stop_reading(x);
		return 0;
	}
	r = part_add(p->part, line, x->lines.line_at);
	if (r == 0 && seq > x->last_seq)
		x->last_seq = seq;
	return r < 0 ? r : 1;
}

static int commit_parts(struct index *x)
{
	int r = 0;

	for (size_t i = 0; i < x->n_parts && r == 0; i++)
		r = part_commit(x->parts[i].part);
	return r;
}

/* Finished parts are put in order when there is nothing else to do. 1: there is more. */
static int tidy(struct index *x)
{
	for (size_t i = 0; i < x->n_parts; i++) {
		struct part *p = x->parts[i].part;
		int r;

		if (!part_finished(p))
			continue;
		r = part_merge(p);
		if (r == 0)
			r = part_sync(p);
		if (r != 0)
			return r;
	}
	return 0;
}

static int follow(struct index *x, unsigned lines, uint64_t now_ns)
{
	int r = segments_refresh(x);

	if (r < 0)
		return r;
	for (; lines > 0; lines--) {
		r = x->reading ? 1 : begin_reading(x);
		if (r == 1)
			r = follow_line(x);
		if (r <= 0)
			break;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < x->n_parts; i++) {
		int t = part_tend(x->parts[i].part);

		if (t < 0)
			return t;
	}
	x->in_step = r == 0;
	x->rebuilding = r == 1;
	if (r == 0 || now_ns - x->commit_ns >= COMMIT_NS) {
		int c = commit_parts(x);

		x->commit_ns = now_ns;
		if (c < 0)
			return c;
	}
	return r == 0 ? tidy(x) : r;
}

/* After an error of writing: as it was committed last. */
static void reopen(struct index *x, struct index_part *p)
{
	char name[PART_NAME_SIZE];

	part_name(part_segment(p->part, 0), name);
	index_forget(x, p);
	index_take_part(x, name);
}

static void give_up(struct index *x, int error, uint64_t now_ns)
{
	struct index_part *p = index_part_by_id(x, x->growing);

	x->in_step = false;
	if (error == -ENOENT) { /* retention was quicker */
		index_stop_reading(x);
		x->segments_stale = true;
		return;
	}
	if (error == -EBADMSG && p) {
		index_drop(x, p, "is damaged");
		return;
	}
	(void)snprintf(x->error, sizeof(x->error), "%s",
		error == -EREMOTEIO ? "a segment of the log can't be read" : strerror(-error));
	index_tell(x, "the index rests for a minute: %s", x->error);
	x->retry_ns = now_ns + RETRY_NS;
	index_stop_reading(x);
	for (size_t i = x->n_parts; i > 0; i--) {
		if (part_dirty(x->parts[i - 1].part))
			reopen(x, &x->parts[i - 1]);
	}
}

int index_follow(struct index *x, uint64_t committed_seq, unsigned lines, uint64_t now_ns)
{
	int r;

	if (x->dir_fd < 0)
		return -ENOTDIR;
	if (x->retry_ns && now_ns < x->retry_ns)
		return -EAGAIN;
	if (x->retry_ns) {
		x->retry_ns = 0;
		x->error[0] = '\0';
	}
	if (x->in_step && committed_seq == x->committed_seq && !x->segments_stale)
		return tidy(x);
	if (committed_seq != x->committed_seq)
		x->segments_stale = true;
	x->committed_seq = committed_seq;
	r = follow(x, lines, now_ns);
	if (r >= 0)
		return r;
	give_up(x, r, now_ns);
	return r;
}
