/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "core/tunnels.h"

/*
 * Every increment of every line of xfrm_stat becomes exactly one of: attributed (told by an event
 * with its cause), unattributed (told by an event that says so), suppressed (by the audit policy).
 * First claims take their part (claims.c), then statistics of single SAs, then the counter itself
 * speaks; what audit should have told and did not is unattributed, after the settling time.
 */

struct account *accounts_find(struct netns *ns, const char *counter)
{
	for (unsigned i = 0; i < ns->n_accounts; i++) {
		if (strcmp(ns->accounts[i].name, counter) == 0)
			return &ns->accounts[i];
	}
	return NULL;
}

static struct account *get(struct core *c, struct netns *ns, const char *counter)
{
	struct account *a = accounts_find(ns, counter);

	if (a)
		return a;
	if (ns->n_accounts == COUNTERS_MAX) {
		c->refused++;
		return NULL;
	}
	a = &ns->accounts[ns->n_accounts++];
	memcpy(a->name, counter, sizeof(a->name));
	a->known = catalog_counter(counter);
	return a;
}

static uint64_t folded(const struct account *a)
{
	return a->attributed + a->unattributed + a->suppressed;
}

uint64_t account_open(const struct account *a)
{
	return a->kernel > folded(a) ? a->kernel - folded(a) : 0;
}

void accounts_restore(struct core *c, const struct fact *f)
{
	struct restored *r;

	/* Counters of another boot have begun anew. */
	if (strcmp(f->restore.boot, c->boot) != 0)
		return;
	r = calloc(1, sizeof(*r));
	if (!r) {
		c->refused++;
		return;
	}
	r->fact = *f;
	r->next = c->restored_totals;
	c->restored_totals = r;
}

void accounts_adopt(struct core *c, struct netns *ns)
{
	struct restored **at = &c->restored_totals;

	while (*at) {
		struct restored *r = *at;
		struct account *a;

		if (r->fact.netns != ns->cookie) {
			at = &r->next;
			continue;
		}
		a = get(c, ns, r->fact.restore.counter);
		if (a) {
			a->attributed = r->fact.restore.attributed;
			a->unattributed = r->fact.restore.unattributed;
			a->suppressed = r->fact.restore.suppressed;
			a->kernel = a->settled = folded(a);
			a->folded_us = c->last_run_us;
			a->before = "while the monitor did not run";
		}
		*at = r->next;
		free(r);
	}
}

static void went_back(struct core *c, struct netns *ns, struct account *a, uint64_t value)
{
	struct event e;

	core_event_init(c, &e, EVENT_COUNTER_RESET, ns);
	e.counter = a->name;
	detail_number(&e, "before", a->kernel);
	detail_number(&e, "now", value);
	detail_number(&e, "cookie", ns->cookie);
	core_emit(c, &e);
	a->attributed = a->unattributed = a->suppressed = 0;
	a->settled = a->blind_upto = a->undecided = 0;
	a->n_unsettled = 0;
	a->changed = true;
}

static void push_unsettled(struct account *a, uint64_t boot_ns, uint64_t value)
{
	/* Full: the newest grows, and so waits longer than it must. */
	if (a->n_unsettled == ARRAY_LEN(a->unsettled))
		a->n_unsettled--;
	a->unsettled[a->n_unsettled++] = (struct unsettled){ boot_ns, value };
}

/* Since when, so to speak, somebody has watched without a gap; 0: nobody does. */
static uint64_t evidence_epoch(const struct core *c, const struct account *a)
{
	if (core_bpf_covers(c, a->name))
		return c->bpf_epoch * 2 + 1;
	return core_audit_usable(c) ? c->audit_epoch * 2 : 0;
}

