/* SPDX-License-Identifier: Apache-2.0 */
#include "match/lint.h"

#include <netinet/in.h>
#include <stdio.h>

#define COVERING 16u /* the best of those that cover a policy; the first of them decides */

const struct lint_text lint_texts[LINT_N] = {
	[LINT_NEVER_MATCHES] = { "never-matches", true,
		"correct the selector, or delete the policy" },
	[LINT_SHADOWED] = { "shadowed", true,
		"give it a lower priority number than the other one, or delete it" },
	[LINT_REDUNDANT] = { "redundant", false,
		"delete it, unless it is there for a time without "
		"the other one" },
	[LINT_CONTRADICTED] = { "contradicted", true,
		"give the one that shall win a lower priority number: between equal ones the "
		"kernel's "
		"choice may change" },
	[LINT_NO_FORWARD] = { "no-forward", false,
		"add the same policy with dir fwd, if hosts behind this one are to be reached" },
	[LINT_NO_REVERSE] = { "no-reverse", false,
		"add the policy for the way back, with source and destination swapped" },
	[LINT_OPTIONAL] = { "optional", false,
		"use level required, unless clear text is meant to pass" },
	[LINT_TOO_MANY_TEMPLATES] = { "too-many-templates", true, "use at most five templates" },
	[LINT_NO_INTERFACE] = { "no-interface", false,
		"create the xfrm interface with this if_id, or correct the if_id" },
};

struct findings {
	struct lint_finding *p;
	unsigned n;
};

static struct lint_finding *add(struct findings *f, enum lint_rule rule)
{
	struct lint_finding *l = &f->p[f->n++];

	*l = (struct lint_finding){ .rule = rule };
	return l;
}

#define CAUSE(l, ...) ((void)snprintf((l)->cause, sizeof((l)->cause), __VA_ARGS__))

static bool fits_a_port(uint16_t port, uint16_t mask, uint16_t most)
{
	return (port & mask & ~most) == 0;
}

/* Selectors that no packet can fit, as the kernel compares them. */
static void never_matches(const struct policy *p, struct findings *f)
{
	const struct selector *s = &p->selector;
	bool icmp =
		s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6 || s->proto == IPPROTO_MH;
	unsigned bits = addr_bits(&s->dst.addr);

	if (s->src.length > bits || s->dst.length > bits)
		CAUSE(add(f, LINT_NEVER_MATCHES), "a prefix is longer than %u bits", bits);
	else if (s->proto != 0 && !flow_has_ports(s->proto) &&
		 ((s->sport & s->sport_mask) != 0 || (s->dport & s->dport_mask) != 0))
		CAUSE(add(f, LINT_NEVER_MATCHES),
			"it asks for ports of protocol %u, of which the kernel knows none",
			s->proto);
	else if (icmp && (!fits_a_port(s->sport, s->sport_mask, UINT8_MAX) ||
				 !fits_a_port(s->dport, s->dport_mask, UINT8_MAX)))
		CAUSE(add(f, LINT_NEVER_MATCHES), "types and codes end at 255");
	else if (s->proto == IPPROTO_ICMP && s->dst.addr.family == AF_INET6)
		CAUSE(add(f, LINT_NEVER_MATCHES), "ICMP is of IPv4; of IPv6 it is ipv6-icmp, 58");
	else if (p->direction == POLICY_IN && s->ifindex > LOOPBACK_IFINDEX)
		CAUSE(add(f, LINT_NEVER_MATCHES),
			"it is bound to interface %u, but inbound the kernel compares with where "
			"the "
			"packet goes: the loopback, 1",
			s->ifindex);
}

