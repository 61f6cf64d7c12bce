/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/span.h"

/*
 * A growing run of octets. Zero-initialise, buf_done() at the end. When memory runs out or the
 * limit is passed, `failed` is set for good and further appends do nothing: append all, ask once.
 * p is NUL-terminated whenever it is not NULL.
 */
struct buf {
	char *p;
	size_t n;
	size_t size;
	size_t limit; /* octets; 0: BUF_LIMIT */
	bool failed;
};

#define BUF_LIMIT ((size_t)256 << 20)
#define CLEANUP_BUF __attribute__((cleanup(buf_done)))

void buf_done(struct buf *b); /* frees; b is empty and usable again */
void buf_clear(struct buf *b); /* empties, keeps the memory, forgets the failure */
void buf_drop_front(struct buf *b, size_t n);
void buf_append(struct buf *b, const void *p, size_t n);
void buf_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_u8(struct buf *b, uint8_t v); /* integers little-endian, as struct reader reads them */
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);

static inline size_t buf_limit(const struct buf *b)
{
	return b->limit ? b->limit : BUF_LIMIT;
}

static inline void buf_char(struct buf *b, char c)
{
	if (b->failed || b->n + 1 >= b->size || b->n >= buf_limit(b)) {
		buf_append(b, &c, 1);
		return;
	}
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

/*
 * For many small pieces at once: room for n more octets behind what is there, or NULL (then the
 * buffer has failed). What was written there is appended by buf_took(), with where it ends.
 */
char *buf_room(struct buf *b, size_t n);

static inline void buf_took(struct buf *b, char *end)
{
	b->n = (size_t)(end - b->p);
	*end = '\0';
}

static inline struct span buf_span(const struct buf *b)
{
	return span_of(b->p, b->n);
}
