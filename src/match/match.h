/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"
#include "match/flow.h"

/*
 * Which policy the kernel would take of many: an index that follows every change, by tuple space
 * search. Policies that look at the same bits of a packet lie in one hash table; the tables are
 * asked in the order of the best priority in them, until no other can hold a better policy.
 *
 * The kernel's order: the lowest priority number wins; of equal ones the one that was inserted
 * first, and an update keeps its place. Insertions are not exported, but the kernel numbers
 * policies in that order (index), so the lower index wins, unless somebody chose it. Where equal
 * priorities make a difference, match_all() tells, and callers say that it is ambiguous: what the
 * kernel does with them also depends on how it last arranged its tables. A policy offloaded to an
 * interface and for single hosts comes before all others.
 */
struct match;

int match_new(uint64_t seed, struct match **ret); /* seed: of its hash. -ENOMEM */
struct match *match_free(struct match *m); /* takes NULL */
DEFINE_FREEP(match)

/*
 * Nothing of the policy is kept but what it takes to find it. Policies of sockets are indexed like
 * others, under their own directions. One that can't match (a prefix longer than the address) is
 * not, which is no error. -ENOMEM.
 */
int match_add(struct match *m, const struct policy *p);
/* p as it was when it was added: to change a policy, remove the old and add the new. */
void match_remove(struct match *m, const struct policy *p);
void match_forget(struct match *m, uint64_t netns); /* all policies of the netns */
size_t match_count(const struct match *m);
size_t match_memory(const struct match *m); /* octets, without the allocator's own */

struct match_where { /* one of the kernel's lists */
	uint64_t netns;
	uint8_t direction; /* enum policy_direction */
	uint8_t type; /* 0 main, 1 sub */
};

struct match_hit {
	bool found;
	bool block;
	bool first; /* it comes before all others whatever its priority: offloaded */
	uint32_t index, priority;
};

void match_best(const struct match *m, struct match_where where, const struct flow *f,
	struct match_hit *ret);
/* The same for n packets at once, faster. */
void match_batch(const struct match *m, struct match_where where, const struct flow *flows,
	size_t n, struct match_hit *ret);
/*
 * All policies that fit, in the kernel's order, at most max into ret; how many there are.
 * ret[0] is what match_best() says; the ones behind it with its priority tie with it.
 */
size_t match_all(const struct match *m, struct match_where where, const struct flow *f,
	struct match_hit *ret, size_t max);

/*
 * All policies of the list that fit every packet which p fits, p itself among them: as match_all().
 */
size_t match_covering(const struct match *m, struct match_where where, const struct policy *p,
	struct match_hit *ret, size_t max);
/* A policy of the list that fits just the packets that p fits; priorities aside. */
bool match_twin(const struct match *m, struct match_where where, const struct policy *p);
