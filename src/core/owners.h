/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/internal.h"
#include "core/tunnels.h"

#define OWNER_GRACE_US (15ull * 1000000) /* daemons leave an SA for late packets */

/* Whose a kernel SA or policy is, and whether anybody still needs it. */
struct owner {
	/* A connection's name; manual: `ip` added it and no daemon claims it; unowned; NULL: it is
	 * only asked for yet. */
	const char *name;
	const struct tunnel *tunnel; /* NULL: of none */
	const char *stale; /* orphaned, stale, duplicate; NULL: in use */
	char reason[FACT_TEXT_SIZE]; /* why stale */
	char remedy[FACT_TEXT_SIZE]; /* the command that removes it, for a person to run */
};

void owner_of_sa(const struct core *c, const struct ledger_sa *l, struct owner *ret);
void owner_of_policy(const struct core *c, const struct policy *p, bool manual, struct owner *ret);

/* Audit told who made an event's change: noted where it says whose the thing is. */
void owner_note(struct core *c, const struct held *h, const struct actor *a);
