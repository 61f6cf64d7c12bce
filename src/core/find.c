/* SPDX-License-Identifier: Apache-2.0 */
#include "core/find.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "core/find_words.h"
#include "core/internal.h"

/* Where the packet is, and which way it goes. */

static bool is_local(const struct core *c, uint64_t cookie, const struct addr *a)
{
	uint64_t local[LIMIT_LOCAL];
	unsigned n = ledger_holds(c, a, local, LIMIT_LOCAL);

	for (unsigned i = 0; i < n; i++) {
		if (local[i] == cookie)
			return true;
	}
	return false;
}

static struct netns *netns_named(const struct core *c, const char *name)
{
	struct netns *ns;

	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		if (ns->there && ns->watched && strcmp(ns->name, name) == 0)
			return ns;
	}
	return NULL;
}

/* The netns that one of the addresses belongs to; of two that have both, none is guessed. */
static int netns_by_address(
	const struct core *c, const struct flow *f, struct netns **ret, struct diag *reterr)
{
	const struct addr *addresses[] = { &f->src, &f->dst };
	uint64_t local[LIMIT_LOCAL];

	for (unsigned i = 0; i < 2; i++) {
		unsigned n = ledger_holds(c, addresses[i], local, LIMIT_LOCAL);
		char text[ADDR_TEXT_SIZE];

		if (n > 1)
			return diag_set(reterr, -EINVAL,
				"%s is an address of %u network namespaces: say which with netns",
				addr_format(addresses[i], text), n);
		if (n == 1) {
			*ret = ledger_netns(c, local[0]);
			return 0;
		}
	}
	*ret = netns_named(c, "init");
	if (!*ret)
		return diag_set(reterr, -EINVAL,
			"neither address is local here: say which network namespace with netns");
	return 0;
}

static int netns_of(const struct core *c, const struct find_question *q, struct netns **ret,
	struct diag *reterr)
{
	if (!q->netns)
		return netns_by_address(c, &q->flow, ret, reterr);
	*ret = netns_named(c, q->netns);
	if (!*ret)
		return diag_set(
			reterr, -ENOENT, "no network namespace '%.60s' is watched", q->netns);
	return 0;
}

static int direction_of(const struct core *c, const struct netns *ns, const struct find_question *q,
	uint8_t *ret, struct diag *reterr)
{
	if (!q->direction) {
		*ret = is_local(c, ns->cookie, &q->flow.src)   ? POLICY_OUT
		       : is_local(c, ns->cookie, &q->flow.dst) ? POLICY_IN
							       : POLICY_FWD;
		return 0;
	}
	for (uint8_t i = POLICY_IN; i <= POLICY_FWD; i++) {
		if (strcmp(policy_direction_name(i), q->direction) == 0) {
			*ret = i;
			return 0;
		}
	}
	return diag_set(
		reterr, -EINVAL, "no direction '%.20s'; there are in, out and fwd", q->direction);
}

static int interface_of(const struct core *c, const struct netns *ns, const char *name,
	const struct link **ret, struct diag *reterr)
{
	struct ledger_link *l;

	*ret = NULL;
	if (!name)
		return 0;
	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		if (l->link.netns == ns->cookie && strcmp(l->link.name, name) == 0) {
			*ret = &l->link;
			return 0;
		}
	}
	return diag_set(reterr, -ENOENT, "no interface '%.60s' in %s", name, ns->name);
}

/* Settings of interfaces that keep policies out of it. */

static uint8_t setting_of(const struct link *l, const struct find_check *k)
{
	return k->direction == POLICY_OUT       ? l->disable_xfrm
	       : k->flow.src.family == AF_INET6 ? l->disable_policy6
						: l->disable_policy;
}

static bool has_address(const struct ledger_link *l, const struct addr *a)
{
	for (unsigned i = 0; i < l->n_addrs; i++) {
		if (addr_equal(&l->addrs[i].addr, a))
			return true;
	}
	return false;
}

