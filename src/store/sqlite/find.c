/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/logline.h"
#include "store/sqlite/index_private.h"
#include "store/sqlite/question.h"

#define FOUND_COST 10u /* of the budget, for a line that is read by its place */
#define CHUNK_FIRST 128u /* ordinals asked for at once; then more each time */
#define CHUNK_MAX 4096u
#define READ_FIRST 1024u /* octets; most lines are shorter */

/* A stretch of the log: scanned, or asked of one part. */
struct step {
	uint64_t part; /* id; 0: to be scanned */
	size_t first, last; /* segments */
	uint64_t from, to; /* offsets in the first and the last; UINT64_MAX: its end */
	uint64_t low, high; /* ordinals still to be asked for: [low, high) */
};

struct index_find {
	struct index *index; /* borrowed; NULL: none */
	const struct index_question *question; /* borrowed; NULL: every line */
	struct logview own, *log; /* the index's, or our own without one */
	bool newest_first;
	struct eventlog_segment *segments;
	size_t n_segments;

	struct step *steps;
	size_t n_steps, done_steps;
	struct step step; /* in hand */
	bool working;

	/* Of a scan. */
	struct segtext *text;
	struct lines lines;
	bool scanning;
	uint64_t scan_from;

	/* Of a part. */
	struct buf match, scratch, line;
	uint64_t ordinals[CHUNK_MAX];
	size_t n_ordinals, at_ordinal, chunk;
	uint64_t found;
};

static struct step *step_push(struct index_find *f, struct step s)
{
	f->steps[f->n_steps] = s;
	return &f->steps[f->n_steps++];
}

static struct step scan_step(size_t segment, uint64_t from)
{
	return (struct step){ .first = segment, .last = segment, .from = from, .to = UINT64_MAX };
}

/* Both are in the order of the log: *at moves on to the segment, if the part has it. */
static bool part_has(const struct part *p, size_t *at, const char *segment)
{
	int order = -1;

	while (*at < part_segments(p) && (order = strcmp(part_segment(p, *at), segment)) < 0)
		(*at)++;
	return *at < part_segments(p) && order == 0;
}

/* The stretch from segment `at` on that one part covers. Returns the segment behind it. */
static size_t plan_part(struct index_find *f, size_t at, const struct index_part *p, size_t k)
{
	const struct part *part = p->part;
	struct step s = { .part = p->id, .first = at, .last = at, .to = UINT64_MAX };

	while (s.last + 1 < f->n_segments && part_has(part, &k, f->segments[s.last + 1].name))
		s.last++;
	k = 0;
	(void)part_has(part, &k, f->segments[s.last].name);
	s.high = part_end(part);
	if (part_finished(part) || k + 1 < part_segments(part)) {
		(void)step_push(f, s);
		return s.last + 1;
	}
	/* The last one is covered as far as it has been read. */
	s.to = part_passed(part);
	(void)step_push(f, s);
	(void)step_push(f, scan_step(s.last, s.to));
	return s.last + 1;
}

static int plan(struct index_find *f)
{
	bool use = f->index && f->question && f->index->dir_fd >= 0 &&
		   (question_has_terms(f->question) || f->question->since_us > 0 ||
			   f->question->until_us < UINT64_MAX);

	f->steps = calloc(f->n_segments * 2 + 1, sizeof(*f->steps));
	if (!f->steps)
		return -ENOMEM;
	for (size_t i = 0, part = 0, at = 0; i < f->n_segments;) {
		const struct index_part *p =
			use && part < f->index->n_parts ? &f->index->parts[part] : NULL;

		if (p && part_has(p->part, &at, f->segments[i].name)) {
			i = plan_part(f, i, p, at);
		} else if (p && at == part_segments(p->part)) {
			part++;
			at = 0;
		} else {
			(void)step_push(f, scan_step(i++, 0));
		}
	}
	return 0;
}

/* The list as it is now: answers go out in parts. */
static int segments_copy(struct index_find *f)
{
	size_t size = f->log->n * sizeof(*f->segments);

	f->segments = malloc(size + 1);
	if (!f->segments)
		return -ENOMEM;
	if (size)
		memcpy(f->segments, f->log->segments, size);
	f->n_segments = f->log->n;
	return 0;
}

