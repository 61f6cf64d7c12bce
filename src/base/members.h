/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Walks the members of one JSON object in a line, in order, without memory: for lines of our own
 * writing (no white space outside of strings), of which a few members are wanted of many. It judges
 * only what it must to find them: what is not spelled so, or is no object, sets `odd`, and a JSON
 * library has to look at the line.
 */
struct members {
	const uint8_t *p, *end;
	bool begun, odd;
};

struct member {
	struct span key; /* without quotes; has no escapes */
	struct span value; /* as it is spelled, with its quotes or brackets */
};

void members_init(struct members *m, struct span line);
/* False: that was all, or the rest is odd. All is borrowed from the line. */
bool members_next(struct members *m, struct member *ret);

static inline bool member_is(const struct member *m, const char *key)
{
	size_t i = 0;

	while (i < m->key.n && key[i] != '\0' && (uint8_t)key[i] == m->key.p[i])
		i++;
	return i == m->key.n && key[i] == '\0';
}

/* A number of up to 18 digits without sign, fraction or exponent. */
bool member_u64(struct span value, uint64_t *ret);
/* A string's octets; false when it is none, or one with escapes. */
bool member_text(struct span value, struct span *ret);
bool member_is_null(struct span value);
