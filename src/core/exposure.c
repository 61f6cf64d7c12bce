/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "core/joins.h"
#include "core/tunnels.h"

/* What is left of a service that ended: SAs and policies that nobody renews, traffic without any.
 */

#define NAMED 5 /* tunnels that are named; the others are counted */
#define JUST_US (60 * 1000000ull) /* a tunnel that went down so long before was not its end's */

static uint64_t count_policies(const struct core *c, const struct netns *ns)
{
	const struct ledger_policy *l;
	uint64_t n = 0;

	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));)
		n += l->netns == ns->cookie && l->direction <= POLICY_FWD;
	return n;
}

/* Tunnels that this process served to its end, and that no outbound policy stands for now. */
static uint64_t uncovered(
	const struct core *c, const struct service_state *s, struct buf *ret_names)
{
	const struct tunnel *t;
	uint64_t n = 0;

	joins_count(c);
	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		if (t->service != s->service.id || t->n_policies[POLICY_OUT] > 0 ||
			(t->gone_us && t->gone_us + JUST_US < s->since_us))
			continue;
		n++;
		if (n <= NAMED)
			buf_printf(ret_names, "%s%s (%s to %s)", n > 1 ? ", " : "", t->name,
				t->local_ts, t->remote_ts);
	}
	if (n > NAMED)
		buf_printf(ret_names, " and %llu more", (unsigned long long)(n - NAMED));
	return n;
}

static const char *action(bool block)
{
	return block ? "block" : "accept";
}

void exposure_describe(struct core *c, struct event *e, const struct service_state *s)
{
	const struct netns *ns = ledger_netns(c, s->cookie);
	CLEANUP_BUF struct buf text = { .limit = 1024 }, names = { .limit = 700 };
	uint64_t n_sas, n_policies, n_open;

	if (!ns || !ns->sa_known || !ns->policy_known) {
		detail_text(
			e, "exposed", "what is exposed is not known: the kernel is not watched");
		return;
	}
	n_sas = ns->n_sa - ns->n_larval;
	n_policies = count_policies(c, ns);
	n_open = uncovered(c, s, &names);
	buf_printf(&text, "%llu SA%s and %llu polic%s are left", (unsigned long long)n_sas,
		n_sas == 1 ? "" : "s", (unsigned long long)n_policies,
		n_policies == 1 ? "y" : "ies");
	if (n_open > 0)
		buf_printf(&text, "; without a policy now: %s", names.p ? names.p : "");
	if (ns->default_known)
		buf_printf(&text, "; what no policy takes: in %s, fwd %s, out %s",
			action(ns->block_in), action(ns->block_fwd), action(ns->block_out));
	detail_text(e, "exposed", text.p ? text.p : "what is exposed is not known");
	detail_number(e, "sas_left", n_sas);
	detail_number(e, "policies_left", n_policies);
	detail_number(e, "without_policy", n_open);
}
