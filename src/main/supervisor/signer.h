/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "main/ipc.h"
#include "sign/keyring.h"

/*
 * Who signs heads. All it has lies in a directory of its own, 0700, which no other process of ours
 * can read:
 *
 *   key        the secret key, 32 octets; read for each signature, and not kept in memory
 *   key.new    the next one, while it is being introduced
 *   keys.pem   the keyring: all public keys there have been
 *   last       number and place of the last head signed, as text; on the disk before the signature
 *              leaves us, so that a number never comes twice, nor a place with another digest
 *   lock       flock() held by the monitor that signs; its pid as text
 *
 * What is to be signed comes from core, whom we need not trust: it can have lines signed that it
 * made up, but never again a place of the log that is signed already, nor one before it.
 */
struct signer {
	int dir, lock; /* -1: not open */
	char path[PATH_MAX];
	char host[NAME_SIZE], boot[NAME_SIZE];
	struct public_key key;
	uint64_t number;
	struct ipc_place last; /* signed */
};

/*
 * Opens the directory, made if missing, and takes its lock: -EBUSY with the other's pid in
 * *ret_holder (may be NULL). Makes key and keyring if there are none. log_is_new: there is no
 * segment of a log yet, so that the next place may be any.
 */
int signer_open(struct signer *s, const char *path, const char *host, const char *boot,
	bool log_is_new, int *ret_holder, struct diag *reterr);
void signer_close(struct signer *s);

/* The keyring, for reading. A descriptor or -errno. */
int signer_keys(const struct signer *s);
/* -EPERM: that place may not be signed (any more); *reterr says why. */
int signer_sign(struct signer *s, const struct ipc_place *place, char ret[SIGNED_HEAD_MAX],
	struct diag *reterr);
/*
 * Another key from the next head on, introduced by the present one. What was signed binds the new
 * key no more: after this the log may have been replaced by an older copy.
 */
int signer_rotate(struct signer *s, struct diag *reterr);
