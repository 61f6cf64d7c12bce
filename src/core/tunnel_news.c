/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"

/* What becomes known of a tunnel besides its SAs: rates, drops, failed negotiations. */

void tunnels_failed(struct core *c, const struct fact *f)
{
	const struct negotiation *n = &f->negotiation;
	struct tunnel *t;

	if (!n->final || n->conn[0] == '\0')
		return;
	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		if (t->netns != f->netns || strcmp(t->conn, n->conn) != 0 ||
			(n->child_name[0] && strcmp(t->child, n->child_name) != 0))
			continue;
		/* A later evidence of the same may not know the cause. */
		if (n->cause == CAUSE_UNKNOWN && since_us(c, t->failed_us) < FAILED_SAME_US)
			continue;
		t->failed_us = c->now_us;
		t->failed_cause = n->cause;
		memcpy(t->failed_words, n->words, sizeof(t->failed_words));
	}
}

void tunnels_poll(struct core *c)
{
	struct tunnel *t;

	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		uint64_t passed_ms = since_us(c, t->read_us) / 1000;
		struct flow_totals totals;
		bool by_daemon;

		if (!t->was_up)
			continue;
		tunnel_totals(t, &totals, &by_daemon);
		t->rate_known = t->read_us && passed_ms > 0 && totals.bytes_in >= t->read_in &&
				totals.bytes_out >= t->read_out;
		if (t->rate_known) {
			t->rate_in = (totals.bytes_in - t->read_in) * 1000 / passed_ms;
			t->rate_out = (totals.bytes_out - t->read_out) * 1000 / passed_ms;
		}
		t->read_us = c->now_us;
		t->read_in = totals.bytes_in;
		t->read_out = totals.bytes_out;
	}
}

static bool is_by_policy(const char *counter)
{
	static const char *const names[] = { "XfrmInTmplMismatch", "XfrmInNoPols", "XfrmInPolBlock",
		"XfrmInPolError", "XfrmOutPolBlock", "XfrmOutPolDead", "XfrmOutPolError" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], counter) == 0)
			return true;
	}
	return false;
}

/* By the SA, the policy, or the outer addresses where only one tunnel has them. */
static struct tunnel *tunnel_of_event(const struct core *c, uint64_t netns, const struct event *e)
{
	bool out = e->direction == DIRECTION_OUT;
	struct ledger_policy *l;
	struct tunnel *t = NULL;
	struct policy p;
	unsigned n;

	if (e->has_reqid)
		t = joins_reqid(c, netns, e->reqid);
	l = !t && e->has_policy ? spd_find(c, netns, e->policy) : NULL;
	if (l) {
		spd_get(l, &p);
		t = joins_tunnel(c, &p);
	}
	if (!t && e->has_spi) {
		t = tunnel_between(c, netns, out ? &e->src : &e->dst, out ? &e->dst : &e->src, &n);
		t = n == 1 ? t : NULL;
	}
	return t;
}

/* Names may be longer than an event has room for: cut between characters. */
static void name_event(char ret[NAME_SIZE], const char *name)
{
	size_t n = strnlen(name, NAME_SIZE - 1);

	while (name[n] && n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
		n--;
	memcpy(ret, name, n);
	ret[n] = '\0';
}

void tunnels_drop(struct core *c, uint64_t netns, struct event *e, uint64_t n)
{
	struct tunnel *t = c->ike->n_tunnels > 0 ? tunnel_of_event(c, netns, e) : NULL;

	if (!t)
		return;
	if (!e->tunnel[0])
		name_event(e->tunnel, t->name);
	if (!e->peer[0])
		name_event(e->peer, t->peer);
	if (e->counter && is_by_policy(e->counter)) {
		t->drops += n;
		t->drop_us = c->now_us;
		(void)snprintf(t->drop_counter, sizeof(t->drop_counter), "%s", e->counter);
	}
}
