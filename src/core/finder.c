/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "core/find.h"
#include "core/internal.h"

/* The index of policies: nobody pays for it until somebody asks; then it follows every change. */

int finder_new(struct core *c)
{
	c->finder = calloc(1, sizeof(*c->finder));
	return c->finder ? 0 : -ENOMEM;
}

void finder_free(struct core *c)
{
	if (c->finder)
		match_free(c->finder->match);
	free(c->finder);
	c->finder = NULL;
}

/* An index that misses a policy would lie: the next question builds another one. */
static void give_up(struct finder *f)
{
	f->match = match_free(f->match);
}

bool finder_follows(const struct core *c)
{
	return c->finder->match != NULL;
}

void finder_put(struct core *c, const struct policy *before, const struct policy *p)
{
	struct finder *f = c->finder;

	if (!f->match)
		return;
	if (before)
		match_remove(f->match, before);
	if (p && match_add(f->match, p) < 0)
		give_up(f);
}

const struct match *finder_match(const struct core *c)
{
	struct finder *f = c->finder;
	struct ledger_policy *l;
	struct policy p;

	if (f->match)
		return f->match;
	if (match_new(c->seed, &f->match) < 0)
		return NULL;
	for (struct spd_cursor at = { 0 }; f->match && (l = spd_next(c, &at));) {
		spd_get(l, &p);
		if (match_add(f->match, &p) < 0)
			give_up(f);
	}
	return f->match;
}

bool core_policy(const struct core *c, uint64_t netns, uint32_t index, struct policy *ret)
{
	const struct ledger_policy *l = spd_find(c, netns, index);

	if (l)
		spd_get(l, ret);
	return l != NULL;
}
