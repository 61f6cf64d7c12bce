/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"

/* A road warrior's tunnel that is not configured as such is forgotten so long after its end. */
#define KEPT_US (24ull * 3600 * 1000000)

struct tunnel_key {
	uint64_t netns;
	char conn[CONN_SIZE], child[CONN_SIZE];
	uint8_t daemon, zero[7];
};
_Static_assert(sizeof(struct tunnel_key) == 272, "no padding");

static void key_of(
	struct tunnel_key *ret, uint64_t netns, uint8_t daemon, const char *conn, const char *child)
{
	memset(ret, 0, sizeof(*ret));
	ret->netns = netns;
	ret->daemon = daemon;
	(void)snprintf(ret->conn, sizeof(ret->conn), "%s", conn);
	(void)snprintf(ret->child, sizeof(ret->child), "%s", child);
}

int tunnels_new(struct core *c)
{
	int r = map_new(sizeof(struct tunnel_key), LIMIT_TUNNELS, c->seed, &c->ike->tunnels);

	r = r < 0 ? r : child_spis_new(c);
	r = r < 0 ? r : tunnels_failed_new(c);
	return r < 0 ? r : joins_new(c);
}

void tunnels_free(struct core *c)
{
	struct tunnel *t, *next;

	for (size_t at = 0; c->ike->tunnels && (t = map_next(c->ike->tunnels, &at, NULL));) {
		for (; t; t = next) {
			next = t->next;
			free(t->history);
			free(t);
		}
	}
	map_free(c->ike->tunnels);
	child_spis_free(c);
	tunnels_failed_free(c);
	joins_free(c);
}

struct tunnel *tunnel_find(
	const struct core *c, uint64_t netns, uint8_t daemon, const char *conn, const char *child)
{
	struct tunnel_key key;

	key_of(&key, netns, daemon, conn, child);
	return map_get(c->ike->tunnels, &key);
}

struct tunnel *tunnel_of(const struct ledger_child_sa *child)
{
	return child->tunnel;
}

struct tunnel *tunnel_next(const struct core *c, struct tunnel_cursor *at)
{
	struct tunnel *t = at->next ? at->next : map_next(c->ike->tunnels, &at->at, NULL);

	at->next = t ? t->next : NULL;
	return t;
}

struct tunnel *tunnel_between(const struct core *c, uint64_t netns, const struct addr *local,
	const struct addr *remote, unsigned *ret_n)
{
	struct tunnel *t, *first = NULL;

	*ret_n = 0;
	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		if (t->netns != netns || !addr_equal(&t->local, local) ||
			!addr_equal(&t->remote, remote))
			continue;
		first = first ? first : t;
		++*ret_n;
	}
	return first;
}

static struct tunnel *tunnel_new(struct core *c, const struct tunnel_key *key)
{
	void **place = c->ike->n_tunnels < LIMIT_TUNNELS ? map_place(c->ike->tunnels, key) : NULL;
	struct tunnel *t = place ? calloc(1, sizeof(*t)) : NULL;
	struct tunnel *last;

	if (!t) {
		if (place && !*place)
			map_remove(c->ike->tunnels, key);
		c->refused++;
		return NULL;
	}
	t->netns = key->netns;
	t->daemon = key->daemon;
	t->since_us = c->now_us;
	memcpy(t->conn, key->conn, sizeof(t->conn));
	memcpy(t->child, key->child, sizeof(t->child));
	if (t->child[0] == '\0' || strcmp(t->conn, t->child) == 0)
		memcpy(t->name, t->conn, sizeof(t->conn));
	else
		(void)snprintf(t->name, sizeof(t->name), "%s/%s", t->conn, t->child);
	last = *place;
	while (last && last->next)
		last = last->next;
	if (last)
		last->next = t;
	else
		*place = t;
	c->ike->n_tunnels++;
	tunnel_recall_failure(c, t);
	return t;
}

