/* SPDX-License-Identifier: Apache-2.0 */
#include "match/lint.h"

#include <errno.h>

#include "core/find.h"
#include "core/internal.h"

static const struct policy *lint_other(void *userdata, uint64_t netns, uint32_t index)
{
	const struct core *c = userdata;
	static struct policy other;

	return core_policy(c, netns, index, &other) ? &other : NULL;
}

static bool lint_is_local(void *userdata, uint64_t netns, const struct addr *a)
{
	uint64_t local[LIMIT_LOCAL];
	unsigned n = ledger_holds(userdata, a, local, LIMIT_LOCAL);

	for (unsigned i = 0; i < n; i++) {
		if (local[i] == netns)
			return true;
	}
	return false;
}

static bool lint_has_if_id(void *userdata, uint32_t if_id)
{
	const struct core *c = userdata;
	struct ledger_link *l;

	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		if (l->link.if_id == if_id)
			return true;
	}
	return false;
}

int lint_each(const struct core *c, core_each_fn *each, void *userdata)
{
	struct lint_world w = { .match = finder_match(c),
		.userdata = (void *)(uintptr_t)c,
		.policy = lint_other,
		.is_local = lint_is_local,
		.has_if_id = lint_has_if_id,
		.agree = policies_agree };
	struct lint_finding found[LINT_N];
	struct ledger_policy *l;
	struct policy p;

	if (!w.match)
		return -ENOMEM;
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		const struct netns *ns;
		unsigned n;

		spd_get(l, &p);
		ns = ledger_netns(c, p.netns);
		n = lint_policy(&w, &p, found);

		for (unsigned i = 0; i < n; i++) {
			const struct lint_text *t = &lint_texts[found[i].rule];
			struct lint_row row = { .policy = &p,
				.netns = ns ? ns->name : NULL,
				.rule = t->name,
				.severity = t->error ? "error" : "warning",
				.has_other = found[i].has_other,
				.other = found[i].other,
				.cause = found[i].cause,
				.remedy = t->remedy };

			if (!each(userdata, &row))
				return 0;
		}
	}
	return 0;
}
