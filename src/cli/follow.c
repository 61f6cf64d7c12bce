/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/events.h"

#define RETRY_FIRST_MS 250u
#define RETRY_MOST_MS 5000u

/* One connection to /api/v1/stream: server-sent events (WHATWG HTML, 9.2). */
struct stream {
	struct events *events;
	struct buf data; /* of the event that is not complete yet */
	bool other; /* it is of another kind */
	bool alive; /* something came: the next failure is a new one */
};

/* Without a filter the stream sends all: what is missing was removed before we came back. */
static void tell_hole(const struct events *e, uint64_t before, struct span line)
{
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);
	uint64_t seq = (uint64_t)json_integer_value(json_object_get(row, "seq"));

	json_decref(row);
	if (arguments_has(e->cli->args, OPTION_ID) || query_has_where(e->query))
		return;
	if (before > 0 && seq > before + 1 && !e->cli->screen.gone)
		cli_talk("events %" PRIu64 " to %" PRIu64 " are not in the log any more",
			before + 1, seq - 1);
}

static bool dispatch(struct stream *s)
{
	struct events *e = s->events;
	uint64_t before = e->last_seq;
	bool more = true;

	if (!s->other && s->data.n > 0) {
		more = events_take(e, buf_span(&s->data));
		if (more && e->last_seq > before + 1)
			tell_hole(e, before, buf_span(&s->data));
		if (more)
			more = events_flush(e) == 0;
	}
	buf_clear(&s->data);
	s->other = false;
	return more;
}

/* The value behind "name:" and one blank, if line is that field. */
static bool field(struct span line, const char *name, struct span *ret)
{
	size_t n = strlen(name);

	if (line.n <= n || memcmp(line.p, name, n) != 0 || line.p[n] != ':')
		return false;
	*ret = span_of(line.p + n + 1, line.n - n - 1);
	if (ret->n > 0 && ret->p[0] == ' ')
		*ret = span_of(ret->p + 1, ret->n - 1);
	return true;
}

static bool on_line(void *userdata, struct span line)
{
	struct stream *s = userdata;
	struct span value;

	s->alive = true;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0)
		return dispatch(s);
	if (field(line, "event", &value))
		s->other = !span_equal(value, span_text("event")) &&
			   !span_equal(value, span_text("message"));
	else if (field(line, "data", &value) && s->data.n + value.n <= CLIENT_LINE_MAX)
		buf_append(&s->data, value.p, value.n);
	return true;
}

static void stream_path(const struct events *e, struct buf *out)
{
	bool first = false;

	buf_printf(out, "/api/v1/stream?since_seq=%" PRIu64, e->last_seq);
	url_parameter(out, &first, "id", e->cli->args->values[OPTION_ID]);
	url_parameter(out, &first, "where", e->cli->args->values[OPTION_WHERE]);
}

/* Can trying again help? The monitor restarts, is updated, is slow. */
static bool passes(int r)
{
	return r == 0 || r == -ENOTCONN || r == -EPIPE || r == -EIO;
}

int events_follow(struct events *e, struct diag *reterr)
{
	struct stream s = { .events = e };
	unsigned wait_ms = RETRY_FIRST_MS;
	bool told = false;
	int r;

	do {
		CLEANUP_BUF struct buf path = { 0 };

		stream_path(e, &path);
		s.alive = s.other = false;
		buf_clear(&s.data);
		r = path.failed ? -ENOMEM
				: client_lines(e->cli->client, path.p, "text/event-stream", on_line,
					  &s, reterr);
		if (e->error < 0)
			r = e->error;
		if (s.alive) {
			wait_ms = RETRY_FIRST_MS;
			told = false;
		}
		if (passes(r) && !e->cli->screen.gone) {
			if (!told)
				cli_talk("the monitor is away; waiting for it");
			told = true;
			r = cli_sleep(e->cli, wait_ms);
			wait_ms = wait_ms * 2 < RETRY_MOST_MS ? wait_ms * 2 : RETRY_MOST_MS;
		}
	} while (r == 0);
	buf_done(&s.data);
	return r;
}