static void tunnel_free(struct core *c, struct tunnel *t)
{
	struct tunnel *first = tunnel_find(c, t->netns, t->daemon, t->conn, t->child), **at;
	struct tunnel_key key;
	void **place;

	key_of(&key, t->netns, t->daemon, t->conn, t->child);
	if (first == t && !t->next) {
		map_remove(c->ike->tunnels, &key);
	} else if (first == t) {
		place = map_place(c->ike->tunnels, &key);
		*place = t->next;
	} else {
		for (at = &first->next; *at != t; at = &(*at)->next)
			;
		*at = t->next;
	}
	c->ike->n_tunnels--;
	free(t->history);
	free(t);
	joins_changed(c);
}

static void set_selectors(struct core *c, struct tunnel *t, const char *local, const char *remote)
{
	if (strcmp(t->local_ts, local) == 0 && strcmp(t->remote_ts, remote) == 0)
		return;
	(void)snprintf(t->local_ts, sizeof(t->local_ts), "%s", local);
	(void)snprintf(t->remote_ts, sizeof(t->remote_ts), "%s", remote);
	joins_changed(c);
}

/* The tunnel of these selectors; one that never was up takes over those that were negotiated. */
static struct tunnel *place(
	struct core *c, const struct tunnel_key *key, const char *local, const char *remote)
{
	struct tunnel *first = map_get(c->ike->tunnels, key), *t, *fresh = NULL;
	bool known = *local || *remote;

	if (first && !known)
		return first;
	for (t = first; t; t = t->next) {
		if (strcmp(t->local_ts, local) == 0 && strcmp(t->remote_ts, remote) == 0)
			return t;
		if (!t->was_up && !t->children)
			fresh = t;
	}
	t = fresh ? fresh : tunnel_new(c, key);
	if (t)
		set_selectors(c, t, local, remote);
	joins_changed(c);
	return t;
}

void tunnels_configured(struct core *c, const struct ledger_connection_child *l)
{
	const struct connection_child *child = &l->child;
	struct tunnel_key key;
	struct tunnel *t;

	/* Configured shunts are no tunnels. */
	if (child->action != ACTION_PROTECT)
		return;
	key_of(&key, l->netns, child->daemon, child->conn, child->name);
	t = map_get(c->ike->tunnels, &key);
	if (!t)
		t = place(c, &key, child->local_ts, child->remote_ts);
	else if (!t->was_up && !t->children)
		set_selectors(c, t, child->local_ts, child->remote_ts);
	for (; t; t = t->next)
		t->configured = true;
}

static bool has_child(const struct core *c, const struct tunnel *t, uint64_t service)
{
	return connection_child_of(c, service, ORIGIN_LOADED, t->daemon, t->conn, t->child) ||
	       connection_child_of(c, service, ORIGIN_FILE, t->daemon, t->conn, t->child);
}

/* Is it still in a file, or in a daemon that runs? */
static bool is_configured(const struct core *c, const struct tunnel *t)
{
	const struct ike_server *s;

	for (size_t at = 0; (s = ike_server_next(c, &at));) {
		if (s->netns == t->netns && s->daemon == t->daemon && has_child(c, t, s->service))
			return true;
	}
	return false;
}

void tunnels_unconfigured(struct core *c, const struct ledger_connection_child *l)
{
	struct tunnel *t, *next;

	t = tunnel_find(c, l->netns, l->child.daemon, l->child.conn, l->child.name);
	if (!t || is_configured(c, t))
		return;
	for (; t; t = next) {
		next = t->next;
		t->configured = false;
		if (!t->was_up && !t->children)
			tunnel_free(c, t);
	}
}

bool child_is_up(const struct ledger_child_sa *l)
{
	switch (l->sa.state) {
	case CHILD_INSTALLED:
	case CHILD_UPDATING:
	case CHILD_REKEYING:
	case CHILD_REKEYED:
	case CHILD_DELETING:
		return true;
	case CHILD_UNKNOWN:
		return l->sa.spi_in != 0 && l->sa.spi_out != 0;
	default:
		return false;
	}
}

struct lineage *tunnel_pair(const struct tunnel *t, uint32_t n)
{
	if (n == 0 || !t->history || t->history[n % LINEAGE_KEPT].n != n)
		return NULL;
	return &t->history[n % LINEAGE_KEPT];
}

