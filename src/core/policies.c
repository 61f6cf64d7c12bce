/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "core/joins.h"

/* "in 10.1.0.0/16 to 10.2.0.0/16 allow, esp tunnel reqid 1, priority 0" */
static void policy_text(const struct policy *p, char *ret, size_t size)
{
	char src[PREFIX_TEXT_SIZE], dst[PREFIX_TEXT_SIZE];
	const char *direction = policy_direction_name(p->direction);
	const struct template *t = &p->templates[0];
	int n;

	n = snprintf(ret, size, "%s %s to %s %s", direction ? direction : "?",
		prefix_format(&p->selector.src, src), prefix_format(&p->selector.dst, dst),
		p->block ? "block" : "allow");
	if (p->n_templates > 0 && n > 0 && (size_t)n < size) {
		const char *proto = ipproto_name(t->proto), *mode = ipsec_mode_name(t->mode);

		n += snprintf(ret + n, size - (size_t)n, ", %s %s reqid %u", proto ? proto : "?",
			mode ? mode : "?", t->reqid);
	}
	if (n > 0 && (size_t)n < size)
		(void)snprintf(ret + n, size - (size_t)n, ", priority %u", p->priority);
}

static void policy_event_init(struct core *c, struct event *e, uint32_t id, const struct netns *ns,
	const struct policy *p)
{
	char text[200], prefix[PREFIX_TEXT_SIZE];

	core_event_init(c, e, id, ns);
	e->has_policy = true;
	e->policy = p->index;
	e->has_if_id = p->if_id != 0;
	e->if_id = p->if_id;
	e->has_mark = p->mark_mask != 0;
	e->mark = p->mark;
	if (p->direction <= POLICY_FWD) {
		static const uint8_t directions[] = { DIRECTION_IN, DIRECTION_OUT, DIRECTION_FWD };

		e->direction = directions[p->direction];
	}
	if (p->n_templates > 0) {
		e->has_reqid = true;
		e->reqid = p->templates[0].reqid;
	}
	policy_text(p, text, sizeof(text));
	detail_text(e, "policy_text", text);
	detail_text(e, "selector_src", prefix_format(&p->selector.src, prefix));
	detail_text(e, "selector_dst", prefix_format(&p->selector.dst, prefix));
	detail_text(e, "action", p->block ? "block" : "allow");
	detail_number(e, "priority", p->priority);
}

static void hold(struct core *c, struct event *e, uint8_t op, const struct policy *p)
{
	changes_hold(c, e, op, p->netns, &p->selector.src, &p->selector.dst, 0);
}

static void tell(struct core *c, struct netns *ns, const struct policy *p, uint32_t id,
	const struct policy *before)
{
	char text[200];
	struct event e;

	policy_event_init(c, &e, id, ns, p);
	if (before) {
		policy_text(before, text, sizeof(text));
		detail_text(&e, "before", text);
	}
	hold(c, &e, id == EVENT_POLICY_DELETED ? AUDIT_SPD_DELETE : AUDIT_SPD_ADD, p);
}

/* Sockets' own policies come and go with the IKE daemons' sockets: kept, not told. */
static bool is_told(uint8_t direction)
{
	return direction <= POLICY_FWD;
}

static void tell_kept(struct core *c, struct netns *ns, const struct ledger_policy *l, uint32_t id)
{
	struct policy p;

	spd_get(l, &p);
	tell(c, ns, &p, id, NULL);
}

static void appeared(
	struct core *c, struct netns *ns, const struct fact *f, struct ledger_policy *l)
{
	bool dumped = f->policy.op == SA_DUMPED;

	l->announced =
		(dumped && (ns->policy_resync || !ns->policy_known)) || !is_told(l->direction);
	ns->resync_added += ns->policy_known && ns->policy_resync && dumped;
	ns->n_policy++;
	joins_policies_changed(c);
	c->policies_to_check = c->policies_to_check || !l->announced;
}

static void there(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	const struct policy *p = &f->policy.policy;
	struct ledger_policy *l;
	struct policy before;
	bool known;

	if (!ns || !ns->there)
		return;
	l = spd_find(c, p->netns, p->index);
	known = l != NULL;
	if (known && (f->policy.op == SA_UPDATED || finder_follows(c)))
		spd_get(l, &before);
	l = spd_put(c, p);
	if (!l) {
		c->refused++;
		return;
	}
	finder_put(c, known ? &before : NULL, p);
	if (!known)
		appeared(c, ns, f, l);
	if (f->policy.op == SA_DUMPED) {
		/* there, or seen again: told at the round's end */
	} else if (!l->announced) {
		l->announced = true;
		tell(c, ns, p, EVENT_POLICY_ADDED, NULL);
	} else if (known && f->policy.op == SA_UPDATED && is_told(p->direction)) {
		tell(c, ns, p, EVENT_POLICY_CHANGED, &before);
	}
	ns->n_policy_seen += !known || l->generation != ns->policy_generation;
	l->generation = ns->policy_generation;
	l->missing = false;
}

