/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Frames that carry several sessions over one serial line, which may lose, add or change octets:
 * kernel messages come out of the same line. doc/bridge.md describes them for other programs.
 *
 *   0  2  0xc5 0x9a
 *   2  1  type
 *   3  2  session, 0 for FRAME_RESET
 *   5  2  sequence number: one more than the frame before, from 0 after 65535
 *   7  2  length of the payload, at most FRAME_PAYLOAD_MAX
 *   9  2  CRC of the payload
 *  11  2  CRC of the octets 0 to 10
 *  13     payload
 *
 * Integers are little-endian; CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xffff).
 */
#define FRAME_HEADER_SIZE 13u
#define FRAME_PAYLOAD_MAX 2048u

enum frame_type {
	FRAME_RESET = 1, /* one octet: enum frame_reset */
	FRAME_OPEN = 2, /* only the listening end opens sessions */
	FRAME_DATA = 3,
	FRAME_CLOSE = 4, /* no more from me, and I take no more */
	FRAME_WINDOW = 5, /* u32: so many octets more may be sent to me in this session */
};

struct frame {
	uint8_t type;
	uint16_t session, seq;
	struct span payload; /* borrowed from the reader until its next change */
};

enum frame_reset {
	FRAME_RESET_ASKS =
		0, /* I begin, without sessions; once a second until the other is heard */
	FRAME_RESET_ANSWERS = 1, /* to such a one: I am here */
	FRAME_RESET_LOST = 2, /* a frame is missing: I have dropped all sessions, do the same */
};

/* payload.n is at most FRAME_PAYLOAD_MAX. */
void frame_encode(const struct frame *f, struct buf *out);

enum frame_result {
	FRAME_OK = 0,
	FRAME_TRUNCATED = 1, /* more octets are needed */
};

/*
 * Finds the next frame in what came over the line. *ret_used: octets that can be forgotten (after
 * the frame was dealt with), also when truncated. *ret_noise: how many of these belonged to no
 * frame. Never gives a frame whose CRCs don't fit.
 */
enum frame_result frame_decode(
	struct span octets, struct frame *ret, size_t *ret_used, size_t *ret_noise);

uint16_t frame_crc(struct span octets);
