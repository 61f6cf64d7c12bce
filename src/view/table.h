/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/value.h"

/*
 * Rows of a noun, as JSON objects, for people and for scripts:
 *
 *   TABLE_TEXT    titles, aligned columns, at most `width` wide: the widest text columns are cut
 *                 with …, SPIs, addresses, numbers and times never. Unknown is -.
 *   TABLE_TABS    a line of keys, then exact values between tabs; unknown is empty. Tab, newline,
 *                 backslash and other control characters inside a value are \t \n \\ \xNN.
 *   TABLE_NDJSON  one object a line; with columns, of these keys in this order only.
 *
 * In a text table no control character from a row reaches the terminal.
 */
struct table;

enum table_form { TABLE_TEXT, TABLE_TABS, TABLE_NDJSON };

struct table_options {
	enum table_form form;
	unsigned width; /* of the terminal; 0: as wide as it gets */
	bool exact; /* 1234567 instead of 1.2M, microseconds in times */
	bool local_time; /* TABLE_TEXT: in the zone of this process, else UTC */
	bool no_titles; /* no titles, no line of keys */
};

#define TABLE_WIDE 150 /* from here on a terminal gets the FIELD_WIDE columns, too */
#define TABLE_ROWS_MAX 1000 /* rows that the widths of a text table are made of, and held for */

/*
 * columns are borrowed until table_free(); n_columns 0: the brief ones (NDJSON: the rows as they
 * are). -ENOMEM.
 */
int table_new(const struct noun *n, const struct field *const *columns, size_t n_columns,
	const struct table_options *o, struct table **ret);
struct table *table_free(struct table *t); /* takes NULL */
DEFINE_FREEP(table)

/*
 * Takes one row (borrowed for the call only) and appends to out what can be written by now. A
 * text table holds rows back to align them: table_flush() writes them, for a live view also after
 * every batch; titles come once, later rows keep the widths and grow them where they must.
 */
void table_add(struct table *t, const json_t *row, struct buf *out);
void table_flush(struct table *t, struct buf *out);
size_t table_rows(const struct table *t); /* added so far */

/* One value for people, as a cell of a text table: no padding, nothing cut. */
void table_cell(
	const struct field *f, const json_t *v, const struct table_options *o, struct buf *out);
/* Columns that UTF-8 text takes on a terminal; ill-formed octets take one each. */
size_t table_text_width(struct span text);
