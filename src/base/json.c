/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <string.h>

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), or 0. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	uint32_t c;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (len == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff)))
		return 0;
	if (len == 4 && (c < 0x10000 || c > 0x10ffff))
		return 0;
	return len;
}

#define EACH(octet) (0x0101010101010101u * (octet))

/* Has any of eight octets the value 0? The classic of Mycroft (1987). */
static uint64_t any_zero(uint64_t w)
{
	return (w - EACH(1)) & ~w & EACH(0x80);
}

/* Does every octet stand for itself in a JSON text: printable ASCII, and neither " nor \? */
static bool plain(const uint8_t *p, size_t n)
{
	uint64_t bad = 0, w;

	for (; n >= sizeof(w); p += sizeof(w), n -= sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		bad |= (w & EACH(0x80)) | ((w - EACH(0x20)) & ~w & EACH(0x80)) |
		       any_zero(w ^ EACH('"')) | any_zero(w ^ EACH('\\')) |
		       any_zero(w ^ EACH(0x7f));
	}
	for (; n > 0; p++, n--)
		bad |= *p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\';
	return bad == 0;
}

static void escaped(struct buf *out, uint8_t c)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c == '\n')
		buf_text(out, "\\n");
	else if (c == '\t')
		buf_text(out, "\\t");
	else
		buf_printf(out, "\\u%04x", c);
}

static void quoted(struct buf *out, struct span v)
{
	char *at = plain(v.p, v.n) ? buf_room(out, v.n + 2) : NULL;

	if (at) {
		*at++ = '"';
		if (v.n > 0)
			memcpy(at, v.p, v.n);
		at[v.n] = '"';
		buf_took(out, at + v.n + 1);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < v.n;) {
		size_t len = utf8_length(v.p + i, v.n - i);

		if (len == 0)
			buf_text(out, "\xef\xbf\xbd");
		else if (len == 1 && !plain(v.p + i, 1))
			escaped(out, v.p[i]);
		else
			buf_append(out, v.p + i, len);
		i += len ? len : 1;
	}
	buf_char(out, '"');
}

static void decimal(struct buf *out, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	buf_append(out, digits + at, sizeof(digits) - at);
}

static void start(struct json *j, const char *key)
{
	size_t n = key ? strlen(key) : 0;
	char *at = buf_room(j->out, n + 4);

	if (!at)
		return;
	if (j->comma)
		*at++ = ',';
	j->comma = true;
	if (key) {
		*at++ = '"';
		memcpy(at, key, n);
		at += n;
		*at++ = '"';
		*at++ = ':';
	}
	buf_took(j->out, at);
}

void json_open(struct json *j, const char *key, char bracket)
{
	start(j, key);
	buf_char(j->out, bracket);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	buf_char(j->out, bracket);
	j->comma = true;
}

void json_none(struct json *j, const char *key)
{
	start(j, key);
	buf_text(j->out, "null");
}

void json_bool(struct json *j, const char *key, bool v)
{
	start(j, key);
	buf_text(j->out, v ? "true" : "false");
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	start(j, key);
	decimal(j->out, v);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	start(j, key);
	if (v < 0)
		buf_char(j->out, '-');
	decimal(j->out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_text(struct json *j, const char *key, const char *v)
{
	if (v)
		json_span(j, key, span_text(v));
	else
		json_none(j, key);
}

void json_span(struct json *j, const char *key, struct span v)
{
	start(j, key);
	quoted(j->out, v);
}

void json_raw(struct json *j, const char *key, struct span text)
{
	start(j, key);
	buf_append(j->out, text.p, text.n);
}
