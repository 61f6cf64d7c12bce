/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

struct link_key {
	uint64_t cookie, ifindex;
};

int ledger_new(struct core *c)
{
	int r = map_new(sizeof(uint64_t), LIMIT_NETNS, c->seed, &c->netns);

	r = r < 0 ? r : map_new(sizeof(struct sa_key), LIMIT_SAS, c->seed, &c->sas);
	r = r < 0 ? r : map_new(sizeof(struct sa_group_key), LIMIT_SAS, c->seed, &c->sa_groups);
	r = r < 0 ? r : statistics_new(c);
	r = r < 0 ? r : map_new(sizeof(struct policy_key), LIMIT_POLICIES, c->seed, &c->spd);
	r = r < 0 ? r : map_new(sizeof(struct link_key), LIMIT_LINKS, c->seed, &c->links);
	r = r < 0 ? r : map_new(sizeof(struct spi_key), LIMIT_SPIS, c->seed, &c->spis);
	r = r < 0 ? r : map_new(sizeof(struct pile_key), LIMIT_PILES, c->seed, &c->piles);
	r = r < 0 ? r : map_new(sizeof(struct episode_key), LIMIT_EPISODES, c->seed, &c->episodes);
	r = r < 0 ? r : ike_new(c);
	r = r < 0 ? r : negotiations_new(c);
	r = r < 0 ? r : services_new(c);
	return r < 0 ? r : finder_new(c);
}

static void free_remains(struct netns *ns)
{
	while (ns->remains) {
		struct remains *r = ns->remains;

		ns->remains = r->next;
		free(r->sa);
		free(r);
	}
	ns->n_remains = 0;
}

static void forget_addrs(struct core *c, struct ledger_link *l)
{
	c->n_addrs -= l->n_addrs;
	l->n_addrs = l->addrs_room = 0;
	free(l->addrs);
	l->addrs = NULL;
}

void ledger_free(struct core *c)
{
	struct ledger_link *l;
	struct netns *ns;

	if (c->netns) {
		for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));)
			free_remains(ns);
	}
	finder_free(c);
	statistics_free(c);
	tallies_free(c);
	c->sa_groups = map_free_all(c->sa_groups);
	ike_free(c);
	c->netns = map_free_all(c->netns);
	c->sas = map_free_all(c->sas);
	spd_free(c);
	for (size_t at = 0; c->links && (l = map_next(c->links, &at, NULL));)
		forget_addrs(c, l);
	c->links = map_free_all(c->links);
	c->spis = map_free_all(c->spis);
	c->piles = map_free_all(c->piles);
	c->episodes = map_free_all(c->episodes);
	while (c->restored_totals) {
		struct restored *r = c->restored_totals;

		c->restored_totals = r->next;
		free(r);
	}
}

struct netns *ledger_netns(const struct core *c, uint64_t cookie)
{
	if (c->fact_netns && c->fact_netns->cookie == cookie)
		return c->fact_netns;
	return cookie ? map_get(c->netns, &cookie) : NULL;
}

static void forget_link(struct core *c, uint64_t netns, uint32_t ifindex)
{
	struct link_key key = { netns, ifindex };
	struct ledger_link *l = map_remove(c->links, &key);

	if (l)
		forget_addrs(c, l);
	free(l);
}

static void forget_links(struct core *c, const struct netns *ns)
{
	struct ledger_link *l;

	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		if (l->link.netns == ns->cookie)
			forget_link(c, ns->cookie, l->link.ifindex);
	}
}

static void netns_gone(struct core *c, struct netns *ns)
{
	struct event e;

	if (!ns->there)
		return;
	statistics_netns_gone(c, ns);
	tallies_leave(c, ns);
	ns->there = false;
	ns->gone_ns = c->now_ns;
	sas_forget(c, ns);
	policies_forget(c, ns);
	forget_links(c, ns);
	link_changes_forget(c, ns->cookie);
	for (unsigned i = 0; i < SOURCE_N; i++)
		ns->sources[i].seen = false;
	core_event_init(c, &e, EVENT_NETNS_GONE, ns);
	detail_number(&e, "cookie", ns->cookie);
	core_emit(c, &e);
}

void ledger_netns_change(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	bool fresh = !ns;
	struct event e;

	if (!f->netns_change.there) {
		if (ns)
			netns_gone(c, ns);
		return;
	}
	if (!ns) {
		ns = calloc(1, sizeof(*ns));
		if (!ns || map_put(c->netns, &f->netns, ns) < 0) {
			free(ns);
			c->refused++;
			return;
		}
		ns->cookie = f->netns;
	}
	memcpy(ns->name, f->netns_change.name, sizeof(ns->name));
	ns->inode = f->netns_change.inode;
	ns->watched = f->netns_change.watched;
	if (!fresh && ns->there)
		return;
	ns->there = true;
	ns->sa_known = ns->policy_known = false;
	if (fresh)
		accounts_adopt(c, ns);
	tallies_adopt(c, ns);
	/* The ones that are there when we start are the baseline, not news. */
	if (!ns->watched || !c->polled)
		return;
	core_event_init(c, &e, EVENT_NETNS_APPEARED, ns);
	detail_number(&e, "cookie", ns->cookie);
	core_emit(c, &e);
}