static void remove_policy(struct core *c, struct netns *ns, struct ledger_policy *l)
{
	struct policy p;

	if (finder_follows(c)) {
		spd_get(l, &p);
		finder_put(c, &p, NULL);
	}
	ns->n_policy--;
	joins_policies_changed(c);
	ns->n_policy_seen -= l->generation == ns->policy_generation;
	spd_remove(c, l);
}

static void gone(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	const struct policy *p = &f->policy_gone.policy;
	struct ledger_policy *l = spd_find(c, p->netns, p->index);
	struct event e;

	if (!ns)
		return;
	if (l) {
		if (!l->announced)
			tell_kept(c, ns, l, EVENT_POLICY_ADDED);
		remove_policy(c, ns, l);
	}
	if (!is_told(p->direction))
		return;
	if (f->policy_gone.how == GONE_EXPIRED) {
		policy_event_init(c, &e, EVENT_POLICY_EXPIRED, ns, p);
		core_emit(c, &e);
	} else {
		tell(c, ns, p, EVENT_POLICY_DELETED, NULL);
	}
}

static void flush(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	struct prefix none = { 0 };
	struct ledger_policy *l;
	struct event e;
	uint64_t n = 0;

	if (!ns)
		return;
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		/* xfrm_policy_flush() leaves the sockets' own alone. */
		if (l->netns != ns->cookie || l->type != f->policy_flush.type ||
			!is_told(l->direction))
			continue;
		n++;
		remove_policy(c, ns, l);
	}
	core_event_init(c, &e, EVENT_POLICY_FLUSHED, ns);
	detail_number(&e, "n", n);
	changes_hold(c, &e, AUDIT_SPD_DELETE, ns->cookie, &none, &none, 0);
}

static const char *action(bool block)
{
	return block ? "block" : "accept";
}

static void policy_default(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	char before[64];
	struct event e;
	bool same;

	if (!ns)
		return;
	same = ns->default_known && ns->block_in == f->policy_default.block_in &&
	       ns->block_fwd == f->policy_default.block_fwd &&
	       ns->block_out == f->policy_default.block_out;
	(void)snprintf(before, sizeof(before), "in %s, fwd %s, out %s", action(ns->block_in),
		action(ns->block_fwd), action(ns->block_out));
	if (!same && ns->default_known) {
		core_event_init(c, &e, EVENT_POLICY_DEFAULT_CHANGED, ns);
		detail_text(&e, "in", action(f->policy_default.block_in));
		detail_text(&e, "fwd", action(f->policy_default.block_fwd));
		detail_text(&e, "out", action(f->policy_default.block_out));
		detail_text(&e, "before", before);
		core_emit(c, &e);
	}
	ns->default_known = true;
	ns->block_in = f->policy_default.block_in;
	ns->block_fwd = f->policy_default.block_fwd;
	ns->block_out = f->policy_default.block_out;
}

static void migrate(struct core *c, const struct fact *f)
{
	struct policy p = { .direction = f->migrate.direction, .selector = f->migrate.selector };
	struct event e;

	policy_event_init(c, &e, EVENT_MIGRATED, ledger_netns(c, f->netns), &p);
	e.has_policy = false; /* the message does not carry it */
	core_emit(c, &e);
}

void policies_fact(struct core *c, const struct fact *f)
{
	switch (f->type) {
	case FACT_POLICY:
		there(c, f);
		break;
	case FACT_POLICY_GONE:
		gone(c, f);
		break;
	case FACT_POLICY_FLUSH:
		flush(c, f);
		break;
	case FACT_POLICY_DEFAULT:
		policy_default(c, f);
		break;
	default:
		migrate(c, f);
		break;
	}
}

void policies_dump_end(struct core *c, struct netns *ns)
{
	struct ledger_policy *l;

	if (ns->n_policy_seen == ns->n_policy)
		return;
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		if (l->netns == ns->cookie && l->generation != ns->policy_generation)
			l->missing = c->policies_to_check = true;
	}
}

void policies_poll(struct core *c)
{
	struct ledger_policy *l;

	for (struct spd_cursor at = { 0 }; c->policies_to_check && (l = spd_next(c, &at));) {
		struct netns *ns = ledger_netns(c, l->netns);
		struct policy p;
		struct event e;

		if (!l->missing) {
			if (!l->announced) {
				l->announced = true;
				tell_kept(c, ns, l, EVENT_POLICY_ADDED);
			}
			continue;
		}
		if (is_told(l->direction) && !ns->policy_resync) {
			spd_get(l, &p);
			policy_event_init(c, &e, EVENT_POLICY_VANISHED, ns, &p);
			core_emit(c, &e);
		}
		ns->resync_gone += ns->policy_resync && is_told(l->direction);
		remove_policy(c, ns, l);
	}
	c->policies_to_check = false;
}

void policies_forget(struct core *c, struct netns *ns)
{
	struct ledger_policy *l;

	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		if (l->netns == ns->cookie)
			remove_policy(c, ns, l);
	}
}
