/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/* Episodes of a high drop rate, per netns, cause and source: one event when it begins, one when it
 * ends. */

static struct episode *get(struct core *c, const struct episode_key *key)
{
	struct episode *p = map_get(c->episodes, key);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p || map_put(c->episodes, key, p) < 0) {
		free(p);
		c->refused++;
		return NULL;
	}
	p->key = *key;
	p->window_ns = c->now_ns;
	return p;
}

static void tell(struct core *c, const struct episode *p, uint32_t id)
{
	struct event e;

	core_event_init(c, &e, id, ledger_netns(c, p->key.netns));
	e.src = p->key.src;
	detail_text(&e, "cause_title", catalog_event(p->key.id)->title);
	detail_number(&e, "cause", p->key.id);
	if (id == EVENT_DROP_RATE_HIGH) {
		detail_number(&e, "rate", p->count);
		detail_number(&e, "window", c->config.rate_window_s);
	} else {
		detail_number(&e, "total", p->total);
		detail_number(&e, "seconds", (c->now_ns - p->since_ns) / 1000000000u);
	}
	core_emit(c, &e);
}

/* A window has passed: was it quiet? True when the episode may be forgotten. */
static bool turn(struct core *c, struct episode *p)
{
	bool quiet = p->count < c->config.rate_threshold;
	bool idle = p->count == 0;

	if (p->high && quiet) {
		tell(c, p, EVENT_DROP_RATE_NORMAL);
		p->high = false;
		p->total = 0;
	}
	p->window_ns = c->now_ns;
	p->count = 0;
	return idle && !p->high;
}

static bool over(const struct core *c, const struct episode *p)
{
	return c->now_ns - p->window_ns >= (uint64_t)c->config.rate_window_s * 1000000000u;
}

void rates_count(struct core *c, const struct event *e, uint64_t cookie, uint64_t n)
{
	struct episode_key key;
	struct episode *p;

	if (c->config.rate_window_s == 0 || c->config.rate_threshold == 0)
		return;
	memset(&key, 0, sizeof(key));
	key.netns = cookie;
	key.src = e->src;
	key.id = e->id;
	p = get(c, &key);
	if (!p)
		return;
	if (over(c, p))
		turn(c, p);
	p->count += n;
	p->total += n;
	if (!p->high && p->count >= c->config.rate_threshold) {
		p->high = true;
		p->since_ns = p->window_ns;
		p->total = p->count;
		tell(c, p, EVENT_DROP_RATE_HIGH);
	}
}

void rates_tick(struct core *c)
{
	struct episode *p;

	for (size_t at = 0; (p = map_next(c->episodes, &at, NULL));) {
		if (over(c, p) && turn(c, p)) {
			map_remove(c->episodes, &p->key);
			free(p);
		}
	}
}