/* The first policy in the kernel's order that takes every packet of p. */
static void shadowed(const struct lint_world *w, const struct policy *p, struct findings *f)
{
	const struct match_where where = {
		.netns = p->netns, .direction = p->direction, .type = p->type
	};
	struct match_hit hits[COVERING];
	size_t n = match_covering(w->match, where, p, hits, COVERING);
	const struct policy *other;
	struct lint_finding *l;
	bool tie, agree;

	/* Its own place among them: what comes behind it does not count. */
	if (n == 0 || hits[0].index == p->index)
		return;
	other = w->policy(w->userdata, p->netns, hits[0].index);
	if (!other)
		return;
	tie = other->priority == p->priority && !hits[0].first;
	agree = w->agree(p, other);
	l = add(f, agree ? LINT_REDUNDANT : tie ? LINT_CONTRADICTED : LINT_SHADOWED);
	l->has_other = true;
	l->other = other->index;
	CAUSE(l, "policy %u of priority %u fits all its packets and %s%s", other->index,
		other->priority, tie ? "was installed earlier" : "comes first",
		agree ? ", with the same outcome" : ", with another outcome");
}

static struct policy mirrored(const struct policy *p)
{
	struct policy m = *p;

	m.selector.src = p->selector.dst;
	m.selector.dst = p->selector.src;
	/* Types and codes have no other side. */
	if (p->selector.proto != IPPROTO_ICMP && p->selector.proto != IPPROTO_ICMPV6) {
		m.selector.sport = p->selector.dport;
		m.selector.sport_mask = p->selector.dport_mask;
		m.selector.dport = p->selector.sport;
		m.selector.dport_mask = p->selector.sport_mask;
	}
	m.selector.ifindex = 0;
	return m;
}

static bool is_host(const struct prefix *p)
{
	return p->length == addr_bits(&p->addr);
}

static void twins(const struct lint_world *w, const struct policy *p, struct findings *f)
{
	struct match_where where = { .netns = p->netns, .type = p->type };
	struct policy m;
	bool back;

	if (p->block || p->n_templates == 0)
		return;
	where.direction = POLICY_FWD;
	if (p->direction == POLICY_IN && p->templates[p->n_templates - 1].mode == IPSEC_TUNNEL &&
		!(is_host(&p->selector.dst) &&
			w->is_local(w->userdata, p->netns, &p->selector.dst.addr)) &&
		!match_twin(w->match, where, p))
		CAUSE(add(f, LINT_NO_FORWARD), "there is no fwd policy of the same selector: what "
					       "comes by the tunnel for other "
					       "hosts meets another policy, or none");
	if (p->direction == POLICY_FWD)
		return;
	m = mirrored(p);
	where.direction = p->direction == POLICY_OUT ? POLICY_IN : POLICY_OUT;
	back = match_twin(w->match, where, &m);
	/* A gateway may have its way back in fwd alone. */
	where.direction = POLICY_FWD;
	if (!back && (p->direction == POLICY_IN || !match_twin(w->match, where, &m)))
		CAUSE(add(f, LINT_NO_REVERSE), "there is no %s policy for the way back",
			p->direction == POLICY_OUT ? "in" : "out");
}

unsigned lint_policy(
	const struct lint_world *w, const struct policy *p, struct lint_finding ret[LINT_N])
{
	struct findings f = { .p = ret };
	unsigned n_optional = 0;

	if (p->direction > POLICY_FWD)
		return 0;
	never_matches(p, &f);
	if (f.n == 0)
		shadowed(w, p, &f);
	twins(w, p, &f);
	for (unsigned i = 0; i < p->n_templates; i++)
		n_optional += p->templates[i].optional;
	if (!p->block && n_optional > 0)
		CAUSE(add(&f, LINT_OPTIONAL),
			"%u of %u templates %s of level use: without an SA the "
			"packet passes all the same",
			n_optional, p->n_templates, n_optional == 1 ? "is" : "are");
	if (!p->block && p->n_templates >= POLICY_TEMPLATES)
		CAUSE(add(&f, LINT_TOO_MANY_TEMPLATES),
			"it has %u templates: the kernel drops what meets it", p->n_templates);
	if (p->if_id != 0 && !w->has_if_id(w->userdata, p->if_id))
		CAUSE(add(&f, LINT_NO_INTERFACE),
			"no xfrm interface of a watched network namespace has if_id %u", p->if_id);
	return f.n;
}
