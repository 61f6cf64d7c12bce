/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/syslog/syslog.h"

#include <string.h>

#include "sink/severity.h"

#define HOSTNAME_MAX 255
#define MSGID_MAX 32
#define SD_NAME_MAX 32

/* PRINTUSASCII of at most max; what is not gets replaced, and nothing is the NILVALUE. */
static void put_word(struct buf *out, const char *text, size_t max)
{
	if (text[0] == '\0')
		buf_char(out, '-');
	for (size_t i = 0; text[i] != '\0' && i < max; i++)
		buf_char(out, text[i] > ' ' && text[i] < 0x7f ? text[i] : '?');
}

static char no_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
}

/* SD-PARAM: RFC 5424, 6.3.3. */
static void put_param(struct buf *out, const char *key, const char *value)
{
	buf_char(out, ' ');
	for (size_t i = 0; key[i] != '\0' && i < SD_NAME_MAX; i++) {
		bool fits = key[i] > ' ' && key[i] < 0x7f && !strchr("=]\"", key[i]);

		buf_char(out, fits ? key[i] : '_');
	}
	buf_text(out, "=\"");
	for (; *value; value++) {
		if (*value == '"' || *value == '\\' || *value == ']')
			buf_char(out, '\\');
		buf_char(out, no_control(*value));
	}
	buf_char(out, '"');
}

static void put_head(const struct sink_event *e, bool detail, struct buf *out)
{
	buf_printf(out, "<%u>1 ", SINK_FACILITY * 8 + sink_severity(e->level));
	put_word(out, e->time, 32);
	buf_char(out, ' ');
	put_word(out, e->host, HOSTNAME_MAX);
	buf_text(out, " " SINK_IDENTIFIER " - ");
	put_word(out, e->name, MSGID_MAX);
	buf_text(out, " [" SYSLOG_SD_ID);
	for (size_t i = 0; i < e->n; i++) {
		const char *key = e->fields[i].key;

		if (key[0] == '\0' || strcmp(key, "message") == 0 ||
			(!detail && strcmp(key, "detail") == 0))
			continue;
		put_param(out, key, e->fields[i].text);
	}
	buf_char(out, ']');
}

static bool is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

/* MSG: RFC 5424, 6.4. */
static void put_message(struct buf *out, const char *message)
{
	buf_char(out, ' ');
	if (!is_ascii(message))
		buf_text(out, "\xef\xbb\xbf");
	for (; *message; message++)
		buf_char(out, no_control(*message));
}

/* At a character's boundary. */
static void cut(struct buf *out, size_t limit)
{
	if (out->n <= limit)
		return;
	while (limit > 0 && ((unsigned char)out->p[limit] & 0xc0) == 0x80)
		limit--;
	out->n = limit;
	out->p[limit] = '\0';
}

void syslog_format(const struct sink_event *e, size_t limit, struct buf *out)
{
	size_t start = out->n, head;

	put_head(e, true, out);
	head = out->n;
	put_message(out, e->message);
	if (!out->failed && out->n - start > limit) {
		out->n = start;
		put_head(e, false, out);
		head = out->n;
		put_message(out, e->message);
	}
	/* Within the structured data there is no place to cut: too long, and so refused. */
	if (!out->failed && head - start < limit)
		cut(out, start + limit);
}

static const struct sink_ops ops = {
	.name = "syslog",
	.limit = SYSLOG_MESSAGE_MAX,
	.format = syslog_format,
};

int syslog_new(enum sink_peer peer, int fd, struct sink **ret)
{
	return sink_new(&ops, peer, fd, ret);
}
