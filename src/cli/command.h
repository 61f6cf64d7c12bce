/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/resolve.h"
#include "cli/screen.h"
#include "view/query.h"

/* What every command gets. Inside cli/ only. */
struct cli {
	const struct arguments *args;
	struct screen screen;
	struct client *client;
	struct resolver *resolver; /* of --resolve; NULL: not asked for yet */
	const char *socket_path;
	int wake_fd; /* readable once Ctrl-C was pressed; -1: Ctrl-C just ends us */
};

#define ARGUMENTS_TEXT_MAX 16 /* words of a name and a setting */

int status_run(struct cli *c);
int show_run(struct cli *c);
int show_generic_run(struct cli *c);
int show_specific_run(struct cli *c);
int show_tunnel_run(struct cli *c);
int show_lineage_run(struct cli *c);
int find_run(struct cli *c);
int lint_run(struct cli *c);
int events_run(struct cli *c);
int audit_policy_run(struct cli *c);
int audit_set_run(struct cli *c);
int audit_reconcile_run(struct cli *c);
int audit_verify_run(struct cli *c);
int audit_heads_run(struct cli *c);
int audit_key_run(struct cli *c);
int audit_export_run(struct cli *c);
int audit_scan_run(struct cli *c);
int audit_reindex_run(struct cli *c);
int bridge_run(struct cli *c);
int version_run(struct cli *c);
int help_run(struct cli *c);
int help_columns(struct cli *c); /* -o help: of the command's noun */

/* Says what went wrong on standard error; the exit status that belongs to r (-errno). */
int cli_fail(const struct cli *c, int r, const struct diag *d);
int cli_usage(const struct diag *d); /* CLI_USAGE, with the message */
void cli_talk(const char *format, ...) PRINTF_LIKE(1, 2); /* a line on standard error */

/* The columns, conditions and order asked for, checked here: -EINVAL before anybody is asked. */
int cli_query(const struct cli *c, const struct noun *n, struct query **ret, struct diag *reterr);

/* Makes Ctrl-C, SIGTERM and SIGHUP readable at c->wake_fd from now on. */
int cli_catch_end(struct cli *c, struct diag *reterr);
/* Waits. -EINTR when woken. */
int cli_sleep(const struct cli *c, unsigned ms);

/*
 * Draws once, or again and again with --watch. draw appends its picture to out; a negative return
 * ends it all.
 */
typedef int cli_draw_fn(struct cli *c, void *userdata, struct buf *out, struct diag *reterr);
int cli_watch(struct cli *c, cli_draw_fn *draw, void *userdata, struct diag *reterr);
