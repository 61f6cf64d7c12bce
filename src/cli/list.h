/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"
#include "view/table.h"

/* A list of a noun's rows, asked from the monitor and drawn as the options say. */
struct list {
	const struct noun *noun;
	const struct query *query;
	const char *where; /* that holds besides what is asked for; NULL: nothing */
	bool refresh; /* have the monitor read the kernel first */
	bool (*row)(struct list *l, const json_t *row); /* is it to be shown? NULL: each is */
	bool whole; /* of noun_reconcile: counters at 0, too */
	size_t differences, left_out; /* rows that are not as they should be; that are not shown */
};

/* Has the monitor read everything anew; where it can't, the figures are as old as they are. */
int list_refresh(struct cli *c, struct diag *reterr);
int tunnel_draw(
	struct cli *c, void *userdata, struct buf *out, struct diag *reterr); /* where: name=… */
int list_draw(struct cli *c, void *userdata, struct buf *out, struct diag *reterr);

/* How tables look by the options -j, -t, -n and the screen. */
struct table_options list_table_options(const struct cli *c);
/* A table of the columns asked for. */
int list_table(const struct cli *c, const struct noun *n, const struct query *q, struct table **ret,
	struct diag *reterr);
