/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/draw.h"
#include "cli/list.h"

#define INDENT ((size_t)DRAW_LABEL)
#define LOSERS "10"
#define LOSERS_MOST "1000"

static size_t width_of(const struct cli *c)
{
	return c->screen.width ? c->screen.width : 80;
}

static enum paint paint_of(const char *fate)
{
	return strcmp(fate, "dropped") == 0     ? PAINT_BAD
	       : strcmp(fate, "protected") == 0 ? PAINT_GOOD
						: PAINT_WARN;
}

/* "10.1.0.0/16 port 80" */
static void describe_end(const json_t *p, const char *prefix, const char *port, struct buf *out)
{
	const char *text = draw_member(p, prefix);

	buf_text(out, strcmp(text, "0.0.0.0/0") == 0 || strcmp(text, "::/0") == 0 ? "any" : text);
	if (json_is_integer(json_object_get(p, port)))
		buf_printf(out, " port %lld", (long long)draw_number(p, port));
}

/* "8  out 10.1.0.0/16 to any, tcp, allow, esp tunnel reqid 1, priority 100, if_id 3" */
static void describe(const json_t *p, struct buf *out)
{
	json_int_t templates = draw_number(p, "templates");

	buf_printf(out, "policy %lld: %s%s ", (long long)draw_number(p, "index"),
		strcmp(draw_member(p, "type"), "sub") == 0 ? "sub " : "",
		draw_member(p, "direction"));
	describe_end(p, "src", "sport", out);
	buf_text(out, " to ");
	describe_end(p, "dst", "dport", out);
	if (json_is_string(json_object_get(p, "proto")))
		buf_printf(out, ", %s", draw_member(p, "proto"));
	if (strcmp(draw_member(p, "action"), "block") == 0)
		buf_text(out, ", block");
	else if (templates == 0)
		buf_text(out, ", allow in the clear");
	else
		buf_printf(out, ", %s %s reqid %lld", draw_member(p, "tmpl_proto"),
			draw_member(p, "tmpl_mode"), (long long)draw_number(p, "tmpl_reqid"));
	if (templates > 1)
		buf_printf(out, " and %lld more", (long long)templates - 1);
	buf_printf(out, ", priority %lld", (long long)draw_number(p, "priority"));
	if (json_is_integer(json_object_get(p, "mark")))
		buf_printf(out, ", mark 0x%llx", (unsigned long long)draw_number(p, "mark"));
	if (draw_number(p, "if_id") != 0)
		buf_printf(out, ", if_id %lld", (long long)draw_number(p, "if_id"));
}

static void draw_policy(const struct cli *c, const char *label, const json_t *p, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };

	draw_label(&c->screen, label, out);
	if (!json_is_object(p)) {
		buf_text(out, "none fits\n");
		return;
	}
	describe(p, &text);
	draw_said(out, text.p ? text.p : "", INDENT, width_of(c));
}

static void draw_template(
	const struct cli *c, const json_t *t, const char *direction, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };
	const json_t *sa = json_object_get(t, "sa");

	draw_label(&c->screen, "Template", out);
	buf_printf(&text, "%s %s", draw_member(t, "proto"), draw_member(t, "mode"));
	if (json_is_string(json_object_get(t, "dst")))
		buf_printf(&text, " %s to %s",
			json_is_string(json_object_get(t, "src")) ? draw_member(t, "src") : "any",
			draw_member(t, "dst"));
	buf_printf(&text, ", reqid %lld%s", (long long)draw_number(t, "reqid"),
		json_is_true(json_object_get(t, "optional")) ? ", optional" : "");
	draw_said(out, text.p ? text.p : "", INDENT, width_of(c));
	draw_label(&c->screen, strcmp(direction, "out") == 0 ? "SA" : "Came by", out);
	buf_clear(&text);
	if (json_is_object(sa))
		buf_printf(&text, "SPI 0x%08llx from %s to peer %s",
			(unsigned long long)draw_number(sa, "spi"), draw_member(sa, "src"),
			draw_member(sa, "dst"));
	else
		buf_text(&text, "none that fits");
	draw_said(out, text.p ? text.p : "", INDENT, width_of(c));
}

static void draw_losers(const struct cli *c, const json_t *check, struct buf *out)
{
	const json_t *losers = json_object_get(check, "losers"), *l;
	json_int_t total = draw_number(check, "losers_total");
	size_t i;

	json_array_foreach(losers, i, l)
	{
		CLEANUP_BUF struct buf text = { 0 };

		draw_label(&c->screen, i == 0 ? "Lost" : "", out);
		describe(json_object_get(l, "policy"), &text);
		draw_said(out, text.p ? text.p : "", INDENT, width_of(c));
		buf_printf(out, "%*s", (int)INDENT + 2, "");
		screen_paint(&c->screen, PAINT_DIM, out);
		draw_said(out, draw_member(l, "why"), INDENT + 2, width_of(c));
		screen_paint(&c->screen, PAINT_PLAIN, out);
	}
	if (total > (json_int_t)json_array_size(losers) && json_array_size(losers) > 0) {
		draw_label(&c->screen, "", out);
		buf_printf(out, "and %lld more%s\n",
			(long long)(total - (json_int_t)json_array_size(losers)),
			arguments_has(c->args, OPTION_ALL) ? "" : " (--all)");
	}
}