/*
 * That of all interfaces that it may be; where they differ it is not known. For IPv6 the kernel
 * keeps disable_policy with the routes to its own addresses, so it is that of the interface which
 * has the address. For IPv4 it is that of the interface by which it comes.
 */
static uint8_t setting_of_any(const struct core *c, const struct netns *ns,
	const struct find_check *k, const char **ret_name)
{
	bool here = is_local(c, ns->cookie, &k->flow.src) && is_local(c, ns->cookie, &k->flow.dst);
	bool six = k->flow.src.family == AF_INET6;
	uint8_t setting = SETTING_UNKNOWN;
	struct ledger_link *l;
	unsigned n = 0;

	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		bool loops = l->link.flags & IFF_LOOPBACK;

		if (l->link.netns != ns->cookie ||
			!(six ? has_address(l, &k->flow.dst) : loops == here))
			continue;
		if (n > 0 && setting != setting_of(&l->link, k))
			return SETTING_UNKNOWN;
		setting = setting_of(&l->link, k);
		*ret_name = n++ == 0 ? l->link.name : NULL;
	}
	return setting;
}

/* link: that it leaves by, or, inbound, comes by; NULL: not known. */
static void find_unasked(
	const struct core *c, const struct netns *ns, const struct link *link, struct find_check *k)
{
	bool six = k->flow.src.family == AF_INET6;

	k->unasked_by = NULL;
	if ((six && k->direction != POLICY_IN) ||
		(k->direction == POLICY_OUT && k->flow.if_id != 0)) {
		/* IPv6 has no such setting; an xfrm interface asks for its policies by itself. */
		k->unasked = SETTING_OFF;
	} else if (link && !six && k->direction != POLICY_FWD) {
		k->unasked = setting_of(link, k);
		k->unasked_by = link->name;
	} else {
		k->unasked = setting_of_any(c, ns, k, &k->unasked_by);
	}
}

/* Outbound, what nothing fits may be blocked; but not what is forwarded or stays on the host. */
static enum outcome unasked_outcome(const struct core *c, const struct netns *ns,
	const struct find_check *k, bool forwarded, bool block)
{
	bool stays = is_local(c, ns->cookie, &k->flow.dst);

	return k->direction == POLICY_OUT && block && !forwarded && !stays ? OUTCOME_DEFAULT_BLOCK
									   : OUTCOME_UNASKED;
}

/* The policies that lost. */

