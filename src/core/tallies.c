/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/*
 * Kept totals. A netns finds its own again by its name, for a cookie lasts only as long as the
 * netns; a daemon finds those of its kind.
 */

#define SAY_NS (60ull * 1000000000u)

static bool is_quickmode(unsigned id)
{
	return id >= STATISTIC_QUICKMODE_ACTIVE_SECURITY_ASSOCIATIONS;
}

static struct tally *find(const struct core *c, const char *netns, uint8_t daemon, bool free_only)
{
	for (struct tally *t = c->tallies; t; t = t->next) {
		if (t->daemon == daemon && strcmp(t->netns, netns) == 0 && !(free_only && t->of))
			return t;
	}
	return NULL;
}

/* The longest unused one gives way. */
static struct tally *reuse(struct core *c)
{
	struct tally **at = &c->tallies, *t;

	while (*at && (*at)->of)
		at = &(*at)->next;
	t = *at;
	if (t)
		*at = t->next;
	return t;
}

static struct tally *new_tally(struct core *c, const char *netns, uint8_t daemon)
{
	struct tally **end = &c->tallies, *t;

	if (c->n_tallies >= LIMIT_TALLIES) {
		t = reuse(c);
		c->refused++;
	} else {
		t = malloc(sizeof(*t));
		c->n_tallies += t != NULL;
	}
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	(void)snprintf(t->netns, sizeof(t->netns), "%s", netns);
	t->daemon = daemon;
	while (*end)
		end = &(*end)->next;
	*end = t;
	return t;
}

/* Since boot, or since the service began: begins anew. */
static void begin(struct kept *k, bool before)
{
	k->changed = k->changed || k->since > 0 || k->base > 0;
	k->since = k->base = 0;
	k->before = before;
}

/* What was there before us is not known, but of a netns that came while we watched. */
static void attach(struct core *c, struct netns *ns, struct tally *t)
{
	bool same = t->this_boot && t->cookie == ns->cookie;

	for (unsigned i = 0; i < STATISTIC_N; i++) {
		struct kept *k = &t->kept[i];
		bool before = !statistic_is_complete(t->daemon, i) && !c->polled;

		k->read = k->read && same;
		if (!same)
			begin(k, before);
		else
			k->before = k->before || before;
	}
	if (!same)
		t->service = 0;
	t->of = ns;
	t->cookie = ns->cookie;
	t->this_boot = true;
	ns->tallies[t->daemon] = t;
}

struct tally *tally_of(struct core *c, struct netns *ns, uint8_t daemon)
{
	struct tally *t = ns->tallies[daemon];

	if (t || !ns->there)
		return t;
	t = find(c, ns->name, daemon, true);
	if (!t)
		t = new_tally(c, ns->name, daemon);
	if (t)
		attach(c, ns, t);
	else
		c->refused++;
	return t;
}

void tallies_adopt(struct core *c, struct netns *ns)
{
	for (uint8_t daemon = 0; daemon < TALLIES; daemon++) {
		if (daemon == 0 || find(c, ns->name, daemon, true))
			(void)tally_of(c, ns, daemon);
	}
}

void tally_add(struct core *c, struct netns *ns, uint8_t daemon, enum statistic_id id, uint64_t n)
{
	struct tally *t;

	if (c->muted || n == 0 || daemon >= TALLIES)
		return;
	t = tally_of(c, ns, daemon);
	if (!t)
		return;
	t->kept[id].total += n;
	t->kept[id].since += n;
	t->kept[id].changed = true;
}

/*
 * Adds what the reading rose by. A difference of two counters that are not read at once may dip
 * for a moment: it counts again only from where it was. A counter that its owner set back has
 * begun at 0; a sum over SAs of which some went unseen before this run counts from what is left.
 */
static void fold(struct kept *k, const struct statistic_reading *r)
{
	if (r->value > k->base) {
		k->total += r->value - k->base;
		k->since += r->value - k->base;
		k->base = r->value;
		k->changed = true;
	} else if (r->value < k->base && r->resets) {
		k->total += r->value;
		k->since += r->value;
		k->base = r->value;
		k->changed = true;
	} else if (r->value < k->base && !k->read) {
		k->base = r->value;
		k->changed = true;
	}
	k->read = true;
}

static void read_all(struct core *c, struct tally *t)
{
	struct statistic_reading r;

	for (unsigned i = 0; t->of && i < STATISTIC_N; i++) {
		if (statistic_read(c, t->of, t->daemon, i, &r))
			fold(&t->kept[i], &r);
	}
}

void tally_poll(struct core *c, struct netns *ns, uint8_t daemon)
{
	struct tally *t = tally_of(c, ns, daemon);

	if (t)
		read_all(c, t);
}

