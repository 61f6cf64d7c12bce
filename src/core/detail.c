/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "core/internal.h"

/* Appends "key":value to the object, whole or not at all. */
static void add(struct event *e, const char *key, struct span value)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct json j;
	size_t n = strlen(e->detail);

	json_init(&j, &out);
	json_raw(&j, key, value);
	if (out.failed || n + out.n + 3 > sizeof(e->detail))
		return;
	if (n == 0)
		e->detail[n++] = '{';
	else
		e->detail[n - 1] = ',';
	memcpy(e->detail + n, out.p, out.n);
	memcpy(e->detail + n + out.n, "}", 2);
}

void detail_text(struct event *e, const char *key, const char *v)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct json j;

	if (!v || !v[0])
		return;
	json_init(&j, &text);
	json_text(&j, NULL, v);
	if (!text.failed)
		add(e, key, buf_span(&text));
}

void detail_number(struct event *e, const char *key, uint64_t v)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct json j;

	json_init(&j, &text);
	json_u64(&j, NULL, v);
	if (!text.failed)
		add(e, key, buf_span(&text));
}

void detail_raw(struct event *e, const char *key, struct span json_value)
{
	add(e, key, json_value);
}
