/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that somebody else owns. */
struct span {
	const uint8_t *p;
	size_t n;
};

static inline struct span span_of(const void *p, size_t n)
{
	return (struct span){ .p = p, .n = n };
}

struct span span_text(const char *text); /* without the terminating NUL */
bool span_equal(struct span a, struct span b);
/* These move *text behind what they take, and leave it alone when they return false. */
bool span_take(struct span *text, const char *expected);
unsigned span_digit(uint8_t c); /* up to 15 for f and F; UINT32_MAX: it is none */
/* The digits it begins with, of a base up to 16, at most max. */
bool span_number(struct span *text, unsigned base, uint64_t max, uint64_t *ret);

/*
 * A cursor over octets from outside. Reading past the end gives zeroes and sets `short_read`
 * for good: read all fields, then ask reader_ok() once. Integers are little-endian.
 */
struct reader {
	const uint8_t *p;
	const uint8_t *end;
	bool short_read;
};

void reader_init(struct reader *r, struct span octets);
bool reader_ok(const struct reader *r);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
struct span reader_take(struct reader *r, size_t n); /* empty when fewer than n are left */
