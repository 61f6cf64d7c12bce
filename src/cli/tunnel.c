/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/draw.h"
#include "cli/list.h"

/* `show tunnel NAME` for people: the five witnesses of each, and the SAs it has had. */

#define LABEL 15u /* columns of what stands on the left */
#define WORD 18u /* … of what a witness says */

static bool keep_row(void *userdata, struct span line)
{
	json_t *rows = userdata;
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);

	return json_is_object(row) && json_array_append_new(rows, row) == 0;
}

/* All rows of a noun for which the condition holds; NULL with the reason. */
static json_t *ask(
	struct cli *c, const char *noun, const char *where, int *ret, struct diag *reterr)
{
	CLEANUP_BUF struct buf path = { 0 };
	json_t *rows = json_array();
	bool first = true;

	buf_printf(&path, "/api/v1/%s", noun);
	url_parameter(&path, &first, "where", where);
	*ret = client_lines(c->client, path.p, "application/x-ndjson", keep_row, rows, reterr);
	if (*ret == 0)
		return rows;
	json_decref(rows);
	return NULL;
}

static enum paint paint_of(const char *verdict)
{
	static const char *const good[] = { "up", "idle", "on demand" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (strcmp(verdict, good[i]) == 0)
			return PAINT_GOOD;
	}
	return strcmp(verdict, "disabled") == 0 ? PAINT_DIM
	       : strcmp(verdict, "") == 0       ? PAINT_WARN
						: PAINT_BAD;
}

/* "IKE SA       established       10.9.0.1 to 10.9.0.2" */
static void witness(const struct screen *s, const char *label, const char *word, struct buf *more,
	size_t width, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };
	size_t n = strlen(label);

	buf_text(out, "  ");
	screen_paint(s, PAINT_DIM, out);
	buf_text(out, label);
	screen_paint(s, PAINT_PLAIN, out);
	buf_printf(out, "%*s", (int)(LABEL - 2 - n), "");
	screen_text(&text, *word ? word : "not known");
	buf_text(out, text.p);
	if (more->n > 0) {
		n = text.n < WORD ? WORD - text.n : 1;
		buf_printf(out, "%*s", (int)n, "");
		draw_said(out, more->p, LABEL + (text.n < WORD ? WORD : text.n + 1), width);
	} else {
		buf_char(out, '\n');
	}
	buf_done(more);
}

static void say_ends(const json_t *t, struct buf *out)
{
	const char *peer = draw_member(t, "peer");

	if (*draw_member(t, "remote"))
		buf_printf(out, "%s to %s", draw_member(t, "local"), draw_member(t, "remote"));
	if (*peer)
		buf_printf(out, "%s%s", out->n ? ", " : "", peer);
}

static void say_pair(const json_t *t, struct buf *out)
{
	json_int_t duplicates = draw_number(t, "duplicates");

	if (json_is_integer(json_object_get(t, "age_s"))) {
		buf_text(out, "for ");
		draw_duration((uint64_t)draw_number(t, "age_s"), out);
		buf_printf(out, ", pair %lld", (long long)draw_number(t, "pairs"));
	}
	if (duplicates > 0)
		buf_printf(out, "; %lld more of the same selectors", (long long)duplicates);
}

static void say_traffic(const json_t *t, struct buf *out)
{
	char in[DRAW_NUMBER_SIZE], sent[DRAW_NUMBER_SIZE];

	if (!*draw_member(t, "counted_by"))
		return;
	draw_grouped(draw_number(t, "bytes_in"), in);
	draw_grouped(draw_number(t, "bytes_out"), sent);
	buf_printf(out, "%s octets in, %s out in all", in, sent);
	if (strcmp(draw_member(t, "counted_by"), "daemon") == 0)
		buf_text(out, ", as the daemon counts");
	if (draw_number(t, "uncertain") > 0)
		buf_printf(out, ", at least (the end of %lld SAs was not seen)",
			(long long)draw_number(t, "uncertain"));
	if (draw_number(t, "drops") > 0)
		buf_printf(out, "; %lld packets dropped by policy",
			(long long)draw_number(t, "drops"));
}

static void draw_witnesses(const struct screen *s, const json_t *t, size_t width, struct buf *out)
{
	struct buf more = { 0 };

	buf_printf(&more, "%s, netns %s", draw_member(t, "daemon"), draw_member(t, "netns"));
	witness(s, "configured", draw_member(t, "configured"), &more, width, out);
	buf_printf(&more, "%s to %s", draw_member(t, "local_ts"), draw_member(t, "remote_ts"));
	witness(s, "traffic for", draw_member(t, "child"), &more, width, out);
	say_ends(t, &more);
	witness(s, "IKE SA", draw_member(t, "ike"), &more, width, out);
	say_pair(t, &more);
	witness(s, "SAs", draw_member(t, "installed"), &more, width, out);
	witness(s, "policies", draw_member(t, "policies"), &more, width, out);
	say_traffic(t, &more);
	witness(s, "traffic", *draw_member(t, "traffic") ? draw_member(t, "traffic") : "none",
		&more, width, out);
}

static int draw_lineage(struct cli *c, const char *where, struct buf *out, struct diag *reterr)
{
	struct table_options o = list_table_options(c);
	CLEANUP(table) struct table *table = NULL;
	json_t *rows, *row;
	size_t i;
	int r;

	rows = ask(c, "lineage", where, &r, reterr);
	if (!rows)
		return r;
	if (table_new(&noun_lineage, NULL, 0, &o, &table) < 0) {
		json_decref(rows);
		return diag_set(reterr, -ENOMEM, "out of memory");
	}
	json_array_foreach(rows, i, row) table_add(table, row, out);
	if (table_rows(table) > 0) {
		buf_char(out, '\n');
		table_flush(table, out);
	}
	json_decref(rows);
	return 0;
}

int tunnel_draw(struct cli *c, void *userdata, struct buf *out, struct diag *reterr)
{
	size_t width = c->screen.width ? c->screen.width : 80;
	CLEANUP_BUF struct buf where = { 0 };
	struct list *l = userdata;
	json_t *rows, *t;
	size_t i;
	int r = list_refresh(c, reterr);

	rows = r == 0 ? ask(c, "tunnel", l->where, &r, reterr) : NULL;
	if (!rows)
		return r;
	json_array_foreach(rows, i, t)
	{
		const char *verdict = draw_member(t, "verdict");
		CLEANUP_BUF struct buf name = { 0 };

		screen_text(&name, draw_member(t, "name"));
		buf_printf(out, "%s%s: ", i ? "\n" : "", name.p ? name.p : "");
		draw_painted(&c->screen, paint_of(verdict), *verdict ? verdict : "not known", out);
		buf_text(out, "\n  ");
		draw_said(out, draw_member(t, "reason"), 2, width);
		draw_witnesses(&c->screen, t, width, out);
	}
	if (json_array_size(rows) == 0)
		cli_talk("no tunnel of that name");
	json_decref(rows);
	/* The same condition, of the noun whose key for it is `tunnel`. */
	buf_printf(&where, "tunnel%s", l->where + strlen("name"));
	return draw_lineage(c, where.p, out, reterr);
}
