/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/collect.h"
#include "api/internal.h"
#include "api/plan.h"

/*
 * Events out of the log, found by its index as far as that helps, in parts: MHD asks for the next
 * octets when the client has taken the last, and each time only so many lines are looked at, that
 * nobody else waits long.
 */
#define BUDGET_LINES 2000u
#define PART_OCTETS ((size_t)64 << 10)

struct scan {
	struct filter filter;
	struct index_question *question;
	struct index_find *find;
	struct collect *collect; /* sorted answers; NULL: as the log has it */
	struct buf out, key;
	size_t sent; /* of out */
	uint64_t matched, written, offset, limit;
	bool lines, begun, ended, more;
};

static void scan_free(void *opaque)
{
	struct scan *s = opaque;

	if (!s)
		return;
	filter_done(&s->filter);
	index_find_free(s->find);
	index_question_free(s->question);
	collect_free(s->collect);
	buf_done(&s->out);
	buf_done(&s->key);
	free(s);
}

static void event_write(struct scan *s, struct span line)
{
	if (s->written++ > 0 && !s->lines)
		buf_char(&s->out, ',');
	buf_append(&s->out, line.p, line.n);
	if (s->lines)
		buf_char(&s->out, '\n');
}

static void end_write(struct scan *s)
{
	s->ended = true;
	if (!s->lines)
		buf_printf(&s->out, "],\"more\":%s}\n", s->more ? "true" : "false");
}

static void sorted_write(struct scan *s)
{
	size_t n = collect_finish(s->collect);

	for (uint64_t i = s->offset; i < n && s->written < s->limit; i++)
		event_write(s, collect_text(s->collect, (size_t)i));
	s->more = s->matched > s->offset + s->written;
	end_write(s);
}

/* One line that matches. */
static void take(struct scan *s, struct span line)
{
	s->matched++;
	if (s->collect) {
		buf_clear(&s->key);
		query_sort_key_line(s->filter.query, line, &s->key);
		collect_add_text(s->collect, buf_span(&s->key), line);
	} else if (s->matched > s->offset && s->written >= s->limit) {
		s->more = true;
		end_write(s);
	} else if (s->matched > s->offset) {
		event_write(s, line);
	}
}

/* Looks at some lines. 0 or -errno. */
static int scan_step(struct scan *s)
{
	unsigned budget = BUDGET_LINES;
	struct span line;
	int r;

	if (!s->begun && !s->lines)
		buf_text(&s->out, "{\"items\":[");
	s->begun = true;
	while (!s->ended && s->out.n < PART_OCTETS) {
		r = index_find_next(s->find, &budget, &line);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		if (r == 0 && s->collect)
			sorted_write(s);
		else if (r == 0)
			end_write(s);
		else if (filter_match(&s->filter, line))
			take(s, line);
	}
	return s->out.failed || s->key.failed || (s->collect && collect_failed(s->collect))
		       ? -ENOMEM
		       : 0;
}

static ssize_t scan_read(void *opaque, uint64_t pos, char *p, size_t max)
{
	struct scan *s = opaque;
	size_t n;

	(void)pos;
	if (s->sent == s->out.n) {
		buf_clear(&s->out);
		s->sent = 0;
		if (s->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (scan_step(s) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	n = s->out.n - s->sent;
	if (n == 0)
		return s->ended ? MHD_CONTENT_READER_END_OF_STREAM : 0;
	if (n > max)
		n = max;
	memcpy(p, s->out.p + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static int scan_init(struct scan *s, struct request *q, struct diag *reterr)
{
	const struct filter_text text = { .ids = request_param(q, "id"),
		.since = request_param(q, "since"),
		.until = request_param(q, "until"),
		.words = request_param(q, "text"),
		.query = { .where = request_param(q, "where"),
			.sort = request_param(q, "sort"),
			.limit = request_param(q, "limit"),
			.offset = request_param(q, "offset") } };
	const char *order = request_param(q, "order");
	bool newest_first;
	int r = filter_init(
		&s->filter, &text, q->api->calls.real_us(q->api->calls.userdata), reterr);

	if (r < 0)
		return r;
	s->offset = query_offset(s->filter.query);
	s->limit = query_limit(s->filter.query);
	newest_first = s->limit != UINT64_MAX;
	if (order && *order) {
		newest_first = strcmp(order, "desc") == 0;
		if (!newest_first && strcmp(order, "asc") != 0)
			return diag_set(
				reterr, -EINVAL, "order: '%.40s' is neither asc nor desc", order);
	}
	if (query_has_sort(s->filter.query)) {
		if (s->limit > API_ROWS_MAX)
			s->limit = API_ROWS_MAX;
		if (s->offset > API_ROWS_MAX)
			return diag_set(reterr, -EINVAL, "a sorted answer ends after %u events",
				API_ROWS_MAX);
		r = collect_new((size_t)(s->offset + s->limit), &s->collect);
		if (r < 0)
			return diag_set(reterr, r, "out of memory");
	}
	r = plan_question(&s->filter, &s->question);
	if (r == 0)
		r = index_find_new(q->api->options.index, q->api->options.state_fd, s->question,
			newest_first, &s->find);
	return r < 0 ? diag_set(reterr, r, "the event log can't be read: %s", strerror(-r)) : 0;
}

enum MHD_Result handle_events(struct request *q)
{
	struct diag d = { 0 };
	enum MHD_Result answer;
	struct scan *s;
	int r;

	if (q->api->options.state_fd < 0)
		return answer_error(q, MHD_HTTP_NOT_FOUND, "the events of a replay are its output",
			"there is no event log here");
	if (!request_logged(q, ACCESS_LOG_READ, q->url, true, &answer))
		return answer;
	s = calloc(1, sizeof(*s));
	if (!s)
		return MHD_NO;
	r = scan_init(s, q, &d);
	if (r < 0) {
		scan_free(s);
		return answer_error(q,
			r == -EINVAL ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR,
			r == -EINVAL ? "see /api/v1/schema and doc/api.md" : NULL, "%s", d.text);
	}
	s->lines = request_wants_lines(q);
	return answer_response(q, MHD_HTTP_OK,
		MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, PART_OCTETS, scan_read, s, scan_free),
		s->lines ? "application/x-ndjson" : NULL);
}
