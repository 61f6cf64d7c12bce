/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "catalog/catalog.h"
#include "cli/list.h"

#define LATEST "50" /* events, when nobody says how many */
#define OUT_AT_ONCE ((size_t)64 << 10)

int event_ids_parse(
	const char *text, uint32_t ret[EVENT_IDS_MAX], size_t *ret_n, struct diag *reterr)
{
	uint32_t ids[EVENT_IDS_MAX];
	size_t n = 0;

	for (const char *p = text; *p || n == 0; p += *p == ',') {
		size_t length = strcspn(p, ",");
		char *end;
		unsigned long id = strtoul(p, &end, 10);

		if (length == 0 || end != p + length || id > UINT32_MAX)
			return diag_set(
				reterr, -EINVAL, "--id: '%.*s' is not an event ID", (int)length, p);
		if (!catalog_event((uint32_t)id))
			return diag_set(reterr, -EINVAL,
				"--id: there is no event %lu; ipsecmon-events(7) lists them", id);
		if (n == EVENT_IDS_MAX)
			return diag_set(reterr, -EINVAL, "--id: more than %d IDs", EVENT_IDS_MAX);
		ids[n++] = (uint32_t)id;
		p += length;
	}
	memcpy(ret, ids, n * sizeof(ids[0]));
	*ret_n = n;
	return 0;
}

static bool wanted(const struct events *e, const json_t *row)
{
	json_int_t id = json_integer_value(json_object_get(row, "id"));
	bool found = e->n_ids == 0;

	for (size_t i = 0; i < e->n_ids; i++)
		found |= id == (json_int_t)e->ids[i];
	return found && query_match_json(e->query, row);
}

int events_flush(struct events *e)
{
	int r;

	if (e->table)
		table_flush(e->table, &e->out);
	r = screen_write(&e->cli->screen, &e->out);
	if (r < 0)
		e->error = r;
	return r;
}

bool events_take(struct events *e, struct span line)
{
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);
	json_int_t seq = json_integer_value(json_object_get(row, "seq"));

	if (!json_is_object(row) || seq <= 0) {
		json_decref(row);
		e->error = -EBADMSG;
		return false;
	}
	if ((uint64_t)seq > e->last_seq)
		e->last_seq = (uint64_t)seq;
	if (!wanted(e, row))
		;
	else if (e->table)
		table_add(e->table, row, &e->out);
	else
		event_line(&e->cli->screen, row, arguments_has(e->cli->args, OPTION_NUMERIC), false,
			&e->out);
	json_decref(row);
	if (e->out.n >= OUT_AT_ONCE)
		return events_flush(e) == 0;
	return true;
}

static bool on_line(void *userdata, struct span line)
{
	return line.n == 0 || events_take(userdata, line);
}

/* Lines that come newest first, to be shown the other way round. */
struct held {
	struct buf text;
	struct buf ends; /* u64 each: where a line of text ends */
};

static bool hold_line(void *userdata, struct span line)
{
	struct held *h = userdata;

	if (line.n > 0) {
		buf_append(&h->text, line.p, line.n);
		buf_u64(&h->ends, h->text.n);
	}
	return !h->text.failed && !h->ends.failed;
}

static int show_held(struct events *e, const struct held *h)
{
	size_t n = h->ends.n / sizeof(uint64_t);

	for (size_t i = n; i > 0; i--) {
		struct reader r;
		uint64_t from = 0, to;

		reader_init(&r, span_of(h->ends.p + (i - 1) * 8, 8));
		to = reader_u64(&r);
		if (i > 1) {
			reader_init(&r, span_of(h->ends.p + (i - 2) * 8, 8));
			from = reader_u64(&r);
		}
		if (!events_take(e, span_of(h->text.p + from, to - from)))
			return e->error;
	}
	return 0;
}

