/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>
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

static void quoted(struct buf *out, struct span v)
{
	buf_char(out, '"');
	for (size_t i = 0; i < v.n;) {
		uint8_t c = v.p[i];
		size_t len = utf8_length(v.p + i, v.n - i);

		if (len == 0)
			buf_text(out, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_text(out, "\\n");
		else if (c == '\t')
			buf_text(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_append(out, v.p + i, len);
		i += len ? len : 1;
	}
	buf_char(out, '"');
}

static void start(struct json *j, const char *key)
{
	if (j->comma)
		buf_char(j->out, ',');
	j->comma = true;
	if (key) {
		quoted(j->out, span_text(key));
		buf_char(j->out, ':');
	}
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
	buf_printf(j->out, "%" PRIu64, v);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	start(j, key);
	buf_printf(j->out, "%" PRId64, v);
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
