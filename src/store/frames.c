/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

/*
 * Measured with 100,000 events of many sources, SPIs and times: higher levels gain little and cost
 * much, level 5 is above 70 octets an event. Matches of less than 5 octets make it larger, and
 * slower to unpack.
 */
#define LEVEL 9
#define MATCH_MIN 5

#define SKIPPABLE_MAGIC 0x184d2a5eu
#define SEEKABLE_MAGIC 0x8f92eab1u
#define HEADER_SIZE ((size_t)8) /* magic number, length of what follows */
#define ENTRY_SIZE ((size_t)8)
#define FOOTER_SIZE ((size_t)9) /* number of frames, descriptor, magic number */
#define FRAMES_MAX \
	((size_t)1 << 20) /* any two neighbours have more than FRAME_TEXT_MAX of 16 GiB */

static int read_all(int fd, uint64_t at, uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, p + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EBADMSG; /* cut off meanwhile */
		done += (size_t)r;
	}
	return 0;
}

/* How many frames the footer speaks of. */
static int read_footer(int fd, uint64_t size, size_t *ret_n)
{
	uint8_t octets[FOOTER_SIZE];
	struct reader reader;
	uint64_t n;
	int r;

	if (size < HEADER_SIZE + FOOTER_SIZE)
		return -EBADMSG;
	r = read_all(fd, size - FOOTER_SIZE, octets, sizeof(octets));
	if (r < 0)
		return r;
	reader_init(&reader, span_of(octets, sizeof(octets)));
	n = reader_u32(&reader);
	if (reader_u8(&reader) != 0 || reader_u32(&reader) != SEEKABLE_MAGIC || n > FRAMES_MAX ||
		n > (size - HEADER_SIZE - FOOTER_SIZE) / ENTRY_SIZE)
		return -EBADMSG;
	*ret_n = (size_t)n;
	return 0;
}

/* Fills f->v from the whole skippable frame. */
static int take_table(struct frames *f, struct span table, uint64_t frames_size)
{
	struct reader r;

	reader_init(&r, table);
	if (reader_u32(&r) != SKIPPABLE_MAGIC || reader_u32(&r) != table.n - HEADER_SIZE)
		return -EBADMSG;
	f->v[0] = (struct frame){ 0 };
	for (size_t i = 0; i < f->n; i++) {
		uint32_t packed = reader_u32(&r), text = reader_u32(&r);

		if (packed == 0 || packed > ZSTD_COMPRESSBOUND(FRAME_TEXT_MAX) || text == 0 ||
			text > FRAME_TEXT_MAX)
			return -EBADMSG;
		f->v[i + 1].file_at = f->v[i].file_at + packed;
		f->v[i + 1].text_at = f->v[i].text_at + text;
	}
	return reader_ok(&r) && f->v[f->n].file_at == frames_size ? 0 : -EBADMSG;
}

int frames_open(int fd, uint64_t size, struct frames *ret)
{
	struct frames f = { .fd = fd };
	uint8_t *table = NULL;
	size_t table_size;
	int r = read_footer(fd, size, &f.n);

	if (r < 0)
		return r;
	table_size = HEADER_SIZE + f.n * ENTRY_SIZE + FOOTER_SIZE;
	table = malloc(table_size);
	f.v = calloc(f.n + 1, sizeof(*f.v));
	r = table && f.v ? read_all(fd, size - table_size, table, table_size) : -ENOMEM;
	if (r == 0)
		r = take_table(&f, span_of(table, table_size), size - table_size);
	free(table);
	if (r < 0)
		free(f.v);
	else
		*ret = f;
	return r;
}

void frames_done(struct frames *f)
{
	(void)ZSTD_freeDCtx(f->zstd);
	free(f->packed);
	free(f->v);
	*f = (struct frames){ 0 };
}

uint64_t frames_text_size(const struct frames *f)
{
	return f->v[f->n].text_at;
}

size_t frames_find(const struct frames *f, uint64_t at)
{
	size_t low = 0, high = f->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (f->v[middle].text_at <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

size_t frames_text_of(const struct frames *f, size_t i)
{
	return (size_t)(f->v[i + 1].text_at - f->v[i].text_at);
}

int frames_decode(struct frames *f, size_t i, uint8_t *p)
{
	size_t n = (size_t)(f->v[i + 1].file_at - f->v[i].file_at), text = frames_text_of(f, i);
	int r;

	if (!f->zstd)
		f->zstd = ZSTD_createDCtx();
	if (!f->packed)
		f->packed = malloc(ZSTD_COMPRESSBOUND(FRAME_TEXT_MAX));
	if (!f->zstd || !f->packed)
		return -ENOMEM;
	r = read_all(f->fd, f->v[i].file_at, f->packed, n);
	if (r < 0)
		return r;
	/* Else it is two frames, or ends early. */
	if (ZSTD_findFrameCompressedSize(f->packed, n) != n)
		return -EBADMSG;
	return ZSTD_decompressDCtx(f->zstd, p, text, f->packed, n) == text ? 0 : -EBADMSG;
}

int framer_init(struct framer *f)
{
	*f = (struct framer){
		.zstd = ZSTD_createCCtx(), .back = ZSTD_createDCtx(), .text = malloc(FRAME_TEXT_MAX)
	};
	if (f->zstd && f->back && f->text &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_compressionLevel, LEVEL)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_minMatch, MATCH_MIN)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_checksumFlag, 1)))
		return 0;
	framer_done(f);
	return -ENOMEM;
}

void framer_done(struct framer *f)
{
	(void)ZSTD_freeCCtx(f->zstd);
	(void)ZSTD_freeDCtx(f->back);
	free(f->text);
	buf_done(&f->table);
	*f = (struct framer){ 0 };
}

int framer_frame(struct framer *f, struct span text, struct buf *out)
{
	uint8_t packed[ZSTD_COMPRESSBOUND(FRAME_TEXT_MAX)];
	size_t n = ZSTD_compress2(f->zstd, packed, sizeof(packed), text.p, text.n);

	if (ZSTD_isError(n))
		return -ENOMEM;
	/* The plain text will be removed for it. */
	if (ZSTD_decompressDCtx(f->back, f->text, FRAME_TEXT_MAX, packed, n) != text.n ||
		memcmp(f->text, text.p, text.n) != 0)
		return -EIO;
	buf_append(out, packed, n);
	buf_u32(&f->table, (uint32_t)n);
	buf_u32(&f->table, (uint32_t)text.n);
	f->n++;
	return out->failed || f->table.failed ? -ENOMEM : 0;
}

int framer_table(struct framer *f, struct buf *out)
{
	buf_u32(out, SKIPPABLE_MAGIC);
	buf_u32(out, (uint32_t)(f->table.n + FOOTER_SIZE));
	buf_append(out, f->table.p, f->table.n);
	buf_u32(out, f->n);
	buf_u8(out, 0);
	buf_u32(out, SEEKABLE_MAGIC);
	return out->failed ? -ENOMEM : 0;
}
