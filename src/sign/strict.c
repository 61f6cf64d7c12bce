/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/strict.h"

#include <string.h>

#define NUMBER_DIGITS 18 /* fit 63 bits, as JSON readers have them */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
	       c == '-' || c == '_' || c == ':';
}

static void skip(struct span *left, size_t n)
{
	left->p += n;
	left->n -= n;
}

bool strict_text(struct span *left, const char *expected)
{
	size_t n = strlen(expected);

	if (left->n < n || memcmp(left->p, expected, n) != 0)
		return false;
	skip(left, n);
	return true;
}

bool strict_number(struct span *left, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < left->n && is_digit(left->p[n]) && n <= NUMBER_DIGITS)
		v = v * 10 + (uint64_t)(left->p[n++] - '0');
	if (n == 0 || n > NUMBER_DIGITS || (n > 1 && left->p[0] == '0'))
		return false;
	skip(left, n);
	*ret = v;
	return true;
}

bool strict_word(struct span *left, char *ret, size_t size)
{
	size_t n = 0;

	while (n < left->n && is_word(left->p[n]))
		n++;
	if (n >= size)
		return false;
	memcpy(ret, left->p, n);
	ret[n] = '\0';
	skip(left, n);
	return true;
}

bool strict_digits(struct span *left, size_t n, struct span *ret)
{
	if (left->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(left->p[i]) && !(left->p[i] >= 'a' && left->p[i] <= 'f'))
			return false;
	}
	*ret = span_of(left->p, n);
	skip(left, n);
	return true;
}

void strict_write(struct buf *out, const char *word)
{
	for (; *word; word++)
		buf_char(out, is_word((uint8_t)*word) ? *word : '_');
}
