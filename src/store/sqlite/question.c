/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int index_question_new(struct index_question **ret)
{
	struct index_question *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->until_us = UINT64_MAX;
	*ret = q;
	return 0;
}

struct index_question *index_question_free(struct index_question *q)
{
	free(q);
	return NULL;
}

/* A condition that finds no room just does not narrow. */
static void demand(struct index_question *q, const char *term)
{
	if (q->n_terms < QUESTION_TERMS_MAX)
		memcpy(q->terms[q->n_terms++], term, TERM_SIZE);
}

void index_ask_ids(struct index_question *q, const uint64_t *ids, size_t n)
{
	if (n == 1)
		index_ask_number(q, "id", ids[0]);
	if (n <= 1 || n > QUESTION_IDS_MAX || q->n_ids > 0)
		return;
	for (size_t i = 0; i < n; i++)
		(void)term_of_number("id", ids[i], q->ids[q->n_ids++]);
}

void index_ask_number(struct index_question *q, const char *key, uint64_t v)
{
	char term[TERM_SIZE];

	if (!term_of_number(key, v, term))
		return;
	demand(q, term);
	if (strcmp(key, "id") == 0) {
		q->has_id = true;
		q->id = v;
	}
}

void index_ask_text(struct index_question *q, const char *key, struct span text)
{
	char term[TERM_SIZE];

	if (term_of_text(key, text, term))
		demand(q, term);
}

void index_ask_prefix(struct index_question *q, const char *key, const struct prefix *p)
{
	char term[TERM_SIZE];

	if (!term_of_prefix(key, p, term))
		return;
	demand(q, term);
	if (strcmp(key, "src") == 0 && p->length == addr_bits(&p->addr))
		q->src = p->addr;
}

void index_ask_words(struct index_question *q, const struct words *w)
{
	char term[TERM_SIZE];

	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].rest) /* too many terms may begin so */
			continue;
		term_of_word(span_of(w->v[i].text, w->v[i].n), term);
		q->has_words = true;
		demand(q, term);
	}
}

void index_ask_time(struct index_question *q, uint64_t since_us, uint64_t until_us)
{
	q->since_us = since_us;
	q->until_us = until_us;
}

bool question_has_terms(const struct index_question *q)
{
	return q->n_terms > 0 || q->n_ids > 0;
}

static void match_term(struct buf *out, const char *term)
{
	buf_printf(out, "\"%s\"", term);
}

void question_match(const struct index_question *q, bool odd, struct buf *out)
{
	char term[TERM_SIZE];
	bool both = q->has_id && term_of_id_src(q->id, &q->src, term), any = false;

	buf_char(out, '(');
	if (both) {
		match_term(out, term);
		any = true;
	}
	for (size_t i = 0; i < q->n_terms; i++) {
		/* The two together are one term, which finds fewer than either. */
		if (both && strchr("is12", q->terms[i][0]))
			continue;
		buf_text(out, any ? " AND " : "");
		match_term(out, q->terms[i]);
		any = true;
	}
	for (size_t i = 0; i < q->n_ids; i++) {
		buf_text(out, i > 0 ? " OR " : any ? " AND (" : "(");
		match_term(out, q->ids[i]);
	}
	buf_text(out, q->n_ids > 0 ? "))" : ")");
	if (odd)
		buf_text(out, " OR \"" TERM_ODD "\"");
}

static bool has_term(const struct buf *terms, const char *term)
{
	char wanted[TERM_SIZE + 2];
	size_t n = strlen(term);

	wanted[0] = ' ';
	memcpy(wanted + 1, term, n);
	wanted[n + 1] = ' ';
	return memmem(terms->p, terms->n, wanted, n + 2) != NULL;
}

bool question_fits(const struct index_question *q, struct span line, struct buf *scratch)
{
	bool any = q->n_ids == 0, all = true;

	buf_clear(scratch);
	terms_of_line(line, q->has_words, scratch);
	if (scratch->failed || has_term(scratch, TERM_ODD))
		return true;
	for (size_t i = 0; i < q->n_terms && all; i++)
		all = has_term(scratch, q->terms[i]);
	for (size_t i = 0; i < q->n_ids && !any; i++)
		any = has_term(scratch, q->ids[i]);
	return all && any;
}
