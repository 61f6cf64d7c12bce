/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "store/eventlog.h"

#define STATE_DIR "/var/lib/ipsecmon"

static void verdict_text(const struct cli *c, const char *dir, bool holds,
	const struct eventlog_verdict *v, struct buf *out)
{
	screen_paint(&c->screen, holds ? PAINT_GOOD : PAINT_BAD, out);
	buf_text(out, holds ? "intact" : "NOT INTACT");
	screen_paint(&c->screen, PAINT_PLAIN, out);
	buf_printf(out, ": %s, %" PRIu64 " events in %" PRIu64 " lines of %" PRIu64 " segment%s\n",
		dir, v->events, v->lines, v->segments, v->segments == 1 ? "" : "s");
	if (!holds) {
		buf_printf(out, "first bad line: %s, line %" PRIu64 ": ", v->segment, v->line);
		screen_text(out, v->reason);
		buf_char(out, '\n');
	}
	if (v->uncommitted > 0)
		buf_printf(out,
			"%" PRIu64
			" line%s behind the last commit: not proven yet, or cut by a crash\n",
			v->uncommitted, v->uncommitted == 1 ? "" : "s");
	if (holds && *v->digest)
		buf_printf(out, "digest of the last line: %s\n", v->digest);
}

static void verdict_json(bool holds, const struct eventlog_verdict *v, struct buf *out)
{
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I}", "intact", (int)holds, "segments",
		(json_int_t)v->segments, "lines", (json_int_t)v->lines, "events",
		(json_int_t)v->events, "uncommitted", (json_int_t)v->uncommitted);
	char *text;

	if (!holds) {
		(void)json_object_set_new(o, "segment", json_string(v->segment));
		(void)json_object_set_new(o, "line", json_integer((json_int_t)v->line));
		(void)json_object_set_new(o, "reason", json_string(v->reason));
	} else {
		(void)json_object_set_new(o, "digest", json_string(v->digest));
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	buf_text(out, text ? text : "{}");
	buf_char(out, '\n');
	free(text);
}

int audit_verify_run(struct cli *c)
{
	const char *dir = c->args->n_args ? c->args->args[0] : STATE_DIR;
	CLEANUP_BUF struct buf out = { 0 };
	struct eventlog_verdict v = { 0 };
	struct diag d = { "" };
	int fd, r, written;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(c, diag_set(&d, -errno, "%s: %s", dir, strerror(errno)), &d);
	r = eventlog_verify(fd, NULL, &v, &d);
	(void)close(fd);
	if (r < 0 && r != -EBADMSG) {
		cli_talk("%s: %s", dir, *d.text ? d.text : strerror(-r));
		return CLI_FAILED;
	}
	if (arguments_has(c->args, OPTION_JSON))
		verdict_json(r == 0, &v, &out);
	else
		verdict_text(c, dir, r == 0, &v, &out);
	written = screen_write(&c->screen, &out);
	if (written < 0)
		return cli_fail(c, written, &d);
	return r == 0 ? CLI_DONE : CLI_FAILED;
}
