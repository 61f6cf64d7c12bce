/* SPDX-License-Identifier: Apache-2.0 */
#include "core/joins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

#define SELECTORS_MAX 64 /* of one side of a tunnel that are looked at */

struct ts_key {
	uint64_t netns;
	struct prefix local, remote;
	uint8_t zero[4];
};
_Static_assert(sizeof(struct ts_key) == 48, "no padding");

struct reqid_key {
	uint64_t netns, reqid;
};

struct conn_key {
	uint64_t netns;
	char conn[CONN_SIZE];
};

/* What has these selectors, or this reqid. */
struct join {
	struct tunnel *tunnel;
	struct ledger_shunt *shunt;
	struct join *next; /* of the same key */
	struct join *older; /* of all */
};

struct joins {
	bool built, counted;
	struct map *by_ts, *by_reqid;
	struct map *by_conn; /* struct conn_key → struct ledger_ike_sa */
	struct join *all;
};

int joins_new(struct core *c)
{
	struct joins *j = calloc(1, sizeof(*j));
	int r;

	c->ike->joins = j;
	if (!j)
		return -ENOMEM;
	r = map_new(sizeof(struct ts_key), 4 * (size_t)LIMIT_TUNNELS, c->seed, &j->by_ts);
	r = r < 0 ? r : map_new(sizeof(struct reqid_key), LIMIT_TUNNELS, c->seed, &j->by_reqid);
	return r < 0 ? r : map_new(sizeof(struct conn_key), LIMIT_IKE_SAS, c->seed, &j->by_conn);
}

static void clear(struct map *m)
{
	const void *key;

	for (size_t at = 0; map_next(m, &at, &key);)
		map_remove(m, key);
}

static void forget(struct joins *j)
{
	while (j->all) {
		struct join *older = j->all->older;

		free(j->all);
		j->all = older;
	}
}

void joins_free(struct core *c)
{
	struct joins *j = c->ike->joins;

	if (!j)
		return;
	forget(j);
	map_free(j->by_ts);
	map_free(j->by_reqid);
	map_free(j->by_conn);
	free(j);
}

void joins_changed(const struct core *c)
{
	c->ike->joins->built = c->ike->joins->counted = false;
}

void joins_policies_changed(const struct core *c)
{
	c->ike->joins->counted = false;
}

static void add(
	struct joins *j, struct map *m, const void *key, struct tunnel *t, struct ledger_shunt *s)
{
	struct join *e = calloc(1, sizeof(*e));
	void **place = e ? map_place(m, key) : NULL;

	if (!place) {
		free(e);
		return;
	}
	e->tunnel = t;
	e->shunt = s;
	e->older = j->all;
	j->all = e;
	/* In front: thousands of route-based tunnels have the same selectors. */
	e->next = *place;
	*place = e;
}

/* "10.1.0.0/16 10.2.0.0/16[tcp/443]"; what is no prefix is left out. */
static unsigned selectors_parse(const char *ts, struct prefix *ret)
{
	unsigned n = 0;

	while (*ts && n < SELECTORS_MAX) {
		char text[PREFIX_TEXT_SIZE];
		size_t whole = strcspn(ts, " "), len = strcspn(ts, " [|");
		struct prefix p;

		if (len > 0 && len < sizeof(text)) {
			memcpy(text, ts, len);
			text[len] = '\0';
			if (prefix_parse(text, &p, NULL) == 0)
				ret[n++] = p;
		}
		ts += whole;
		ts += strspn(ts, " ");
	}
	return n;
}

static void ts_key_of(
	struct ts_key *ret, uint64_t netns, const struct prefix *local, const struct prefix *remote)
{
	memset(ret, 0, sizeof(*ret));
	ret->netns = netns;
	ret->local.addr = local->addr;
	ret->local.length = local->length;
	ret->remote.addr = remote->addr;
	ret->remote.length = remote->length;
}

static void add_selectors(struct joins *j, uint64_t netns, const char *local_ts,
	const char *remote_ts, struct tunnel *t, struct ledger_shunt *s)
{
	struct prefix local[SELECTORS_MAX], remote[SELECTORS_MAX];
	unsigned n_local = selectors_parse(local_ts, local);
	unsigned n_remote = selectors_parse(remote_ts, remote);
	struct ts_key key;

	for (unsigned i = 0; i < n_local; i++) {
		for (unsigned k = 0; k < n_remote; k++) {
			if (local[i].addr.family != remote[k].addr.family)
				continue;
			ts_key_of(&key, netns, &local[i], &remote[k]);
			add(j, j->by_ts, &key, t, s);
		}
	}
}

/* Of a connection's IKE SAs that which is furthest, then the newest. */
static int rank(const struct ledger_ike_sa *l)
{
	switch (l->sa.state) {
	case IKE_ESTABLISHED:
	case IKE_REKEYING:
		return 3;
	case IKE_REKEYED:
	case IKE_DELETING:
	case IKE_PASSIVE:
		return 1;
	case IKE_FAILED:
		return 0;
	default:
		return 2;
	}
}

