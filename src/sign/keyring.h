/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "sign/signed_head.h"

/*
 * The public keys of a log, as text that anybody can read: for each a line that introduces it,
 * signed by the key before it (the first by itself), then its PEM block; newest last.
 *
 *   {"type":"key","key":"fingerprint","number":N,"host":…,"time":…,"by":"fingerprint","sig":…}
 *
 * From head `number` on the key signs, and the one in `by` no more. Who trusts one of the keys can
 * so trust those that follow it.
 */
#define KEYRING_MAX 256
#define KEYRING_OCTETS_MAX ((size_t)1 << 20) /* of a file with keys */

struct keyring_key {
	struct public_key public;
	bool given; /* trusted because it was given, not because it was introduced */
	uint64_t first, last; /* numbers of heads that it may sign */
};

struct keyring {
	struct keyring_key keys[KEYRING_MAX];
	size_t n;
};

/*
 * Trusts every PEM block of the text, whatever stands around. -ENOENT: none in it; -EINVAL: one
 * that is no Ed25519 key; -E2BIG. name is for the message.
 */
int keyring_give(struct keyring *k, struct span text, const char *name, struct diag *reterr);
/* Trusts what trusted keys introduce in the text. What does not fit is passed over. */
void keyring_learn(struct keyring *k, struct span text);
const struct keyring_key *keyring_find(const struct keyring *k, const char *fingerprint);

/* Is it signed by a key that may sign it? NULL: yes; else what is wrong with it. */
const char *keyring_judge(
	const struct keyring *k, const struct signed_head *h, struct span text, struct span digits);

struct introduction {
	struct public_key key; /* of which a line knows the fingerprint only */
	uint64_t number;
	char host[SIGNED_HEAD_WORD];
	uint64_t time_us;
	char by[DIGEST_HEX + 1];
};
/* Appends line and PEM block; `by` is the fingerprint of the secret key that signs. */
int introduction_write(
	const struct introduction *i, const uint8_t by_secret[SECRET_KEY_SIZE], struct buf *out);
/* The last introduction in the text, whoever signed it, with its key. False: there is none. */
bool introduction_last(struct span text, struct introduction *ret);
