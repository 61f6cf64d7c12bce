/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"

/*
 * Kernel SA and child SA are one by (destination, protocol, SPI): inbound the IKE SA's own address,
 * outbound its peer's. Whichever is told first, the join is made when the other comes; counters of
 * an SA that died a moment before its child was told are still folded.
 */

struct child_spi_key {
	uint64_t netns;
	uint32_t spi, zero;
};

int child_spis_new(struct core *c)
{
	return map_new(
		sizeof(struct child_spi_key), 2 * LIMIT_CHILD_SAS, c->seed, &c->ike->child_spis);
}

void child_spis_free(struct core *c)
{
	map_free(c->ike->child_spis);
}

void totals_add(struct flow_totals *to, const struct flow_totals *more)
{
	to->bytes_in += more->bytes_in;
	to->bytes_out += more->bytes_out;
	to->packets_in += more->packets_in;
	to->packets_out += more->packets_out;
}

static void remove_spi(struct core *c, struct child_spi *s)
{
	struct child_spi_key key = { s->child ? s->child->netns : 0, s->spi, 0 };
	void **place;
	struct child_spi *at;

	if (!s->spi)
		return;
	place = map_place(c->ike->child_spis, &key);
	at = place ? *place : NULL;
	if (at == s && s->next) {
		*place = s->next;
	} else if (at == s) {
		map_remove(c->ike->child_spis, &key);
	} else if (at) {
		while (at->next != s)
			at = at->next;
		at->next = s->next;
	}
	s->spi = 0;
	s->next = NULL;
}

static void put_spi(struct core *c, struct ledger_child_sa *l, struct child_spi *s, uint32_t spi)
{
	struct child_spi_key key = { l->netns, spi, 0 };
	void **place;

	if (s->spi == spi)
		return;
	remove_spi(c, s);
	place = spi ? map_place(c->ike->child_spis, &key) : NULL;
	if (!place) {
		c->refused += spi != 0;
		return;
	}
	s->child = l;
	s->spi = spi;
	s->in = s == &l->spi_in;
	s->next = *place;
	*place = s;
}

static bool is_of(const struct child_spi *s, const struct ledger_ike_sa *ike, const struct sa *sa)
{
	const struct child_sa *child = &s->child->sa;

	if (sa->netns != s->child->netns || sa->spi != s->spi || sa->larval ||
		(child->proto && child->proto != sa->proto))
		return false;
	/* A child may outlive its IKE SA, in IKEv1. */
	if (!ike)
		return child->reqid != 0 && child->reqid == sa->reqid;
	return addr_equal(&sa->dst, s->in ? &ike->sa.local : &ike->sa.remote);
}

static void fold(struct ledger_sa *l, struct flow_totals *to)
{
	const struct flow_totals v = {
		.bytes_in = l->tunnel_in ? l->sa.bytes : 0,
		.bytes_out = l->tunnel_in ? 0 : l->sa.bytes,
		.packets_in = l->tunnel_in ? l->sa.packets : 0,
		.packets_out = l->tunnel_in ? 0 : l->sa.packets,
	};

	totals_add(to, &v);
}

static void note_traffic(struct core *c, struct ledger_sa *l)
{
	if (l->tunnel_in)
		l->tunnel->in_us = c->now_us;
	else
		l->tunnel->out_us = c->now_us;
}

static void join(struct core *c, const struct child_spi *s, struct ledger_sa *l)
{
	struct tunnel *t = s->child->tunnel;
	struct lineage *e = t ? tunnel_pair(t, s->child->pair) : NULL;

	if (!e || l->tunnel || l->folded)
		return;
	e->kernel = t->in_kernel = true;
	l->tunnel = t;
	l->pair = e->n;
	l->tunnel_in = s->in;
	l->next_of_tunnel = t->sas;
	t->sas = l;
	/* Libreswan tells no reqid, and new selectors late: by the reqid the policies are found. */
	if (!s->child->sa.reqid && l->sa.reqid && t->reqid != l->sa.reqid) {
		t->reqid = l->sa.reqid;
		joins_changed(c);
	}
	if (l->sa.packets > 0)
		note_traffic(c, l);
}

