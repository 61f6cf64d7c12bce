/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "sign/digest.h"

/* The chain over the lines of the event log: digest = SHA-256( digest before || text ). */

/* A proving line (head, commit) has all DIGEST_HEX digits, */
#define DIGEST_HEX_SHORT 16 /* every other line so many */

struct chain {
	struct sha256 sha256;
	uint8_t digest[DIGEST_SIZE]; /* of the last line; zeroes before the first */
};

int chain_init(struct chain *c); /* -ENOMEM */
void chain_done(struct chain *c);
/* One line's text, without its `,"h":`. -EIO: the library failed, the digest is as before. */
int chain_step(struct chain *c, struct span text);

/*
 * Takes a line (without newline) apart: text is what is hashed, digits the 16 or 64 in its `h`.
 * False: it does not end with `,"h":"DIGITS"}`.
 */
bool chain_split(struct span line, struct span *ret_text, struct span *ret_digits);
/* Do the digits (16 or 64) stand for the digest? */
bool chain_matches(const struct chain *c, struct span digits);

static inline void digest_format(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_HEX + 1])
{
	hex_format(digest, DIGEST_SIZE, ret);
}

static inline bool digest_parse(struct span digits, uint8_t ret[DIGEST_SIZE])
{
	return hex_parse(digits, ret, DIGEST_SIZE);
}
