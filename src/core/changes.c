/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "core/owners.h"

/*
 * The kernel tells a change twice: by netlink what changed, in which netns; by audit who did it.
 * An event waits for its audit record at most the settling time, and a record for its event.
 * Records name no netns: an actor is given only where one event can be meant, or all that can be
 * meant are of one netns (then in order).
 */

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && addr_equal(&a->addr, &b->addr);
}

static bool fits(const struct held *h, uint8_t op, const struct prefix *src,
	const struct prefix *dst, uint32_t spi)
{
	/* A flush is audited as a deletion of each: any of them tells who. */
	if (h->op != op)
		return false;
	if (h->src.addr.family == 0)
		return true;
	return h->spi == spi && same_prefix(&h->src, src) && same_prefix(&h->dst, dst);
}

static void give(struct event *e, const struct actor *a)
{
	if (a->auid != UINT32_MAX)
		detail_number(e, "auid", a->auid);
	if (a->ses != UINT32_MAX)
		detail_number(e, "ses", a->ses);
	if (a->has_process) {
		detail_number(e, "uid", a->uid);
		detail_number(e, "pid", a->pid);
		detail_text(e, "comm", a->comm);
		detail_text(e, "exe", a->exe);
	}
}

static void remove_actor(struct core *c, struct actor **at)
{
	struct actor *a = *at;

	*at = a->next;
	if (c->actors_end == &a->next)
		c->actors_end = at;
	c->n_actors--;
	free(a);
}

static void tell_first(struct core *c, struct held **at)
{
	struct held *h = *at;
	struct netns *ns = ledger_netns(c, h->cookie);

	*at = h->next;
	if (c->held_end == &h->next)
		c->held_end = at;
	c->n_held--;
	h->event.netns = ns ? ns->name : NULL;
	core_emit(c, &h->event);
	free(h);
}

/* Is everything that waits and fits of one netns? */
static bool one_netns(const struct core *c, uint8_t op, const struct prefix *src,
	const struct prefix *dst, uint32_t spi, uint64_t cookie)
{
	for (const struct held *h = c->held; h && c->held_mixed; h = h->next) {
		if (h->cookie != cookie && fits(h, op, src, dst, spi))
			return false;
	}
	return true;
}

void changes_hold(struct core *c, struct event *e, uint8_t op, uint64_t cookie,
	const struct prefix *src, const struct prefix *dst, uint32_t spi)
{
	struct held *h;

	if (c->muted)
		return;
	if (!core_audit_usable(c) || c->n_held >= LIMIT_HELD || !(h = calloc(1, sizeof(*h)))) {
		core_emit(c, e);
		return;
	}
	c->held_mixed = c->held && (c->held_mixed || c->held->cookie != cookie);
	h->event = *e;
	h->op = op;
	h->cookie = cookie;
	h->fact = c->fact->seq;
	h->boot_ns = c->now_ns;
	h->src = *src;
	h->dst = *dst;
	h->spi = spi;
	*c->held_end = h;
	c->held_end = &h->next;
	c->n_held++;
}

void changes_actor(struct core *c, const struct fact *f)
{
	struct actor *a;

	if (c->muted || !core_audit_usable(c) || !f->audit_change.ok ||
		f->audit_change.serial == c->flush_serial)
		return;
	if (c->n_actors >= LIMIT_HELD || !(a = calloc(1, sizeof(*a)))) {
		c->refused++;
		return;
	}
	a->op = f->audit_change.op;
	a->src = f->audit_change.src;
	a->dst = f->audit_change.dst;
	a->spi = f->audit_change.spi;
	a->auid = f->audit_change.auid;
	a->ses = f->audit_change.ses;
	a->pid = f->audit_change.pid;
	a->uid = f->audit_change.uid;
	a->has_process = f->audit_change.has_actor;
	memcpy(a->comm, f->audit_change.comm, sizeof(a->comm));
	memcpy(a->exe, f->audit_change.exe, sizeof(a->exe));
	a->serial = f->audit_change.serial;
	a->record_us = f->audit_change.record_us;
	a->boot_ns = c->now_ns;
	*c->actors_end = a;
	c->actors_end = &a->next;
	c->n_actors++;
	changes_flush(c, false);
}

void changes_forget_actor(
	struct core *c, uint8_t op, const struct addr *src, const struct addr *dst, uint32_t spi)
{
	struct actor **at = &c->actors;

	while (*at) {
		if ((*at)->op == op && (*at)->spi == spi && addr_equal(&(*at)->src.addr, src) &&
			addr_equal(&(*at)->dst.addr, dst)) {
			remove_actor(c, at);
			return;
		}
		at = &(*at)->next;
	}
}

/* A flush has one record for each object, all of one serial: none may name another event's actor.
 */
static void remove_flush(struct core *c, uint64_t serial)
{
	struct actor **at = &c->actors;

	c->flush_serial = serial;
	while (*at) {
		if ((*at)->serial == serial)
			remove_actor(c, at);
		else
			at = &(*at)->next;
	}
}

/* A record that may have meant this event, which was told without it, can mean no other any more.
 */
static void spoil(struct core *c, const struct held *h)
{
	struct actor **at = &c->actors;

	while (*at) {
		if (fits(h, (*at)->op, &(*at)->src, &(*at)->dst, (*at)->spi))
			remove_actor(c, at);
		else
			at = &(*at)->next;
	}
}

/* A record bears the time of the system call, an event that of its reading: a little later. */
static bool same_time(const struct core *c, const struct held *h, const struct actor *a)
{
	uint64_t settle_us = c->config.settle_ns / 1000;

	return a->record_us <= h->event.time_us + settle_us / 4 &&
	       h->event.time_us <= a->record_us + 4 * settle_us;
}

/* The record for this event, if there is one that can not be meant for another netns. */
static struct actor **actor_of(struct core *c, const struct held *h)
{
	for (struct actor **at = &c->actors; *at; at = &(*at)->next) {
		struct actor *a = *at;

		if (fits(h, a->op, &a->src, &a->dst, a->spi) && same_time(c, h, a) &&
			one_netns(c, a->op, &a->src, &a->dst, a->spi, h->cookie))
			return at;
	}
	return NULL;
}

void changes_flush(struct core *c, bool all)
{
	struct held **at = &c->held;
	struct actor **actor;

	/* In order: an event behind one that still waits waits with it, so that the log keeps the
	 * order. */
	while (*at) {
		struct held *h = *at;

		actor = actor_of(c, h);
		if (actor) {
			give(&h->event, *actor);
			owner_note(c, h, *actor);
			if (h->src.addr.family == 0)
				remove_flush(c, (*actor)->serial);
			else
				remove_actor(c, actor);
		} else if (!all && c->now_ns - h->boot_ns < c->config.settle_ns) {
			break;
		} else {
			spoil(c, h);
		}
		tell_first(c, at);
	}
	for (actor = &c->actors; *actor;) {
		if (all || c->now_ns - (*actor)->boot_ns > 2 * c->config.settle_ns)
			remove_actor(c, actor);
		else
			actor = &(*actor)->next;
	}
}

void changes_pending(const struct core *c, struct core_progress *p)
{
	for (const struct held *h = c->held; h; h = h->next)
		progress_add(p, h->fact, h->fact);
}

void changes_free(struct core *c)
{
	while (c->held) {
		struct held *h = c->held;

		c->held = h->next;
		free(h);
	}
	while (c->actors)
		remove_actor(c, &c->actors);
}
