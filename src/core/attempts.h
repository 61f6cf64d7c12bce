/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/negotiations.h"

/* The negotiations that are gathered: which piece belongs to which. For negotiations.c. */

/*
 * Attempts lie in chains by daemon and peer's address (none: its own chain), so that a storm from
 * many peers costs no more than one from one. Told ones stay a little: what comes late belongs to
 * them. An IKE SA that went down leaves an attempt of which nobody said that it failed, so that a
 * timeout said before or after is known to be a dead peer.
 */
struct chain_key {
	uint64_t service;
	struct addr peer;
	uint8_t zero[7]; /* in the place of padding: the map compares octets */
};
_Static_assert(sizeof(struct chain_key) == 32, "no padding");

struct chain {
	struct chain_key key;
	struct attempt *first; /* newest first */
	unsigned n;
};

struct negotiations {
	struct map *chains; /* struct chain_key → struct chain */
	unsigned n_attempts;
};

uint64_t attempts_late_ns(const struct core *c); /* so long a told one takes what comes late */
/* Where this piece belongs; NULL: nowhere yet. */
struct attempt *attempts_find(const struct core *c, const struct negotiation *n);
/* A new one, of which nothing is known but the daemon; NULL: no room, counted. */
struct attempt *attempts_open(struct core *c, const struct negotiation *n, uint64_t cookie);
void attempts_remove(struct core *c, struct chain *chain, struct attempt **at); /* and frees */
/* Can both tell of the same negotiation? */
bool attempt_is_about(const struct attempt *a, const struct negotiation *n);
bool attempt_has_piece(const struct attempt *a, const struct piece *p);
void attempt_take(struct core *c, struct attempt *a, const struct negotiation *n);
/* Who it is with: what one piece lacks another knows. */
void attempt_learn(struct negotiation *to, const struct negotiation *n);
