/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "cli/command.h"
#include "cli/draw.h"
#include "sign/keyring.h"

#define SHOWN 20u /* heads, where nobody says how many */
#define KEY_DIGITS 16 /* of a fingerprint, where all would not fit */

/* The newest lines of all that come. */
struct newest {
	struct buf *lines; /* a ring of `room`; the next one goes to n % room */
	size_t room, n;
	struct buf *all; /* instead, when all are wanted */
};

static bool take(void *userdata, struct span line)
{
	struct newest *t = userdata;
	struct buf *to = t->all;

	if (!to) {
		to = &t->lines[t->n++ % t->room];
		buf_clear(to);
	}
	buf_append(to, line.p, line.n);
	buf_char(to, '\n');
	return !to->failed;
}

static void draw_head(const struct cli *c, struct span line, struct buf *out)
{
	struct span text, digits;
	char time[TIME_TEXT_SIZE];
	struct signed_head h;
	bool exact = arguments_has(c->args, OPTION_NUMERIC);

	if (line.n == 0 || !signed_head_parse(span_of(line.p, line.n - 1), &h, &text, &digits))
		return;
	buf_printf(out, "%8llu  %-20s  %8llu  %8llu  %10llu  %.*s\n", (unsigned long long)h.number,
		exact ? time_format(h.time_us, time) : draw_time(h.time_us, time),
		(unsigned long long)h.segment, (unsigned long long)h.line,
		(unsigned long long)h.seq, exact ? DIGEST_HEX : KEY_DIGITS, h.key);
}

static void draw_newest(const struct cli *c, const struct newest *t, struct buf *out)
{
	size_t shown = t->n < t->room ? t->n : t->room;
	bool json = arguments_has(c->args, OPTION_JSON);

	if (!json) {
		screen_paint(&c->screen, PAINT_BOLD, out);
		buf_printf(out, "%8s  %-20s  %8s  %8s  %10s  %s\n", "NUMBER", "SIGNED", "SEGMENT",
			"LINE", "SEQ", "KEY");
		screen_paint(&c->screen, PAINT_PLAIN, out);
	}
	for (size_t i = t->n - shown; i < t->n; i++) {
		const struct buf *line = &t->lines[i % t->room];

		if (json)
			buf_append(out, line->p, line->n);
		else
			draw_head(c, buf_span(line), out);
	}
}

int audit_heads_run(struct cli *c)
{
	bool json = arguments_has(c->args, OPTION_JSON);
	uint64_t limit = c->args->limit ? c->args->limit : json ? 0 : SHOWN;
	CLEANUP_BUF struct buf out = { 0 };
	struct newest t = { .room = (size_t)limit };
	struct diag d = { "" };
	int r;

	if (limit > 100000) {
		(void)diag_set(&d, -EINVAL, "--limit: at most 100000 heads");
		return cli_usage(&d);
	}
	if (limit == 0)
		t.all = &out;
	else
		t.lines = calloc(t.room, sizeof(*t.lines));
	if (limit > 0 && !t.lines)
		return cli_fail(c, -ENOMEM, &d);
	r = client_lines(c->client, "/api/v1/log/heads", "application/x-ndjson", take, &t, &d);
	if (r == 0 && limit > 0)
		draw_newest(c, &t, &out);
	for (size_t i = 0; t.lines && i < t.room; i++)
		buf_done(&t.lines[i]);
	free(t.lines);
	if (r == 0)
		r = screen_write(&c->screen, &out);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}

static bool take_octets(void *userdata, struct span octets)
{
	struct buf *b = userdata;

	buf_append(b, octets.p, octets.n);
	return !b->failed;
}

int audit_key_run(struct cli *c)
{
	CLEANUP_BUF struct buf keys = { .limit = KEYRING_OCTETS_MAX };
	struct introduction newest;
	struct diag d = { "" };
	char time[TIME_TEXT_SIZE];
	int r;

	r = client_octets(c->client, "/api/v1/log/keys", take_octets, &keys, &d);
	if (r == 0 && !introduction_last(buf_span(&keys), &newest))
		r = diag_set(&d, -EBADMSG, "what came is no keyring");
	if (r == 0)
		r = screen_write(&c->screen, &keys);
	if (r < 0)
		return cli_fail(c, r, &d);
	cli_talk("since %s the log is signed with the key of SHA-256\n%s\n"
		 "Keep this on another host: `ipsecmon audit verify DIR --key FILE`.",
		draw_time(newest.time_us, time), newest.key.fingerprint);
	return CLI_DONE;
}
