/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What an octet may be: 1 within a word, 2 also at its ends. */
static const uint8_t classes[256] = {
	['0' ... '9'] = 3,
	['A' ... 'Z'] = 3,
	['a' ... 'z'] = 3,
	['_'] = 3,
	[128 ... 255] = 3,
	['.'] = 1,
	[':'] = 1,
	['-'] = 1,
	['/'] = 1,
	['@'] = 1,
	['+'] = 1,
	['%'] = 1,
	['#'] = 1,
	['~'] = 1,
};

static inline bool is_letter(uint8_t c)
{
	return classes[c] & 2;
}

static inline bool is_inner(uint8_t c)
{
	return classes[c] & 1;
}

static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool word_next(struct span *text, struct span *ret)
{
	const uint8_t *p = text->p, *end = text->p + text->n, *from, *to;

	while (p < end && !is_letter(*p))
		p++;
	for (from = p; p < end && is_inner(*p);)
		p++;
	for (to = p; to > from && !is_letter(to[-1]);)
		to--;
	*text = span_of(p, (size_t)(end - p));
	*ret = span_of(from, (size_t)(to - from));
	return to > from;
}

int words_parse(const char *text, struct words *ret, struct diag *reterr)
{
	struct span rest = span_text(text ? text : ""), word;
	struct words w = { 0 };
	int r = 0;

	if (rest.n == 0) {
		*ret = w;
		return 0;
	}
	w.v = calloc(WORDS_MAX, sizeof(*w.v));
	if (!w.v)
		return diag_set(reterr, -ENOMEM, "out of memory");
	while (r == 0 && word_next(&rest, &word)) {
		struct word *to = &w.v[w.n];

		if (w.n == WORDS_MAX || word.n >= sizeof(to->text)) {
			r = diag_set(reterr, -EINVAL, "text: more than %d words, or one too long",
				WORDS_MAX);
			break;
		}
		for (to->n = 0; to->n < word.n; to->n++)
			to->text[to->n] = (char)lower(word.p[to->n]);
		to->rest = word.p + word.n < rest.p + rest.n && word.p[word.n] == '*';
		w.n++;
	}
	if (r == 0 && w.n == 0)
		r = diag_set(reterr, -EINVAL, "text: '%.60s' has no word to look for", text);
	if (r < 0) {
		words_done(&w);
		return r;
	}
	*ret = w;
	return 0;
}

void words_done(struct words *w)
{
	free(w->v);
	*w = (struct words){ 0 };
}

static bool word_matches(const struct word *w, struct span word)
{
	if (word.n < w->n || (word.n > w->n && !w->rest))
		return false;
	for (size_t i = 0; i < w->n; i++) {
		if (lower(word.p[i]) != (uint8_t)w->text[i])
			return false;
	}
	return true;
}

bool words_match(const struct words *w, struct span text)
{
	uint32_t missing = (1u << w->n) - 1;
	struct span word;

	while (missing && word_next(&text, &word)) {
		for (size_t i = 0; i < w->n; i++) {
			if ((missing & 1u << i) && word_matches(&w->v[i], word))
				missing &= ~(1u << i);
		}
	}
	return missing == 0;
}