static int loser_cmp(const struct find_loser *a, const struct find_loser *b)
{
	if ((a->misfits != 0) != (b->misfits != 0))
		return a->misfits != 0 ? 1 : -1;
	if (a->type != b->type)
		return a->type > b->type ? -1 : 1;
	if (a->first != b->first)
		return a->first ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Keeps the first `most` of the order. */
static void loser_add(struct find_check *k, size_t most, const struct find_loser *l)
{
	size_t at = k->n_losers;

	k->n_losers_all++;
	if (at == most && (most == 0 || loser_cmp(l, &k->losers[most - 1]) > 0))
		return;
	if (at == most)
		at--;
	else
		k->n_losers++;
	for (; at > 0 && loser_cmp(l, &k->losers[at - 1]) < 0; at--)
		k->losers[at] = k->losers[at - 1];
	k->losers[at] = *l;
}

static bool same_templates(const struct policy *a, const struct policy *b)
{
	if (a->n_templates != b->n_templates)
		return false;
	for (unsigned i = 0; i < a->n_templates; i++) {
		const struct template *x = &a->templates[i], *y = &b->templates[i];

		if (!addr_equal(&x->src, &y->src) || !addr_equal(&x->dst, &y->dst) ||
			x->spi != y->spi || x->reqid != y->reqid || x->proto != y->proto ||
			x->mode != y->mode || x->optional != y->optional)
			return false;
	}
	return true;
}

bool policies_agree(const struct policy *a, const struct policy *b)
{
	return a->block == b->block && (a->block || same_templates(a, b));
}

static bool is_first(const struct policy *p)
{
	return p->offload_ifindex != 0 &&
	       p->selector.src.length == addr_bits(&p->selector.src.addr) &&
	       p->selector.dst.length == addr_bits(&p->selector.dst.addr);
}

/* Looks at every policy of the direction, for near misses have no place in an index. */
static int walk_others(const struct core *c, uint64_t cookie, size_t most, struct find_check *k)
{
	struct ledger_policy *l;
	struct policy whole;

	if (most > 0) {
		k->losers = calloc(most, sizeof(*k->losers));
		if (!k->losers)
			return -ENOMEM;
	}
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		const struct policy *p = &whole;
		unsigned misfits;

		spd_get(l, &whole);
		if (p->netns != cookie)
			continue;
		misfits = policy_misfits(p, &k->flow);
		if (p->direction == k->direction + POLICY_SOCKET_IN && k->direction != POLICY_FWD)
			k->n_sockets += misfits == 0;
		if (p->direction != k->direction || (misfits & MISFIT_ADDRESS))
			continue;
		if ((k->has_policy && p->index == k->policy.index) ||
			(k->has_behind && p->index == k->behind.index))
			continue;
		if (misfits == 0 && k->has_policy && p->priority == k->policy.priority &&
			p->type == k->policy.type && is_first(p) == is_first(&k->policy)) {
			k->n_ties++;
			k->ambiguous = k->ambiguous || !policies_agree(p, &k->policy);
		}
		if (most > 0 || misfits == 0)
			loser_add(k, most,
				&(struct find_loser){ .index = p->index,
					.priority = p->priority,
					.type = p->type,
					.first = is_first(p),
					.misfits = misfits });
	}
	return 0;
}

/* The SAs that the templates would find. */

static const struct sa *sa_for(const struct core *c, const struct find_check *k,
	const struct policy *p, const struct template *t, const struct addr *local,
	const struct addr *remote)
{
	const struct sa *best = NULL;
	struct ledger_sa *l;

	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
		bool fits = l->sa.netns == p->netns &&
			    (k->direction == POLICY_OUT ? template_sends_by(t, p, &k->flow, local,
								  remote, &l->sa)
							: template_accepts(t, &k->flow, &l->sa));

		if (fits && (!best || sa_preferred(&l->sa, best)))
			best = &l->sa;
	}
	return best;
}

static void add_templates(const struct core *c, struct find_check *k, const struct policy *p)
{
	const struct addr *local = &k->flow.src, *remote = &k->flow.dst;

	for (unsigned i = 0; i < p->n_templates; i++) {
		struct find_template *t = &k->templates[k->n_templates++];

		*t = (struct find_template){ .wants = p->templates[i], .policy = p->index };
		if (t->wants.mode == IPSEC_TUNNEL || t->wants.mode == IPSEC_BEET) {
			local = &t->wants.src;
			remote = &t->wants.dst;
		}
		t->sa = sa_for(c, k, p, &t->wants, local, remote);
	}
}

/* What policies make of it. */
static void judge(const struct core *c, const struct netns *ns, const struct meeting *met,
	bool block, struct find_check *k)
{
	k->has_policy =
		met->policy.found && core_policy(c, ns->cookie, met->policy.index, &k->policy);
	k->has_behind =
		met->behind.found && core_policy(c, ns->cookie, met->behind.index, &k->behind);
	k->outcome = meeting_outcome(k->direction, k->has_policy ? &k->policy : NULL,
		k->has_behind ? &k->behind : NULL, block);
	if (k->has_policy && !k->policy.block)
		add_templates(c, k, &k->policy);
	if (k->has_behind && !k->behind.block)
		add_templates(c, k, &k->behind);
}

static int check(const struct core *c, const struct netns *ns, size_t losers, bool forwarded,
	struct find_check *k)
{
	const struct match *m = finder_match(c);
	struct meeting met;
	bool block = k->direction == POLICY_OUT   ? ns->block_out
		     : k->direction == POLICY_FWD ? ns->block_fwd
						  : ns->block_in;
	int r;

