/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/match.h"

/* What is wrong with a policy, by itself and beside the others. */
enum lint_rule {
	LINT_NEVER_MATCHES, /* no packet fits it */
	LINT_SHADOWED, /* another one takes all its packets, and decides otherwise */
	LINT_REDUNDANT, /* … and decides the same */
	LINT_CONTRADICTED, /* … at the same priority, and decides otherwise */
	LINT_NO_FORWARD, /* in, tunnel mode, but packets for hosts behind this one are not let on */
	LINT_NO_REVERSE, /* what goes one way by an SA has no policy for the way back */
	LINT_OPTIONAL, /* clear text passes */
	LINT_TOO_MANY_TEMPLATES,
	LINT_NO_INTERFACE, /* no xfrm interface has its if_id */
	LINT_N,
};

struct lint_text {
	const char *name; /* "never-matches" */
	bool error; /* else a warning: it may be meant so */
	const char *remedy;
};
extern const struct lint_text lint_texts[LINT_N];

#define LINT_CAUSE_SIZE 256

struct lint_finding {
	enum lint_rule rule;
	bool has_other;
	uint32_t other; /* index of the policy that is in the way */
	char cause[LINT_CAUSE_SIZE];
};

/* What the rules ask of the rest; userdata goes with each call. */
struct lint_world {
	const struct match *match; /* of all policies */
	void *userdata;
	/* The policy of that netns and index, or NULL; borrowed until the next call. */
	const struct policy *(*policy)(void *userdata, uint64_t netns, uint32_t index);
	bool (*is_local)(void *userdata, uint64_t netns, const struct addr *a);
	bool (*has_if_id)(void *userdata, uint32_t if_id); /* an xfrm interface, in any netns */
	bool (*agree)(const struct policy *a, const struct policy *b); /* the same outcome */
};

/* How many findings; at most LINT_N. Policies of sockets have none. */
unsigned lint_policy(
	const struct lint_world *w, const struct policy *p, struct lint_finding ret[LINT_N]);
