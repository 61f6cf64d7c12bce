/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/flow.h"

/* Policies and packets of a small world, so that they meet, tie and nearly meet often. */
struct random {
	uint64_t state;
};

uint32_t random_below(struct random *r, uint32_t n); /* 0 to n - 1 */
struct addr random_addr(struct random *r, uint8_t family);
struct policy random_policy(struct random *r, uint32_t index);
struct flow random_flow(struct random *r);
