/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .limit = b->limit };
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = '\0';
}

void buf_drop_front(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
	} else if (n > 0) {
		memmove(b->p, b->p + n, b->n - n);
		b->n -= n;
	}
	if (b->p)
		b->p[b->n] = '\0';
}

static bool grow(struct buf *b, size_t more)
{
	size_t limit = buf_limit(b);
	size_t size = b->size ? b->size : 256;
	char *p;

	if (b->failed)
		return false;
	if (more > limit || b->n > limit - more) {
		b->failed = true;
		return false;
	}
	while (size <= b->n + more)
		size *= 2;
	p = realloc(b->p, size);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->size = size;
	return true;
}

static inline bool reserve(struct buf *b, size_t more)
{
	return (!b->failed && more < b->size - b->n && more <= buf_limit(b) - b->n) ||
	       grow(b, more);
}

char *buf_room(struct buf *b, size_t n)
{
	return reserve(b, n) ? b->p + b->n : NULL;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_text(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
}

static void append_uint(struct buf *b, uint64_t v, size_t width)
{
	uint8_t octets[8];

	for (size_t i = 0; i < width; i++)
		octets[i] = (uint8_t)(v >> 8 * i);
	buf_append(b, octets, width);
}

void buf_u8(struct buf *b, uint8_t v)
{
	append_uint(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
	append_uint(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
	append_uint(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	append_uint(b, v, 8);
}
