/* SPDX-License-Identifier: Apache-2.0 */
#include "store/heads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"

void heads_done(struct heads *h)
{
	free(h->v);
	h->v = NULL;
	h->n = h->room = 0;
}

PRINTF_LIKE(3, 4)
static void fault(struct heads *h, uint64_t line, const char *format, ...)
{
	va_list args;

	if (h->fault[0])
		return;
	va_start(args, format);
	(void)vsnprintf(h->fault, sizeof(h->fault), format, args);
	va_end(args);
	h->bad_line = line;
}

static int add(struct heads *h, const struct signed_head *s)
{
	if (h->n == h->room) {
		size_t room = h->room ? h->room * 2 : 256;
		struct listed_head *p = NULL;

		if (room <= 2 * HEADS_MAX)
			p = reallocarray(h->v, room, sizeof(*p));
		if (!p)
			return -ENOMEM;
		h->v = p;
		h->room = room;
	}
	h->v[h->n] = (struct listed_head){ .number = s->number,
		.time_us = s->time_us,
		.segment = s->segment,
		.line = s->line,
		.seq = s->seq };
	memcpy(h->v[h->n++].digest, s->digest, DIGEST_SIZE);
	return 0;
}

static int by_place(const struct listed_head *a, uint64_t segment, uint64_t line)
{
	if (a->segment != segment)
		return a->segment < segment ? -1 : 1;
	return a->line < line ? -1 : a->line > line;
}

static int compare(const void *a, const void *b)
{
	const struct listed_head *x = a, *y = b;
	int r = by_place(x, y->segment, y->line);

	return r != 0 ? r : x->number < y->number ? -1 : x->number > y->number;
}

/* The line in front, cut off the text. False: there is none. */
static bool next_line(struct span *text, struct span *ret)
{
	const uint8_t *newline = text->n > 0 ? memchr(text->p, '\n', text->n) : NULL;
	size_t n = newline ? (size_t)(newline - text->p) : text->n;

	if (text->n == 0)
		return false;
	*ret = span_of(text->p, n);
	n += newline ? 1 : 0;
	*text = span_of(text->p + n, text->n - n);
	return true;
}

static int load_line(struct heads *h, struct span line, uint64_t number, const struct keyring *keys)
{
	const struct listed_head *before = h->n > 0 ? &h->v[h->n - 1] : NULL;
	struct signed_head s;
	struct span text, digits;
	const char *wrong;

	if (!signed_head_parse(line, &s, &text, &digits)) {
		fault(h, number, "not a signed head");
		return 0;
	}
	wrong = keyring_judge(keys, &s, text, digits);
	if (wrong)
		fault(h, number, "head %" PRIu64 ": %s", s.number, wrong);
	else if (before && s.number <= before->number)
		fault(h, number, "head %" PRIu64 " stands behind head %" PRIu64, s.number,
			before->number);
	else if (before && by_place(before, s.segment, s.line) > 0)
		fault(h, number,
			"head %" PRIu64 " covers less than head %" PRIu64
			" before it: the log was replaced by another",
			s.number, before->number);
	else
		return add(h, &s);
	return 0;
}

int heads_load(struct heads *h, struct span text, const struct keyring *keys)
{
	struct span line;
	uint64_t number = 0;
	int r = 0;

	while (r == 0 && !h->fault[0] && next_line(&text, &line))
		r = load_line(h, line, ++number, keys);
	return r;
}

/* The part of a line that is a head, as a journal or syslog file may have it. */
static bool find_head(struct span line, struct span *ret)
{
	static const char begin[] = SIGNED_HEAD_BEGIN, end[] = "\"}";
	const uint8_t *p = memmem(line.p, line.n, begin, sizeof(begin) - 1), *q;

	if (!p)
		return false;
	q = memmem(p, line.n - (size_t)(p - line.p), end, sizeof(end) - 1);
	*ret = span_of(p, (size_t)((q ? q + sizeof(end) - 1 : line.p + line.n) - p));
	return true;
}

int heads_give(struct heads *h, struct span text, const struct keyring *keys)
{
	struct span line, head, signed_text, digits;
	struct signed_head s;
	size_t found = 0;
	const char *wrong;
	int r = 0;

	while (r == 0 && next_line(&text, &line)) {
		if (!find_head(line, &head))
			continue;
		found++;
		if (!signed_head_parse(head, &s, &signed_text, &digits)) {
			fault(h, 0, "the head given is none that a monitor signed");
			continue;
		}
		wrong = keyring_judge(keys, &s, signed_text, digits);
		if (wrong)
			fault(h, 0, "head %" PRIu64 " given: %s", s.number, wrong);
		else
			r = add(h, &s);
	}
	return r < 0 ? r : found > 0 ? 0 : -ENOENT;
}

void heads_begin(struct heads *h)
{
	if (h->n > 1)
		qsort(h->v, h->n, sizeof(*h->v), compare);
}

static enum check_result rewritten(
	const struct heads *h, struct check *c, const struct listed_head *head)
{
	char time[TIME_TEXT_SIZE];

	if (h->met == 0)
		return check_fault(c,
			"head %" PRIu64 ", signed at %s, is of another line: the log was "
			"rewritten before here",
			head->number, time_format(head->time_us, time));
	return check_fault(c,
		"head %" PRIu64 ", signed at %s, is of another line: the log was rewritten behind "
		"line %" PRIu64 " of segment %" PRIu64 ", up to which head %" PRIu64 " proves it",
		head->number, time_format(head->time_us, time), h->last.line, h->last.segment,
		h->last.number);
}

enum check_result heads_meet(struct heads *h, struct check *c)
{
	for (; h->at < h->n; h->at++) {
		const struct listed_head *head = &h->v[h->at];
		int where = by_place(head, c->segment, c->line);

		if (where > 0)
			break;
		if (head->segment < c->segment) { /* than the oldest: all others end with a check */
			h->removed++;
			continue;
		}
		if (where < 0 || !c->closed || head->seq != c->commit.seq ||
			memcmp(head->digest, c->chain.digest, DIGEST_SIZE) != 0)
			return rewritten(h, c, head);
		h->met += h->met == 0 || head->number != h->last.number; /* given twice */
		h->last = *head;
		h->lines = c->lines;
		h->events = c->events;
	}
	return CHECK_GOOD;
}

enum check_result heads_segment_end(struct heads *h, struct check *c)
{
	if (h->at == h->n || h->v[h->at].segment != c->segment)
		return CHECK_GOOD;
	return check_fault(c,
		"the segment ends here, but head %" PRIu64 " covers its line %" PRIu64
		": the log was rewritten",
		h->v[h->at].number, h->v[h->at].line);
}

const struct listed_head *heads_missing(const struct heads *h)
{
	return h->at < h->n ? &h->v[h->n - 1] : NULL;
}
