/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/*
 * 5485: an interface or address came, changed or went, and the policies did not follow. What went
 * is remembered for a while with what it had; a gap is what is still there when all is quiet.
 */

/* To ask at each lost address whether a policy covered it, all policies are read. */
#define POLICIES_MAX 200000u

static struct link_change *note(struct core *c, uint64_t cookie, uint32_t ifindex, const char *name)
{
	struct services *v = c->services;
	struct link_change *change = &v->changes[v->n_changes++ % ARRAY_LEN(v->changes)];

	*change = (struct link_change){ .cookie = cookie, .at_ns = c->now_ns, .ifindex = ifindex };
	(void)snprintf(change->name, sizeof(change->name), "%s", name);
	return change;
}

static bool is_new(const struct core *c, const struct link_change *change)
{
	return change->at_ns && c->now_ns - change->at_ns < LINK_BLAME_S * 1000000000ull;
}

/* The newest change that fits: of a netns (0: any), of an interface and family (0: any). */
static const struct link_change *newest(
	const struct core *c, uint64_t cookie, uint32_t ifindex, uint8_t family)
{
	const struct services *v = c->services;
	unsigned n = v->n_changes < ARRAY_LEN(v->changes) ? v->n_changes : ARRAY_LEN(v->changes);

	for (unsigned i = 1; i <= n; i++) {
		const struct link_change *change =
			&v->changes[(v->n_changes - i) % ARRAY_LEN(v->changes)];

		if (is_new(c, change) && (!cookie || change->cookie == cookie) &&
			(!ifindex || change->ifindex == ifindex) &&
			(!family || change->came.family == family))
			return change;
	}
	return NULL;
}

const char *link_changes_blame(const struct core *c, uint64_t cookie)
{
	const struct link_change *change = newest(c, cookie, 0, 0);

	return change ? change->name : NULL;
}

/* Does an outbound policy protect what this address sends? */
static bool is_covered(const struct core *c, uint64_t cookie, const struct addr *a)
{
	const struct ledger_policy *l;

	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		struct policy p;

		if (l->netns != cookie || l->direction != POLICY_OUT || l->n_templates == 0)
			continue;
		spd_get(l, &p);
		if (prefix_holds(&p.selector.src, a))
			return true;
	}
	return false;
}

static struct link_loss *lose(struct core *c, uint64_t cookie, const struct link *link)
{
	struct services *v = c->services;
	struct link_loss *l = v->n_losses < LIMIT_LINK_LOSSES ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		c->refused++;
		return NULL;
	}
	l->cookie = cookie;
	l->since_ns = c->now_ns;
	l->ifindex = link->ifindex;
	l->if_id = link->if_id;
	memcpy(l->name, link->name, sizeof(l->name));
	l->next = v->losses;
	v->losses = l;
	v->n_losses++;
	return l;
}

static void link_fact(struct core *c, const struct fact *f)
{
	const struct ledger_link *l = ledger_link(c, f->netns, f->link.link.ifindex);
	const struct link *now = &f->link.link;
	const unsigned matters = IFF_UP | IFF_RUNNING;

	if (f->link.op == CHANGE_GONE) {
		if (!l)
			return;
		note(c, f->netns, l->link.ifindex, l->link.name);
		if (c->n_policies > 0)
			lose(c, f->netns, &l->link);
	} else if (!l || ((l->link.flags ^ now->flags) & matters) ||
		   strcmp(l->link.name, now->name) != 0 || l->link.if_id != now->if_id) {
		note(c, f->netns, now->ifindex, now->name);
	}
}

static void addr_came(struct core *c, const struct fact *f, const struct ledger_link *l)
{
	const struct addr *a = &f->addr.addr.prefix.addr;

	for (unsigned i = 0; i < l->n_addrs; i++) {
		if (addr_equal(&l->addrs[i].addr, a))
			return; /* its lifetime was renewed */
	}
	note(c, f->netns, l->link.ifindex, l->link.name)->came = *a;
	for (struct link_loss *loss = c->services->losses; loss; loss = loss->next) {
		if (loss->cookie == f->netns && loss->ifindex == l->link.ifindex &&
			loss->addr.family == a->family)
			loss->came = *a;
	}
}

static void addr_went(struct core *c, const struct fact *f, const struct ledger_link *l)
{
	const struct addr *a = &f->addr.addr.prefix.addr;
	const struct link_change *came = newest(c, f->netns, l->link.ifindex, a->family);
	struct link_loss *loss;

	if (c->n_policies == 0 || c->n_policies > POLICIES_MAX || !is_covered(c, f->netns, a)) {
		note(c, f->netns, l->link.ifindex, l->link.name);
		return;
	}
	loss = lose(c, f->netns, &l->link);
	if (loss) {
		loss->addr = *a;
		if (came && !addr_equal(&came->came, a))
			loss->came = came->came;
	}
	note(c, f->netns, l->link.ifindex, l->link.name);
}

void link_changes_fact(struct core *c, const struct fact *f)
{
	const struct ledger_link *l;

	if (c->muted)
		return;
	if (f->type == FACT_LINK) {
		if (f->link.op != CHANGE_DUMPED)
			link_fact(c, f);
		return;
	}
	listening_changed(c);
	l = ledger_link(c, f->netns, f->addr.addr.ifindex);
	if (!l || f->addr.op == CHANGE_DUMPED)
		return;
	if (f->addr.op == CHANGE_GONE)
		addr_went(c, f, l);
	else
		addr_came(c, f, l);
}

