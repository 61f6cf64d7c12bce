/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrmstat/parse.h"

#include <string.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_name(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool take_name(struct span *line, char ret[COUNTER_NAME_SIZE])
{
	size_t n = 0;

	while (n < line->n && is_name(line->p[n]))
		n++;
	if (n == 0 || n >= COUNTER_NAME_SIZE)
		return false;
	memset(ret, 0, COUNTER_NAME_SIZE);
	memcpy(ret, line->p, n);
	*line = span_of(line->p + n, line->n - n);
	return true;
}

static bool take_value(struct span line, uint64_t *ret)
{
	size_t at = 0;
	uint64_t v = 0;

	while (at < line.n && is_blank(line.p[at]))
		at++;
	if (at == 0 || at == line.n)
		return false;
	for (; at < line.n; at++) {
		unsigned digit = line.p[at] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

static bool has_name(const struct xfrmstat_reading *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (!strcmp(r->v[i].name, name))
			return true;
	}
	return false;
}

static void take_line(struct span line, struct xfrmstat_reading *ret)
{
	struct fact_counter c;

	if (!take_name(&line, c.name) || !take_value(line, &c.value) || has_name(ret, c.name) ||
		ret->n == COUNTERS_MAX)
		ret->refused++;
	else
		ret->v[ret->n++] = c;
}

void xfrmstat_parse(struct span text, struct xfrmstat_reading *ret)
{
	ret->n = 0;
	ret->refused = 0;
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);

		if (!end) {
			/* A value cut in the middle would be a lie. */
			ret->refused++;
			return;
		}
		take_line(span_of(text.p, (size_t)(end - text.p)), ret);
		text = span_of(end + 1, text.n - (size_t)(end - text.p) - 1);
	}
}
