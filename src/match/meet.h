/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/match.h"

/* The policies that a packet meets, and what they make of it. */
struct meeting {
	struct match_hit policy; /* decides */
	/*
	 * The main policy behind a sub-policy, whose templates come on top; its list is the one of
	 * `behind_direction`, for the kernel looks in IN even for what it forwards.
	 */
	struct match_hit behind;
	uint8_t behind_direction;
};

/* direction: POLICY_IN, _OUT or _FWD. As xfrm_policy_lookup() and what calls it. */
void match_meet(const struct match *m, uint64_t netns, uint8_t direction, const struct flow *f,
	struct meeting *ret);

enum outcome { /* of two policies that both let pass, the greater one counts */
	OUTCOME_NO_POLICY, /* passes in the clear, by default */
	OUTCOME_DEFAULT_BLOCK, /* no policy, and what has none is dropped */
	OUTCOME_BLOCK,
	OUTCOME_BYPASS, /* passes in the clear, by a policy that allows without a template */
	OUTCOME_OPTIONAL, /* all templates are of level use: passes, by an SA or in the clear */
	OUTCOME_PROTECT, /* out: needs an SA; in, fwd: must have come by one */
	OUTCOME_TOO_MANY, /* templates, six and more: dropped */
	OUTCOME_UNASKED, /* passes: a setting of the interface's lets it, whatever policies say */
};

/* Of what was met (NULL: none), for a packet that has no SA. */
enum outcome meeting_outcome(uint8_t direction, const struct policy *policy,
	const struct policy *behind, bool default_block);
/* The counter of xfrm_stat that tells of a packet in the clear that has no SA; NULL: none does. */
const char *outcome_counter(enum outcome o, uint8_t direction);

/*
 * Would the kernel send by this SA for the template, as xfrm_state_find() chooses? local, remote:
 * the flow's addresses, or those of the template inside which this one comes.
 */
bool template_sends_by(const struct template *t, const struct policy *p, const struct flow *f,
	const struct addr *local, const struct addr *remote, const struct sa *sa);
/* Of two that will do: the one added later. Expiring ones count less, which is not exported. */
bool sa_preferred(const struct sa *a, const struct sa *over);
/* Does a packet that came by this SA satisfy the template (xfrm_state_ok(), and its selector)? */
bool template_accepts(const struct template *t, const struct flow *f, const struct sa *sa);
