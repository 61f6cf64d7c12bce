/* SPDX-License-Identifier: Apache-2.0 */
#include "source/libreswan/text.h"

#include <string.h>

static struct span trimmed(struct span s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = span_of(s.p + 1, s.n - 1);
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

bool text_line(struct span *text, struct span *ret)
{
	const uint8_t *end;
	size_t n;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	n = end ? (size_t)(end - text->p) : text->n;
	*ret = span_of(text->p, n > 0 && text->p[n - 1] == '\r' ? n - 1 : n);
	n += end != NULL;
	*text = span_of(text->p + n, text->n - n);
	return true;
}

bool text_until(struct span *text, const char *end, struct span *ret)
{
	size_t n = strlen(end);
	const uint8_t *at = text->n > 0 ? memmem(text->p, text->n, end, n) : NULL;

	if (!at)
		return false;
	*ret = span_of(text->p, (size_t)(at - text->p));
	*text = span_of(at + n, text->n - ret->n - n);
	return true;
}

bool text_value(struct span text, const char *key, struct span *ret)
{
	struct span before, value;

	if (!text_until(&text, key, &before))
		return false;
	if (!text_until(&text, ";", &value))
		value = text;
	*ret = trimmed(value);
	return true;
}

bool text_value_number(struct span text, const char *key, uint64_t *ret)
{
	struct span value;

	return text_value(text, key, &value) && span_number(&value, 10, UINT64_MAX, ret);
}

bool text_has_word(struct span words, char by, const char *word)
{
	char end[2] = { by, '\0' };
	struct span one;

	while (text_until(&words, end, &one)) {
		if (text_is(one, word))
			return true;
	}
	return text_is(words, word);
}

bool text_addr(struct span text, struct addr *ret)
{
	char octets[ADDR_TEXT_SIZE];

	if (text.n == 0 || text.n >= sizeof(octets) || memchr(text.p, '\0', text.n))
		return false;
	memcpy(octets, text.p, text.n);
	octets[text.n] = '\0';
	return addr_parse(octets, ret) == 0;
}

bool text_is(struct span text, const char *expected)
{
	return span_equal(text, span_text(expected));
}

/* Octets of the character at the front: RFC 3629; 0: it is none, or a control character. */
static size_t character(struct span s)
{
	static const struct {
		uint8_t mask, lead, low, high; /* of the second octet */
	} forms[] = {
		{ 0xff, 0xe0, 0xa0, 0xbf }, /* no longer than needed */
		{ 0xff, 0xed, 0x80, 0x9f }, /* no surrogates */
		{ 0xff, 0xf0, 0x90, 0xbf },
		{ 0xff, 0xf4, 0x80, 0x8f }, /* up to U+10FFFF */
		{ 0xe0, 0xc0, 0x80, 0xbf },
		{ 0xf0, 0xe0, 0x80, 0xbf },
		{ 0xfc, 0xf0, 0x80, 0xbf },
	};
	uint8_t c = s.p[0];
	size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, form = 0;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	while (form < ARRAY_LEN(forms) && (c & forms[form].mask) != forms[form].lead)
		form++;
	if (form == ARRAY_LEN(forms) || c == 0xc0 || c == 0xc1 || s.n < n ||
		s.p[1] < forms[form].low || s.p[1] > forms[form].high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
	}
	return c == 0xc2 && s.p[1] < 0xa0 ? 0 : n; /* C1 controls */
}

void text_copy(struct span text, char *ret, size_t size)
{
	size_t used = 0;

	memset(ret, 0, size);
	while (text.n > 0) {
		size_t n = character(text);
		size_t taken = n > 0 ? n : 1;

		if (used + taken >= size)
			return;
		if (n > 0)
			memcpy(ret + used, text.p, n);
		else
			ret[used] = '?';
		used += taken;
		text = span_of(text.p + taken, text.n - taken);
	}
}

bool text_append(struct span text, char *ret, size_t size)
{
	size_t used = strlen(ret), blank = used > 0;

	if (text.n == 0)
		return true;
	if (used + blank + text.n >= size)
		return false;
	if (blank)
		ret[used] = ' ';
	text_copy(text, ret + used + blank, size - used - blank);
	return true;
}
