/* SPDX-License-Identifier: Apache-2.0 */
#include "base/members.h"

#include <endian.h>
#include <string.h>

void members_init(struct members *m, struct span line)
{
	*m = (struct members){ .p = line.p, .end = line.p + line.n };
}

/* 0x80 in each octet that is zero; above the lowest such octet it may err. */
static uint64_t zero_octets(uint64_t v)
{
	return (v - UINT64_C(0x0101010101010101)) & ~v & UINT64_C(0x8080808080808080);
}

/* The next quote or backslash from p on, or end. Strings are short: eight octets at a time. */
static const uint8_t *find_special(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t v, hit;

		memcpy(&v, p, 8);
		v = le64toh(v);
		hit = zero_octets(v ^ UINT64_C(0x2222222222222222)) |
		      zero_octets(v ^ UINT64_C(0x5c5c5c5c5c5c5c5c));
		if (hit)
			return p + __builtin_ctzll(hit) / 8;
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Behind the string whose opening quote is at p; NULL: it does not end. */
static const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
	p = find_special(p + 1, end);
	while (p < end && *p == '\\')
		p = end - p > 2 ? find_special(p + 2, end) : end;
	return p < end ? p + 1 : NULL;
}

/* Behind the object or array that begins at p; NULL: it does not end. */
static const uint8_t *nested_end(const uint8_t *p, const uint8_t *end)
{
	unsigned depth = 0;

	while (p && p < end) {
		if (*p == '"') {
			p = string_end(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return NULL;
}

/* Of a number, true, false or null. */
static bool is_bare(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '.' || c == '+';
}

static const uint8_t *value_end(const uint8_t *p, const uint8_t *end)
{
	if (p == end)
		return NULL;
	if (*p == '"')
		return string_end(p, end);
	if (*p == '{' || *p == '[')
		return nested_end(p, end);
	while (p < end && is_bare(*p))
		p++;
	return p;
}

bool members_next(struct members *m, struct member *ret)
{
	const uint8_t *key, *after;

	if (m->odd || (m->begun && m->p == m->end))
		return false;
	m->odd = true;
	if (m->p == m->end)
		return false;
	if (*m->p == '}' && m->p + 1 == m->end) { /* the end, also of {} */
		m->odd = false;
		m->p = m->end;
		return false;
	}
	if (*m->p != (m->begun ? ',' : '{'))
		return false;
	if (!m->begun && m->end - m->p == 2 && m->p[1] == '}') {
		m->odd = false;
		m->p = m->end;
		return false;
	}
	m->begun = true;
	key = m->p + 1;
	if (key == m->end || *key != '"')
		return false;
	after = find_special(key + 1, m->end);
	if (m->end - after < 2 || after[0] != '"' || after[1] != ':')
		return false;
	ret->key = span_of(key + 1, (size_t)(after - key - 1));
	m->p = value_end(after + 2, m->end);
	if (!m->p || m->p == m->end || m->p == after + 2) {
		m->p = m->end;
		return false;
	}
	ret->value = span_of(after + 2, (size_t)(m->p - after - 2));
	m->odd = false;
	return true;
}

bool member_u64(struct span value, uint64_t *ret)
{
	uint64_t v = 0;

	if (value.n == 0 || value.n > 18 || (value.p[0] == '0' && value.n > 1))
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(value.p[i] - '0');
	}
	*ret = v;
	return true;
}

bool member_text(struct span value, struct span *ret)
{
	if (value.n < 2 || value.p[0] != '"' || memchr(value.p, '\\', value.n))
		return false;
	*ret = span_of(value.p + 1, value.n - 2);
	return true;
}

bool member_is_null(struct span value)
{
	return value.n == 4 && memcmp(value.p, "null", 4) == 0;
}
