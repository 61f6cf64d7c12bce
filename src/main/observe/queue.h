/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/span.h"

/*
 * The facts that the core has not acknowledged, encoded, oldest first: sent once to each core, kept
 * until it says that they are in the log. Bounded: when full, the oldest claims (audit records of
 * single drops, which the counters cover) go first; what is left without a place is refused.
 */
struct queue;

int queue_new(size_t limit, struct queue **ret); /* octets; -ENOMEM */
struct queue *queue_free(struct queue *q);
DEFINE_FREEP(queue)

/* seq rises. -ENOSPC, -ENOMEM: refused. */
int queue_put(struct queue *q, uint64_t seq, bool claim, struct span octets);
void queue_ack(struct queue *q, uint64_t seq); /* all up to it are forgotten */

/* The octets to send next, as at most n parts. Parts filled; 0: all is sent. */
unsigned queue_next(struct queue *q, struct iovec *parts, unsigned n);
void queue_sent(struct queue *q, size_t n); /* so many of them went */
void queue_rewind(struct queue *q); /* a new core: sends from the oldest again */

size_t queue_octets(const struct queue *q); /* kept */
bool queue_all_sent(const struct queue *q);
uint64_t queue_claims_lost(const struct queue *q); /* that had to go, ever */
