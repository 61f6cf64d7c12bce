/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "base/timetext.h"

static bool begins(struct span line, const char *with)
{
	size_t n = strlen(with);

	return line.n >= n && memcmp(line.p, with, n) == 0;
}

enum logline_kind logline_kind(struct span line)
{
	if (!begins(line, "{\"type\":"))
		return LOGLINE_EVENT;
	if (begins(line, "{\"type\":\"reading\","))
		return LOGLINE_READING;
	if (begins(line, "{\"type\":\"statistic\","))
		return LOGLINE_STATISTIC;
	if (begins(line, "{\"type\":\"commit\","))
		return LOGLINE_COMMIT;
	if (begins(line, "{\"type\":\"head\","))
		return LOGLINE_HEAD;
	return LOGLINE_OTHER;
}

/* NULL unless the line is one JSON object. */
static json_t *load(struct span line)
{
	json_t *j;

	json_set_alloc_funcs(malloc_or_end, free);
	j = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);

	if (j && !json_is_object(j)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static bool get_u64(const json_t *o, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool get_text(const json_t *o, const char *key, char *ret, size_t size)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v) || json_string_length(v) >= size)
		return false;
	(void)snprintf(ret, size, "%s", json_string_value(v));
	return true;
}

/* null: "" */
static bool get_text_or_null(const json_t *o, const char *key, char *ret, size_t size)
{
	ret[0] = '\0';
	return json_is_null(json_object_get(o, key)) || get_text(o, key, ret, size);
}

static bool get_time(const json_t *o, const char *key, uint64_t *ret)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && strchr(text, 'T') && time_parse(text, 0, ret, NULL) == 0;
}

static bool quick_number(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *start = *p;
	uint64_t v = 0;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		if (*p - start >= 18) /* more might overflow: leave it to the slow way */
			return false;
		v = v * 10 + (uint64_t)(**p - '0');
	}
	*ret = v;
	return *p > start;
}

bool logline_seq(struct span line, uint64_t *ret)
{
	static const char key[] = ",\"seq\":";
	const uint8_t *p = line.p + 5, *end = line.p + line.n;
	struct logline_event e;
	uint64_t v;

	if (begins(line, "{\"v\":") && quick_number(&p, end, &v) &&
		begins(span_of(p, (size_t)(end - p)), key)) {
		p += sizeof(key) - 1;
		if (quick_number(&p, end, &v) && p < end && (*p == ',' || *p == '}')) {
			*ret = v;
			return true;
		}
	}
	if (!logline_event(line, &e))
		return false;
	*ret = e.seq;
	return true;
}

bool logline_event(struct span line, struct logline_event *ret)
{
	json_auto_t *j = load(line);
	struct logline_event e = { 0 };
	uint64_t id;

	if (!j || json_object_get(j, "type") || !get_u64(j, "seq", &e.seq) ||
		!get_u64(j, "id", &id) || id > UINT32_MAX)
		return false;
	e.id = (uint32_t)id;
	(void)get_time(j, "time", &e.time_us);
	(void)get_text(j, "boot", e.boot, sizeof(e.boot));
	*ret = e;
	return true;
}

