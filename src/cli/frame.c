/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/frame.h"

#include <assert.h>
#include <string.h>

#define MAGIC_0 0xc5
#define MAGIC_1 0x9a

uint16_t frame_crc(struct span octets)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < octets.n; i++) {
		crc = (uint16_t)(crc ^ octets.p[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return crc;
}

void frame_encode(const struct frame *f, struct buf *out)
{
	CLEANUP_BUF struct buf header = { 0 };

	assert(f->payload.n <= FRAME_PAYLOAD_MAX);
	buf_u8(&header, MAGIC_0);
	buf_u8(&header, MAGIC_1);
	buf_u8(&header, f->type);
	buf_u16(&header, f->session);
	buf_u16(&header, f->seq);
	buf_u16(&header, (uint16_t)f->payload.n);
	buf_u16(&header, frame_crc(f->payload));
	buf_u16(&header, frame_crc(buf_span(&header)));
	out->failed |= header.failed;
	buf_append(out, header.p, header.n);
	buf_append(out, f->payload.p, f->payload.n);
}

/* A whole, undamaged frame at the beginning of octets; *ret_short: it may become one. */
static bool decode_here(struct span octets, struct frame *ret, bool *ret_short)
{
	struct reader r;
	uint16_t length, payload_crc, header_crc;

	*ret_short = false;
	reader_init(&r, octets);
	if (reader_u8(&r) != MAGIC_0)
		return false;
	if (reader_left(&r) > 0 && reader_u8(&r) != MAGIC_1)
		return false;
	ret->type = reader_u8(&r);
	ret->session = reader_u16(&r);
	ret->seq = reader_u16(&r);
	length = reader_u16(&r);
	payload_crc = reader_u16(&r);
	header_crc = reader_u16(&r);
	if (!reader_ok(&r)) {
		*ret_short = true;
		return false;
	}
	if (header_crc != frame_crc(span_of(octets.p, FRAME_HEADER_SIZE - 2)) ||
		length > FRAME_PAYLOAD_MAX)
		return false;
	if (reader_left(&r) < length) {
		*ret_short = true;
		return false;
	}
	ret->payload = reader_take(&r, length);
	return frame_crc(ret->payload) == payload_crc;
}

enum frame_result frame_decode(
	struct span octets, struct frame *ret, size_t *ret_used, size_t *ret_noise)
{
	struct frame f = { 0 };

	for (size_t at = 0; at < octets.n; at++) {
		const uint8_t *next = memchr(octets.p + at, MAGIC_0, octets.n - at);
		bool is_short;

		if (!next)
			break;
		at = (size_t)(next - octets.p);
		if (decode_here(span_of(next, octets.n - at), &f, &is_short)) {
			*ret = f;
			*ret_noise = at;
			*ret_used = at + FRAME_HEADER_SIZE + f.payload.n;
			return FRAME_OK;
		}
		if (is_short) {
			*ret_used = *ret_noise = at;
			return FRAME_TRUNCATED;
		}
	}
	*ret_used = *ret_noise = octets.n;
	return FRAME_TRUNCATED;
}