void tallies_poll(struct core *c)
{
	for (struct tally *t = c->tallies; t; t = t->next)
		read_all(c, t);
}

bool tally_now(const struct core *c, const struct netns *ns, uint8_t daemon, enum statistic_id id,
	struct kept *ret)
{
	const struct tally *t = ns->tallies[daemon];
	struct statistic_reading r;

	*ret = (struct kept){ 0 };
	if (t)
		*ret = t->kept[id];
	if (statistic_read(c, ns, daemon, id, &r))
		fold(ret, &r);
	return t != NULL;
}

void tallies_service(
	struct core *c, struct netns *ns, const struct service *s, bool first_of_kind, bool first)
{
	for (uint8_t d = 0; d < TALLIES; d++) {
		bool wanted = d == 0 ? first : d == s->daemon && first_of_kind;
		struct tally *t = wanted ? tally_of(c, ns, d) : NULL;

		if (!t)
			continue;
		for (unsigned i = 0; i < STATISTIC_N; i++) {
			struct kept *k = &t->kept[i];
			bool before = s->found && !statistic_is_complete(d, i);

			if (is_quickmode(i))
				continue;
			if (t->service != s->id)
				begin(k, before);
			else
				k->before = k->before || before;
		}
		t->service = s->id;
	}
}

void tallies_service_gone(struct core *c, struct netns *ns, uint8_t daemon)
{
	struct tally *t = ns->tallies[daemon];

	for (unsigned i = 0; t && i < STATISTIC_N; i++) {
		struct statistic_reading r = { .value = 0 };

		(void)statistic_read(c, ns, daemon, i, &r);
		t->kept[i].base = r.value;
	}
}

static void say(struct core *c, struct tally *t, unsigned id)
{
	struct kept *k = &t->kept[id];
	struct statistic_reading r = { .again = 0 };
	struct core_statistic s = { .time_us = c->now_us,
		.boot = c->boot,
		.cookie = t->cookie,
		.netns = t->netns,
		.key = catalog_statistics[id].key,
		.daemon = t->daemon,
		.service = t->service,
		.total = k->total,
		.since = k->since,
		.before = k->before };

	/* The next core begins to read where this one has added last. */
	if (t->of && statistic_read(c, t->of, t->daemon, id, &r))
		s.base = r.again;
	k->changed = false;
	c->sink.statistic(c->sink.userdata, &s);
}

static void say_changed(struct core *c, struct tally *t)
{
	for (unsigned i = 0; i < STATISTIC_N; i++) {
		if (t->kept[i].changed)
			say(c, t, i);
	}
}

void tallies_say(struct core *c, bool all)
{
	if (c->muted || !c->restored || !c->sink.statistic ||
		(!all && c->now_ns - c->tallies_said_ns < SAY_NS))
		return;
	c->tallies_said_ns = c->now_ns;
	tallies_poll(c);
	for (struct tally *t = c->tallies; t; t = t->next) {
		if (t->this_boot)
			say_changed(c, t);
	}
}

void tallies_leave(struct core *c, struct netns *ns)
{
	for (unsigned d = 0; d < TALLIES; d++) {
		struct tally *t = ns->tallies[d];

		if (!t)
			continue;
		read_all(c, t);
		if (!c->muted && c->restored && c->sink.statistic)
			say_changed(c, t);
		t->of = NULL;
		ns->tallies[d] = NULL;
	}
}

void tallies_restore(struct core *c, const struct fact *f)
{
	int id = catalog_statistic(f->restore_statistic.key);
	struct tally *t;
	struct kept *k;

	/* A key of another version, or a line that nobody of ours wrote. */
	if (id < 0 || f->restore_statistic.daemon >= TALLIES || c->restored) {
		c->refused++;
		return;
	}
	t = find(c, f->restore_statistic.netns, f->restore_statistic.daemon, false);
	if (!t)
		t = new_tally(c, f->restore_statistic.netns, f->restore_statistic.daemon);
	if (!t) {
		c->refused++;
		return;
	}
	t->cookie = f->netns;
	t->service = f->restore_statistic.service;
	t->this_boot = strcmp(f->restore_statistic.boot, c->boot) == 0;
	k = &t->kept[id];
	*k = (struct kept){ .total = f->restore_statistic.total };
	if (t->this_boot) {
		k->since = f->restore_statistic.since;
		k->base = f->restore_statistic.base;
		k->before = f->restore_statistic.before;
	}
}

void tallies_free(struct core *c)
{
	while (c->tallies) {
		struct tally *t = c->tallies;

		c->tallies = t->next;
		free(t);
	}
}