static struct lineage *pair_by_unique(const struct tunnel *t, uint64_t service, uint64_t unique)
{
	for (uint32_t n = t->n_pairs; n > 0; n--) {
		struct lineage *l = tunnel_pair(t, n);

		if (!l)
			break;
		if (l->service == service && l->unique == unique)
			return l;
	}
	return NULL;
}

static bool another_is_up(const struct tunnel *t, const struct ledger_child_sa *but)
{
	for (const struct ledger_child_sa *l = t->children; l; l = l->next_of_tunnel) {
		if (l != but && l->pair)
			return true;
	}
	return false;
}

/* The child has SAs: the next pair of the tunnel. */
static void pair_new(struct core *c, struct tunnel *t, struct ledger_child_sa *l)
{
	struct lineage *before = tunnel_pair(t, t->n_pairs), *replaced;
	struct lineage fresh;

	if (!t->history)
		t->history = calloc(LINEAGE_KEPT, sizeof(*t->history));
	if (!t->history) {
		c->refused++;
		return;
	}
	replaced = l->replaces ? pair_by_unique(t, l->sa.service, l->replaces) : NULL;
	fresh = (struct lineage){ .n = ++t->n_pairs,
		.service = l->sa.service,
		.unique = l->sa.unique,
		.ike_unique = l->sa.ike_unique,
		.spi_in = l->sa.spi_in,
		.spi_out = l->sa.spi_out,
		.started_us = c->now_us };
	if (!before)
		fresh.begin = PAIR_FIRST;
	else if (l->replaces)
		fresh.begin = PAIR_REKEY;
	else if (before->service != l->sa.service)
		fresh.begin = PAIR_RESTART;
	else if (before->ike_unique != l->sa.ike_unique)
		fresh.begin = PAIR_NEW_IKE;
	else
		fresh.begin = PAIR_AGAIN;
	if (before) {
		fresh.replaced = replaced ? replaced->n : before->n;
		fresh.gap_known = true;
		if (!another_is_up(t, l) && before->ended_us && c->now_us > before->ended_us)
			fresh.gap_us = since_us(c, before->ended_us);
	}
	t->history[fresh.n % LINEAGE_KEPT] = fresh;
	l->pair = fresh.n;
	t->was_up = true;
	t->service = l->sa.service;
}

static void unlink_child(struct ledger_child_sa *l)
{
	struct ledger_child_sa **at = &l->tunnel->children;

	while (*at != l)
		at = &(*at)->next_of_tunnel;
	*at = l->next_of_tunnel;
	l->tunnel = NULL;
}

/* Its tunnel, once the daemon has said enough to tell which. */
static void link_child(struct core *c, const struct ike_server *s, struct ledger_child_sa *l)
{
	const struct ledger_ike_sa *ike = ike_sa_find(c, l->sa.service, l->sa.ike_unique);
	const char *conn = l->sa.ike_name[0] ? l->sa.ike_name : ike ? ike->sa.name : "";
	struct tunnel_key key;
	struct tunnel *t;

	key_of(&key, l->netns, s->daemon, conn[0] ? conn : l->sa.name, l->sa.name);
	t = place(c, &key, l->sa.local_ts, l->sa.remote_ts);
	if (!t)
		return;
	l->tunnel = t;
	l->next_of_tunnel = t->children;
	t->children = l;
}

static void note_peer(struct core *c, struct tunnel *t, const struct ledger_ike_sa *ike)
{
	if (!addr_equal(&t->local, &ike->sa.local) || !addr_equal(&t->remote, &ike->sa.remote)) {
		t->local = ike->sa.local;
		t->remote = ike->sa.remote;
		joins_changed(c);
	}
	if (ike->sa.remote_id[0])
		memcpy(t->peer, ike->sa.remote_id, sizeof(t->peer));
}

