/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/diag.h"
#include "base/span.h"
#include "base/timetext.h"
#include "base/words.h"
#include "view/query.h"

/*
 * Which events: by id and time, by words of the message, and by where. All is looked for in the
 * text of the line first: most lines are passed over without being parsed.
 */
#define FILTER_IDS_MAX 64

struct filter {
	uint64_t ids[FILTER_IDS_MAX];
	size_t n_ids;
	char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE]; /* as lines spell it; "": open */
	uint64_t since_us, until_us; /* the same; 0, UINT64_MAX: open */
	struct words words; /* owned; of the message */
	struct query *query; /* owned; where, sort, limit, offset */
};

struct filter_text {
	const char *ids, *since, *until, *words;
	struct query_text query;
};

/* Zero-initialised before; filter_done() after, also when it fails with -EINVAL. */
int filter_init(
	struct filter *f, const struct filter_text *text, uint64_t now_us, struct diag *reterr);
void filter_done(struct filter *f);
bool filter_match(const struct filter *f, struct span line);
