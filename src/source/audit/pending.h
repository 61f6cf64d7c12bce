/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fact.h"
#include "source/audit/parse.h"

/*
 * Records of SA and policy changes that wait for the SYSCALL record of the same serial, which names
 * the actor and comes behind them; many when one call flushes all. Oldest first, bounded.
 */
struct pending_change {
	uint64_t serial, record_us;
	struct prefix src, dst;
	uint32_t auid, ses, spi;
	uint8_t op;
	bool ok;
	bool waited; /* survived one sweep */
};

#define PENDING_MAX 16384

struct pending {
	struct pending_change *v;
	size_t n, size;
};

/* -ENOSPC, -ENOMEM: emit it without an actor then. */
int pending_add(struct pending *p, const struct fact *change);
bool pending_has(const struct pending *p, uint64_t serial);
void pending_done(struct pending *p);

typedef void pending_each_fn(void *userdata, const struct pending_change *c);
/* Hands over and forgets those of the serial. */
void pending_take(struct pending *p, uint64_t serial, pending_each_fn *each, void *userdata);
/* Hands over and forgets those that were there at the last sweep already. */
void pending_sweep(struct pending *p, pending_each_fn *each, void *userdata);

/* The change as a fact; actor NULL: unknown. */
void pending_fact(
	const struct pending_change *c, const struct audit_actor *actor, struct fact *ret);