void ledger_age(struct core *c)
{
	uint64_t keep_ns = 10 * c->config.settle_ns;
	struct spi *s;
	struct netns *ns;

	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		struct remains **at_remains = &ns->remains;

		while (*at_remains) {
			struct remains *r = *at_remains;

			if (c->now_ns - r->boot_ns < keep_ns) {
				at_remains = &r->next;
				continue;
			}
			*at_remains = r->next;
			ns->n_remains--;
			free(r->sa);
			free(r);
		}
		if (ns->there || c->now_ns - ns->gone_ns < keep_ns)
			continue;
		for (unsigned i = 0; i < ns->n_accounts; i++) {
			c->gone_drops += ns->accounts[i].kernel;
			c->gone_unattributed += ns->accounts[i].unattributed;
			c->gone_suppressed += ns->accounts[i].suppressed;
		}
		if (c->fact_netns == ns)
			c->fact_netns = NULL;
		map_remove(c->netns, &ns->cookie);
		free_remains(ns);
		free(ns);
	}
	/* The ledger of SPIs is bounded: when it is full, the eighth that was known first goes. */
	if (map_count(c->spis) >= LIMIT_SPIS) {
		size_t drop = LIMIT_SPIS / 8;

		for (size_t at = 0; drop > 0 && (s = map_next(c->spis, &at, NULL));) {
			if (s->living)
				continue;
			if (s->n_lives && s->lives[0].died_us > c->spis_since_us)
				c->spis_since_us = s->lives[0].died_us;
			map_remove(c->spis, &s->key);
			free(s);
			drop--;
		}
	}
}

/*
 * The kernel's facilities are there or missing; IKE daemons come and go, and that none runs is no
 * loss: their own events tell of them.
 */
static bool is_missed(uint8_t id, uint8_t state)
{
	return state == SOURCE_LOST || (state == SOURCE_ABSENT && id < SOURCE_STRONGSWAN);
}

/* What changed in a source, as an event: lost, behind, back. */
static void source_event(
	struct core *c, const struct fact *f, const struct source_status *before, struct netns *ns)
{
	uint8_t source = f->source_change.id, state = f->source_change.state;
	uint32_t id = 0;
	struct event e;

	if (f->source_change.losses > before->losses && before->seen)
		id = EVENT_SOURCE_GAP;
	else if (is_missed(source, state) && before->state != state)
		id = EVENT_SOURCE_LOST;
	else if (state == SOURCE_IN_STEP && before->seen && before->state != SOURCE_IN_STEP &&
		 (before->losses > 0 || is_missed(source, before->state)))
		id = EVENT_SOURCE_BACK;
	if (id == 0)
		return;
	core_event_init(c, &e, id, ns);
	detail_text(&e, "source", source_name(f->source_change.id));
	detail_text(&e, "reason", f->source_change.reason);
	if (id == EVENT_SOURCE_GAP)
		detail_number(&e, "losses", f->source_change.losses - before->losses);
	if (id == EVENT_SOURCE_BACK && ns && (ns->resync_added || ns->resync_gone)) {
		char text[80];

		(void)snprintf(text, sizeof(text), "%llu came and %llu went unseen",
			(unsigned long long)ns->resync_added, (unsigned long long)ns->resync_gone);
		detail_text(&e, "changes", text);
		ns->resync_added = ns->resync_gone = 0;
	}
	core_emit(c, &e);
}

void ledger_source(struct core *c, const struct fact *f)
{
	uint8_t id = f->source_change.id;
	struct netns *ns = ledger_netns(c, f->netns);
	struct source_status *s;

	if (id >= SOURCE_N) {
		c->refused++;
		return;
	}
	s = ns ? &ns->sources[id] : &c->host_sources[id];
	if (id == SOURCE_XFRM && ns && !s->seen && f->source_change.state == SOURCE_ABSENT)
		services_no_xfrm(c, ns, f->source_change.reason);
	else
		source_event(c, f, s, ns);
	if (id == SOURCE_AUDIT && !ns && f->source_change.state == SOURCE_IN_STEP &&
		(s->state != SOURCE_IN_STEP || f->source_change.losses > s->losses))
		c->audit_epoch++;
	if (id == SOURCE_BPF && !ns && f->source_change.state == SOURCE_IN_STEP &&
		(s->state != SOURCE_IN_STEP || f->source_change.losses > s->losses))
		c->bpf_epoch++;
	if (!s->seen || s->state != f->source_change.state)
		s->since_us = c->now_us;
	s->seen = true;
	s->state = f->source_change.state;
	s->losses = f->source_change.losses;
	s->resolution_ms = f->source_change.resolution_ms;
	memcpy(s->reason, f->source_change.reason, sizeof(s->reason));
}

struct ledger_link *ledger_link(const struct core *c, uint64_t cookie, uint32_t ifindex)
{
	struct link_key key = { cookie, ifindex };

