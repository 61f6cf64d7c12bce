/* SPDX-License-Identifier: Apache-2.0 */
#include "core/owners.h"

#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "core/joins.h"
#include "core/verdict.h"

#define SAY(...) ((void)snprintf(ret->reason, sizeof(ret->reason), __VA_ARGS__))

/* "ip netns exec blue ip xfrm …": the initial netns needs no entering. */
static void command_begin(const struct core *c, uint64_t cookie, struct buf *out)
{
	const struct netns *ns = ledger_netns(c, cookie);

	if (ns && strcmp(ns->name, "init") != 0)
		buf_printf(out, "ip netns exec %s ", ns->name);
	buf_text(out, "ip xfrm ");
}

static void command_mark(uint32_t mark, uint32_t mask, struct buf *out)
{
	if (mask)
		buf_printf(out, " mark 0x%x mask 0x%x", mark, mask);
}

static void command_end(struct buf *out, char *ret, size_t size)
{
	if (!out->failed && out->n < size)
		memcpy(ret, out->p, out->n + 1);
	buf_done(out);
}

static void sa_remedy(const struct core *c, const struct sa *sa, struct owner *ret)
{
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];
	const char *proto = ipproto_name(sa->proto);
	struct buf out = { 0 };

	command_begin(c, sa->netns, &out);
	buf_printf(&out, "state delete src %s dst %s proto %s spi 0x%08x",
		addr_format(&sa->src, src), addr_format(&sa->dst, dst), proto ? proto : "esp",
		sa->spi);
	command_mark(sa->mark, sa->mark_mask, &out);
	command_end(&out, ret->remedy, sizeof(ret->remedy));
}

/* By its index, which is unique where selectors need not be. */
static void policy_remedy(const struct core *c, const struct policy *p, struct owner *ret)
{
	struct buf out = { 0 };

	command_begin(c, p->netns, &out);
	buf_printf(&out, "policy delete index %u dir %s", p->index,
		policy_direction_name(p->direction));
	if (p->type == 1)
		buf_text(&out, " ptype sub");
	command_mark(p->mark, p->mark_mask, &out);
	if (p->if_id)
		buf_printf(&out, " if_id 0x%x", p->if_id);
	command_end(&out, ret->remedy, sizeof(ret->remedy));
}

/* A duplicate is the daemon's to end: it would be made again behind our back. */
static void duplicate_remedy(const struct tunnel *t, uint64_t unique, struct owner *ret)
{
	(void)snprintf(ret->remedy, sizeof(ret->remedy),
		t->daemon == DAEMON_LIBRESWAN ? "ipsec whack --deletestate %llu"
					      : "swanctl --terminate --child-id %llu",
		(unsigned long long)unique);
}

static const char *name_of(const struct ike_server *s, const struct tunnel *t)
{
	const char *name = ike_daemon_name(t->daemon);

	return s && s->name[0] ? s->name : name ? name : "the daemon";
}

/* The process that made it: it may have ended. True: it did. */
static bool is_orphaned(
	const struct core *c, const struct tunnel *t, uint64_t service, struct owner *ret)
{
	const struct ike_server *s = ike_server_find(c, service, 0);
	char ago[DURATION_TEXT_SIZE];

	if (s && s->end == SERVICE_RUNS)
		return false;
	ret->stale = "orphaned";
	if (s)
		SAY("%s, which made it, ended %s ago", name_of(s, t),
			duration_format(since_us(c, s->ended_us) / 1000000, ago));
	else
		SAY("%s, which made it, ended", name_of(s, t));
	return true;
}

void owner_of_sa(const struct core *c, const struct ledger_sa *l, struct owner *ret)
{
	const struct tunnel *t = l->tunnel;
	const struct lineage *e = t ? tunnel_pair(t, l->pair) : NULL;
	const struct ledger_child_sa *child = t ? t->children : NULL;
	char ago[DURATION_TEXT_SIZE];

	*ret = (struct owner){ .tunnel = t };
	if (!t) {
		ret->name = l->manual ? "manual" : l->sa.larval ? NULL : "unowned";
		return;
	}
	ret->name = t->conn;
	while (child && child->pair != l->pair)
		child = child->next_of_tunnel;
	if (child && child_is_duplicate(c, child)) {
		ret->stale = "duplicate";
		SAY("a newer pair of the same selectors is installed, and is no rekey of it");
		duplicate_remedy(t, child->sa.unique, ret);
	} else if (!child && e) {
		if (is_orphaned(c, t, e->service, ret)) {
			sa_remedy(c, &l->sa, ret);
		} else if (since_us(c, e->ended_us) > OWNER_GRACE_US) {
			ret->stale = "stale";
			SAY("%s has had no such child SA for %s",
				name_of(ike_server_find(c, e->service, 0), t),
				duration_format(since_us(c, e->ended_us) / 1000000, ago));
			sa_remedy(c, &l->sa, ret);
		}
	}
}

void owner_of_policy(const struct core *c, const struct policy *p, bool manual, struct owner *ret)
{
	const struct tunnel *t = manual ? NULL : joins_tunnel(c, p);
	const struct ledger_shunt *shunt = manual || t ? NULL : joins_shunt(c, p);
	const struct ike_server *s;

	*ret = (struct owner){ .tunnel = t };
	if (!t) {
		ret->name = manual                          ? "manual"
			    : p->direction > POLICY_FWD     ? "socket"
			    : shunt && shunt->shunt.name[0] ? shunt->shunt.name
							    : "unowned";
		return;
	}
	ret->name = t->conn;
	s = tunnel_server(c, t);
	if (!s && t->service) {
		if (is_orphaned(c, t, t->service, ret))
			policy_remedy(c, p, ret);
	} else if (s && s->known[IKE_LIST_CONNECTIONS] && !t->children &&
		   !tunnel_config(c, t, ORIGIN_LOADED) &&
		   since_us(c, t->gone_us) > OWNER_GRACE_US) {
		ret->stale = "stale";
		SAY("%s has no connection %.100s any more", name_of(s, t), t->conn);
		policy_remedy(c, p, ret);
	}
}

static bool is_ip(const struct actor *a)
{
	return a->has_process && strcmp(a->comm, "ip") == 0;
}

static void note_loader(struct core *c, const struct actor *a)
{
	struct ike_server *s;

	for (size_t at = 0; a->has_process && (s = ike_server_next(c, &at));) {
		if (s->pid != a->pid || s->end != SERVICE_RUNS || s->loaded_us)
			continue;
		s->loaded_us = c->now_us;
		s->loaded_auid = a->auid;
		s->loaded_uid = a->uid;
	}
}

void owner_note(struct core *c, const struct held *h, const struct actor *a)
{
	struct ledger_policy *p;
	struct ledger_sa *l;
	struct spi *s;

	if (h->op == AUDIT_SPD_ADD && h->event.has_policy) {
		p = spd_find(c, h->cookie, h->event.policy);
		if (p)
			p->manual = is_ip(a);
		note_loader(c, a);
	} else if (h->op == AUDIT_SAD_ADD) {
		s = spis_find(c, &h->dst.addr, h->spi);
		for (l = s ? s->living : NULL; l; l = l->next_spi) {
			if (l->sa.netns == h->cookie && addr_equal(&l->sa.src, &h->src.addr))
				l->manual = is_ip(a);
		}
	}
}
