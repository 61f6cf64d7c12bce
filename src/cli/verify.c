/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timetext.h"
#include "cli/command.h"
#include "cli/draw.h"
#include "store/eventlog.h"

#define STATE_DIR "/var/lib/ipsecmon"
#define UNBROKEN 100000u /* columns: for a pipe each statement is a line */
#define HEADS_GIVEN_MAX ((size_t)64 << 20) /* octets of what --head names */

static int read_file(const char *path, size_t limit, struct buf *ret, struct diag *reterr)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	char part[65536];
	ssize_t n;

	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	ret->limit = limit;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_append(ret, part, (size_t)n);
	if (n < 0)
		(void)diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	else if (ret->failed)
		(void)diag_set(reterr, -EFBIG, "%s is too large for what it should be", path);
	(void)close(fd);
	return n < 0 ? -EIO : ret->failed ? -EFBIG : 0;
}

static void paragraph(const struct cli *c, struct buf *out, const struct buf *text)
{
	draw_said(out, text->p ? text->p : "", 0, c->screen.width ? c->screen.width : UNBROKEN);
}

static void said_uncovered(const struct eventlog_verdict *v, struct buf *out)
{
	if (v->uncovered_lines == 0) {
		buf_text(out, "; nothing stands behind it");
		return;
	}
	buf_text(out, "; ");
	draw_amount((json_int_t)v->uncovered_lines, "line", "lines", out);
	buf_text(out, " behind it, with ");
	draw_amount((json_int_t)v->uncovered_events, "event,", "events,", out);
	buf_text(out, v->uncovered_lines == 1 ? " is" : " are");
	buf_text(out, " covered by no head yet: proven by the chain alone");
}

static void said_heads(const struct eventlog_verdict *v, bool holds, struct buf *out)
{
	char time[TIME_TEXT_SIZE];

	if (v->heads == 0) {
		buf_text(out, "no signed head covers what is there");
	} else {
		draw_amount((json_int_t)v->heads, "signed head fits", "signed heads fit", out);
		buf_printf(out,
			"; the last, head %" PRIu64 " of %s, proves all up to line %" PRIu64
			" of segment %" PRIu64,
			v->head_number, draw_time(v->head_us, time), v->head_line, v->head_segment);
		if (holds)
			said_uncovered(v, out);
	}
	if (v->heads_removed > 0) {
		buf_text(out, "; ");
		draw_amount((json_int_t)v->heads_removed, "is of a segment that is no more there",
			"are of segments that are no more there", out);
	}
}

static void said_keys(const struct cli *c, const struct eventlog_verdict *v, struct buf *out)
{
	if (v->keys == VERIFY_NO_KEYS)
		buf_text(out, "signatures not checked: no key was given with --key, and none lies "
			      "with the log; the chain alone does not show that all of it was "
			      "rewritten");
	else if (v->keys == VERIFY_KEYS_OF_LOG)
		buf_text(out, "signatures checked with the keys that lie with the log, which who "
			      "rewrote all of it could have replaced: give one kept elsewhere "
			      "with --key");
	else
		buf_printf(
			out, "signatures checked with the keys of %s", c->args->values[OPTION_KEY]);
}

static void verdict_text(const struct cli *c, const char *dir, bool holds,
	const struct eventlog_verdict *v, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };

	screen_paint(&c->screen, holds ? PAINT_GOOD : PAINT_BAD, out);
	buf_text(out, holds ? "intact" : "NOT INTACT");
	screen_paint(&c->screen, PAINT_PLAIN, out);
	buf_printf(out, ": %s, %" PRIu64 " events in %" PRIu64 " lines of %" PRIu64 " segment%s\n",
		dir, v->events, v->lines, v->segments, v->segments == 1 ? "" : "s");
	if (!holds) {
		if (v->line > 0)
			buf_printf(&text, "first bad line: %s, line %" PRIu64 ": ", v->segment,
				v->line);
		screen_text(&text, v->reason);
		paragraph(c, out, &text);
		buf_clear(&text);
	}
	if (v->uncommitted > 0)
		buf_printf(out,
			"%" PRIu64
			" line%s behind the last commit: not proven yet, or cut by a crash\n",
			v->uncommitted, v->uncommitted == 1 ? "" : "s");
	if (v->keys != VERIFY_NO_KEYS) {
		said_heads(v, holds, &text);
		paragraph(c, out, &text);
		buf_clear(&text);
	}
	said_keys(c, v, &text);
	paragraph(c, out, &text);
	if (holds && *v->digest)
		buf_printf(out, "digest of the last line: %s\n", v->digest);
}

