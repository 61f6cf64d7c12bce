/* SPDX-License-Identifier: Apache-2.0 */
#include "api/collect.h"
#include "api/internal.h"
#include "view/query.h"

/* Lists of the core's rows: what matches is written as it is met, or collected to be sorted. */
struct walk {
	const struct noun *noun;
	const struct query *query;
	struct collect *collect; /* NULL: unsorted, straight into out */
	struct buf line, *out;
	bool lines;
	uint64_t matched, written, offset, limit;
};

static void row_write(struct walk *w, struct span text)
{
	if (w->written++ > 0 && !w->lines)
		buf_char(w->out, ',');
	buf_append(w->out, text.p, text.n);
	if (w->lines)
		buf_char(w->out, '\n');
}

static bool each_row(void *userdata, const void *row)
{
	struct walk *w = userdata;

	if (!query_match_row(w->query, row))
		return true;
	w->matched++;
	if (!w->collect && (w->matched <= w->offset || w->written >= w->limit))
		return true;
	buf_clear(&w->line);
	if (w->collect) {
		query_sort_key_row(w->query, row, &w->line);
		collect_add(w->collect, &w->line, w->noun, row);
	} else {
		noun_json(w->noun, row, &w->line);
		row_write(w, buf_span(&w->line));
	}
	return !w->out->failed && !w->line.failed;
}

static void sorted_write(struct walk *w)
{
	size_t n = collect_finish(w->collect);

	for (uint64_t i = w->offset; i < n && w->written < w->limit; i++)
		row_write(w, collect_text(w->collect, (size_t)i));
	if (collect_failed(w->collect))
		w->out->failed = true;
}

static int query_of(struct request *q, struct query **ret, struct diag *reterr)
{
	const struct query_text text = { .where = request_param(q, "where"),
		.sort = request_param(q, "sort"),
		.limit = request_param(q, "limit"),
		.offset = request_param(q, "offset") };

	return query_new(
		q->route->noun, &text, q->api->calls.real_us(q->api->calls.userdata), ret, reterr);
}

enum MHD_Result handle_rows(struct request *q)
{
	CLEANUP(query) struct query *query = NULL;
	CLEANUP_BUF struct buf out = { 0 };
	CLEANUP(collect) struct collect *collect = NULL;
	struct diag d = { 0 };
	struct walk w = { .noun = q->route->noun, .out = &out, .lines = request_wants_lines(q) };

	if (query_of(q, &query, &d) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "see /api/v1/schema", "%s", d.text);
	w.query = query;
	w.offset = query_offset(query);
	w.limit = query_limit(query) < API_ROWS_MAX ? query_limit(query) : API_ROWS_MAX;
	if (query_has_sort(query)) {
		if (w.offset > API_ROWS_MAX)
			return answer_error(q, MHD_HTTP_BAD_REQUEST,
				"narrow it with where=", "a sorted list ends after %u rows",
				API_ROWS_MAX);
		if (collect_new((size_t)(w.offset + w.limit), &collect) < 0)
			return MHD_NO;
		w.collect = collect;
	}
	if (!w.lines)
		buf_text(&out, "{\"items\":[");
	(void)core_each(q->api->options.core, w.noun, each_row, &w);
	if (w.collect)
		sorted_write(&w);
	if (w.line.failed)
		out.failed = true;
	buf_done(&w.line);
	if (!w.lines)
		buf_printf(&out, "],\"total\":%llu}\n", (unsigned long long)w.matched);
	return answer_buf(q, MHD_HTTP_OK, &out, w.lines ? "application/x-ndjson" : NULL, w.matched);
}
