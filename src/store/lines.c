/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lines_forward_from(struct lines *l, struct segtext *text, uint64_t at, uint64_t end)
{
	*l = (struct lines){ .text = text, .end = end, .at = at, .base = at };
}

void lines_forward(struct lines *l, struct segtext *text, uint64_t end)
{
	lines_forward_from(l, text, 0, end);
}

void lines_backward(struct lines *l, struct segtext *text, uint64_t end)
{
	*l = (struct lines){ .text = text, .end = end, .at = end, .base = end };
}

void lines_done(struct lines *l)
{
	free(l->p);
	l->p = NULL;
	l->n = l->size = 0;
}

static int reserve(struct lines *l, size_t size)
{
	uint8_t *p;

	if (size > LINE_MAX_SIZE + LINES_BLOCK)
		return -EMSGSIZE;
	if (size <= l->size)
		return 0;
	p = realloc(l->p, size);
	if (!p)
		return -ENOMEM;
	l->p = p;
	l->size = size;
	return 0;
}

/* Appends a block behind what is kept from `at` on. 1, 0 at the end, or -errno. */
static int more_behind(struct lines *l)
{
	size_t skip = (size_t)(l->at - l->base), want = LINES_BLOCK;
	uint64_t from;
	ssize_t got;
	int r;

	if (skip > 0) {
		memmove(l->p, l->p + skip, l->n - skip);
		l->n -= skip;
		l->base = l->at;
	}
	from = l->base + l->n;
	if (from >= l->end)
		return 0;
	if (want > l->end - from)
		want = (size_t)(l->end - from);
	r = reserve(l, l->n + want);
	if (r < 0)
		return r;
	got = segtext_read(l->text, from, l->p + l->n, want);
	if (got <= 0) /* shorter than when it was measured: cut back meanwhile */
		return (int)got;
	l->n += (size_t)got;
	return 1;
}

int lines_next(struct lines *l, struct span *ret, bool *ret_whole)
{
	size_t searched = 0;

	for (;;) {
		size_t skip = (size_t)(l->at - l->base), left = l->n - skip;
		const uint8_t *line = l->p ? l->p + skip : NULL, *newline = NULL;
		int r;

		if (left > searched)
			newline = memchr(line + searched, '\n', left - searched);
		if (newline) {
			*ret = span_of(line, (size_t)(newline - line));
			*ret_whole = true;
			l->line_at = l->at;
			l->at += ret->n + 1;
			return 1;
		}
		searched = left;
		r = more_behind(l);
		if (r < 0)
			return r;
		if (r == 0) {
			if (left == 0)
				return 0;
			*ret = span_of(l->p + (l->at - l->base), left);
			*ret_whole = false;
			l->line_at = l->at;
			l->at += left;
			return 1;
		}
	}
}

/* Puts the block before what is kept up to `at`. 1, 0 at the beginning, or -errno. */
static int more_before(struct lines *l)
{
	size_t keep = (size_t)(l->at - l->base);
	size_t want = l->base < LINES_BLOCK ? (size_t)l->base : LINES_BLOCK;
	ssize_t got;
	int r;

	if (l->base == 0)
		return 0;
	r = reserve(l, keep + want);
	if (r < 0)
		return r;
	memmove(l->p + want, l->p, keep);
	got = segtext_read(l->text, l->base - want, l->p, want);
	if (got < 0)
		return (int)got;
	if ((size_t)got < want) /* the text was cut below what we were told */
		return -EBADMSG;
	l->base -= want;
	l->n = keep + want;
	return 1;
}

int lines_prev(struct lines *l, struct span *ret, bool *ret_whole)
{
	bool whole = false, looked = false;
	size_t searched = 0; /* octets before `at` that hold no newline */

	if (l->at == 0)
		return 0;
	for (;;) {
		size_t n = (size_t)(l->at - l->base);
		const uint8_t *newline = NULL;
		int r;

		if (n > 0 && !looked) {
			looked = true;
			whole = l->p[n - 1] == '\n';
			searched = whole ? 1 : 0;
		}
		if (n > searched)
			newline = memrchr(l->p, '\n', n - searched);
		if (!newline) {
			searched = n > searched ? n : searched;
			r = more_before(l);
			if (r < 0)
				return r;
			if (r > 0)
				continue;
		}
		n = (size_t)(l->at - l->base);
		newline = newline ? newline + 1 : l->p;
		*ret = span_of(newline, (size_t)(l->p + n - newline) - (whole ? 1 : 0));
		*ret_whole = whole;
		l->at = l->line_at = l->base + (uint64_t)(newline - l->p);
		return 1;
	}
}
