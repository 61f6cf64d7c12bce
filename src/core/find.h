/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"
#include "match/meet.h"

/*
 * Which policies a packet would meet, why the others lost, and what would become of it, by what
 * the ledger has of the kernel's policies, SAs and interfaces.
 */
struct find_question {
	struct flow
		flow; /* its interface and, behind an xfrm interface, if_id are filled in here */
	const char *netns; /* name; NULL: the one where source or destination is local, else init */
	const char *direction; /* in, out, fwd; NULL: by which of the addresses is local */
	const char *interface; /* that it comes or leaves by; NULL: not known */
	bool has_if_id; /* flow.if_id was asked for */
	size_t losers; /* at most so many are told, up to FIND_LOSERS_MAX */
};

#define FIND_LOSERS_MAX 1000u
#define FIND_TEXT_SIZE 512
#define FIND_ASSUMED_MAX 8

struct find_loser {
	uint32_t index, priority;
	uint8_t type;
	bool first;
	unsigned misfits; /* enum misfit; 0: it fits, but another comes before it */
};

struct find_template {
	struct template wants;
	uint32_t policy; /* index */
	/*
	 * Out: the SA that the packet would be sent by. In, fwd: one by which it may have come.
	 * NULL: there is none. Borrowed until the next core_feed().
	 */
	const struct sa *sa;
};

/* One lookup of the kernel. */
struct find_check {
	uint8_t direction; /* enum policy_direction */
	struct flow flow;
	const char *default_action; /* accept, block; NULL: not known, taken as accept */
	/*
	 * Does disable_xfrm (out) or disable_policy (in, fwd) keep policies out of it? enum
	 * setting; where unknown they are taken to count.
	 */
	uint8_t unasked;
	const char *unasked_by; /* the interface; NULL: several of the same setting, or unknown */
	bool has_spared;
	uint32_t spared; /* index of the policy that would count without that */
	bool has_policy, has_behind;
	struct policy policy; /* the one that decides */
	struct policy behind; /* the main policy behind a sub-policy */
	unsigned n_ties; /* others of the same priority that fit as well */
	bool ambiguous; /* … and would have another outcome */
	enum outcome outcome; /* of a packet without an SA */
	const char *fate; /* clear, protected, dropped */
	char verdict[FIND_TEXT_SIZE]; /* in words */
	struct find_template templates[2 * POLICY_TEMPLATES];
	unsigned n_templates;
	struct find_loser *losers; /* in the kernel's order; those that don't fit last */
	size_t n_losers, n_losers_all; /* told; of the same addresses there are */
	unsigned n_sockets; /* policies of sockets that fit: for their sockets they come first */
};

struct find_answer {
	const char *netns;
	uint64_t cookie;
	const char *interface; /* NULL: not known */
	struct find_check checks[2]; /* what is forwarded meets fwd, then out */
	unsigned n_checks;
	const char *assumed[FIND_ASSUMED_MAX]; /* what the answer rests on that is not known */
	unsigned n_assumed;
};

/*
 * -EINVAL, -ENOENT with the reason: no such netns, interface or direction. -ENOMEM. The first call
 * builds an index of all policies, which follows their changes from then on. ret is large: not for
 * the stack. find_answer_done() frees what it holds, also of an answer that is all zero.
 */
int core_find(const struct core *c, const struct find_question *q, struct find_answer *ret,
	struct diag *reterr);
void find_answer_done(struct find_answer *a);

/* "priority 200 comes after 100", "only for tcp, mark 0x1/0xff": why it lost. */
void find_why(const struct find_check *check, const struct find_loser *l, const struct policy *p,
	char ret[FIND_TEXT_SIZE]);

bool core_policy(const struct core *c, uint64_t netns, uint32_t index, struct policy *ret);
