/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/fields.h"

#include <string.h>

#include "source/strongswan/vici.h"

/* Octets of the UTF-8 character at s, 0: none that is valid (RFC 3629, 4). */
static size_t character(struct span s)
{
	uint8_t c = s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((c == 0xe0 && s.p[1] < 0xa0) || (c == 0xed && s.p[1] > 0x9f) ||
		(c == 0xf0 && s.p[1] < 0x90) || (c == 0xf4 && s.p[1] > 0x8f))
		return 0;
	return n;
}

void field_append(struct span s, char *ret, size_t size)
{
	size_t at = strlen(ret);

	while (s.n > 0) {
		size_t n = character(s);
		bool bad = n == 0 || s.p[0] < 0x20 || s.p[0] == 0x7f;

		if (n == 0)
			n = 1;
		if (at + n >= size)
			break;
		if (bad)
			ret[at] = '?';
		else
			memcpy(ret + at, s.p, n);
		at += n;
		s = span_of(s.p + n, s.n - n);
	}
	ret[at] = '\0';
}

void field_text(struct span s, char *ret, size_t size)
{
	ret[0] = '\0';
	field_append(s, ret, size);
}

bool field_number(struct span s, unsigned base, uint64_t *ret)
{
	uint64_t v;

	if (!span_number(&s, base, UINT64_MAX, &v) || s.n > 0)
		return false;
	*ret = v;
	return true;
}

/* An unsigned member of 1, 2, 4 or 8 octets; a number that does not fit is none. */
static void store(void *member, size_t size, uint64_t v)
{
	if (size < 8 && v >> (8 * size))
		return;
	memcpy(member, &v, size); /* little-endian */
}

static void store_address(struct span s, struct addr *ret)
{
	char text[ADDR_TEXT_SIZE];
	const uint8_t *zone = s.n ? memchr(s.p, '%', s.n) : NULL; /* fe80::1%eth0 */

	if (zone && zone > s.p)
		s.n = (size_t)(zone - s.p);
	if (s.n >= sizeof(text))
		return;
	field_text(s, text, sizeof(text));
	(void)addr_parse(text, ret);
}

static void store_time(struct span s, bool ahead, uint64_t now_us, void *member)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t seconds, us;

	if (!field_number(minus ? span_of(s.p + 1, s.n - 1) : s, 10, &seconds) ||
		__builtin_mul_overflow(seconds, 1000000, &us))
		return;
	if (ahead != minus ? __builtin_add_overflow(now_us, us, &us)
			   : __builtin_sub_overflow(now_us, us, &us))
		return;
	memcpy(member, &us, sizeof(us));
}

static void store_state(struct span s, const struct field_name *names, uint8_t *member)
{
	for (; names->text; names++) {
		if (vici_is(s, names->text))
			*member = names->value;
	}
}

static void store_words(const struct vici_item *item, char *member, size_t size)
{
	struct span list = item->body, word = list;

	while (item->kind == VICI_VALUE || vici_next_value(&list, &word)) {
		if (member[0] != '\0')
			field_append(span_text(" "), member, size);
		field_append(word, member, size);
		if (item->kind == VICI_VALUE)
			break;
	}
}

static void read_item(
	const struct vici_item *item, const struct field *f, uint64_t now_us, void *ret)
{
	void *member = (char *)ret + f->at;
	struct span list = item->body, word;
	uint64_t v = 0;

	if (f->kind == FIELD_WORDS)
		store_words(item, member, f->size);
	if (f->kind == FIELD_COUNT && item->kind == VICI_LIST) {
		while (vici_next_value(&list, &word))
			v++;
		store(member, f->size, v);
	}
	if (item->kind != VICI_VALUE)
		return;
	switch (f->kind) {
	case FIELD_TEXT:
		field_text(item->body, member, f->size);
		break;
	case FIELD_ADDR:
		store_address(item->body, member);
		break;
	case FIELD_NUMBER:
	case FIELD_HEX:
		if (field_number(item->body, f->kind == FIELD_HEX ? 16 : 10, &v))
			store(member, f->size, v);
		break;
	case FIELD_YES:
		*(bool *)member = !vici_is(item->body, "no");
		break;
	case FIELD_AGO:
	case FIELD_AHEAD:
		store_time(item->body, f->kind == FIELD_AHEAD, now_us, member);
		break;
	case FIELD_STATE:
		store_state(item->body, f->names, member);
		break;
	default:
		break;
	}
}

void fields_read(
	struct span section, const struct field *fields, size_t n, uint64_t now_us, void *ret)
{
	struct vici_item item;

	while (vici_next(&section, &item)) {
		for (size_t i = 0; i < n; i++) {
			if (vici_is(item.name, fields[i].key))
				read_item(&item, &fields[i], now_us, ret);
		}
	}
}
