/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* The chain over the lines of the event log: digest = SHA-256( digest before || text ). */

#define DIGEST_SIZE 32
#define DIGEST_HEX (2 * DIGEST_SIZE) /* digits of a proving line: head, commit */
#define DIGEST_HEX_SHORT 16 /* digits of every other line */

struct chain {
	void *md, *ctx; /* OpenSSL's */
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

void digest_format(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_HEX + 1]);
bool digest_parse(struct span digits, uint8_t ret[DIGEST_SIZE]); /* 64 lower-case digits */
