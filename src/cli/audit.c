/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit_words.h"
#include "cli/command.h"
#include "cli/draw.h"
#include "cli/list.h"

/* For people: by category, with what each is for below it. */
struct settings {
	const struct cli *cli;
	struct buf *out;
	char category[64];
};

static bool draw_setting(void *userdata, struct span line)
{
	struct settings *s = userdata;
	const struct screen *screen = &s->cli->screen;
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);
	const char *category = draw_member(row, "category");
	const char *effect = draw_member(row, "effect");
	size_t width = screen->width ? screen->width : 80;
	CLEANUP_BUF struct buf about = { 0 };

	if (strcmp(category, s->category) != 0) {
		buf_text(s->out, *s->category ? "\n" : "");
		(void)snprintf(s->category, sizeof(s->category), "%s", category);
		draw_painted(screen, PAINT_BOLD, category, s->out);
		buf_char(s->out, '\n');
	}
	buf_printf(s->out, "  %-22s ", draw_member(row, "subcategory"));
	draw_painted(screen, strcmp(effect, "none") == 0 ? PAINT_WARN : PAINT_GOOD, effect, s->out);
	buf_printf(
		&about, "%s; volume %s", draw_member(row, "setting"), draw_member(row, "volume"));
	if (strcmp(draw_member(row, "origin"), "default") != 0)
		buf_printf(&about, "; %s", draw_member(row, "origin"));
	buf_printf(s->out, "%*s", (int)(strlen(effect) < 20 ? 21 - strlen(effect) : 1), "");
	draw_said(s->out, about.p ? about.p : "", 46, width);
	buf_text(s->out, "    ");
	screen_paint(screen, PAINT_DIM, s->out);
	draw_said(s->out, draw_member(row, "purpose"), 4, width);
	screen_paint(screen, PAINT_PLAIN, s->out);
	json_decref(row);
	return !s->out->failed;
}

static int draw_settings(struct cli *c, void *userdata, struct buf *out, struct diag *reterr)
{
	struct settings s = { .cli = c, .out = out };

	(void)userdata;
	return client_lines(c->client, "/api/v1/audit-setting", "application/x-ndjson",
		draw_setting, &s, reterr);
}

int audit_policy_run(struct cli *c)
{
	CLEANUP(query) struct query *q = NULL;
	struct list list = { .noun = &noun_audit_setting };
	struct diag d = { "" };
	int r;

	if (cli_query(c, list.noun, &q, &d) < 0)
		return cli_usage(&d);
	list.query = q;
	if (c->args->given & c->args->command->options)
		r = cli_watch(c, list_draw, &list, &d);
	else
		r = cli_watch(c, draw_settings, NULL, &d);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}

/* Counters at 0 are left out for people, unless they ask for something themselves. */
static bool look_for_difference(struct list *l, const json_t *row)
{
	bool differs = draw_number(row, "difference") != 0;

	l->differences += differs;
	if (l->whole || differs || draw_number(row, "kernel") != 0)
		return true;
	l->left_out++;
	return false;
}

int audit_reconcile_run(struct cli *c)
{
	CLEANUP(query) struct query *q = NULL;
	const unsigned plain = OPTION_BIT(OPTION_WATCH) | OPTION_BIT(OPTION_NUMERIC);
	struct list list = { .noun = &noun_reconcile,
		.refresh = true,
		.row = look_for_difference,
		.whole = c->args->given & c->args->command->options & ~plain };
	struct diag d = { "" };
	int r;

	if (cli_query(c, list.noun, &q, &d) < 0)
		return cli_usage(&d);
	list.query = q;
	r = cli_watch(c, list_draw, &list, &d);
	if (r < 0)
		return cli_fail(c, r, &d);
	if (list.left_out > 0)
		cli_talk("%zu counters at 0 are left out; -o all shows them", list.left_out);
	return list.differences ? CLI_FAILED : CLI_DONE;
}

int audit_set_run(struct cli *c)
{
	struct audit_words words;
	struct diag d = { "" };
	json_t *request, *answer = NULL;
	char *body;
	int r;

	if (audit_words_parse(c->args->args, c->args->n_args, &words, &d) < 0)
		return cli_usage(&d);
	request = json_pack("{s:s, s:s}", "name", words.name, "setting", words.setting);
	body = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!body)
		return cli_fail(c, -ENOMEM, &d);
	r = client_call(c->client, "PUT", "/api/v1/audit-setting", body, &answer, &d);
	free(body);
	json_decref(answer);
	if (r < 0)
		return cli_fail(c, r, &d);
	cli_talk("%s %s: %s", words.category ? "category" : "subcategory", words.name,
		words.setting);
	return CLI_DONE;
}

int audit_reindex_run(struct cli *c)
{
	struct diag d = { "" };
	int r = client_call(c->client, "POST", "/api/v1/log/reindex", "", NULL, &d);

	if (r < 0)
		return cli_fail(c, r, &d);
	cli_talk("the index is built anew; ipsecmon status shows how far it is");
	return CLI_DONE;
}
