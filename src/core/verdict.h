/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/tunnels.h"

#define VERDICT_QUIET_US (300ull * 1000000) /* without a packet for so long, it is idle */
#define VERDICT_OVERLAP_US (60ull * 1000000) /* old and new SAs stand side by side so long */

/* Is a tunnel up? What each witness says, and what follows. NULL: not known. */
struct verdict {
	const char *word; /* up, idle, one-way, down, failed, on demand, disabled, contradictory */
	char reason[FACT_TEXT_SIZE]; /* why, and why a witness is silent */
	const char *configured; /* file and loaded, loaded, file, no */
	const char *ike; /* state of its IKE SA; none */
	const char *installed; /* of the pair in the kernel: in and out, in, out, none */
	const char *policies; /* the same of policies */
	const char *traffic; /* both ways, in, out, none: of late */
	unsigned duplicates; /* installed pairs beside the one that counts, no rekey */
};

/* Looks at the whole SPD once after each change of it. */
void verdict_of(const struct core *c, const struct tunnel *t, struct verdict *ret);

/* The daemon that serves a tunnel now; NULL: none runs. */
const struct ike_server *tunnel_server(const struct core *c, const struct tunnel *t);
/* What the daemon loaded, else what a file says; NULL: nothing. */
const struct ledger_connection_child *tunnel_config(
	const struct core *c, const struct tunnel *t, uint8_t origin);
/* Is this child a duplicate: installed beside a newer one that does not replace it? */
bool child_is_duplicate(const struct core *c, const struct ledger_child_sa *l);
