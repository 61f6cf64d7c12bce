/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* SHA-256 and its digits. */

#define DIGEST_SIZE 32
#define DIGEST_HEX (2 * DIGEST_SIZE)

struct sha256 {
	void *md, *ctx; /* OpenSSL's */
};

int sha256_init(struct sha256 *s); /* -ENOMEM */
void sha256_done(struct sha256 *s); /* takes a zeroed one */
/* Of both spans, one behind the other. -EIO: the library failed, *ret is as before. */
int sha256_of(struct sha256 *s, struct span a, struct span b, uint8_t ret[DIGEST_SIZE]);
/* For once; in digits. -EIO. */
int sha256_digits(struct span octets, char ret[DIGEST_HEX + 1]);

/* Lower-case hexadecimal; ret has room for 2 * n + 1. */
void hex_format(const uint8_t *octets, size_t n, char *ret);
/* Takes exactly 2 * n digits, lower case only. */
bool hex_parse(struct span digits, uint8_t *ret, size_t n);