/* null: 0 */
static bool get_daemon(const json_t *o, uint8_t *ret)
{
	char name[NAME_SIZE];

	if (!get_text_or_null(o, "daemon", name, sizeof(name)))
		return false;
	for (uint8_t i = 0; i <= DAEMON_LIBRESWAN; i++) {
		if (strcmp(ike_daemon_name(i) ? ike_daemon_name(i) : "", name) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool statistic_of(const json_t *j, struct reading *ret)
{
	struct reading r = { .statistic = true };
	const json_t *before = json_object_get(j, "before");

	if (!json_is_object(j) || !get_time(j, "time", &r.time_us) ||
		!get_text(j, "boot", r.boot, sizeof(r.boot)) ||
		!get_text_or_null(j, "netns", r.netns, sizeof(r.netns)) ||
		!get_u64(j, "cookie", &r.cookie) || !get_daemon(j, &r.daemon) ||
		!get_u64(j, "service", &r.service) ||
		!get_text(j, "key", r.counter, sizeof(r.counter)) ||
		!get_u64(j, "total", &r.total) || !get_u64(j, "since", &r.since) ||
		!get_u64(j, "base", &r.base) || !json_is_boolean(before))
		return false;
	r.before = json_is_true(before);
	*ret = r;
	return true;
}

static bool reading_of(const json_t *j, struct reading *ret)
{
	struct reading r = { 0 };

	if (!json_is_object(j) || !get_time(j, "time", &r.time_us) ||
		!get_text(j, "boot", r.boot, sizeof(r.boot)) ||
		!get_text_or_null(j, "netns", r.netns, sizeof(r.netns)) ||
		!get_text(j, "counter", r.counter, sizeof(r.counter)) ||
		!get_u64(j, "cookie", &r.cookie) || !get_u64(j, "kernel", &r.kernel) ||
		!get_u64(j, "attributed", &r.attributed) ||
		!get_u64(j, "unattributed", &r.unattributed) ||
		!get_u64(j, "suppressed", &r.suppressed))
		return false;
	*ret = r;
	return true;
}

bool logline_reading(struct span line, struct reading *ret)
{
	json_auto_t *j = load(line);

	if (!j)
		return false;
	return logline_kind(line) == LOGLINE_STATISTIC ? statistic_of(j, ret) : reading_of(j, ret);
}

static bool pending_of(const json_t *list, struct logline_commit *c)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > LOG_PENDING_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *range = json_array_get(list, i);

		if (json_array_size(range) != 2)
			return false;
		for (size_t k = 0; k < 2; k++) {
			const json_t *v = json_array_get(range, k);

			if (!json_is_integer(v) || json_integer_value(v) < 0)
				return false;
			c->pending[i][k] = (uint64_t)json_integer_value(v);
		}
	}
	c->n_pending = (uint8_t)n;
	return true;
}

bool logline_commit(struct span line, struct logline_commit *ret)
{
	json_auto_t *j = load(line);
	struct logline_commit c = { 0 };

	if (!j || !get_text(j, "boot", c.boot, sizeof(c.boot)) || !get_u64(j, "seq", &c.seq) ||
		!get_u64(j, "events", &c.events) || !get_u64(j, "epoch", &c.epoch) ||
		!get_u64(j, "applied", &c.applied) ||
		!pending_of(json_object_get(j, "pending"), &c))
		return false;
	(void)get_u64(j, "lost", &c.lost);
	*ret = c;
	return true;
}

bool logline_head(
	struct span line, struct logline_head *ret, logline_reading_fn *each, void *userdata)
{
	json_auto_t *j = load(line);
	struct logline_head h = { 0 };
	const json_t *totals, *statistics, *previous;
	struct reading r;

	if (!j || !get_u64(j, "schema", &h.schema) || !get_u64(j, "segment", &h.segment) ||
		!get_u64(j, "seq", &h.seq))
		return false;
	previous = json_object_get(j, "previous");
	if (!json_is_string(previous) ||
		!digest_parse(span_text(json_string_value(previous)), h.previous))
		return false;
	totals = json_object_get(j, "totals");
	if (!json_is_array(totals) || json_array_size(totals) > READINGS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(totals); i++) {
		if (!reading_of(json_array_get(totals, i), &r))
			return false;
	}
	/* Older heads have none. */
	statistics = json_object_get(j, "statistics");
	if ((statistics && !json_is_array(statistics)) ||
		json_array_size(statistics) > READINGS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(statistics); i++) {
		if (!statistic_of(json_array_get(statistics, i), &r))
			return false;
	}
	(void)get_u64(j, "dropped", &h.dropped);
	*ret = h;
	for (size_t i = 0; each && i < json_array_size(totals); i++) {
		if (reading_of(json_array_get(totals, i), &r))
			each(userdata, &r);
	}
	for (size_t i = 0; each && i < json_array_size(statistics); i++) {
		if (statistic_of(json_array_get(statistics, i), &r))
			each(userdata, &r);
	}
	return true;
}
