/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * The form of a sealed file: independent zstd frames, each with its length and checksum and at most
 * FRAME_TEXT_MAX octets of text; then the seek table of zstd's "seekable format" (version 0.1.0) in
 * a skippable frame: for each frame its octets in the file and those of its text (32 bits each,
 * little endian), their number, a descriptor (0: no checksums here), a magic number. To other zstd
 * tools it is an ordinary file.
 *
 * Reading copes with any octets.
 */
#define FRAME_TEXT_MAX ((size_t)64 << 10)

struct frames {
	int fd; /* borrowed */
	size_t n;
	struct frame {
		uint64_t file_at, text_at;
	} * v; /* n of them, and one more for the ends */
	void *zstd; /* its decoder, once needed */
	uint8_t *packed; /* a frame as the file has it */
};

/* Reads the table of a file of that size. -EBADMSG: it is none, or does not fit the file. */
int frames_open(int fd, uint64_t size, struct frames *ret);
void frames_done(struct frames *f);
uint64_t frames_text_size(const struct frames *f);
/* Which one holds this octet of text, below frames_text_size(). */
size_t frames_find(const struct frames *f, uint64_t at);
size_t frames_text_of(const struct frames *f, size_t i); /* octets */
/* The text of a frame into p, which has room for it. -EBADMSG: it is damaged. */
int frames_decode(struct frames *f, size_t i, uint8_t *p);

/* Makes the octets of such a file, in order. */
struct framer {
	void *zstd, *back; /* encoder, and decoder to see that it can be read again */
	uint8_t *text;
	struct buf table;
	uint32_t n;
};

int framer_init(struct framer *f); /* -ENOMEM */
void framer_done(struct framer *f);
/*
 * Appends a frame with this text, 1 … FRAME_TEXT_MAX octets. -ENOMEM; -EIO: what came out could
 * not be read back.
 */
int framer_frame(struct framer *f, struct span text, struct buf *out);
int framer_table(struct framer *f, struct buf *out); /* the end of the file. -ENOMEM */
