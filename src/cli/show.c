/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/list.h"

int show_run(struct cli *c)
{
	CLEANUP(query) struct query *q = NULL;
	struct diag d = { "" };
	struct list list = { .noun = c->args->command->noun };
	int r;

	if (cli_query(c, list.noun, &q, &d) < 0)
		return cli_usage(&d);
	list.query = q;
	list.refresh = true;
	r = cli_watch(c, list_draw, &list, &d);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
