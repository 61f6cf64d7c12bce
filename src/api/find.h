/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "core/find.h"

/* A question of `find` as the request's parameters have it; NULL: not given. */
struct find_text {
	struct flow_text flow;
	const char *netns, *direction, *interface, *losers;
};

/* -EINVAL with the reason. Texts are borrowed. */
int find_question_parse(
	const struct find_text *text, struct find_question *ret, struct diag *reterr);

/* The answer as JSON, as doc/openapi.json has it; a newline behind it. */
void find_json(const struct core *c, const struct find_question *q, const struct find_answer *a,
	struct buf *out);