void accounts_read(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);

	if (!ns)
		return;
	for (unsigned i = 0; i < f->counters.n; i++) {
		const struct fact_counter *v = &f->counters.v[i];
		struct account *a = get(c, ns, v->name);

		if (!a)
			continue;
		if (v->value < a->kernel)
			went_back(c, ns, a, v->value);
		if (!a->read && !a->before && !c->polled)
			a->before = "before the monitor watched";
		if (!a->read || v->value != a->kernel) {
			a->kernel = v->value;
			a->changed_ns = f->boot_ns;
			push_unsettled(a, c->now_ns, v->value);
		}
		a->read = true;
		if (evidence_epoch(c, a) == 0 || a->evidence_epoch != evidence_epoch(c, a))
			a->blind_upto = v->value;
		a->evidence_epoch = evidence_epoch(c, a);
	}
}

void accounts_tell(struct core *c, struct netns *ns, struct account *a, struct event *e, uint64_t n)
{
	e->count = n;
	e->counter = a->name;
	detail_number(e, "cookie", ns->cookie);
	tunnels_drop(c, ns->cookie, e, n);
	if (!core_emit(c, e))
		a->suppressed += n;
	else if (e->id == EVENT_UNATTRIBUTED)
		a->unattributed += n;
	else
		a->attributed += n;
	a->changed = true;
	if (!a->before) /* else it is not known when they came */
		rates_count(c, e, ns->cookie, n);
}

/* Does every dropped packet of this counter leave an audit record? */
static bool audit_covers(const char *counter)
{
	return strcmp(counter, "XfrmInNoStates") == 0 ||
	       strcmp(counter, "XfrmInStateSeqError") == 0 ||
	       strcmp(counter, "XfrmInStateDirError") == 0 ||
	       strcmp(counter, "XfrmOutStateSeqError") == 0;
}

static bool is_proto_error(const struct account *a)
{
	return strcmp(a->name, "XfrmInStateProtoError") == 0;
}

static bool has_sa_statistics(const struct account *a)
{
	return is_proto_error(a) || strcmp(a->name, "XfrmInStateSeqError") == 0;
}

enum evidence accounts_evidence(const struct core *c, const char *counter)
{
	bool proto_error = strcmp(counter, "XfrmInStateProtoError") == 0;

	if (core_bpf_covers(c, counter))
		return EVIDENCE_BPF;
	if (core_audit_usable(c) && (audit_covers(counter) || proto_error))
		return EVIDENCE_AUDIT;
	if (core_sa_usable(c) && (proto_error || strcmp(counter, "XfrmInStateSeqError") == 0))
		return EVIDENCE_SA;
	return EVIDENCE_COUNTER;
}

/* An event about the interval since the last fold, with the counter as its only witness. */
static void interval_event(struct core *c, struct event *e, uint32_t id, const struct netns *ns,
	const struct account *a, uint8_t evidence)
{
	core_event_init(c, e, id, ns);
	e->evidence = evidence;
	e->first_us = a->folded_us;
	e->last_us = c->now_us;
	e->direction = a->known ? a->known->direction : DIRECTION_UNKNOWN;
}

static void tell_statistic(struct core *c, struct netns *ns, struct account *a, struct ledger_sa *l,
	uint32_t id, uint64_t n)
{
	struct event e;

	interval_event(c, &e, id, ns, a, EVIDENCE_SA);
	e.src = l->sa.src;
	e.dst = l->sa.dst;
	e.proto = l->sa.proto;
	e.has_spi = e.has_reqid = true;
	e.spi = l->sa.spi;
	e.reqid = l->sa.reqid;
	e.has_if_id = l->sa.if_id != 0;
	e.if_id = l->sa.if_id;
	accounts_tell(c, ns, a, &e, n);
}

/* What one statistic of one SA has counted and no event has told; *told follows. */
static void settle_statistic(struct core *c, struct netns *ns, struct account *a,
	struct ledger_sa *l, uint32_t id, uint32_t value, uint32_t *told, uint64_t waiting,
	uint64_t *left)
{
	uint64_t n = (uint32_t)(value - *told); /* they wrap at 2^32 */

	if (n > UINT32_MAX / 2) { /* told more than is there: an update reset it */
		*told = value;
		return;
	}
	n = n > waiting ? n - waiting : 0;
	if (n > *left)
		n = *left;
	if (n == 0)
		return;
	tell_statistic(c, ns, a, l, id, n);
	*told += (uint32_t)n;
	*left -= n;
}

