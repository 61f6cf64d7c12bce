/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/diag.h"
#include "base/span.h"
#include "base/timetext.h"
#include "view/query.h"

/* Which events: by id and time, looked for in the text of the line, and by where. */
#define FILTER_IDS_MAX 64

struct filter {
	uint64_t ids[FILTER_IDS_MAX];
	size_t n_ids;
	char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE]; /* as lines spell it; "": open */
	struct query *query; /* owned; where, sort, limit, offset */
};

struct filter_text {
	const char *ids, *since, *until;
	struct query_text query;
};

/* Zero-initialised before; filter_done() after, also when it fails with -EINVAL. */
int filter_init(
	struct filter *f, const struct filter_text *text, uint64_t now_us, struct diag *reterr);
void filter_done(struct filter *f);
bool filter_match(const struct filter *f, struct span line);
