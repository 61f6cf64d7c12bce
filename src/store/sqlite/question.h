/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "store/sqlite/index.h"
#include "store/sqlite/terms.h"

/* What is looked for, in terms. Private to src/store/sqlite. */

#define QUESTION_TERMS_MAX 48
#define QUESTION_IDS_MAX 64

struct index_question {
	char terms[QUESTION_TERMS_MAX][TERM_SIZE]; /* all of these */
	size_t n_terms;
	char ids[QUESTION_IDS_MAX][TERM_SIZE]; /* and one of these */
	size_t n_ids;
	bool has_words; /* among the terms */
	bool has_id;
	uint64_t id;
	struct addr src; /* a whole address that is among the terms; family 0: none */
	uint64_t since_us, until_us;
};

bool question_has_terms(const struct index_question *q);
/* As FTS5 writes it; odd: lines that may be anything too. */
void question_match(const struct index_question *q, bool odd, struct buf *out);
/* Could the index have found this line? */
bool question_fits(const struct index_question *q, struct span line, struct buf *scratch);