void link_changes_audit(struct core *c, const struct fact *f)
{
	const struct link_change *change = newest(c, 0, 0, 0);
	struct install_failure *p = &c->services->install;

	if (c->muted || f->audit_change.ok || f->audit_change.op != AUDIT_SPD_ADD || !change)
		return;
	if (p->n == 0) {
		*p = (struct install_failure){ .since_ns = c->now_ns,
			.cookie = change->cookie,
			.src = f->audit_change.src,
			.dst = f->audit_change.dst };
		memcpy(p->link, change->name, sizeof(p->link));
		/* A record names no netns. */
		for (unsigned i = 0; i < ARRAY_LEN(c->services->changes); i++) {
			const struct link_change *other = &c->services->changes[i];

			if (is_new(c, other) && other->cookie != change->cookie) {
				p->cookie = 0;
				p->link[0] = '\0';
			}
		}
	}
	p->n++;
}

void link_changes_told(struct core *c, uint64_t cookie)
{
	struct install_failure *p = &c->services->install;

	if (p->cookie == cookie || p->cookie == 0)
		p->n = 0;
}

static void event_init(
	struct core *c, struct event *e, uint64_t cookie, const char *link, const char *reason)
{
	core_event_init(c, e, EVENT_INTERFACE_UNCOVERED, ledger_netns(c, cookie));
	(void)snprintf(e->iface, sizeof(e->iface), "%s", link);
	detail_text(e, "reason", reason);
}

static void tell_install(struct core *c, struct install_failure *p)
{
	char src[PREFIX_TEXT_SIZE], dst[PREFIX_TEXT_SIZE], text[2 * PREFIX_TEXT_SIZE + 8];
	struct event e;

	event_init(c, &e, p->cookie, p->link,
		"the kernel refused a policy just after the interface changed");
	e.evidence = EVIDENCE_AUDIT;
	(void)snprintf(text, sizeof(text), "%s to %s", prefix_format(&p->src, src),
		prefix_format(&p->dst, dst));
	detail_text(&e, "policy_text", text);
	detail_number(&e, "policies", p->n);
	p->n = 0;
	core_emit(c, &e);
}

static bool has_address(const struct core *c, const struct link_loss *l, const struct addr *a)
{
	const struct ledger_link *link = ledger_link(c, l->cookie, l->ifindex);

	for (unsigned i = 0; link && i < link->n_addrs; i++) {
		if (addr_equal(&link->addrs[i].addr, a))
			return true;
	}
	return false;
}

static void judge_address(struct core *c, const struct link_loss *l)
{
	char before[ADDR_TEXT_SIZE], now[ADDR_TEXT_SIZE], text[2 * ADDR_TEXT_SIZE + 64];
	struct event e;

	if (!has_address(c, l, &l->came) || has_address(c, l, &l->addr) ||
		is_covered(c, l->cookie, &l->came))
		return;
	(void)snprintf(text, sizeof(text), "no policy covers %s, which came in the place of %s",
		addr_format(&l->came, now), addr_format(&l->addr, before));
	event_init(c, &e, l->cookie, l->name, text);
	e.src = l->came;
	core_emit(c, &e);
}

/* Does another interface have this number of an xfrm interface by now? */
static bool has_if_id(const struct core *c, uint64_t cookie, uint32_t if_id)
{
	const struct ledger_link *l;

	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		if (l->link.netns == cookie && l->link.if_id == if_id)
			return true;
	}
	return false;
}

static void judge_link(struct core *c, const struct link_loss *l)
{
	bool bound = !ledger_link(c, l->cookie, l->ifindex);
	bool by_id = l->if_id && !has_if_id(c, l->cookie, l->if_id);
	const struct ledger_policy *policy;
	uint64_t n = 0;
	struct event e;

	for (struct spd_cursor at = { 0 }; (bound || by_id) && (policy = spd_next(c, &at));) {
		struct policy p;

		if (policy->netns != l->cookie || policy->direction > POLICY_FWD)
			continue;
		spd_get(policy, &p);
		n += (bound && p.selector.ifindex == l->ifindex) || (by_id && p.if_id == l->if_id);
	}
	if (n == 0)
		return;
	event_init(c, &e, l->cookie, l->name, "policies are bound to an interface that is gone");
	detail_number(&e, "policies", n);
	core_emit(c, &e);
}

void link_changes_settle(struct core *c, bool all)
{
	struct services *v = c->services;
	struct link_loss **to = &v->losses;

	while (*to) {
		struct link_loss *l = *to;

		if (c->now_ns - l->since_ns < LINK_GRACE_S * 1000000000ull) {
			to = &l->next;
			continue;
		}
		if (l->addr.family)
			judge_address(c, l);
		else
			judge_link(c, l);
		*to = l->next;
		v->n_losses--;
		free(l);
	}
	/* Longer than negotiations take to tell the same. */
	if (v->install.n > 0 && (all || c->now_ns - v->install.since_ns >= 2 * c->config.settle_ns))
		tell_install(c, &v->install);
}

void link_changes_forget(struct core *c, uint64_t cookie)
{
	struct services *v = c->services;
	struct link_loss **to = &v->losses;

	while (*to) {
		struct link_loss *l = *to;

		if (l->cookie != cookie) {
			to = &l->next;
			continue;
		}
		*to = l->next;
		v->n_losses--;
		free(l);
	}
}

void link_changes_free(struct core *c)
{
	while (c->services->losses) {
		struct link_loss *l = c->services->losses;

		c->services->losses = l->next;
		free(l);
	}
}