static void draw_check(const struct cli *c, const json_t *check, struct buf *out)
{
	const char *direction = draw_member(check, "direction");
	const json_t *templates = json_object_get(check, "templates"), *t;
	size_t i;

	draw_label(&c->screen, direction, out);
	screen_paint(&c->screen, paint_of(draw_member(check, "fate")), out);
	draw_said(out, draw_member(check, "verdict"), INDENT, width_of(c));
	screen_paint(&c->screen, PAINT_PLAIN, out);
	draw_policy(c, "Policy", json_object_get(check, "policy"), out);
	if (json_is_object(json_object_get(check, "behind")))
		draw_policy(c, "and", json_object_get(check, "behind"), out);
	json_array_foreach(templates, i, t) draw_template(c, t, direction, out);
	draw_losers(c, check, out);
}

enum { SPORT = 3 }; /* its place among the arguments */

static void draw_answer(const struct cli *c, const json_t *answer, struct buf *out)
{
	const json_t *checks = json_object_get(answer, "checks"),
		     *assumed = json_object_get(answer, "assumed"), *v;
	size_t i;

	draw_painted(&c->screen, PAINT_BOLD, draw_member(answer, "netns"), out);
	buf_printf(out, "  %s to %s", draw_member(answer, "src"), draw_member(answer, "dst"));
	if (json_is_string(json_object_get(answer, "proto"))) {
		buf_char(out, ' ');
		screen_text(out, draw_member(answer, "proto"));
	}
	if (json_is_integer(json_object_get(answer, "sport")) && c->args->n_args > SPORT)
		buf_printf(out, " %lld to %lld", (long long)draw_number(answer, "sport"),
			(long long)draw_number(answer, "dport"));
	else if (json_is_integer(json_object_get(answer, "sport")))
		buf_text(out, ", 0 to 0 as none are given");
	buf_char(out, '\n');
	json_array_foreach(checks, i, v)
	{
		buf_char(out, '\n');
		draw_check(c, v, out);
	}
	json_array_foreach(assumed, i, v)
	{
		buf_text(out, i == 0 ? "\n" : "");
		draw_label(&c->screen, i == 0 ? "Assumed" : "", out);
		draw_said(out, json_string_value(v), INDENT, width_of(c));
	}
}

static void find_path(const struct cli *c, struct buf *out)
{
	static const char *const keys[] = { "src", "dst", "proto", [SPORT] = "sport", "dport" };
	const struct arguments *a = c->args;
	bool first = true;

	buf_text(out, "/api/v1/find");
	for (size_t i = 0; i < a->n_args && i < ARRAY_LEN(keys); i++)
		url_parameter(out, &first, keys[i], a->args[i]);
	url_parameter(out, &first, "dir", a->values[OPTION_DIR]);
	url_parameter(out, &first, "netns", a->values[OPTION_NETNS]);
	url_parameter(out, &first, "interface", a->values[OPTION_IFACE]);
	url_parameter(out, &first, "if_id", a->values[OPTION_IF_ID]);
	url_parameter(out, &first, "mark", a->values[OPTION_MARK]);
	url_parameter(out, &first, "losers",
		arguments_has(a, OPTION_BEST)  ? "0"
		: arguments_has(a, OPTION_ALL) ? LOSERS_MOST
					       : LOSERS);
}

static int draw_found(struct cli *c, void *userdata, struct buf *out, struct diag *reterr)
{
	CLEANUP_BUF struct buf path = { 0 };
	json_t *answer = NULL;
	char *text;
	int r = list_refresh(c, reterr);

	(void)userdata;
	find_path(c, &path);
	if (r == 0)
		r = client_call(c->client, "GET", path.p, NULL, &answer, reterr);
	if (r == 0 && arguments_has(c->args, OPTION_JSON)) {
		text = json_dumps(answer, JSON_COMPACT);
		buf_printf(out, "%s\n", text ? text : "{}");
		free(text);
	} else if (r == 0) {
		draw_answer(c, answer, out);
	}
	json_decref(answer);
	return r;
}

int find_run(struct cli *c)
{
	struct diag d = { "" };
	int r = cli_watch(c, draw_found, NULL, &d);

	if (r == -EINVAL)
		return cli_usage(&d);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
