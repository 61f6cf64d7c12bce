/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "sign/digest.h"

/* Ed25519 (RFC 8032). */

#define SECRET_KEY_SIZE 32
#define PUBLIC_KEY_SIZE 32
#define SIGNATURE_SIZE 64
#define SIGNATURE_HEX (2 * SIGNATURE_SIZE)

struct public_key {
	uint8_t octets[PUBLIC_KEY_SIZE];
	/*
	 * SHA-256 of its SubjectPublicKeyInfo, as of
	 * `openssl pkey -pubin -in FILE -outform DER | sha256sum`.
	 */
	char fingerprint[DIGEST_HEX + 1];
};

/*
 * Secret keys are plain octets in memory of the caller's, who wipes them with secret_wipe() as soon
 * as may be. What the library makes of them lies in memory that no core dump shows, once
 * secret_memory() was called. All -EIO: the library failed.
 */
int secret_memory(void); /* once a process, before anything else here; -ENOMEM */
int secret_new(uint8_t ret[SECRET_KEY_SIZE]);
void secret_wipe(uint8_t secret[SECRET_KEY_SIZE]);
int secret_public(const uint8_t secret[SECRET_KEY_SIZE], struct public_key *ret);
/* The signature in digits. */
int secret_sign(
	const uint8_t secret[SECRET_KEY_SIZE], struct span text, char ret[SIGNATURE_HEX + 1]);

/* digits: SIGNATURE_HEX of them, else false. */
bool public_verify(const struct public_key *k, struct span text, struct span digits);

/* The three lines of a PEM file. */
void public_write(const struct public_key *k, struct buf *out);
#define PUBLIC_PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PUBLIC_PEM_END "-----END PUBLIC KEY-----"
/* What stands between these two. False: no Ed25519 key. */
bool public_parse(struct span base64, struct public_key *ret);
