/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/journald/journald.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sink/severity.h"

/* The journal drops fields with longer names. */
#define FIELD_NAME_MAX 64

/* A value with a newline has its length in front, as 64 bits little-endian. */
static void put_value(struct buf *out, const char *value)
{
	size_t n = strlen(value);

	if (memchr(value, '\n', n)) {
		buf_char(out, '\n');
		buf_u64(out, n);
	} else {
		buf_char(out, '=');
	}
	buf_append(out, value, n);
	buf_char(out, '\n');
}

static void put_field(struct buf *out, const char *name, const char *value)
{
	buf_text(out, name);
	put_value(out, value);
}

/* Upper case, and an underscore for all that a field's name must not have. */
static void put_event_field(struct buf *out, const char *key, const char *value)
{
	static const char prefix[] = "IPSECMON_";

	if (sizeof(prefix) - 1 + strlen(key) > FIELD_NAME_MAX)
		return;
	buf_text(out, prefix);
	for (; *key; key++) {
		char c = *key;

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			c = '_';
		buf_char(out, c);
	}
	put_value(out, value);
}

void journald_format(const struct sink_event *e, size_t limit, struct buf *out)
{
	char number[16];

	(void)limit;
	put_field(out, "MESSAGE", e->message);
	buf_printf(out, "MESSAGE_ID=" JOURNALD_MESSAGE_ID "%08" PRIu32 "\n", e->id % 100000000u);
	(void)snprintf(number, sizeof(number), "%u", sink_severity(e->level));
	put_field(out, "PRIORITY", number);
	(void)snprintf(number, sizeof(number), "%u", SINK_FACILITY);
	put_field(out, "SYSLOG_FACILITY", number);
	put_field(out, "SYSLOG_IDENTIFIER", SINK_IDENTIFIER);
	for (size_t i = 0; i < e->n; i++) {
		if (strcmp(e->fields[i].key, "message") != 0)
			put_event_field(out, e->fields[i].key, e->fields[i].text);
	}
}

static const struct sink_ops ops = {
	.name = "journald",
	.limit = 65536, /* below the default send buffer; an event has a few kilobytes at most */
	.format = journald_format,
};

int journald_new(int fd, struct sink **ret)
{
	return sink_new(&ops, SINK_LOCAL, fd, ret);
}
