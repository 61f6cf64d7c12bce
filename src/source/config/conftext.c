/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/conftext.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define ELLIPSIS "…"

/* Octets of the well-formed character at the front; 0: none, or a control character. */
static size_t character(struct span s)
{
	uint32_t c = s.p[0], least;
	size_t n;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
	if (n == 0 || n > s.n || c > 0xf4)
		return 0;
	least = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80;
	c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s.p[i] & 0x3fu);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || (c >= 0x80 && c < 0xa0))
		return 0;
	return n;
}

/* Makes room for the mark and puts it; text is full. */
static void cut(char *text, size_t size, size_t n)
{
	while (n > 0 && (n + sizeof(ELLIPSIS) > size || (text[n] & 0xc0) == 0x80))
		n--;
	if (n + sizeof(ELLIPSIS) <= size)
		memcpy(text + n, ELLIPSIS, sizeof(ELLIPSIS));
}

void conf_text_add(char *text, size_t size, struct span more)
{
	size_t n = strlen(text);

	while (more.n > 0) {
		size_t octets = character(more), take = octets ? octets : 1;

		if (n + take >= size) {
			text[n] = '\0';
			cut(text, size, n);
			return;
		}
		if (octets)
			memcpy(text + n, more.p, octets);
		else
			text[n] = '?';
		n += take;
		more = span_of(more.p + take, more.n - take);
	}
	text[n] = '\0';
}

void conf_text_item(char *text, size_t size, const char *between, struct span more)
{
	if (text[0] != '\0')
		conf_text_add(text, size, span_text(between));
	conf_text_add(text, size, more);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span conf_trim(struct span text)
{
	while (text.n > 0 && is_blank(text.p[0]))
		text = span_of(text.p + 1, text.n - 1);
	while (text.n > 0 && is_blank(text.p[text.n - 1]))
		text.n--;
	return text;
}

bool conf_item_next(struct span *list, const char *separators, struct span *ret)
{
	while (list->n > 0) {
		struct span item = span_of(list->p, 0);

		while (item.n < list->n &&
			!(list->p[item.n] && strchr(separators, list->p[item.n])))
			item.n++;
		if (item.n == list->n)
			list->n = 0;
		else
			*list = span_of(list->p + item.n + 1, list->n - item.n - 1);
		item = conf_trim(item);
		if (item.n > 0) {
			*ret = item;
			return true;
		}
	}
	return false;
}

bool conf_is(struct span text, const char *word)
{
	return text.n == strlen(word) && conf_starts(text, word);
}

bool conf_starts(struct span text, const char *word)
{
	size_t n = strlen(word);

	return text.n >= n && !strncasecmp((const char *)text.p, word, n);
}

/* The digits at the front of *text, which moves behind them: decimal, 0x… or 0…. */
static bool take_number(struct span *text, uint64_t *ret)
{
	struct span digits = *text;
	unsigned base = 10;

	if (span_take(&digits, "0x") || span_take(&digits, "0X"))
		base = 16;
	else if (text->n > 1 && text->p[0] == '0')
		base = 8;
	if (!span_number(&digits, base, UINT64_MAX, ret))
		return false;
	*text = digits;
	return true;
}

bool conf_u64(struct span text, uint64_t *ret)
{
	uint64_t v;

	if (!take_number(&text, &v) || text.n > 0)
		return false;
	*ret = v;
	return true;
}

bool conf_u32(struct span text, uint32_t *ret)
{
	uint64_t v;

	if (!conf_u64(text, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool conf_quantity(struct span text, const struct conf_unit *units, size_t n, uint64_t *ret)
{
	uint64_t v;

	if (!take_number(&text, &v))
		return false;
	text = conf_trim(text);
	for (size_t i = 0; i < n; i++) {
		if (!conf_is(text, units[i].name))
			continue;
		*ret = v > UINT64_MAX / units[i].factor ? UINT64_MAX : v * units[i].factor;
		return true;
	}
	return false;
}

bool conf_word(struct span text, const char *const *words, size_t *ret)
{
	for (size_t i = 0; words[i]; i++) {
		if (conf_is(text, words[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool conf_mark(struct span text, uint32_t *ret)
{
	const uint8_t *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	struct span value = slash ? span_of(text.p, (size_t)(slash - text.p)) : text;
	uint32_t v = 0, mask = UINT32_MAX;

	if (slash && value.n + 1 == text.n)
		mask = 0; /* as strtoul() has it */
	else if (slash && !conf_u32(span_of(slash + 1, text.n - value.n - 1), &mask))
		return false;
	if (!conf_is(value, "%unique") && !conf_is(value, "%unique-dir") && !conf_u32(value, &v))
		return false;
	*ret = v & mask;
	return true;
}

struct span conf_identity(struct span text)
{
	static const char *const kinds[] = { "ipv4:", "ipv6:", "ipv4net:", "ipv6net:", "ipv4range:",
		"ipv6range:", "rfc822:", "email:", "userfqdn:", "fqdn:", "dns:", "asn1dn:",
		"keyid:" };
	size_t skip = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && skip == 0; i++)
		skip = conf_starts(text, kinds[i]) ? strlen(kinds[i]) : 0;
	/* @NAME is a host's, @@NAME a user's; @# begins octets. */
	if (skip == 0 && conf_starts(text, "@") && !conf_starts(text, "@#"))
		skip = conf_starts(text, "@@") ? 2 : 1;
	return span_of(text.p + skip, text.n - skip);
}
