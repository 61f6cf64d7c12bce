/* SPDX-License-Identifier: Apache-2.0 */
#include "base/span.h"

#include <string.h>

struct span span_text(const char *text)
{
	return span_of(text, strlen(text));
}

bool span_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_take(struct span *text, const char *expected)
{
	size_t n = strlen(expected);

	if (text->n < n || (n > 0 && memcmp(text->p, expected, n) != 0))
		return false;
	*text = span_of(text->p + n, text->n - n);
	return true;
}

unsigned span_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - (unsigned)'0';
	if (c >= 'a' && c <= 'f')
		return c - (unsigned)'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - (unsigned)'A' + 10;
	return UINT32_MAX;
}

bool span_number(struct span *text, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < text->n && span_digit(text->p[n]) < base; n++) {
		if (__builtin_mul_overflow(v, base, &v) ||
			__builtin_add_overflow(v, span_digit(text->p[n]), &v) || v > max)
			return false;
	}
	if (n == 0)
		return false;
	*text = span_of(text->p + n, text->n - n);
	*ret = v;
	return true;
}

void reader_init(struct reader *r, struct span octets)
{
	r->p = octets.p;
	r->end = octets.n ? octets.p + octets.n : octets.p;
	r->short_read = false;
}

bool reader_ok(const struct reader *r)
{
	return !r->short_read;
}

size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

struct span reader_take(struct reader *r, size_t n)
{
	struct span taken;

	if (n > reader_left(r)) {
		r->short_read = true;
		r->p = r->end;
		return span_of(NULL, 0);
	}
	taken = span_of(r->p, n);
	r->p += n;
	return taken;
}

static uint64_t reader_uint(struct reader *r, size_t width)
{
	struct span s = reader_take(r, width);
	uint64_t v = 0;

	for (size_t i = s.n; i-- > 0;)
		v = v << 8 | s.p[i];
	return v;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)reader_uint(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)reader_uint(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
	return (uint32_t)reader_uint(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
	return reader_uint(r, 8);
}
