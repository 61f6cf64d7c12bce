/* SPDX-License-Identifier: Apache-2.0 */
#include "api/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLACK 1024u /* sorted once so many are too many, at least */

struct entry {
	uint8_t *p; /* key, then text */
	size_t n_key, n_text;
	uint64_t at; /* order of arrival */
};

struct collect {
	struct entry *entries;
	size_t n, size, want;
	uint64_t arrived;
	bool full; /* entries[want - 1] is the last that counts: sorted up to `want` once */
	bool failed;
};

int collect_new(size_t want, struct collect **ret)
{
	struct collect *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->want = want;
	*ret = c;
	return 0;
}

struct collect *collect_free(struct collect *c)
{
	if (c) {
		for (size_t i = 0; i < c->n; i++)
			free(c->entries[i].p);
		free(c->entries);
	}
	free(c);
	return NULL;
}

static int key_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int entry_cmp(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int order = key_cmp(span_of(a->p, a->n_key), span_of(b->p, b->n_key));

	return order ? order : (a->at > b->at) - (a->at < b->at);
}

static void shrink(struct collect *c)
{
	if (c->n > 1)
		qsort(c->entries, c->n, sizeof(*c->entries), entry_cmp);
	while (c->n > c->want)
		free(c->entries[--c->n].p);
	c->full = c->n == c->want;
}

static bool reserve(struct collect *c)
{
	struct entry *entries;
	size_t size = c->size ? c->size * 2 : 64;

	if (c->n < c->size)
		return true;
	entries = reallocarray(c->entries, size, sizeof(*entries));
	if (!entries)
		return false;
	c->entries = entries;
	c->size = size;
	return true;
}

/* Is it behind all that count already? Later arrivals go behind equal ones. */
static bool is_behind(const struct collect *c, struct span key)
{
	const struct entry *last;

	if (c->want == 0 || !c->full)
		return c->want == 0;
	last = &c->entries[c->want - 1];
	return key_cmp(key, span_of(last->p, last->n_key)) >= 0;
}

void collect_add_text(struct collect *c, struct span key, struct span text)
{
	struct entry e = { .n_key = key.n, .n_text = text.n, .at = c->arrived++ };

	if (c->failed || is_behind(c, key))
		return;
	e.p = malloc(key.n + text.n + 1);
	if (!e.p || !reserve(c)) {
		free(e.p);
		c->failed = true;
		return;
	}
	if (key.n)
		memcpy(e.p, key.p, key.n);
	if (text.n)
		memcpy(e.p + key.n, text.p, text.n);
	c->entries[c->n++] = e;
	if (c->n >= c->want + (c->want > SLACK ? c->want : SLACK))
		shrink(c);
}

void collect_add(struct collect *c, struct buf *key, const struct noun *n, const void *row)
{
	size_t n_key = key->n;

	if (c->failed || key->failed || is_behind(c, buf_span(key))) {
		c->failed = c->failed || key->failed;
		return;
	}
	noun_json(n, row, key);
	if (key->failed)
		c->failed = true;
	else
		collect_add_text(
			c, span_of(key->p, n_key), span_of(key->p + n_key, key->n - n_key));
}

size_t collect_finish(struct collect *c)
{
	shrink(c);
	return c->n;
}

struct span collect_text(const struct collect *c, size_t i)
{
	return span_of(c->entries[i].p + c->entries[i].n_key, c->entries[i].n_text);
}

bool collect_failed(const struct collect *c)
{
	return c->failed;
}