	return map_get(c->links, &key);
}

void ledger_link_change(struct core *c, const struct fact *f)
{
	struct link_key key = { f->netns, f->link.link.ifindex };
	struct netns *ns = ledger_netns(c, f->netns);
	struct ledger_link *l = map_get(c->links, &key);

	if (f->link.op == CHANGE_GONE) {
		forget_link(c, f->netns, f->link.link.ifindex);
		return;
	}
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l || map_put(c->links, &key, l) < 0) {
			free(l);
			c->refused++;
			return;
		}
	}
	l->link = f->link.link;
	l->link.netns = f->netns;
	if (ns)
		l->generation = ns->link_generation;
}

static bool add_addr(struct core *c, struct ledger_link *l, const struct prefix *p)
{
	if (c->n_addrs == LIMIT_ADDRS)
		return false;
	if (l->n_addrs == l->addrs_room) {
		unsigned room = l->addrs_room ? 2 * l->addrs_room : 4;
		struct prefix *addrs = reallocarray(l->addrs, room, sizeof(*addrs));

		if (!addrs)
			return false;
		l->addrs = addrs;
		l->addrs_room = room;
	}
	l->addrs[l->n_addrs++] = *p;
	c->n_addrs++;
	return true;
}

void ledger_addr_change(struct core *c, const struct fact *f)
{
	struct ledger_link *l = ledger_link(c, f->netns, f->addr.addr.ifindex);
	const struct prefix *p = &f->addr.addr.prefix;
	unsigned i = 0;

	if (!l)
		return;
	while (i < l->n_addrs &&
		(l->addrs[i].length != p->length || !addr_equal(&l->addrs[i].addr, &p->addr)))
		i++;
	if (f->addr.op == CHANGE_GONE) {
		if (i < l->n_addrs) {
			memmove(&l->addrs[i], &l->addrs[i + 1],
				(l->n_addrs - i - 1) * sizeof(l->addrs[0]));
			l->n_addrs--;
			c->n_addrs--;
		}
	} else if (i == l->n_addrs && !add_addr(c, l, p)) {
		c->refused++;
	}
}

/* A dump of links or addresses begins: what it does not bring again is gone. */
static void links_dump(struct core *c, const struct fact *f, struct netns *ns)
{
	struct ledger_link *l;

	if (f->dump.kind == DUMP_LINK && f->dump.phase == DUMP_BEGIN)
		ns->link_generation++;
	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		if (l->link.netns != ns->cookie)
			continue;
		if (f->dump.kind == DUMP_ADDR && f->dump.phase == DUMP_BEGIN)
			forget_addrs(c, l);
		else if (f->dump.kind == DUMP_LINK && f->dump.phase == DUMP_END &&
			 l->generation != ns->link_generation)
			forget_link(c, ns->cookie, l->link.ifindex);
	}
}

void ledger_dump(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);

	if (!ns)
		return;
	switch (f->dump.kind) {
	case DUMP_SA:
		if (f->dump.phase == DUMP_BEGIN) {
			ns->sa_generation++;
			ns->sa_resync = f->dump.resync || !ns->sa_known;
			ns->sa_dumping_ns = f->boot_ns;
			break;
		}
		/* A restarted core may be told the end of a dump whose begin it has not seen. */
		if (f->dump.phase == DUMP_END && ns->sa_dumping_ns) {
			sas_dump_end(c, ns);
			ns->sa_known = true;
			ns->sa_dumped_ns = ns->sa_dumping_ns;
		}
		ns->sa_dumping_ns = 0;
		break;
	case DUMP_POLICY:
		if (f->dump.phase == DUMP_BEGIN) {
			ns->policy_generation++;
			ns->n_policy_seen = 0;
			ns->policy_resync = f->dump.resync || !ns->policy_known;
			ns->policy_dumping = true;
			break;
		}
		if (f->dump.phase == DUMP_END && ns->policy_dumping) {
			policies_dump_end(c, ns);
			ns->policy_known = true;
		}
		ns->policy_dumping = false;
		break;
	default:
		listening_list(c, f);
		links_dump(c, f, ns);
		break;
	}
}

unsigned ledger_holds(const struct core *c, const struct addr *a, uint64_t *ret, unsigned max)
{
	struct ledger_link *l;
	unsigned n = 0;

	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		bool has = false;

		for (unsigned i = 0; i < l->n_addrs && !has; i++)
			has = addr_equal(&l->addrs[i].addr, a);
		for (unsigned i = 0; i < n && has; i++)
			has = ret[i] != l->link.netns;
		if (has && n < max)
			ret[n++] = l->link.netns;
	}
	return n;
}

unsigned ledger_local(const struct core *c, const struct addr *a, uint64_t *ret, unsigned max)
{
	unsigned n = ledger_holds(c, a, ret, max);
	struct netns *ns;

	if (n > 0)
		return n;
	for (size_t at = 0; n < max && (ns = map_next(c->netns, &at, NULL));) {
		if (ns->there && ns->watched)
			ret[n++] = ns->cookie;
	}
	return n;
}
