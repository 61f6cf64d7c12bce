/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * The newest committed event lines, shared by all streams. Bounded: the oldest go first, and who
 * still needs them reads the log.
 */
struct ring {
	struct ring_line {
		uint64_t seq;
		char *text;
		size_t n;
	} * lines;
	size_t first, n, octets;
	uint64_t from_seq; /* every committed event from here on is in it */
};

int ring_init(struct ring *r, uint64_t next_seq);
void ring_done(struct ring *r);
void ring_push(struct ring *r, uint64_t seq, struct span line);
/* The oldest line with at least this seq; NULL: none. Borrowed until the next push. */
const struct ring_line *ring_find(const struct ring *r, uint64_t seq);
