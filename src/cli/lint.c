/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/draw.h"
#include "cli/list.h"

#define INDENT 4u

/* For people who ask for no columns: a finding with its cause and what to do. */
struct findings {
	const struct cli *cli;
	struct buf *out;
	size_t n;
};

static bool draw_finding(void *userdata, struct span line)
{
	struct findings *f = userdata;
	const struct screen *screen = &f->cli->screen;
	size_t width = screen->width ? screen->width : 80;
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);
	CLEANUP_BUF struct buf text = { 0 }, clean = { 0 };
	const char *rule = draw_member(row, "rule");
	bool error = strcmp(draw_member(row, "severity"), "error") == 0;

	if (json_is_object(row)) {
		buf_text(f->out, f->n++ > 0 ? "\n" : "");
		draw_painted(screen, error ? PAINT_BAD : PAINT_WARN, rule, f->out);
		buf_char(f->out, ':');
		buf_printf(&text, "%s, policy %lld: %s %s to %s, priority %lld",
			draw_member(row, "netns"), (long long)draw_number(row, "index"),
			draw_member(row, "direction"), draw_member(row, "src"),
			draw_member(row, "dst"), (long long)draw_number(row, "priority"));
		screen_text(&clean, text.p ? text.p : "");
		draw_wrapped(f->out, clean.p ? clean.p : "", strlen(rule) + 1, INDENT, width);
		buf_printf(f->out, "%*s", (int)INDENT, "");
		draw_said(f->out, draw_member(row, "cause"), INDENT, width);
		buf_printf(f->out, "%*s", (int)INDENT, "");
		screen_paint(screen, PAINT_DIM, f->out);
		draw_said(f->out, draw_member(row, "remedy"), INDENT, width);
		screen_paint(screen, PAINT_PLAIN, f->out);
	}
	json_decref(row);
	return !f->out->failed;
}

static int draw_findings(struct cli *c, void *userdata, struct buf *out, struct diag *reterr)
{
	struct list *l = userdata;
	struct findings f = { .cli = c, .out = out };
	int r = list_refresh(c, reterr);

	if (r == 0)
		r = client_lines(c->client, "/api/v1/lint", "application/x-ndjson", draw_finding,
			&f, reterr);
	l->differences = f.n;
	if (r == 0 && f.n == 0)
		buf_text(out, "nothing is wrong with the policies\n");
	return r;
}

static bool count_finding(struct list *l, const json_t *row)
{
	(void)row;
	l->differences++;
	return true;
}

int lint_run(struct cli *c)
{
	CLEANUP(query) struct query *q = NULL;
	struct list list = { .noun = &noun_lint, .refresh = true, .row = count_finding };
	struct diag d = { "" };
	int r;

	if (cli_query(c, list.noun, &q, &d) < 0)
		return cli_usage(&d);
	list.query = q;
	if (c->args->given & c->args->command->options & ~OPTION_BIT(OPTION_WATCH))
		r = cli_watch(c, list_draw, &list, &d);
	else
		r = cli_watch(c, draw_findings, &list, &d);
	if (r < 0)
		return cli_fail(c, r, &d);
	return list.differences ? CLI_FAILED : CLI_DONE;
}
