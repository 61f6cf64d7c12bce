/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "catalog/catalog.h"
#include "model/value.h"

/* A field's value as people read it; false: null. */
static bool append_field(const struct event *e, const char *key, struct buf *out)
{
	const struct field *f = noun_field(&noun_event, key);
	char text[PREFIX_TEXT_SIZE];
	char time[TIME_TEXT_SIZE];
	struct value v = { 0 };

	if (!f)
		return false;
	f->get(e, &v);
	if (!v.known)
		return false;
	switch (f->type) {
	case FIELD_SPI:
		buf_printf(out, "0x%08" PRIx64, v.number);
		break;
	case FIELD_NUMBER:
	case FIELD_BOOL:
		buf_printf(out, "%" PRIu64, v.number);
		break;
	case FIELD_ADDR:
		buf_text(out, addr_format(&v.addr, text));
		break;
	case FIELD_PREFIX:
		buf_text(out, prefix_format(&v.prefix, text));
		break;
	case FIELD_TIME:
		buf_text(out, time_format(v.number, time));
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		buf_append(out, v.text.p, v.text.n);
		break;
	}
	return true;
}

/*
 * A member of the event's detail. The detail is JSON that we wrote ourselves, flat for what
 * messages name: "key":number or "key":"text".
 */
static bool append_detail(const struct event *e, const char *key, struct buf *out)
{
	char quoted[80];
	const char *at;

	(void)snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(e->detail, quoted);
	if (!at)
		return false;
	at += strlen(quoted);
	if (strncmp(at, "null", 4) == 0)
		return false;
	if (*at == '"') {
		for (at++; *at && *at != '"'; at++) {
			if (*at == '\\' && at[1])
				at++;
			buf_char(out, *at);
		}
	} else {
		buf_append(out, at, strcspn(at, ",}]"));
	}
	return true;
}

/* Renders up to the end, or to the ']' that closes an optional part; *known: no field was null. */
static const char *render(
	const struct event *e, const char *t, bool optional, struct buf *out, bool *known)
{
	while (*t && !(optional && *t == ']')) {
		if (*t == '[') {
			size_t start = out->n;
			bool part_known = true;

			t = render(e, t + 1, true, out, &part_known);
			if (!part_known && out->p) {
				out->n = start;
				out->p[start] = '\0';
			}
			if (*t == ']')
				t++;
		} else if (*t == '{') {
			char key[40];
			size_t n = strcspn(t + 1, "}");

			(void)snprintf(key, sizeof(key), "%.*s", (int)n, t + 1);
			if (strcmp(key, "s") == 0) {
				if (e->count != 1)
					buf_char(out, 's');
			} else if (!append_field(e, key, out) && !append_detail(e, key, out)) {
				*known = false;
				if (!optional)
					buf_char(out, '?');
			}
			t += n + 2;
		} else {
			buf_char(out, *t++);
		}
	}
	return t;
}

void catalog_render(struct event *e)
{
	const struct catalog_event *entry = catalog_event(e->id);
	CLEANUP_BUF struct buf out = { .limit = 4096 };
	bool known = true;

	render(e, entry->message, false, &out, &known);
	if (!out.p)
		return;
	(void)snprintf(e->message, sizeof(e->message), "%s", out.p);
}
