/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"

/* What becomes known of a tunnel besides its SAs: rates, drops, failed negotiations. */

struct failed_key {
	uint64_t netns;
	char conn[CONN_SIZE];
};

/* The newest failure of a connection, for tunnels that are told only behind it. */
struct failed {
	uint64_t us;
	uint8_t cause; /* enum ike_cause */
	char child[CONN_SIZE]; /* "": of the connection as a whole */
	char words[IDENTITY_SIZE];
};

int tunnels_failed_new(struct core *c)
{
	return map_new(sizeof(struct failed_key), LIMIT_FAILED, c->seed, &c->ike->failed);
}

void tunnels_failed_free(struct core *c)
{
	map_free_all(c->ike->failed);
}

static void failed_key_of(struct failed_key *ret, uint64_t netns, const char *conn)
{
	memset(ret, 0, sizeof(*ret));
	ret->netns = netns;
	(void)snprintf(ret->conn, sizeof(ret->conn), "%s", conn);
}

void tunnel_recall_failure(const struct core *c, struct tunnel *t)
{
	const struct failed *v;
	struct failed_key key;

	failed_key_of(&key, t->netns, t->conn);
	v = map_get(c->ike->failed, &key);
	if (!v || (v->child[0] && strcmp(v->child, t->child) != 0))
		return;
	t->failed_us = v->us;
	t->failed_cause = v->cause;
	memcpy(t->failed_words, v->words, sizeof(t->failed_words));
}

/* The oldest half goes when there is no room for another. */
static void make_room(struct core *c)
{
	size_t drop = LIMIT_FAILED / 2;
	const void *key;

	for (size_t at = 0; drop > 0 && map_next(c->ike->failed, &at, &key); drop--)
		free(map_remove(c->ike->failed, key));
}

void tunnels_failed(struct core *c, uint64_t netns, const struct negotiation *n, uint64_t time_us)
{
	struct failed_key key;
	struct failed *v;
	struct tunnel *t;
	bool fresh;

	if (n->conn[0] == '\0')
		return;
	failed_key_of(&key, netns, n->conn);
	if (map_count(c->ike->failed) >= LIMIT_FAILED)
		make_room(c);
	v = ike_put(c, c->ike->failed, &key, sizeof(*v), &fresh);
	if (!v)
		return;
	v->us = time_us;
	v->cause = n->cause;
	memcpy(v->child, n->child_name, sizeof(v->child));
	memcpy(v->words, n->words, sizeof(v->words));
	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		if (t->netns == netns && strcmp(t->conn, n->conn) == 0)
			tunnel_recall_failure(c, t);
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