static void add_ike(struct joins *j, struct ledger_ike_sa *l)
{
	struct conn_key key;
	void **place;

	memset(&key, 0, sizeof(key));
	key.netns = l->netns;
	(void)snprintf(key.conn, sizeof(key.conn), "%s", l->sa.name);
	place = map_place(j->by_conn, &key);
	if (place && (!*place || rank(l) >= rank(*place)))
		*place = l;
}

static struct joins *build(const struct core *c)
{
	struct joins *j = c->ike->joins;
	struct ledger_ike_sa *ike;
	struct ledger_shunt *s;
	struct tunnel *t;

	if (j->built)
		return j;
	clear(j->by_ts);
	clear(j->by_reqid);
	clear(j->by_conn);
	forget(j);
	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		struct reqid_key key = { t->netns, t->reqid };

		if (t->reqid)
			add(j, j->by_reqid, &key, t, NULL);
		add_selectors(j, t->netns, t->local_ts, t->remote_ts, t, NULL);
	}
	for (size_t at = 0; (s = shunt_next(c, &at));)
		add_selectors(j, s->netns, s->shunt.local_ts, s->shunt.remote_ts, NULL, s);
	for (size_t at = 0; (ike = ike_sa_next(c, &at));)
		add_ike(j, ike);
	j->built = true;
	return j;
}

static const struct join *with_selectors(const struct core *c, const struct policy *p)
{
	bool out = p->direction == POLICY_OUT;
	struct ts_key key;

	if (p->direction > POLICY_FWD)
		return NULL;
	ts_key_of(&key, p->netns, out ? &p->selector.src : &p->selector.dst,
		out ? &p->selector.dst : &p->selector.src);
	return map_get(build(c)->by_ts, &key);
}

struct tunnel *joins_reqid(const struct core *c, uint64_t netns, uint32_t reqid)
{
	struct reqid_key key = { netns, reqid };
	const struct join *e = reqid ? map_get(build(c)->by_reqid, &key) : NULL;

	return e ? e->tunnel : NULL;
}

static bool has_selector(const char *ts, const struct prefix *p)
{
	struct prefix all[SELECTORS_MAX];
	unsigned n = selectors_parse(ts, all);

	for (unsigned i = 0; i < n; i++) {
		if (all[i].length == p->length && addr_equal(&all[i].addr, &p->addr))
			return true;
	}
	return false;
}

struct tunnel *joins_tunnel(const struct core *c, const struct policy *p)
{
	bool out = p->direction == POLICY_OUT;
	struct reqid_key key = { p->netns, p->n_templates ? p->templates[0].reqid : 0 };
	const struct join *first;

	if (c->ike->n_tunnels == 0 || p->n_templates == 0 || p->direction > POLICY_FWD)
		return NULL;
	first = key.reqid ? map_get(build(c)->by_reqid, &key) : NULL;
	for (const struct join *e = first; e; e = e->next) {
		if (!first->next || (has_selector(e->tunnel->local_ts,
					     out ? &p->selector.src : &p->selector.dst) &&
					    has_selector(e->tunnel->remote_ts,
						    out ? &p->selector.dst : &p->selector.src)))
			return e->tunnel;
	}
	/* A trap has no reqid, or one that nobody tells. */
	for (const struct join *e = first ? NULL : with_selectors(c, p); e; e = e->next) {
		if (e->tunnel && (!key.reqid || !e->tunnel->reqid))
			return e->tunnel;
	}
	return first ? first->tunnel : NULL;
}

struct ledger_shunt *joins_shunt(const struct core *c, const struct policy *p)
{
	if (map_count(c->ike->shunts) == 0 || p->n_templates > 0)
		return NULL;
	for (const struct join *e = with_selectors(c, p); e; e = e->next) {
		if (e->shunt && p->block == (e->shunt->shunt.action == ACTION_DROP))
			return e->shunt;
	}
	return NULL;
}

struct ledger_ike_sa *joins_ike(const struct core *c, uint64_t netns, const char *conn)
{
	struct conn_key key;

	memset(&key, 0, sizeof(key));
	key.netns = netns;
	(void)snprintf(key.conn, sizeof(key.conn), "%s", conn);
	return map_get(build(c)->by_conn, &key);
}

void joins_count(const struct core *c)
{
	struct joins *j = build(c);
	struct ledger_policy *l;
	struct policy p;
	struct tunnel *t;

	if (j->counted || c->ike->n_tunnels == 0)
		return;
	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));)
		memset(t->n_policies, 0, sizeof(t->n_policies));
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		if (l->n_templates == 0 || l->direction > POLICY_FWD)
			continue;
		spd_get(l, &p);
		t = joins_tunnel(c, &p);
		if (t)
			t->n_policies[p.direction]++;
	}
	j->counted = true;
}
