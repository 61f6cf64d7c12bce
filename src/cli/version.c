/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "cli/command.h"

/* Ours always; the monitor's where it answers: asking for a version never fails. */
int version_run(struct cli *c)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct diag d = { "" };
	json_t *status = NULL, *o;
	const char *monitor;
	char *text;
	int r;

	(void)client_call(c->client, "GET", "/api/v1/status", NULL, &status, &d);
	monitor = json_string_value(json_object_get(status, "version"));
	if (arguments_has(c->args, OPTION_JSON)) {
		o = json_pack("{s:s, s:s?}", "ipsecmon", IPSECMON_VERSION, "ipsecmond", monitor);
		text = json_dumps(o, JSON_COMPACT);
		json_decref(o);
		buf_printf(&out, "%s\n", text ? text : "{}");
		free(text);
	} else {
		buf_printf(&out, "ipsecmon %s\n", IPSECMON_VERSION);
		buf_text(&out, "ipsecmond ");
		screen_text(&out, monitor ? monitor : "not reached");
		buf_char(&out, '\n');
	}
	json_decref(status);
	r = screen_write(&c->screen, &out);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
