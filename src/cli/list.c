/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define PAGE_ROWS 100000u /* as the API cuts its answers */
#define OUT_AT_ONCE ((size_t)64 << 10) /* octets, before they are written */

struct table_options list_table_options(const struct cli *c)
{
	const struct arguments *a = c->args;
	struct table_options o = {
		.form = TABLE_TEXT,
		.width = c->screen.width,
		.exact = arguments_has(a, OPTION_NUMERIC),
		.local_time = !arguments_has(a, OPTION_NUMERIC),
	};

	if (arguments_has(a, OPTION_JSON))
		o.form = TABLE_NDJSON;
	if (arguments_has(a, OPTION_TABS)) {
		o.form = TABLE_TABS;
		o.no_titles = true;
	}
	return o;
}

int list_table(const struct cli *c, const struct noun *n, const struct query *q, struct table **ret,
	struct diag *reterr)
{
	struct table_options o = list_table_options(c);
	const struct field *const *columns;
	size_t n_columns;
	int r;

	columns = query_columns(q, &n_columns);
	r = table_new(n, columns, n_columns, &o, ret);
	return r < 0 ? diag_set(reterr, r, "out of memory") : 0;
}

/* One answer while its lines come. */
struct drawing {
	struct cli *cli;
	struct list *list;
	struct table *table;
	struct buf *out;
	size_t rows; /* that came */
	struct resolver *resolver; /* NULL: addresses stay as they are */
	int error;
};

/* Addresses of this row get their names, where a column shows single ones. */
static void name_addresses(struct drawing *d, json_t *row)
{
	for (size_t i = 0; i < d->list->noun->n_fields; i++) {
		const struct field *f = &d->list->noun->fields[i];
		const char *text = json_string_value(json_object_get(row, f->key)), *name;

		if (!text || (f->type != FIELD_ADDR && f->type != FIELD_PREFIX))
			continue;
		name = resolver_name(d->resolver, text);
		if (name)
			(void)json_object_set_new(row, f->key, json_string(name));
	}
}

static bool draw_line(void *userdata, struct span line)
{
	struct drawing *d = userdata;
	json_t *row;

	if (line.n == 0)
		return true;
	row = json_loadb((const char *)line.p, line.n, 0, NULL);
	if (!json_is_object(row)) {
		json_decref(row);
		d->error = -EBADMSG;
		return false;
	}
	d->rows++;
	if (d->resolver)
		name_addresses(d, row);
	if (!d->list->row || d->list->row(d->list, row))
		table_add(d->table, row, d->out);
	json_decref(row);
	if (d->cli->args->watch_ms == 0 && d->out->n >= OUT_AT_ONCE)
		d->error = screen_write(&d->cli->screen, d->out);
	return d->error == 0;
}

static void list_path(const struct cli *c, const struct list *l, uint64_t offset, struct buf *out)
{
	CLEANUP_BUF struct buf where = { 0 };
	char text[24] = "";
	const struct arguments *a = c->args;
	const char *asked = a->values[OPTION_WHERE];
	bool first = true;

	buf_printf(&where, "%s%s%s", l->where ? l->where : "", l->where && asked ? "," : "",
		asked ? asked : "");
	buf_printf(out, "/api/v1/%s", l->noun->name);
	url_parameter(out, &first, "where", where.p);
	url_parameter(out, &first, "sort", a->values[OPTION_SORT]);
	url_parameter(out, &first, "limit", a->values[OPTION_LIMIT]);
	if (offset > 0)
		(void)snprintf(text, sizeof(text), "%" PRIu64, offset);
	url_parameter(out, &first, "offset", text);
}

/* One answer has at most PAGE_ROWS rows. */
static int draw_pages(struct drawing *d, struct diag *reterr)
{
	const struct arguments *a = d->cli->args;
	size_t before;
	int r;

	do {
		CLEANUP_BUF struct buf path = { 0 };

		before = d->rows;
		list_path(d->cli, d->list, d->rows, &path);
		if (path.failed)
			return diag_set(reterr, -ENOMEM, "out of memory");
		r = client_lines(
			d->cli->client, path.p, "application/x-ndjson", draw_line, d, reterr);
		if (r == 0 && d->error == -EBADMSG)
			r = diag_set(reterr, -EBADMSG,
				"a line of the monitor's answer is no JSON object");
		if (r == 0)
			r = d->error;
	} while (r == 0 && d->rows - before == PAGE_ROWS && !arguments_has(a, OPTION_LIMIT) &&
		 !arguments_has(a, OPTION_SORT));
	return r;
}

int list_refresh(struct cli *c, struct diag *reterr)
{
	json_t *answer = NULL;
	const char *reason;
	int r;

	r = client_call(c->client, "POST", "/api/v1/refresh", "", &answer, reterr);
	reason = json_string_value(json_object_get(answer, "reason"));
	if (r == 0 && !json_is_true(json_object_get(answer, "fresh")))
		cli_talk("not read anew: %s", reason ? reason : "the monitor does not say why");
	json_decref(answer);
	return r;
}

static void tell_empty(const struct cli *c, const struct list *l, struct buf *out)
{
	if (arguments_has(c->args, OPTION_JSON) || arguments_has(c->args, OPTION_TABS))
		return;
	if (c->args->watch_ms)
		buf_text(out, "none\n");
	else
		cli_talk("none%s",
			query_has_where(l->query) || l->where ? " for which all that holds" : "");
}

/* Kept from one picture to the next; only tables for people have names. */
static int list_resolver(struct cli *c, struct resolver **ret, struct diag *reterr)
{
	if (!arguments_has(c->args, OPTION_RESOLVE) || list_table_options(c).form != TABLE_TEXT)
		return 0;
	if (!c->resolver && resolver_new(&c->resolver) < 0)
		return diag_set(reterr, -ENOMEM, "out of memory");
	resolver_begin(c->resolver);
	*ret = c->resolver;
	return 0;
}

int list_draw(struct cli *c, void *userdata, struct buf *out, struct diag *reterr)
{
	struct list *l = userdata;
	CLEANUP(table) struct table *table = NULL;
	struct drawing d = { .cli = c, .list = l, .out = out };
	int r;

	l->differences = l->left_out = 0;
	r = list_table(c, l->noun, l->query, &table, reterr);
	if (r == 0 && l->refresh)
		r = list_refresh(c, reterr);
	if (r < 0)
		return r;
	d.table = table;
	r = list_resolver(c, &d.resolver, reterr);
	if (r < 0)
		return r;
	r = draw_pages(&d, reterr);
	if (r < 0)
		return r;
	table_flush(table, out);
	if (d.rows == 0)
		tell_empty(c, l, out);
	return 0;
}