static void settle_sa(
	struct core *c, struct netns *ns, struct account *a, struct ledger_sa *l, uint64_t *left)
{
	if (is_proto_error(a)) {
		settle_statistic(c, ns, a, l, EVENT_INTEGRITY_FAILED, l->sa.integrity_failed,
			&l->told_integrity, claims_waiting(c, l, AUDIT_DROP_ICV), left);
	} else {
		uint64_t waiting = claims_waiting(c, l, AUDIT_DROP_REPLAY);

		settle_statistic(c, ns, a, l, EVENT_REPLAY_DUPLICATE, l->sa.replayed,
			&l->told_replayed, waiting, left);
		settle_statistic(c, ns, a, l, EVENT_REPLAY_BELOW_WINDOW, l->sa.late, &l->told_late,
			waiting, left);
	}
}

static uint64_t settle_sas(struct core *c, struct netns *ns, struct account *a, uint64_t left)
{
	struct ledger_sa *l;

	for (size_t at = 0; left > 0 && (l = map_next(c->sas, &at, NULL));) {
		if (l->ns == ns)
			settle_sa(c, ns, a, l, &left);
	}
	for (struct remains *r = ns->remains; r && left > 0; r = r->next)
		settle_sa(c, ns, a, r->sa, &left);
	return left;
}

static bool is_any(const struct selector *s)
{
	return s->src.length == 0 && s->dst.length == 0 && s->proto == 0 && s->sport_mask == 0 &&
	       s->dport_mask == 0 && s->ifindex == 0;
}

/* Without a selector on any SA it can only have been the encapsulation. */
static uint32_t mismatch_event(const struct core *c, const struct netns *ns)
{
	struct ledger_sa *l;

	if (!ns->sa_known || ns->sources[SOURCE_XFRM].state != SOURCE_IN_STEP)
		return EVENT_STATE_MISMATCH;
	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
		if (l->ns == ns && !is_any(&l->sa.selector))
			return EVENT_STATE_MISMATCH;
	}
	for (const struct remains *r = ns->remains; r; r = r->next) {
		if (!is_any(&r->sa->sa.selector))
			return EVENT_STATE_MISMATCH;
	}
	return EVENT_ENCAPSULATION_MISMATCH;
}

/* Have the statistics of all SAs been read since the counter moved, and none been lost? */
static bool statistics_complete(
	const struct core *c, const struct netns *ns, const struct account *a)
{
	return core_sa_usable(c) && ns->sa_dumped_ns >= a->changed_ns &&
	       ns->sources[SOURCE_XFRM].state == SOURCE_IN_STEP &&
	       (ns->stats_lost_ns == 0 || ns->stats_lost_ns + 4 * c->config.settle_ns < c->now_ns);
}

/* The event that a bare increment becomes. */
static uint32_t bare_event(const struct core *c, const struct netns *ns, const struct account *a)
{
	if (!a->known)
		return EVENT_OTHER_DROP;
	if (is_proto_error(a) && !statistics_complete(c, ns, a))
		return EVENT_INTEGRITY_OR_MALFORMED;
	if (a->known->event == EVENT_STATE_MISMATCH)
		return mismatch_event(c, ns);
	return a->known->event;
}

