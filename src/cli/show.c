/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/list.h"

static int show(struct cli *c, const char *where, cli_draw_fn *draw)
{
	CLEANUP(query) struct query *q = NULL;
	struct diag d = { "" };
	struct list list = { .noun = c->args->command->noun, .where = where };
	int r;

	if (cli_query(c, list.noun, &q, &d) < 0)
		return cli_usage(&d);
	list.query = q;
	list.refresh = true;
	r = cli_watch(c, draw, &list, &d);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}

int show_run(struct cli *c)
{
	return show(c, NULL, list_draw);
}

int show_generic_run(struct cli *c)
{
	return show(c, "kind=generic", list_draw);
}

int show_specific_run(struct cli *c)
{
	return show(c, "kind=specific", list_draw);
}

/* key="NAME" as it is; key=NAME* stays what it means in conditions. */
static void name_condition(const char *key, const char *name, struct buf *out)
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '*') {
		buf_printf(out, "%s=%s", key, name);
		return;
	}
	buf_printf(out, "%s=\"", key);
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_char(out, '\\');
		buf_char(out, *name);
	}
	buf_char(out, '"');
}

static int show_named(struct cli *c, const char *key, cli_draw_fn *draw)
{
	CLEANUP_BUF struct buf where = { 0 };

	if (c->args->n_args == 0)
		return show(c, NULL, list_draw);
	name_condition(key, c->args->args[0], &where);
	return show(c, where.p, draw);
}

#define TABLE_OPTIONS \
	(OPTION_BIT(OPTION_COLUMNS) | OPTION_BIT(OPTION_WHERE) | OPTION_BIT(OPTION_SORT) | \
		OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_TABS))

int show_tunnel_run(struct cli *c)
{
	return show_named(c, "name", c->args->given & TABLE_OPTIONS ? list_draw : tunnel_draw);
}

int show_lineage_run(struct cli *c)
{
	return show_named(c, "tunnel", list_draw);
}