/* The kernel's SAs of a child that may have come, or come and gone, before the child was told. */
static void join_spi(struct core *c, const struct child_spi *s)
{
	const struct ledger_child_sa *child = s->child;
	const struct ledger_ike_sa *ike;
	const struct netns *ns;
	const struct spi *known;
	struct ledger_sa *l;

	if (!s->spi) /* it has none, or there was no room for it */
		return;
	ike = ike_sa_find(c, child->sa.service, child->sa.ike_unique);
	ns = ledger_netns(c, child->netns);
	if (!ns)
		return;
	if (ike) {
		known = spis_find(c, s->in ? &ike->sa.local : &ike->sa.remote, s->spi);
		for (l = known ? known->living : NULL; l; l = l->next_spi) {
			if (is_of(s, ike, &l->sa))
				join(c, s, l);
		}
	} else {
		for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
			if (is_of(s, NULL, &l->sa))
				join(c, s, l);
		}
	}
	for (const struct remains *r = ns->remains; r; r = r->next) {
		if (r->sa->folded || !is_of(s, ike, &r->sa->sa))
			continue;
		join(c, s, r->sa);
		tunnels_sa_gone(r->sa, SPI_DELETED);
	}
}

void child_spis_set(struct core *c, struct ledger_child_sa *l)
{
	put_spi(c, l, &l->spi_in, l->sa.spi_in);
	put_spi(c, l, &l->spi_out, l->sa.spi_out);
	if (l->pair && !child_kernel_sa(l, true))
		join_spi(c, &l->spi_in);
	if (l->pair && !child_kernel_sa(l, false))
		join_spi(c, &l->spi_out);
}

void child_spis_remove(struct core *c, struct ledger_child_sa *l)
{
	remove_spi(c, &l->spi_in);
	remove_spi(c, &l->spi_out);
}

void tunnels_sa_there(struct core *c, struct ledger_sa *l)
{
	struct child_spi_key key = { l->sa.netns, l->sa.spi, 0 };

	if (l->tunnel || map_count(c->ike->child_spis) == 0)
		return;
	for (struct child_spi *s = map_get(c->ike->child_spis, &key); s; s = s->next) {
		const struct child_sa *child = &s->child->sa;

		if (is_of(s, ike_sa_find(c, child->service, child->ike_unique), &l->sa)) {
			join(c, s, l);
			return;
		}
	}
}

void tunnels_sa_counts(struct core *c, struct ledger_sa *l, uint64_t packets_before)
{
	if (l->tunnel && l->sa.packets > packets_before)
		note_traffic(c, l);
}

void tunnels_sa_gone(struct ledger_sa *l, enum spi_fate fate)
{
	bool uncertain = fate == SPI_FLUSHED || fate == SPI_VANISHED;
	struct tunnel *t = l->tunnel;
	struct lineage *e;
	struct ledger_sa **at;

	if (!t)
		return;
	for (at = &t->sas; *at != l; at = &(*at)->next_of_tunnel)
		;
	*at = l->next_of_tunnel;
	fold(l, &t->dead);
	t->uncertain += uncertain;
	e = tunnel_pair(t, l->pair);
	if (e) {
		fold(l, &e->done);
		e->uncertain = e->uncertain || uncertain;
	}
	l->tunnel = NULL;
	l->folded = true;
}

struct ledger_sa *child_kernel_sa(const struct ledger_child_sa *l, bool in)
{
	struct ledger_sa *sa = l->tunnel && l->pair ? l->tunnel->sas : NULL;

	while (sa && (sa->pair != l->pair || sa->tunnel_in != in))
		sa = sa->next_of_tunnel;
	return sa;
}

void tunnel_totals(const struct tunnel *t, struct flow_totals *ret, bool *ret_by_daemon)
{
	struct flow_totals kernel = t->dead, daemon = t->by_daemon;
	bool counted = daemon.packets_in || daemon.packets_out;

	for (struct ledger_sa *l = t->sas; l; l = l->next_of_tunnel)
		fold(l, &kernel);
	for (const struct ledger_child_sa *l = t->children; l; l = l->next_of_tunnel) {
		const struct lineage *e = tunnel_pair(t, l->pair);

		if (!e || e->kernel || !l->sa.counted)
			continue;
		counted = true;
		totals_add(&daemon, &(struct flow_totals){ l->sa.bytes_in, l->sa.bytes_out,
					    l->sa.packets_in, l->sa.packets_out });
	}
	*ret_by_daemon = !t->in_kernel && counted;
	totals_add(&kernel, &daemon);
	*ret = kernel;
}

void tunnel_pair_totals(const struct tunnel *t, const struct lineage *l, struct flow_totals *ret)
{
	*ret = l->done;
	for (struct ledger_sa *sa = t->sas; sa; sa = sa->next_of_tunnel) {
		if (sa->pair == l->n)
			fold(sa, ret);
	}
	for (const struct ledger_child_sa *child = t->children; child;
		child = child->next_of_tunnel) {
		if (child->pair == l->n && !l->kernel && child->sa.counted)
			totals_add(
				ret, &(struct flow_totals){ child->sa.bytes_in, child->sa.bytes_out,
					     child->sa.packets_in, child->sa.packets_out });
	}
}