	if (!m)
		return -ENOMEM;
	match_meet(m, ns->cookie, k->direction, &k->flow, &met);
	k->default_action = !ns->default_known ? NULL : block ? "block" : "accept";
	if (k->unasked == SETTING_ON) {
		k->has_spared = met.policy.found;
		k->spared = met.policy.index;
		k->outcome = unasked_outcome(c, ns, k, forwarded, block);
	} else {
		judge(c, ns, &met, block, k);
	}
	r = walk_others(c, ns->cookie, losers, k);
	find_verdict(k);
	return r;
}

static void assume(struct find_answer *a, const char *what)
{
	if (a->n_assumed < FIND_ASSUMED_MAX)
		a->assumed[a->n_assumed++] = what;
}

static void assume_all(struct find_answer *a, const struct find_question *q, const struct netns *ns)
{
	if (!ns->policy_known)
		assume(a, "the policies are not read yet: the answer may miss some");
	if (q->flow.proto == 0)
		assume(a, "no protocol is given: policies for a single one do not count");
	if (!q->interface && a->checks[0].direction != POLICY_IN)
		assume(a, "no interface is given: policies for a single one do not count");
	for (unsigned i = 0; i < a->n_checks; i++) {
		const struct find_check *k = &a->checks[i];

		if (k->unasked != SETTING_UNKNOWN)
			continue;
		assume(a, k->direction == POLICY_OUT ? "the interface it leaves by has not set "
						       "disable_xfrm"
			  : k->flow.src.family == AF_INET6
				  ? "the interface with the address has not set disable_policy"
				  : "the interface it comes by has not set disable_policy");
	}
	for (unsigned i = 0; i < a->n_checks; i++) {
		if (a->checks[i].n_sockets > 0) {
			assume(a, "no socket of its own policy has to do with it (there are some "
				  "that fit)");
			break;
		}
	}
}

int core_find(const struct core *c, const struct find_question *q, struct find_answer *ret,
	struct diag *reterr)
{
	const struct link *link = NULL;
	struct find_check *k = &ret->checks[0];
	struct netns *ns = NULL;
	int r;

	*ret = (struct find_answer){ 0 };
	if (!c->netns)
		return diag_set(reterr, -ENOENT, "nothing is known yet");
	r = netns_of(c, q, &ns, reterr);
	r = r < 0 ? r : direction_of(c, ns, q, &k->direction, reterr);
	r = r < 0 ? r : interface_of(c, ns, q->interface, &link, reterr);
	if (r < 0)
		return r;
	ret->netns = ns->name;
	ret->cookie = ns->cookie;
	ret->n_checks = 1;
	k->flow = q->flow;
	if (link) {
		ret->interface = link->name;
		k->flow.ifindex = link->ifindex;
		if (!q->has_if_id)
			k->flow.if_id = link->if_id;
	}
	/* What is forwarded leaves by another policy, if it comes so far. */
	if (k->direction == POLICY_FWD && !q->direction) {
		ret->n_checks = 2;
		ret->checks[1] = (struct find_check){ .direction = POLICY_OUT, .flow = k->flow };
	}
	if (k->direction == POLICY_IN)
		k->flow.ifindex = LOOPBACK_IFINDEX;
	for (unsigned i = 0; i < ret->n_checks; i++) {
		size_t losers = q->losers < FIND_LOSERS_MAX ? q->losers : FIND_LOSERS_MAX;

		find_unasked(c, ns, link, &ret->checks[i]);
		r = check(c, ns, losers, i > 0, &ret->checks[i]);
		if (r < 0)
			return diag_set(
				reterr, r, "the index of policies does not fit into memory");
	}
	assume_all(ret, q, ns);
	return 0;
}

void find_answer_done(struct find_answer *a)
{
	for (unsigned i = 0; i < ARRAY_LEN(a->checks); i++)
		free(a->checks[i].losers);
	*a = (struct find_answer){ 0 };
}
