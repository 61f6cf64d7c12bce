/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "sign/key.h"

/*
 * A signed head: "at this time the log of this host ended with this line". Whoever kept it
 * elsewhere can hold the log against it for ever. One line of ASCII, the signature being over the
 * octets before its `,"sig":`:
 *
 *   {"type":"signed-head","number":N,"host":…,"boot":…,"time":…,"segment":N,"line":N,"seq":N,
 *    "digest":"64 digits","key":"fingerprint, 64 digits","sig":"128 digits"}
 */
#define SIGNED_HEAD_MAX 768 /* octets of a line, with a NUL */
#define SIGNED_HEAD_BEGIN "{\"type\":\"signed-head\","
#define SIGNED_HEAD_WORD 64

struct signed_head {
	uint64_t number; /* rises from head to head of a key directory */
	char host[SIGNED_HEAD_WORD], boot[SIGNED_HEAD_WORD];
	uint64_t time_us; /* of the signature */
	uint64_t segment; /* number of the segment, */
	uint64_t line; /* number, from 1, of the line in it: a commit, */
	uint64_t seq; /* last event before it, */
	uint8_t digest[DIGEST_SIZE]; /* and the line's digest */
	char key[DIGEST_HEX + 1]; /* fingerprint of who signed */
};

/* Signs; appends the line without newline. -EIO, -ENOMEM. h->key is not looked at. */
int signed_head_write(const struct signed_head *h, const uint8_t secret[SECRET_KEY_SIZE],
	const struct public_key *k, struct buf *out);

/*
 * Takes a line apart, without newline. False: it has not that form to the last octet. text and
 * digits are what public_verify() wants; borrowed from line.
 */
bool signed_head_parse(
	struct span line, struct signed_head *ret, struct span *ret_text, struct span *ret_digits);
