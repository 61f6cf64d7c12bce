/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "store/cursor.h"
#include "view/filter.h"

/*
 * Server-sent events. A stream has a place in the log and one part in hand, no queue of its own:
 * what is newer comes from the ring that all share, what has left that from the log. So a slow
 * client loses nothing and costs nothing, and one that stops is cut off by MHD's timeout.
 */
#define BUDGET_LINES 2000u
#define PART_OCTETS ((size_t)32 << 10)
#define ALIVE_NS (15ull * 1000000000u)

struct stream {
	struct request *request;
	struct filter filter;
	uint64_t next_seq; /* of the next event to look at */
	struct cursor *cursor; /* while it reads the log */
	struct buf out;
	size_t sent; /* of out */
	uint64_t alive_ns; /* a sign of life is due then */
};

static void stream_free(void *opaque)
{
	struct stream *s = opaque;

	if (!s)
		return;
	filter_done(&s->filter);
	cursor_free(s->cursor);
	buf_done(&s->out);
	free(s);
}

static void take(struct stream *s, uint64_t seq, struct span line)
{
	s->next_seq = seq + 1;
	if (!filter_match(&s->filter, line))
		return;
	buf_printf(&s->out, "id: %llu\nevent: event\ndata: ", (unsigned long long)seq);
	buf_append(&s->out, line.p, line.n);
	buf_text(&s->out, "\n\n");
}

/* From the log. 1: there may be more; 0: up to its end; or -errno. */
static int fill_from_log(struct stream *s, unsigned *budget)
{
	struct api *a = s->request->api;

	if (!s->cursor) {
		int r = cursor_new(a->options.state_fd, s->next_seq, false, &s->cursor);

		if (r < 0)
			return r;
	}
	while (s->out.n < PART_OCTETS) {
		struct span line;
		uint64_t seq;
		int r = cursor_next(s->cursor, budget, &line, &seq);

		if (r == 1) {
			take(s, seq, line);
			continue;
		}
		if (r == -EAGAIN)
			return 1;
		s->cursor = cursor_free(s->cursor);
		if (r == 0 && s->next_seq <= a->last_seq && s->next_seq < a->ring.from_seq)
			s->next_seq = a->ring.from_seq; /* the log does not have them (any more) */
		return r;
	}
	return 1;
}

/* 1: there may be more; 0: all that is committed has been looked at; or -errno. */
static int fill(struct stream *s)
{
	struct api *a = s->request->api;
	unsigned budget = BUDGET_LINES;
	const struct ring_line *l;

	if (s->cursor || s->next_seq < a->ring.from_seq) {
		int r = fill_from_log(s, &budget);

		if (r != 0)
			return r;
	}
	for (; s->out.n < PART_OCTETS && budget > 0; budget--) {
		l = ring_find(&a->ring, s->next_seq);
		if (!l)
			return 0;
		take(s, l->seq, span_of(l->text, l->n));
	}
	return 1;
}

static ssize_t stream_read(void *opaque, uint64_t pos, char *p, size_t max)
{
	struct stream *s = opaque;
	struct api *a = s->request->api;
	uint64_t now_ns = a->calls.boot_ns(a->calls.userdata);
	int more = 1;
	size_t n;

	(void)pos;
	if (a->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->sent == s->out.n) {
		buf_clear(&s->out);
		s->sent = 0;
		more = fill(s);
		if (more < 0 || s->out.failed)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (s->out.n == 0 && (s->request->late || now_ns >= s->alive_ns))
			buf_text(&s->out, ": alive\n\n");
	}
	n = s->out.n - s->sent;
	if (n == 0) {
		if (more == 0) {
			(void)request_wait(s->request, WAIT_STREAM);
			s->request->deadline_ns = s->alive_ns;
		}
		return 0;
	}
	if (n > max)
		n = max;
	memcpy(p, s->out.p + s->sent, n);
	s->sent += n;
	s->alive_ns = now_ns + ALIVE_NS;
	s->request->late = false;
	return (ssize_t)n;
}

/* since_seq=, or what a browser says when it comes back; else from now on. */
static int start_seq(struct request *q, uint64_t *ret, struct diag *reterr)
{
	const char *text = request_param(q, "since_seq");
	unsigned long long v;
	char *end;

	if (!text)
		text = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Last-Event-ID");
	if (!text || !*text) {
		*ret = q->api->last_seq + 1;
		return 0;
	}
	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v == UINT64_MAX)
		return diag_set(reterr, -EINVAL, "since_seq: '%.40s' is no number", text);
	*ret = v + 1;
	return 0;
}

static int stream_init(struct stream *s, struct request *q, struct diag *reterr)
{
	const struct filter_text text = { .ids = request_param(q, "id"),
		.words = request_param(q, "text"),
		.query = { .where = request_param(q, "where") } };
	struct api *a = q->api;
	int r = filter_init(&s->filter, &text, a->calls.real_us(a->calls.userdata), reterr);

	s->request = q;
	if (r == 0)
		r = start_seq(q, &s->next_seq, reterr);
	return r;
}

enum MHD_Result handle_stream(struct request *q)
{
	struct api *a = q->api;
	struct diag d = { 0 };
	enum MHD_Result answer;
	struct stream *s;

	if (a->options.state_fd < 0)
		return answer_error(
			q, MHD_HTTP_NOT_FOUND, "a replay is over", "nothing happens here any more");
	if (!request_logged(q, ACCESS_LOG_READ, q->url, true, &answer))
		return answer;
	if (a->counts.streams >= API_STREAMS_MAX) {
		a->counts.turned_away++;
		return answer_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "end one of the others",
			"%u streams are open already", API_STREAMS_MAX);
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return MHD_NO;
	if (stream_init(s, q, &d) < 0) {
		stream_free(s);
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "see doc/api.md", "%s", d.text);
	}
	q->is_stream = true;
	a->counts.streams++;
	return answer_response(q, MHD_HTTP_OK,
		MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, PART_OCTETS, stream_read, s, stream_free),
		"text/event-stream");
}
