/* SPDX-License-Identifier: Apache-2.0 */
#include "match/meet.h"

#include <linux/xfrm.h>
#include <netinet/in.h>

void match_meet(const struct match *m, uint64_t netns, uint8_t direction, const struct flow *f,
	struct meeting *ret)
{
	struct match_where where = {
		.netns = netns, .direction = direction, .type = XFRM_POLICY_TYPE_SUB
	};

	*ret = (struct meeting){ .behind_direction = direction };
	match_best(m, where, f, &ret->policy);
	where.type = XFRM_POLICY_TYPE_MAIN;
	if (!ret->policy.found) {
		match_best(m, where, f, &ret->policy);
		return;
	}
	/* Outbound nobody looks any further once it is blocked. */
	if (direction == POLICY_OUT && ret->policy.block)
		return;
	if (direction == POLICY_FWD)
		where.direction = ret->behind_direction = POLICY_IN;
	match_best(m, where, f, &ret->behind);
}

/* What one policy makes of a packet that has no SA; the next is asked only if this lets it pass. */
static enum outcome policy_outcome(const struct policy *p, unsigned n_before)
{
	bool all_optional = true;

	if (p->n_templates == 0)
		return OUTCOME_BYPASS;
	/* The kernel counts to its limit and no further: the last place stays free. */
	if (n_before + p->n_templates >= POLICY_TEMPLATES)
		return OUTCOME_TOO_MANY;
	for (unsigned i = 0; i < p->n_templates; i++)
		all_optional = all_optional && p->templates[i].optional;
	return all_optional ? OUTCOME_OPTIONAL : OUTCOME_PROTECT;
}

enum outcome meeting_outcome(uint8_t direction, const struct policy *policy,
	const struct policy *behind, bool default_block)
{
	enum outcome first, second;

	if (!policy)
		return default_block ? OUTCOME_DEFAULT_BLOCK : OUTCOME_NO_POLICY;
	if (policy->block)
		return OUTCOME_BLOCK;
	first = policy_outcome(policy, 0);
	if (!behind)
		return first;
	/* Outbound all are asked whether they block before any template counts. */
	if (direction == POLICY_OUT && behind->block)
		return OUTCOME_BLOCK;
	if (first == OUTCOME_TOO_MANY || (direction == POLICY_OUT && first == OUTCOME_PROTECT))
		return first;
	if (behind->block)
		return OUTCOME_BLOCK;
	/* Outbound only SAs that are there are counted, and there is none. */
	second = policy_outcome(behind, direction == POLICY_OUT ? 0 : policy->n_templates);
	return second > first ? second : first;
}

const char *outcome_counter(enum outcome o, uint8_t direction)
{
	bool out = direction == POLICY_OUT;

	switch (o) {
	case OUTCOME_DEFAULT_BLOCK:
		return out ? NULL : "XfrmInNoPols";
	case OUTCOME_BLOCK:
		return out ? "XfrmOutPolBlock" : "XfrmInPolBlock";
	case OUTCOME_PROTECT:
		return out ? "XfrmOutNoStates" : "XfrmInTmplMismatch";
	case OUTCOME_TOO_MANY:
		return out ? "XfrmOutPolError" : "XfrmInBufferError";
	default:
		return NULL;
	}
}

static bool same_or_any(const struct addr *a, const struct addr *b)
{
	return addr_is_any(a) || addr_is_any(b) || addr_equal(a, b);
}

static bool sa_selects(const struct sa *sa, const struct flow *f)
{
	return sa->selector.dst.addr.family == 0 || selector_misfits(&sa->selector, f) == 0;
}

bool template_sends_by(const struct template *t, const struct policy *p, const struct flow *f,
	const struct addr *local, const struct addr *remote, const struct sa *sa)
{
	return !sa->larval && sa->proto == t->proto && sa->mode == t->mode &&
	       sa->reqid == t->reqid && (t->spi == 0 || t->spi == sa->spi) &&
	       sa->if_id == p->if_id && (p->mark & p->mark_mask & sa->mark_mask) == sa->mark &&
	       !(sa->flags & XFRM_STATE_WILDRECV) && addr_equal(&sa->dst, remote) &&
	       same_or_any(&sa->src, local) && sa_selects(sa, f);
}

bool sa_preferred(const struct sa *a, const struct sa *over)
{
	return a->added_s > over->added_s;
}

bool template_accepts(const struct template *t, const struct flow *f, const struct sa *sa)
{
	return !sa->larval && sa->proto == t->proto && sa->mode == t->mode &&
	       (t->spi == 0 || t->spi == sa->spi) && (t->reqid == 0 || t->reqid == sa->reqid) &&
	       (t->mode == IPSEC_TRANSPORT ||
		       (same_or_any(&t->dst, &sa->dst) && same_or_any(&t->src, &sa->src))) &&
	       (f->if_id == 0 || f->if_id == sa->if_id) && sa_selects(sa, f);
}
