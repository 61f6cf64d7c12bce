/* SPDX-License-Identifier: Apache-2.0 */
#include "view/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/shorten.h"
#include "view/width.h"

struct table {
	const struct noun *noun;
	const struct field **columns;
	size_t n_columns;
	bool asked; /* the columns were asked for */
	struct table_options options;
	struct buf cells; /* of the rows held back: each cell ended by a NUL */
	size_t *widths; /* of each column, as far as seen */
	size_t *shown; /* of each column, when cut to fit */
	size_t n_held, n_rows;
	bool titled;
};

static int columns_set(struct table *t, const struct field *const *columns, size_t n_columns)
{
	size_t n_max = n_columns ? n_columns : t->noun->n_fields;

	t->columns = calloc(n_max ? n_max : 1, sizeof(const struct field *));
	t->widths = calloc(n_max ? n_max : 1, sizeof(*t->widths));
	t->shown = calloc(n_max ? n_max : 1, sizeof(*t->shown));
	if (!t->columns || !t->widths || !t->shown)
		return -ENOMEM;
	for (size_t i = 0; i < n_columns; i++)
		t->columns[t->n_columns++] = columns[i];
	for (size_t i = 0; i < t->noun->n_fields && n_columns == 0; i++) {
		if (t->noun->fields[i].brief == true ||
			(t->noun->fields[i].brief == FIELD_WIDE && t->options.width >= TABLE_WIDE))
			t->columns[t->n_columns++] = &t->noun->fields[i];
	}
	return 0;
}

int table_new(const struct noun *n, const struct field *const *columns, size_t n_columns,
	const struct table_options *o, struct table **ret)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->noun = n;
	t->options = *o;
	t->asked = n_columns > 0;
	if (columns_set(t, columns, n_columns) < 0) {
		table_free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n_columns && !o->no_titles; i++)
		t->widths[i] = table_text_width(span_text(t->columns[i]->title));
	*ret = t;
	return 0;
}

struct table *table_free(struct table *t)
{
	if (t) {
		free(t->columns);
		free(t->widths);
		free(t->shown);
		buf_done(&t->cells);
	}
	free(t);
	return NULL;
}

size_t table_rows(const struct table *t)
{
	return t->n_rows;
}

size_t table_text_width(struct span text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.n;) {
		uint32_t c;
		unsigned columns;

		i += char_take(span_of(text.p + i, text.n - i), &c, &columns);
		width += columns;
	}
	return width;
}

static bool is_right(const struct field *f)
{
	return f->type == FIELD_NUMBER;
}

static bool may_cut(const struct field *f)
{
	return f->type == FIELD_TEXT || f->type == FIELD_JSON;
}

static void pad(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_char(out, ' ');
}

/* At most `width` columns of text, the last one … when something is cut off. */
static void cut(struct span text, size_t width, struct buf *out)
{
	size_t used = 0;

	for (size_t i = 0; i < text.n;) {
		uint32_t c;
		unsigned columns;
		size_t len = char_take(span_of(text.p + i, text.n - i), &c, &columns);

		if (used + columns + 1 > width && columns > 0)
			break;
		buf_append(out, text.p + i, len);
		used += columns;
		i += len;
	}
	buf_text(out, "…");
	pad(out, width - used - 1);
}

static void cell_write(const struct table *t, size_t column, struct span text, struct buf *out)
{
	size_t width = table_text_width(text);
	size_t room = t->shown[column];
	bool last = column + 1 == t->n_columns;

	if (column > 0)
		buf_text(out, "  ");
	if (width > room && may_cut(t->columns[column])) {
		cut(text, room, out);
		return;
	}
	if (is_right(t->columns[column]) && width < room)
		pad(out, room - width);
	buf_append(out, text.p, text.n);
	if (!is_right(t->columns[column]) && width < room && !last)
		pad(out, room - width);
}

/* Takes from the widest column that may be cut until the line fits or none is left. */
static void fit(struct table *t)
{
	size_t total = 0, cut_min = 8;

	for (size_t i = 0; i < t->n_columns; i++) {
		t->shown[i] = t->widths[i];
		total += t->widths[i] + (i ? 2 : 0);
	}
	while (t->options.width && total > t->options.width) {
		size_t at = t->n_columns;

		for (size_t i = 0; i < t->n_columns; i++) {
			if (may_cut(t->columns[i]) && t->shown[i] > cut_min &&
				(at == t->n_columns || t->shown[i] > t->shown[at]))
				at = i;
		}
		if (at == t->n_columns)
			return;
		t->shown[at]--;
		total--;
	}
}

static void titles_write(struct table *t, struct buf *out)
{
	if (t->titled || t->options.no_titles)
		return;
	t->titled = true;
	for (size_t i = 0; i < t->n_columns; i++) {
		if (t->options.form == TABLE_TEXT)
			cell_write(t, i, span_text(t->columns[i]->title), out);
		else
			buf_printf(out, "%s%s", i ? "\t" : "", t->columns[i]->key);
	}
	buf_char(out, '\n');
}

static void held_write(struct table *t, struct buf *out)
{
	const char *p = t->cells.p;

	fit(t);
	titles_write(t, out);
	if (t->cells.failed)
		out->failed = true;
	for (size_t row = 0; row < t->n_held && !t->cells.failed; row++) {
		for (size_t i = 0; i < t->n_columns; i++) {
			struct span text = span_text(p);

			cell_write(t, i, text, out);
			p += text.n + 1;
		}
		buf_char(out, '\n');
	}
	t->n_held = 0;
	buf_clear(&t->cells);
}

static void hold(struct table *t, const json_t *row, struct buf *out)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		size_t from = t->cells.n, width;

		table_cell(t->columns[i], json_object_get(row, t->columns[i]->key), &t->options,
			&t->cells);
		if (t->cells.failed)
			break;
		width = table_text_width(span_of(t->cells.p + from, t->cells.n - from));
		if (width > t->widths[i])
			t->widths[i] = width;
		buf_char(&t->cells, '\0');
	}
	if (++t->n_held == TABLE_ROWS_MAX)
		held_write(t, out);
}

static void object_write(const struct table *t, const json_t *row, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	if (!t->asked) {
		shorten_json(row, out);
	} else {
		json_open(&j, NULL, '{');
		for (size_t i = 0; i < t->n_columns; i++) {
			CLEANUP_BUF struct buf v = { 0 };

			shorten_json(json_object_get(row, t->columns[i]->key), &v);
			json_raw(&j, t->columns[i]->key, buf_span(&v));
		}
		json_close(&j, '}');
	}
	buf_char(out, '\n');
}

void table_add(struct table *t, const json_t *row, struct buf *out)
{
	t->n_rows++;
	switch (t->options.form) {
	case TABLE_TEXT:
		hold(t, row, out);
		break;
	case TABLE_TABS:
		titles_write(t, out);
		for (size_t i = 0; i < t->n_columns; i++) {
			if (i)
				buf_char(out, '\t');
			shorten_tab(t->columns[i], json_object_get(row, t->columns[i]->key), out);
		}
		buf_char(out, '\n');
		break;
	case TABLE_NDJSON:
		object_write(t, row, out);
		break;
	}
}

void table_flush(struct table *t, struct buf *out)
{
	if (t->options.form == TABLE_TEXT)
		held_write(t, out);
	else if (t->options.form == TABLE_TABS)
		titles_write(t, out);
}

void table_cell(
	const struct field *f, const json_t *v, const struct table_options *o, struct buf *out)
{
	shorten_text(f, v, o, out);
}