static void put_parameters(
	const struct arguments *a, bool newest_first, const char *limit, struct buf *path)
{
	char text[TIME_TEXT_SIZE];
	bool first = true;

	buf_text(path, "/api/v1/events");
	url_parameter(path, &first, "id", a->values[OPTION_ID]);
	if (a->since_us)
		url_parameter(path, &first, "since", time_format(a->since_us, text));
	if (a->until_us)
		url_parameter(path, &first, "until", time_format(a->until_us, text));
	url_parameter(path, &first, "text", a->values[OPTION_TEXT]);
	url_parameter(path, &first, "where", a->values[OPTION_WHERE]);
	url_parameter(path, &first, "sort", a->values[OPTION_SORT]);
	url_parameter(path, &first, "limit", limit);
	if (!a->values[OPTION_SORT])
		url_parameter(path, &first, "order", newest_first ? "desc" : "asc");
}

/* What the log has. The newest are asked for first where only so many are wanted. */
static int show_log(struct events *e, struct diag *reterr)
{
	const struct arguments *a = e->cli->args;
	const char *limit = a->values[OPTION_LIMIT];
	bool reverse;
	struct held h = { 0 };
	CLEANUP_BUF struct buf path = { 0 };
	int r;

	if (!limit && !a->since_us)
		limit = LATEST;
	reverse = limit && !a->values[OPTION_SORT];
	put_parameters(a, reverse, limit, &path);
	if (path.failed)
		return diag_set(reterr, -ENOMEM, "out of memory");
	r = client_lines(e->cli->client, path.p, "application/x-ndjson",
		reverse ? hold_line : on_line, reverse ? (void *)&h : (void *)e, reterr);
	if (r == 0 && (h.text.failed || h.ends.failed))
		r = diag_set(reterr, -ENOMEM, "so many events need more memory; ask for fewer");
	if (r == 0 && reverse)
		r = show_held(e, &h);
	buf_done(&h.text);
	buf_done(&h.ends);
	if (r == 0)
		r = e->error;
	if (r == 0)
		r = events_flush(e);
	if (r == -EBADMSG && !*reterr->text)
		(void)diag_set(reterr, r, "a line of the monitor's answer is no event");
	return r;
}

static bool take_seq(void *userdata, struct span line)
{
	uint64_t *seq = userdata;
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);

	*seq = (uint64_t)json_integer_value(json_object_get(row, "seq"));
	json_decref(row);
	return false;
}

/*
 * Everything up to the newest event of now is covered by show_log(), or not wanted: the stream is
 * to begin behind it, even if nothing of the log matched.
 */
static int follow(struct events *e, struct diag *reterr)
{
	uint64_t newest = 0;
	int r;

	r = cli_catch_end(e->cli, reterr);
	if (r == 0)
		r = client_lines(e->cli->client, "/api/v1/events?limit=1&order=desc",
			"application/x-ndjson", take_seq, &newest, reterr);
	if (r == 0 && e->cli->args->since_us)
		r = show_log(e, reterr);
	if (r < 0)
		return r;
	if (newest > e->last_seq)
		e->last_seq = newest;
	return events_follow(e, reterr);
}

int events_prepare(struct events *e, struct diag *reterr)
{
	const struct arguments *a = e->cli->args;
	const char *ids = a->values[OPTION_ID];
	int r;

	r = cli_query(e->cli, &noun_event, &e->query, reterr);
	if (r == 0 && ids)
		r = event_ids_parse(ids, e->ids, &e->n_ids, reterr);
	if (r == 0 && (a->values[OPTION_COLUMNS] || arguments_has(a, OPTION_JSON) ||
			      arguments_has(a, OPTION_TABS)))
		r = list_table(e->cli, &noun_event, e->query, &e->table, reterr);
	return r;
}

void events_done(struct events *e)
{
	e->table = table_free(e->table);
	e->query = query_free(e->query);
	buf_done(&e->out);
}

int events_run(struct cli *c)
{
	struct events e = { .cli = c };
	struct diag d = { "" };
	int r, ret;

	r = events_prepare(&e, &d);
	if (r < 0) {
		ret = cli_usage(&d);
	} else {
		r = arguments_has(c->args, OPTION_FOLLOW) ? follow(&e, &d) : show_log(&e, &d);
		ret = r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
		if (r == 0 && e.last_seq == 0)
			cli_talk("none");
	}
	events_done(&e);
	return ret;
}
