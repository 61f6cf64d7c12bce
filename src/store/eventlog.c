/* SPDX-License-Identifier: Apache-2.0 */
#include "store/eventlog.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timetext.h"
#include "store/eventlog_private.h"
#include "store/logline.h"
#include "store/statedir.h"

struct eventlog *eventlog_free(struct eventlog *l)
{
	if (!l)
		return NULL;
	if (l->fd >= 0)
		(void)close(l->fd);
	if (l->next_fd >= 0)
		(void)close(l->next_fd);
	sealer_drop(&l->sealer, l->log_fd);
	if (l->log_fd >= 0)
		(void)close(l->log_fd);
	if (l->lock_fd >= 0)
		(void)close(l->lock_fd);
	buf_done(&l->group);
	chain_done(&l->chain);
	readings_done(&l->readings);
	free(l->host);
	free(l->boot);
	free(l);
	return NULL;
}

static int new_writer(const struct eventlog_options *o, struct eventlog **ret)
{
	struct eventlog *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->log_fd = l->lock_fd = l->fd = l->next_fd = -1;
	sealer_init(&l->sealer);
	l->segment_size = o->segment_size;
	l->keep_size = o->keep_size;
	l->keep_age_s = o->keep_age_s;
	l->host = strdup(o->host);
	l->boot = strdup(o->boot);
	if (!l->host || !l->boot || chain_init(&l->chain) < 0 || readings_init(&l->readings) < 0) {
		eventlog_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

static bool restore_event(void *userdata, struct span line)
{
	const struct eventlog_restore *restore = userdata;
	uint64_t seq;

	/* A damaged segment may hold anything. */
	if (logline_kind(line) == LOGLINE_EVENT && logline_seq(line, &seq))
		restore->event(restore->userdata, line);
	return true;
}

static void tell_statistic(const struct eventlog_restore *restore, const struct reading *r)
{
	const struct eventlog_statistic s = { .time_us = r->time_us,
		.cookie = r->cookie,
		.service = r->service,
		.total = r->total,
		.since = r->since,
		.base = r->base,
		.daemon = r->daemon,
		.before = r->before,
		.boot = r->boot,
		.netns = r->netns[0] ? r->netns : NULL,
		.key = r->counter };

	restore->statistic(restore->userdata, &s);
}

static int tell(struct eventlog *l, const struct eventlog_restore *restore, struct diag *reterr)
{
	struct eventlog_restore copy = *restore;
	struct reading *r;

	for (size_t at = 0; (r = map_next(l->readings.map, &at, NULL));) {
		if (r->statistic && restore->statistic)
			tell_statistic(restore, r);
		else if (!r->statistic && restore->reading)
			restore->reading(restore->userdata, r->boot, r->cookie,
				r->netns[0] ? r->netns : NULL, r->counter, r->kernel, r->attributed,
				r->unattributed, r->suppressed);
	}
	if (!restore->event)
		return 0;
	return eventlog_scan_newest(l->log_fd, restore_event, &copy, reterr);
}

int eventlog_open(const struct eventlog_options *o, const struct eventlog_restore *restore,
	struct eventlog_end *ret_end, struct eventlog **ret, struct diag *reterr)
{
	CLEANUP(eventlog) struct eventlog *l = NULL;
	struct eventlog_end end;
	int r = new_writer(o, &l);

	if (r < 0)
		return diag_set(reterr, r, "cannot open the event log: out of memory");
	r = statedir_take(o->dir_fd, &l->lock_fd, &l->log_fd, reterr);
	if (r == 0) {
		(void)unlinkat(l->log_fd, SEAL_PART, 0); /* a killed one's */
		r = eventlog_recover(l, &end, reterr);
	}
	if (r == 0 && restore)
		r = tell(l, restore, reterr);
	if (r < 0)
		return r;
	*ret_end = end;
	*ret = l;
	l = NULL;
	return 0;
}

/* A newline within a JSON text can only be white space: lines must not break there. */
static void keep_one_line(struct buf *b, size_t start)
{
	char *p = b->p + start, *end = b->p + b->n;

	while ((p = memchr(p, '\n', (size_t)(end - p))))
		*p = ' ';
}

bool eventlog_chain_line(struct eventlog *l, size_t start, size_t digits)
{
	struct buf *g = &l->group;
	uint8_t before[DIGEST_SIZE];
	char hex[DIGEST_HEX + 1];

	memcpy(before, l->chain.digest, DIGEST_SIZE);
	if (g->failed || g->n <= start + 2)
		goto undo;
	keep_one_line(g, start);
	g->n--; /* the closing brace */
	if (chain_step(&l->chain, span_of(g->p + start, g->n - start)) < 0)
		goto undo;
	digest_format(l->chain.digest, hex);
	buf_text(g, ",\"h\":\"");
	buf_append(g, hex, digits);
	buf_text(g, "\"}\n");
	if (!g->failed)
		return true;
undo:
	memcpy(l->chain.digest, before, DIGEST_SIZE);
	g->n = start;
	g->failed = false;
	return false;
}

/* The name of the segment that begins with this seq, or false: none is left. */
static bool next_name(struct eventlog *l, uint64_t seq)
{
	uint64_t newest = 0;
	unsigned repeat = 0;

	if (!segment_name_parse(l->name, &newest, &repeat) || newest != seq)
		repeat = 0;
	else if (++repeat > SEGMENT_REPEAT_MAX)
		return false;
	segment_name_format(seq, repeat, l->next_name);
	return true;
}

static void totals_json(const struct eventlog *l, bool statistics, struct json *j)
{
	struct reading *r;

	json_open(j, statistics ? "statistics" : "totals", '[');
	for (size_t at = 0; (r = map_next(l->readings.map, &at, NULL));) {
		if (r->statistic != statistics)
			continue;
		json_open(j, NULL, '{');
		reading_json(r, j);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void head_json(struct eventlog *l, uint64_t seq, uint64_t time_us)
{
	char text[TIME_TEXT_SIZE], previous[DIGEST_HEX + 1];
	struct json j;

	digest_format(l->chain.digest, previous);
	json_init(&j, &l->group);
	json_open(&j, NULL, '{');
	json_text(&j, "type", "head");
	json_u64(&j, "schema", LOG_SCHEMA);
	json_u64(&j, "segment", l->number + 1);
	json_text(&j, "host", l->host);
	json_text(&j, "boot", l->boot);
	json_text(&j, "time", time_format(time_us, text));
	json_u64(&j, "seq", seq);
	json_text(&j, "key", l->key[0] ? l->key : NULL);
	json_text(&j, "previous", previous);
	totals_json(l, false, &j);
	json_u64(&j, "dropped", l->readings.dropped);
	totals_json(l, true, &j);
	json_close(&j, '}');
}

/*
 * Before the first line of a group: its segment's head, if it is to begin one. False: it must, but
 * there is no memory.
 */
static bool begin_group(struct eventlog *l, uint64_t seq, uint64_t time_us)
{
	if (l->group.n > 0 || (l->fd >= 0 && l->size < l->segment_size))
		return true;
	if (!next_name(l, seq))
		return l->fd >= 0;
	head_json(l, seq, time_us);
	l->group_heads = eventlog_chain_line(l, 0, DIGEST_HEX);
	return l->group_heads || l->fd >= 0;
}

void eventlog_event(struct eventlog *l, const struct event *e)
{
	size_t start;

	assert(e->seq > l->last_seq);
	if (l->group.n >= EVENTLOG_WAITING_MAX || !begin_group(l, e->seq, e->time_us)) {
		l->lost++;
		return;
	}
	start = l->group.n;
	event_json(e, &l->group);
	if (!eventlog_chain_line(l, start, DIGEST_HEX_SHORT)) {
		l->lost++;
		return;
	}
	l->last_seq = e->seq;
	l->group_events++;
}

static bool append_reading(struct eventlog *l, const struct reading *r)
{
	size_t start = l->group.n;
	struct json j;

	json_init(&j, &l->group);
	json_open(&j, NULL, '{');
	json_text(&j, "type", r->statistic ? "statistic" : "reading");
	reading_json(r, &j);
	json_close(&j, '}');
	return eventlog_chain_line(l, start, DIGEST_HEX_SHORT);
}

static void take_reading(struct eventlog *l, const struct reading *r)
{
	struct reading *at;
	bool room;

	/* The head of a new segment has the totals before this line. */
	room = l->group.n < EVENTLOG_WAITING_MAX && begin_group(l, l->last_seq + 1, r->time_us);
	at = readings_put(&l->readings, r);
	if (room && append_reading(l, r))
		return;
	if (at)
		readings_owe(&l->readings, at);
	else
		l->lost++;
}

void eventlog_reading(struct eventlog *l, const struct eventlog_totals *t)
{
	struct reading r = {
		.time_us = t->time_us,
		.cookie = t->cookie,
		.kernel = t->kernel,
		.attributed = t->attributed,
		.unattributed = t->unattributed,
		.suppressed = t->suppressed,
	};

	(void)snprintf(r.boot, sizeof(r.boot), "%s", t->boot);
	(void)snprintf(r.netns, sizeof(r.netns), "%s", t->netns ? t->netns : "");
	(void)snprintf(r.counter, sizeof(r.counter), "%s", t->counter);
	take_reading(l, &r);
}

void eventlog_statistic(struct eventlog *l, const struct eventlog_statistic *s)
{
	struct reading r = {
		.statistic = true,
		.time_us = s->time_us,
		.cookie = s->cookie,
		.service = s->service,
		.total = s->total,
		.since = s->since,
		.base = s->base,
		.daemon = s->daemon,
		.before = s->before,
	};

	(void)snprintf(r.boot, sizeof(r.boot), "%s", s->boot);
	(void)snprintf(r.netns, sizeof(r.netns), "%s", s->netns ? s->netns : "");
	(void)snprintf(r.counter, sizeof(r.counter), "%s", s->key);
	take_reading(l, &r);
}

bool eventlog_pay_readings(struct eventlog *l, uint64_t time_us)
{
	uint8_t before[DIGEST_SIZE];
	struct reading *r;
	size_t start;

	if (l->readings.n_owed == 0)
		return true;
	if (!begin_group(l, l->last_seq + 1, time_us))
		return false;
	start = l->group.n;
	memcpy(before, l->chain.digest, DIGEST_SIZE);
	for (size_t at = 0; (r = map_next(l->readings.map, &at, NULL));) {
		if (!r->owed || append_reading(l, r))
			continue;
		l->group.n = start;
		memcpy(l->chain.digest, before, DIGEST_SIZE);
		return false;
	}
	return true;
}

size_t eventlog_group_events(const struct eventlog *l)
{
	return l->group_events;
}

size_t eventlog_group_octets(const struct eventlog *l)
{
	return l->group.n;
}

void eventlog_set_limits(
	struct eventlog *l, uint64_t segment_size, uint64_t keep_size, uint64_t keep_age_s)
{
	l->segment_size = segment_size;
	l->keep_size = keep_size;
	l->keep_age_s = keep_age_s;
}

void eventlog_set_key(struct eventlog *l, const char *fingerprint)
{
	(void)snprintf(l->key, sizeof(l->key), "%s", fingerprint);
}

bool eventlog_place(const struct eventlog *l, struct eventlog_place *ret)
{
	if (l->fd < 0)
		return false;
	*ret = (struct eventlog_place){ .segment = l->number,
		.line = l->lines,
		.seq = l->committed_seq,
		.ends_segment = l->size >= l->segment_size };
	memcpy(ret->digest, l->committed, DIGEST_SIZE);
	return true;
}

bool eventlog_group_open(const struct eventlog *l)
{
	return l->group.n > 0 || l->readings.n_owed > 0;
}

int eventlog_seal(struct eventlog *l)
{
	return sealer_step(&l->sealer, l->log_fd, l->name);
}

uint64_t eventlog_lost(const struct eventlog *l)
{
	return l->lost;
}