static void tell_bare(struct core *c, struct netns *ns, struct account *a, uint32_t id, uint64_t n,
	const char *reason)
{
	struct event e;

	if (n == 0)
		return;
	interval_event(c, &e, id, ns, a, EVIDENCE_COUNTER);
	if (id == EVENT_CLEAR_TEXT) {
		bool clear = ns->sa_known && ns->n_sa == ns->n_larval && ns->n_remains == 0 &&
			     ns->sources[SOURCE_XFRM].state == SOURCE_IN_STEP;

		detail_text(&e, "told_apart",
			clear ? "clear text, for no SA is there that could have protected it"
			      : "clear text, or an SA other than the policy wants (not told "
				"apart)");
	} else if (id == EVENT_PROCESSING_ERROR || id == EVENT_IPTFS_ERROR) {
		detail_text(&e, "reason", a->known->cause);
	}
	detail_text(&e, id == EVENT_UNATTRIBUTED ? "reason" : "when", reason);
	accounts_tell(c, ns, a, &e, n);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t settled_part(const struct account *a)
{
	return a->settled > folded(a) ? least(account_open(a), a->settled - folded(a)) : 0;
}

static void settle(struct core *c, struct netns *ns, struct account *a)
{
	bool by_bpf = core_bpf_covers(c, a->name);
	bool by_sa = !by_bpf && core_sa_usable(c) && has_sa_statistics(a);
	bool by_audit =
		!by_bpf && core_audit_usable(c) && (audit_covers(a->name) || is_proto_error(a));
	bool fresh = ns->sa_dumped_ns >= a->changed_ns ||
		     ns->sources[SOURCE_XFRM].state != SOURCE_IN_STEP ||
		     c->now_ns - a->changed_ns > 4 * c->config.settle_ns;
	uint64_t part, n;

	if (by_sa) {
		if (!fresh)
			return; /* the round that reads them is on its way */
		part = by_audit ? settled_part(a) : account_open(a);
		if (part > 0)
			settle_sas(c, ns, a, part);
	}
	part = by_bpf || by_audit || by_sa ? settled_part(a) : account_open(a);
	if (by_bpf)
		part -= least(part, drops_expected(c, ns, a->name));
	if (by_audit)
		part -= least(part, claims_expected(c, ns, a->name));
	if (!by_bpf && (!by_audit || !audit_covers(a->name))) {
		tell_bare(c, ns, a, bare_event(c, ns, a), part, a->before);
		return;
	}
	/* Claims that could not be given to one netns have told what it was. */
	n = least(part, a->undecided);
	a->undecided -= n;
	part -= n;
	tell_bare(c, ns, a, bare_event(c, ns, a), n, NULL);
	/* Nobody looked then. */
	n = a->blind_upto > folded(a) ? least(part, a->blind_upto - folded(a)) : 0;
	part -= n;
	tell_bare(c, ns, a, bare_event(c, ns, a), n, a->before);
	tell_bare(c, ns, a, EVENT_UNATTRIBUTED, part,
		by_bpf ? "our programs in the kernel should have seen it, and did not"
		       : "audit should have told, and did not");
}

static void tell_reading(struct core *c, const struct netns *ns, struct account *a)
{
	struct core_reading r = { .time_us = c->now_us,
		.boot = c->boot,
		.cookie = ns->cookie,
		.netns = ns->name,
		.counter = a->name,
		.kernel = a->kernel,
		.attributed = a->attributed,
		.unattributed = a->unattributed,
		.suppressed = a->suppressed };

	c->sink.reading(c->sink.userdata, &r);
	a->changed = false;
}

static void age_unsettled(struct core *c, struct account *a)
{
	unsigned n = 0;

	while (n < a->n_unsettled && c->now_ns - a->unsettled[n].boot_ns >= c->config.settle_ns)
		a->settled = a->unsettled[n++].value;
	memmove(a->unsettled, a->unsettled + n, (a->n_unsettled - n) * sizeof(a->unsettled[0]));
	a->n_unsettled -= n;
}

void accounts_settle(struct core *c)
{
	struct netns *ns;

	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		for (unsigned i = 0; i < ns->n_accounts; i++) {
			struct account *a = &ns->accounts[i];

			if (!a->read)
				continue;
			age_unsettled(c, a);
			if (account_open(a) > 0)
				settle(c, ns, a);
			if (a->changed)
				tell_reading(c, ns, a);
			if (account_open(a) == 0) {
				a->before = NULL;
				a->folded_us = c->last_poll_us ? c->last_poll_us : a->folded_us;
			}
		}
	}
}