static json_t *heads_json(const struct eventlog_verdict *v)
{
	static const char *const keys[] = { [VERIFY_NO_KEYS] = "none",
		[VERIFY_KEYS_OF_LOG] = "of the log",
		[VERIFY_KEYS_GIVEN] = "given" };
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "keys", keys[v->keys], "good",
		(json_int_t)v->heads, "removed", (json_int_t)v->heads_removed, "uncovered_lines",
		(json_int_t)v->uncovered_lines, "uncovered_events", (json_int_t)v->uncovered_events,
		"missing_events", (json_int_t)v->missing_events);
	char time[TIME_TEXT_SIZE];

	if (v->heads > 0) {
		(void)json_object_set_new(o, "last", json_integer((json_int_t)v->head_number));
		(void)json_object_set_new(o, "time", json_string(time_format(v->head_us, time)));
		(void)json_object_set_new(o, "segment", json_integer((json_int_t)v->head_segment));
		(void)json_object_set_new(o, "line", json_integer((json_int_t)v->head_line));
	}
	return o;
}

static void verdict_json(bool holds, const struct eventlog_verdict *v, struct buf *out)
{
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I}", "intact", (int)holds, "segments",
		(json_int_t)v->segments, "lines", (json_int_t)v->lines, "events",
		(json_int_t)v->events, "uncommitted", (json_int_t)v->uncommitted);
	char *text;

	if (!holds) {
		if (v->line > 0) {
			(void)json_object_set_new(o, "segment", json_string(v->segment));
			(void)json_object_set_new(o, "line", json_integer((json_int_t)v->line));
		}
		(void)json_object_set_new(o, "reason", json_string(v->reason));
	} else {
		(void)json_object_set_new(o, "digest", json_string(v->digest));
	}
	(void)json_object_set_new(o, "heads", heads_json(v));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	buf_text(out, text ? text : "{}");
	buf_char(out, '\n');
	free(text);
}

/* What --key and --head name. *keys is the caller's to free. */
static int load_options(const struct cli *c, struct buf *heads, struct keyring **keys,
	struct eventlog_verify_options *ret, struct diag *reterr)
{
	const char *key = c->args->values[OPTION_KEY], *head = c->args->values[OPTION_HEAD];
	CLEANUP_BUF struct buf text = { 0 };
	int r = 0;

	if (key) {
		*keys = calloc(1, sizeof(**keys));
		if (!*keys)
			return diag_set(reterr, -ENOMEM, "out of memory");
		r = read_file(key, KEYRING_OCTETS_MAX, &text, reterr);
		if (r == 0)
			r = keyring_give(*keys, buf_span(&text), key, reterr);
		if (r == 0)
			keyring_learn(*keys, buf_span(&text));
		ret->keys = *keys;
	}
	if (r == 0 && head) {
		r = read_file(head, HEADS_GIVEN_MAX, heads, reterr);
		if (r == 0 && heads->n == 0)
			r = diag_set(reterr, -ENODATA, "%s is empty: there is no head in it", head);
		ret->heads = buf_span(heads);
	}
	return r;
}

int audit_verify_run(struct cli *c)
{
	const char *dir = c->args->n_args ? c->args->args[0] : STATE_DIR;
	CLEANUP_BUF struct buf out = { 0 }, heads = { 0 };
	struct eventlog_verify_options o = { 0 };
	struct eventlog_verdict v = { 0 };
	struct keyring *keys = NULL;
	struct diag d = { "" };
	int fd, r, written;

	r = load_options(c, &heads, &keys, &o, &d);
	if (r < 0) {
		free(keys);
		return cli_fail(c, r, &d);
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		free(keys);
		return cli_fail(c, diag_set(&d, -errno, "%s: %s", dir, strerror(errno)), &d);
	}
	r = eventlog_verify(fd, &o, &v, &d);
	(void)close(fd);
	free(keys);
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