void tunnels_child_counts(struct core *c, struct ledger_child_sa *l, const struct child_sa *sa)
{
	if (!sa->counted)
		return;
	if (sa->packets_in > l->sa.packets_in || sa->bytes_in > l->sa.bytes_in)
		l->counted_in_us = c->now_us;
	if (sa->packets_out > l->sa.packets_out || sa->bytes_out > l->sa.bytes_out)
		l->counted_out_us = c->now_us;
	l->sa.counted = true;
	l->sa.octets_only = sa->octets_only;
	l->sa.bytes_in = sa->bytes_in;
	l->sa.bytes_out = sa->bytes_out;
	l->sa.packets_in = sa->packets_in;
	l->sa.packets_out = sa->packets_out;
}

void tunnels_child_there(struct core *c, struct ike_server *s, struct ledger_child_sa *l,
	const struct child_sa *sa, bool rekeyed)
{
	struct ledger_ike_sa *ike = ike_sa_find(c, sa->service, sa->ike_unique);
	struct child_sa told = *sa;

	c->ike->n_alone -= l->alone;
	l->alone = !ike;
	c->ike->n_alone += l->alone;
	tunnels_child_counts(c, l, sa);
	if (!sa->counted && l->sa.counted) {
		/* An event without counters does not take back what a list said. */
		told.counted = true;
		told.octets_only = l->sa.octets_only;
		told.bytes_in = l->sa.bytes_in;
		told.bytes_out = l->sa.bytes_out;
		told.packets_in = l->sa.packets_in;
		told.packets_out = l->sa.packets_out;
	}
	l->sa = told;
	if (!l->tunnel)
		link_child(c, s, l);
	if (!l->tunnel)
		return;
	if (!l->pair && (rekeyed || child_is_up(l)))
		pair_new(c, l->tunnel, l);
	if (ike)
		note_peer(c, l->tunnel, ike);
	if (l->sa.reqid && l->tunnel->reqid != l->sa.reqid) {
		l->tunnel->reqid = l->sa.reqid;
		joins_changed(c);
	}
	child_spis_set(c, l);
}

void tunnels_child_gone(struct core *c, struct ledger_child_sa *l, enum pair_end how)
{
	struct tunnel *t = l->tunnel;
	struct lineage *e = t ? tunnel_pair(t, l->pair) : NULL;

	child_spis_remove(c, l);
	c->ike->n_alone -= l->alone;
	if (!t)
		return;
	if (e) {
		e->end = (uint8_t)how;
		e->ended_us = c->now_us;
	}
	if (l->pair)
		t->gone_us = c->now_us;
	if (l->pair && l->sa.counted && !(e && e->kernel)) {
		const struct flow_totals counted = { l->sa.bytes_in, l->sa.bytes_out,
			l->sa.packets_in, l->sa.packets_out };

		totals_add(&t->by_daemon, &counted);
		if (e)
			totals_add(&e->done, &counted);
	}
	unlink_child(l);
	joins_changed(c);
	if (!t->was_up && !t->children && !t->configured)
		tunnel_free(c, t);
}

void tunnels_ike_there(struct core *c, struct ledger_ike_sa *l, bool moved)
{
	struct ledger_child_sa *child;

	joins_changed(c);
	for (size_t at = 0; moved && (child = child_sa_next(c, &at));) {
		if (child->sa.service != l->sa.service || child->sa.ike_unique != l->sa.unique)
			continue;
		c->ike->n_alone -= child->alone;
		child->alone = false;
		if (child->tunnel)
			note_peer(c, child->tunnel, l);
		child_spis_set(c, child);
	}
}

void tunnels_age(struct core *c)
{
	struct tunnel *t;

	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		if (t->children || t->sas || since_us(c, t->gone_us) < KEPT_US)
			continue;
		/* Of those with other selectors the first stands for what is configured. */
		if (!t->configured || tunnel_find(c, t->netns, t->daemon, t->conn, t->child) != t)
			tunnel_free(c, t);
	}
}

void tunnels_server_began(struct core *c, const struct ike_server *s)
{
	struct tunnel *t;

	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		if (t->netns == s->netns && t->daemon == s->daemon && !t->children)
			t->reqid = 0;
	}
	joins_changed(c);
}