int index_find_new(struct index *x, int state_fd, const struct index_question *q, bool newest_first,
	struct index_find **ret)
{
	struct index_find *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->index = x;
	f->question = q;
	f->newest_first = newest_first;
	f->log = x ? &x->log : &f->own;
	f->own.log_fd = -1;
	r = x ? 0 : logview_init(&f->own, state_fd);
	if (r == 0)
		r = logview_refresh(f->log);
	if (r == 0)
		r = segments_copy(f);
	if (r == 0)
		r = plan(f);
	if (r < 0) {
		(void)index_find_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

struct index_find *index_find_free(struct index_find *f)
{
	if (!f)
		return NULL;
	lines_done(&f->lines);
	(void)segtext_free(f->text);
	buf_done(&f->match);
	buf_done(&f->scratch);
	buf_done(&f->line);
	free(f->steps);
	free(f->segments);
	logview_done(&f->own);
	free(f);
	return NULL;
}

uint64_t index_find_found(const struct index_find *f)
{
	return f->found;
}

static void scan_end(struct index_find *f)
{
	lines_done(&f->lines);
	f->text = segtext_free(f->text);
	f->scanning = false;
}

/* The next segment of the stretch. 1: it is open; 0: the stretch is over. */
static int scan_begin(struct index_find *f)
{
	struct step *s = &f->step;

	for (;;) {
		size_t segment = f->newest_first ? s->last : s->first;
		uint64_t end;
		int r;

		if (s->first > s->last || s->last == SIZE_MAX)
			return 0;
		r = segtext_open(f->log->log_fd, f->segments[segment].name, &f->text);
		/* Retention may have taken it; or a sealed file can't be read at all. */
		if (r < 0 && r != -ENOENT && r != -EBADMSG)
			return r;
		if (r == 0) {
			end = segtext_size(f->text);
			if (segment == s->last && s->to < end)
				end = s->to;
			f->scan_from = segment == s->first ? s->from : 0;
			if (f->newest_first)
				lines_backward(&f->lines, f->text, end);
			else
				lines_forward_from(&f->lines, f->text,
					f->scan_from < end ? f->scan_from : end, end);
			f->scanning = true;
		}
		if (f->newest_first) {
			s->last--;
			s->to = UINT64_MAX;
		} else {
			s->first++;
			s->from = 0;
		}
		if (f->scanning)
			return 1;
	}
}

/* 1: a line; 0: the stretch is over. */
static int scan_next(struct index_find *f, unsigned *budget, struct span *ret)
{
	for (;;) {
		uint64_t seq;
		bool whole;
		int r;

		if (*budget == 0)
			return -EAGAIN;
		if (!f->scanning) {
			r = scan_begin(f);
			if (r <= 0)
				return r;
		}
		r = f->newest_first ? lines_prev(&f->lines, ret, &whole)
				    : lines_next(&f->lines, ret, &whole);
		if (r < 0)
			return r;
		if (r == 0 || (f->newest_first && f->lines.line_at < f->scan_from)) {
			scan_end(f);
			continue;
		}
		(*budget)--;
		if (whole && logline_kind(*ret) == LOGLINE_EVENT && logline_seq(*ret, &seq))
			return 1;
	}
}

/* Where a part's segment is in our list; SIZE_MAX: it was gone before we began. */
static size_t segment_find(const struct index_find *f, const char *name)
{
	for (size_t i = f->step.first; i <= f->step.last && i < f->n_segments; i++) {
		if (strcmp(f->segments[i].name, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

/* The part can't be asked any more: what it has not answered is scanned. */
static void fall_back(struct index_find *f)
{
	f->step.part = 0;
	f->n_ordinals = f->at_ordinal = 0;
}

static int part_failed(struct index_find *f, int error)
{
	struct index_part *p = index_part_by_id(f->index, f->step.part);

	if (error == -ENOMEM)
		return error;
	if (error == -EBADMSG && p)
		index_drop(f->index, p, "is damaged");
	fall_back(f);
	return 0;
}

/* Without terms only the time narrows: a shorter stretch to scan. */
static int narrow(struct index_find *f, struct part *p)
{
	struct step *s = &f->step;
	uint64_t offset;
	size_t segment, at;
	int r = part_place_from(p, s->low, &segment, &offset);

	if (r == -ENOENT || s->low >= s->high) {
		s->first = 1;
		s->last = 0;
		return 0;
	}
	if (r < 0)
		return r;
	at = segment_find(f, part_segment(p, segment));
	if (at != SIZE_MAX) {
		s->first = at;
		s->from = offset;
	}
	if (s->high >= part_end(p))
		return 0;
	r = part_place_from(p, s->high, &segment, &offset);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	at = segment_find(f, part_segment(p, segment));
	if (at != SIZE_MAX) {
		s->last = at;
		s->to = offset;
	}
	return 0;
}

static int part_begin(struct index_find *f)
{
	const struct index_question *q = f->question;
	struct index_part *p = index_part_by_id(f->index, f->step.part);
	uint64_t low, high;
	int r;

	f->n_ordinals = f->at_ordinal = 0;
	f->chunk = CHUNK_FIRST;
	if (!p) {
		fall_back(f);
		return 0;
	}
	r = part_hull(p->part, q->since_us, q->until_us, &low, &high);
	if (r < 0)
		return part_failed(f, r);
	if (low > f->step.low)
		f->step.low = low;
	if (high < f->step.high)
		f->step.high = high;
	if (!question_has_terms(q)) {
		r = narrow(f, p->part);
		fall_back(f);
		return r < 0 ? part_failed(f, r) : 0;
	}
	buf_clear(&f->match);
	question_match(q, part_has_odd(p->part), &f->match);
	return f->match.failed ? -ENOMEM : 0;
}

/* The next ordinals. 1: there are some; 0: none are left, or the part can't be asked. */
static int part_ask(struct index_find *f, struct part *p)
{
	struct step *s = &f->step;
	int n = part_find(p, f->match.p, s->low, s->high, f->newest_first, f->ordinals, f->chunk);

	if (n < 0)
		return part_failed(f, n);
	f->n_ordinals = (size_t)n;
	f->at_ordinal = 0;
	if ((size_t)n < f->chunk)
		s->low = s->high; /* that was all */
	else if (f->newest_first)
		s->high = f->ordinals[n - 1];
	else
		s->low = f->ordinals[n - 1] + 1;
	if (f->chunk < CHUNK_MAX)
		f->chunk *= 2;
	return n > 0;
}

/* The line that begins at the offset, into f->line. 1; 0: there is no whole line. */
static int line_read(struct index_find *f, struct segtext *text, uint64_t offset)
{
	for (size_t size = READ_FIRST; size <= LINE_MAX_SIZE * 2; size *= 8) {
		const char *newline;
		ssize_t n;

		if (f->line.size < size) {
			char *p = realloc(f->line.p, size);

			if (!p)
				return -ENOMEM;
			f->line.p = p;
			f->line.size = size;
		}
		n = segtext_read(text, offset, f->line.p, size);
		if (n < 0)
			return (int)n;
		newline = memchr(f->line.p, '\n', (size_t)n);
		f->line.n = newline ? (size_t)(newline - f->line.p) : 0;
		if (newline)
			return 1;
		if ((size_t)n < size)
			break;
	}
	return 0;
}

/* From now on the stretch that is left lies beyond this line. */
static void step_shorten(struct index_find *f, size_t segment, uint64_t offset, size_t length)
{
	if (f->newest_first) {
		f->step.last = segment;
		f->step.to = offset;
	} else {
		f->step.first = segment;
		f->step.from = offset + length + 1;
	}
}

/* 1: the line of this ordinal; 0: it is no more, or the part is not to be trusted. */
static int part_line(struct index_find *f, struct index_part *p, uint64_t ordinal, struct span *ret)
{
	struct segtext *text;
	uint64_t offset, seq;
	size_t segment, at;
	int r = part_place(p->part, ordinal, &segment, &offset);

	if (r < 0)
		return part_failed(f, r);
	at = segment_find(f, part_segment(p->part, segment));
	if (at == SIZE_MAX)
		return 0;
	r = logview_text(f->log, f->segments[at].name, offset + 1, &text);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = line_read(f, text, offset);
	if (r < 0)
		return r;
	*ret = buf_span(&f->line);
	if (r == 0 || logline_kind(*ret) != LOGLINE_EVENT || !logline_seq(*ret, &seq) ||
		!question_fits(f->question, *ret, &f->scratch)) {
		index_drop(f->index, p, "does not fit the log");
		fall_back(f);
		return 0;
	}
	step_shorten(f, at, offset, ret->n);
	f->found++;
	return 1;
}

/* 1: a line; 0: the stretch is over, or is to be scanned from now on. */
static int part_next(struct index_find *f, unsigned *budget, struct span *ret)
{
	while (f->step.part) {
		struct index_part *p = index_part_by_id(f->index, f->step.part);
		int r;

		if (!p) {
			fall_back(f);
			return 0;
		}
		if (*budget == 0)
			return -EAGAIN;
		if (f->at_ordinal == f->n_ordinals) {
			if (f->step.low >= f->step.high)
				return 0;
			r = part_ask(f, p->part);
			if (r < 0)
				return r;
			if (r == 0)
				continue;
		}
		*budget = *budget > FOUND_COST ? *budget - FOUND_COST : 0;
		r = part_line(f, p, f->ordinals[f->at_ordinal], ret);
		if (f->step.part)
			f->at_ordinal++;
		if (r != 0)
			return r;
	}
	return 0;
}

static int step_next(struct index_find *f)
{
	size_t at = f->newest_first ? f->n_steps - 1 - f->done_steps : f->done_steps;

	if (f->done_steps == f->n_steps)
		return 0;
	f->step = f->steps[at];
	f->done_steps++;
	f->working = true;
	scan_end(f);
	if (f->step.part) {
		int r = part_begin(f);

		if (r < 0)
			return r;
	}
	return 1;
}

int index_find_next(struct index_find *f, unsigned *budget, struct span *ret)
{
	for (;;) {
		int r;

		if (!f->working) {
			r = step_next(f);
			if (r <= 0)
				return r;
		}
		r = f->step.part ? part_next(f, budget, ret) : 0;
		if (r == 0 && !f->step.part)
			r = scan_next(f, budget, ret);
		if (r != 0)
			return r;
		f->working = false;
	}
}
