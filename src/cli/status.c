/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/events.h"
#include "cli/status.h"

#define LATEST_EVENTS 500 /* looked at for when a cause was last seen */

/* Lines of an answer, parsed, into an array. */
static bool gather(void *userdata, struct span line)
{
	json_t *rows = userdata;

	if (line.n > 0)
		(void)json_array_append_new(
			rows, json_loadb((const char *)line.p, line.n, 0, NULL));
	return true;
}

static int ask_rows(struct cli *c, const char *path, json_t **ret, struct diag *reterr)
{
	*ret = json_array();
	return client_lines(c->client, path, "application/x-ndjson", gather, *ret, reterr);
}

/* The rest of the picture is optional: a replay has no log, an event log may be unreadable. */
static int ask(struct cli *c, struct status *ret, struct diag *reterr)
{
	char path[64];
	int r;

	r = client_call(c->client, "GET", "/api/v1/status", NULL, &ret->monitor, reterr);
	if (r < 0 || arguments_has(c->args, OPTION_JSON))
		return r;
	r = ask_rows(c, "/api/v1/reconcile", &ret->accounts, reterr);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/api/v1/events?order=desc&limit=%d", LATEST_EVENTS);
	r = ask_rows(c, path, &ret->events, reterr);
	return r == -ENOENT ? 0 : r;
}

static int draw(struct cli *c, void *userdata, struct buf *out, struct diag *reterr)
{
	struct status s = { .screen = &c->screen, .exact = arguments_has(c->args, OPTION_NUMERIC) };
	char *text;
	int r;

	(void)userdata;
	r = ask(c, &s, reterr);
	if (r == 0 && arguments_has(c->args, OPTION_JSON)) {
		text = json_dumps(s.monitor, JSON_COMPACT);
		buf_printf(out, "%s\n", text ? text : "{}");
		free(text);
	} else if (r == 0) {
		status_draw(&s, out);
	}
	json_decref(s.monitor);
	json_decref(s.accounts);
	json_decref(s.events);
	return r;
}

int status_run(struct cli *c)
{
	struct diag d = { "" };
	int r;

	r = cli_watch(c, draw, NULL, &d);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
