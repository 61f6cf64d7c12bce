/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"
#include "source/xfrm/xfrm.h"

/*
 * Our whole way from the kernel to the model in one process: the xfrm source on this process's
 * netns, its facts fed to a core. As in ipsecmond-observe and ipsecmond-core, without what passes
 * facts from the one to the other.
 */
struct ledger {
	struct inbox inbox;
	struct xfrm *xfrm;
	struct core *core;
	uint64_t seq, stamp_seq, stamp_boot_ns, stamp_real_us;
	uint64_t n_events; /* that the core told */
	uint64_t n_losses; /* as the source says */
	uint8_t state; /* of the source: enum source_state */
};

void ledger_begin(struct ledger *l, uint32_t room); /* octets of receive buffer; dies on errors */
void ledger_ask(struct ledger *l, unsigned want); /* and reads until all is answered */
/* What the kernel says, when it does within that time; false: nothing. A part of it, if much. */
bool ledger_read(struct ledger *l, int timeout_ms);
/* A round, as the monitor's: what is stale is read anew, what is missing then is gone. */
void ledger_round(struct ledger *l);
