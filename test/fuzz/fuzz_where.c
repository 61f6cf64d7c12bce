/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "model/event.h"
#include "view/query.h"
#include "view/table.h"

/*
 * where, sort, columns, limit, offset, each a line; what follows is one more JSON row. A row and
 * its JSON must give the same answers, and no answer may depend on the way it is asked.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US 1800000000000000u

static void rows_make(struct event ret[2])
{
	memset(ret, 0, 2 * sizeof(*ret));
	ret[0].seq = 1;
	ret[1] = (struct event){ .seq = 2,
		.time_us = NOW_US - 5,
		.id = 4960,
		.name = "integrity_failed",
		.count = 3,
		.counter = "XfrmInStateProtoError",
		.netns = "init",
		.proto = 50,
		.has_spi = true,
		.spi = 0xc0ffee00,
		.message = "a, \"b\"*",
		.detail = "{\"x\":1}" };
	if (addr_parse("10.1.2.3", &ret[1].src) < 0 || addr_parse("2001:db8::1", &ret[1].dst) < 0)
		abort();
}

static json_t *json_of(const struct event *e)
{
	CLEANUP_BUF struct buf text = { 0 };
	json_t *row;

	event_json(e, &text);
	row = json_loadb(text.p, text.n, 0, NULL);
	if (!row)
		abort();
	return row;
}

static int key_cmp(const struct buf *a, const struct buf *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int order = n ? memcmp(a->p, b->p, n) : 0;

	return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void check_rows(const struct query *q)
{
	CLEANUP_BUF struct buf x = { 0 }, y = { 0 };
	struct event rows[2];
	json_t *json[2];
	int order;

	rows_make(rows);
	for (size_t i = 0; i < 2; i++) {
		json[i] = json_of(&rows[i]);
		if (query_match_row(q, &rows[i]) != query_match_json(q, json[i]))
			abort();
	}
	order = sign(query_cmp_row(q, &rows[0], &rows[1]));
	query_sort_key_row(q, &rows[0], &x);
	query_sort_key_row(q, &rows[1], &y);
	if (order != sign(query_cmp_json(q, json[0], json[1])) || order != sign(key_cmp(&x, &y)) ||
		order != -sign(query_cmp_row(q, &rows[1], &rows[0])))
		abort();
	json_decref(json[0]);
	json_decref(json[1]);
}

static void check_table(const struct query *q, struct span line)
{
	static const enum table_form forms[] = { TABLE_TEXT, TABLE_TABS, TABLE_NDJSON };
	size_t n;
	const struct field *const *columns = query_columns(q, &n);
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);

	(void)query_match_line(q, line);
	for (size_t i = 0; i < ARRAY_LEN(forms) && json_is_object(row); i++) {
		const struct table_options o = { .form = forms[i], .width = 40 };
		CLEANUP(table) struct table *t = NULL;
		CLEANUP_BUF struct buf out = { 0 };

		if (table_new(&noun_event, columns, n, &o, &t) < 0)
			abort();
		table_add(t, row, &out);
		table_flush(t, &out);
		if (forms[i] == TABLE_TEXT && memchr(out.p, 0x1b, out.n))
			abort();
	}
	json_decref(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(query) struct query *q = NULL;
	char *text = malloc(size + 1), *next = text, *lines[5];
	struct diag why = { 0 };

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < 5; i++) {
		lines[i] = next;
		next += strcspn(next, "\n");
		if (*next)
			*next++ = '\0';
	}
	if (query_new(&noun_event,
		    &(struct query_text){ lines[0], lines[1], lines[2], lines[3], lines[4] },
		    NOW_US, &q, &why) == 0) {
		check_rows(q);
		check_table(q, span_of(next, (size_t)(text + size - next)));
	} else if (!why.text[0]) {
		abort(); /* a refusal without a reason */
	}
	free(text);
	return 0;
}
