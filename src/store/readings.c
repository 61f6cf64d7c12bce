/* SPDX-License-Identifier: Apache-2.0 */
#include "store/readings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"

struct key {
	char boot[NAME_SIZE];
	char counter[COUNTER_NAME_SIZE];
	uint64_t cookie;
};

static struct key key_of(const struct reading *r)
{
	struct key k;

	memset(&k, 0, sizeof(k));
	/* Names of statistics are none of counters, so that their keys never meet. */
	(void)snprintf(k.boot, sizeof(k.boot), "%s", r->statistic ? r->netns : r->boot);
	(void)snprintf(k.counter, sizeof(k.counter), "%s", r->counter);
	k.cookie = r->statistic ? r->daemon : r->cookie;
	return k;
}

static void statistic_json(const struct reading *r, struct json *j)
{
	json_text(j, "daemon", ike_daemon_name(r->daemon));
	json_u64(j, "service", r->service);
	json_text(j, "key", r->counter);
	json_u64(j, "total", r->total);
	json_u64(j, "since", r->since);
	json_u64(j, "base", r->base);
	json_bool(j, "before", r->before);
}

void reading_json(const struct reading *r, struct json *j)
{
	char time[TIME_TEXT_SIZE];

	json_text(j, "time", time_format(r->time_us, time));
	json_text(j, "boot", r->boot);
	json_text(j, "netns", r->netns[0] ? r->netns : NULL);
	json_u64(j, "cookie", r->cookie);
	if (r->statistic) {
		statistic_json(r, j);
		return;
	}
	json_text(j, "counter", r->counter);
	json_u64(j, "kernel", r->kernel);
	json_u64(j, "attributed", r->attributed);
	json_u64(j, "unattributed", r->unattributed);
	json_u64(j, "suppressed", r->suppressed);
}

int readings_init(struct readings *t)
{
	*t = (struct readings){ 0 };
	return map_new(sizeof(struct key), READINGS_MAX, 0, &t->map);
}

void readings_done(struct readings *t)
{
	t->map = map_free_all(t->map);
}

/* Who must go for a newcomer of this boot. */
static void drop_oldest(struct readings *t, const char *boot)
{
	struct reading *oldest = NULL, *r;
	bool oldest_foreign = false;
	struct key k;

	for (size_t at = 0; (r = map_next(t->map, &at, NULL));) {
		bool foreign = !r->statistic && strcmp(r->boot, boot) != 0;

		if (!oldest || (foreign && !oldest_foreign) ||
			(foreign == oldest_foreign && r->stamp < oldest->stamp)) {
			oldest = r;
			oldest_foreign = foreign;
		}
	}
	if (!oldest)
		return;
	k = key_of(oldest);
	(void)map_remove(t->map, &k);
	if (oldest->owed)
		t->n_owed--;
	t->dropped++;
	free(oldest);
}

struct reading *readings_put(struct readings *t, const struct reading *r)
{
	struct key k = key_of(r);
	struct reading *at = map_get(t->map, &k);
	bool owed = at && at->owed;

	if (!at) {
		at = malloc(sizeof(*at));
		if (!at)
			return NULL;
		if (map_count(t->map) >= READINGS_MAX)
			drop_oldest(t, r->boot);
		if (map_put(t->map, &k, at) < 0) {
			free(at);
			return NULL;
		}
	}
	*at = *r;
	at->owed = owed;
	at->stamp = ++t->stamp;
	return at;
}

void readings_owe(struct readings *t, struct reading *r)
{
	if (!r->owed)
		t->n_owed++;
	r->owed = true;
}

void readings_paid(struct readings *t)
{
	struct reading *r;

	if (t->n_owed == 0)
		return;
	for (size_t at = 0; (r = map_next(t->map, &at, NULL));)
		r->owed = false;
	t->n_owed = 0;
}
