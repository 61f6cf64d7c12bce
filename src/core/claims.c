/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/*
 * An audit record claims that a packet was dropped. It is told once the counter of its netns has
 * moved for it, so the log never holds more than the kernel counted. Claims of one key (cause,
 * addresses, SPI) form a pile: the first packets are told one by one, the rest as increments.
 */

#define PILE_IDLE_NS 60000000000u

/* The counters that may confirm a claim, most likely first. */
static const struct {
	uint8_t op;
	const char *counter;
	uint32_t event;
} confirms[] = {
	{ AUDIT_DROP_ICV, "XfrmInStateProtoError", EVENT_INTEGRITY_FAILED },
	{ AUDIT_DROP_REPLAY, "XfrmInStateSeqError", EVENT_REPLAY_FAILED },
	{ AUDIT_DROP_NOTFOUND, "XfrmInNoStates", EVENT_UNKNOWN_SPI },
	{ AUDIT_DROP_NOTFOUND, "XfrmInStateDirError", EVENT_DIRECTION_ERROR },
	{ AUDIT_DROP_OVERFLOW, "XfrmOutStateSeqError", EVENT_SEQUENCE_OVERFLOW },
};

static uint64_t waiting(const struct pile *p)
{
	return p->n_packets + p->more;
}

static uint64_t oldest_ns(const struct pile *p)
{
	return p->n_packets ? p->packets[0].heard_ns : p->more_ns;
}

/*
 * Where it may have happened: netns with that SA, else with that address, else all. On a host with
 * both ends of a tunnel both have the SA, but only one receives by it.
 */
static unsigned candidates(struct core *c, const struct fact *f, uint64_t *ret)
{
	bool out = f->audit_drop.op == AUDIT_DROP_OVERFLOW;
	uint8_t opposite = out ? DIRECTION_IN : DIRECTION_OUT;
	struct spi *s = NULL;
	unsigned n = 0;

	if (f->audit_drop.op != AUDIT_DROP_NOTFOUND && f->audit_drop.has_spi)
		s = spis_find(c, &f->audit_drop.dst, f->audit_drop.spi);
	for (struct ledger_sa *l = s ? s->living : NULL; l; l = l->next_spi) {
		bool known =
			l->sa.direction == opposite ||
			(!addr_equal(&l->sa.src, &f->audit_drop.src) && !addr_is_any(&l->sa.src));

		for (unsigned i = 0; i < n && !known; i++)
			known = ret[i] == l->sa.netns;
		if (!known && n < PILE_CANDIDATES)
			ret[n++] = l->sa.netns;
	}
	if (n > 0)
		return n;
	return ledger_local(c, out ? &f->audit_drop.src : &f->audit_drop.dst, ret, PILE_CANDIDATES);
}

static struct pile *pile_new(struct core *c, const struct pile_key *key)
{
	struct pile *p = calloc(1, sizeof(*p));

	if (!p || map_put(c->piles, key, p) < 0) {
		free(p);
		return NULL;
	}
	p->key = *key;
	return p;
}

static struct pile *pile_get(struct core *c, const struct pile_key *key)
{
	struct pile *p = map_get(c->piles, key);
	struct pile_key mixed;

	if (p)
		return p;
	/* One place stays free for each netns and cause: random sources and SPIs are folded there.
	 */
	if (map_count(c->piles) < LIMIT_PILES * 3 / 4) {
		p = pile_new(c, key);
		if (p)
			return p;
	}
	memset(&mixed, 0, sizeof(mixed));
	mixed.netns = key->netns;
	mixed.op = key->op;
	p = map_get(c->piles, &mixed);
	if (!p)
		p = pile_new(c, &mixed);
	if (p)
		p->overflow = true;
	return p;
}

/* Does better evidence tell all that this record may be about, as far as this kernel counts it? */
static bool told_otherwise(const struct core *c, uint8_t op)
{
	bool told = false;

	for (size_t i = 0; i < ARRAY_LEN(confirms); i++) {
		const char *hook = core_hook(c, confirms[i].counter);

		if (confirms[i].op != op || !hook)
			continue;
		if (!core_bpf_covers(c, confirms[i].counter))
			return false;
		told = true;
	}
	return told;
}

void claims_add(struct core *c, const struct fact *f)
{
	uint64_t where[PILE_CANDIDATES];
	struct pile_key key;
	struct pile *p;
	unsigned n;

	if (!(c->config.evidence & EVIDENCE_BIT(EVIDENCE_AUDIT)) ||
		told_otherwise(c, f->audit_drop.op))
		return;
	n = candidates(c, f, where);
	memset(&key, 0, sizeof(key));
	key.netns = n == 1 ? where[0] : 0;
	key.op = f->audit_drop.op;
	key.src = f->audit_drop.src;
	key.dst = f->audit_drop.dst;
	key.has_spi = f->audit_drop.has_spi;
	key.spi = f->audit_drop.has_spi ? f->audit_drop.spi : 0;
	p = pile_get(c, &key);
	if (!p) {
		c->refused++;
		return;
	}
	if (waiting(p) == 0 && n > 1) {
		memcpy(p->candidates, where, n * sizeof(where[0]));
		p->n_candidates = n;
	}
	p->touched_ns = c->now_ns;
	if (!p->overflow && p->more == 0 && p->n_packets < PILE_PACKETS &&
		p->told + p->n_packets < c->config.first_packets) {
		p->packets[p->n_packets++] = (struct packet){ .fact = f->seq,
			.heard_ns = c->now_ns,
			.real_us = f->real_us,
			.seqno = f->audit_drop.seqno,
			.has_seqno = f->audit_drop.has_seqno,
			.flowlabel = f->audit_drop.flowlabel,
			.has_flowlabel = f->audit_drop.has_flowlabel };
		return;
	}
	if (p->more == 0) {
		p->more_fact_first = f->seq;
		p->more_ns = c->now_ns;
		p->more_first_us = f->real_us;
		p->seqno_min = p->seqno_max = f->audit_drop.seqno;
		p->has_seqno = f->audit_drop.has_seqno;
	}
	p->more++;
	p->more_fact_last = f->seq;
	p->more_last_us = f->real_us;
	if (f->audit_drop.seqno < p->seqno_min)
		p->seqno_min = f->audit_drop.seqno;
	if (f->audit_drop.seqno > p->seqno_max)
		p->seqno_max = f->audit_drop.seqno;
}

static bool may_be_in(const struct pile *p, const struct netns *ns)
{
	if (p->key.netns == ns->cookie)
		return true;
	for (unsigned i = 0; p->key.netns == 0 && i < p->n_candidates; i++) {
		if (p->candidates[i] == ns->cookie)
			return true;
	}
	return false;
}

uint64_t claims_waiting(const struct core *c, const struct ledger_sa *sa, uint8_t op)
{
	struct pile_key key;
	struct pile *here, *somewhere;

	memset(&key, 0, sizeof(key));
	key.netns = sa->sa.netns;
	key.op = op;
	key.src = sa->sa.src;
	key.dst = sa->sa.dst;
	key.has_spi = 1;
	key.spi = sa->sa.spi;
	here = map_get(c->piles, &key);
	key.netns = 0;
	somewhere = map_get(c->piles, &key);
	return (here ? waiting(here) : 0) +
	       (somewhere && may_be_in(somewhere, sa->ns) ? waiting(somewhere) : 0);
}

static void packet_done(struct pile *p)
{
	memmove(&p->packets[0], &p->packets[1], (p->n_packets - 1) * sizeof(p->packets[0]));
	p->n_packets--;
	p->told++;
}

/* What one claim or increment is told as. */
static void claim_event(struct core *c, struct event *e, uint32_t id, struct netns *ns,
	const struct pile *p, const struct packet *packet, const struct ledger_sa *l)
{
	core_event_init(c, e, id, ns);
	e->evidence = EVIDENCE_AUDIT;
	e->direction = p->key.op == AUDIT_DROP_OVERFLOW ? DIRECTION_OUT : DIRECTION_IN;
	e->src = p->key.src;
	e->dst = p->key.dst;
	e->has_spi = p->key.has_spi;
	e->spi = p->key.spi;
	if (l) {
		e->proto = l->sa.proto;
		e->has_reqid = true;
		e->reqid = l->sa.reqid;
		e->has_if_id = l->sa.if_id != 0;
		e->if_id = l->sa.if_id;
	}
	if (packet) {
		e->time_us = packet->real_us;
		e->has_seqno = packet->has_seqno;
		e->seqno = packet->seqno;
		e->has_flowlabel = packet->has_flowlabel;
		e->flowlabel = packet->flowlabel;
	} else {
		e->first_us = p->more_first_us;
		e->last_us = p->more_last_us;
		if (p->overflow)
			detail_text(e, "mixed", "several sources or SPIs");
	}
	if (id == EVENT_UNKNOWN_SPI && p->key.has_spi)
		spis_answer(c, e, ns ? ns->cookie : 0, &p->key.dst, p->key.spi);
}

/*
 * RFC 4303, 3.4.3 and the kernel's xfrm_replay_check_esn(): with ESN a number left of the window
 * counts as one of the next 2^32, so an old packet fails the integrity check instead.
 */
void claims_suspect_esn(struct event *e, uint32_t seqno, const struct ledger_sa *l)
{
	uint32_t top, behind;

	if (!l->sa.esn || l->sa.replay_window == 0)
		return;
	top = (uint32_t)l->sa.seq;
	behind = top - seqno;
	if (behind >= l->sa.replay_window && behind < UINT32_C(1) << 31)
		detail_text(e, "suspicion", "too old or forged (extended sequence numbers)");
}

/* How many packets of each kind the SA's statistics have counted and no event has told. */
struct replay_budget {
	uint64_t duplicate, late;
};

static struct replay_budget replay_budget(const struct core *c, const struct ledger_sa *l)
{
	struct replay_budget b = { 0 };

	if (l && core_sa_usable(c)) {
		b.duplicate = (uint32_t)(l->sa.replayed - l->told_replayed);
		b.late = (uint32_t)(l->sa.late - l->told_late);
	}
	return b;
}

/*
 * 4961 or 4962? Sure when only one statistic moved. Else by the number: below the window as it
 * stood before, it was too old; inside the window as it stands now, it was a duplicate.
 */
static uint32_t replay_kind(const struct ledger_sa *l, const struct replay_budget *b,
	uint32_t seqno_min, uint32_t seqno_max, bool has_seqno)
{
	uint64_t window, before, now;

	if (!l || (b->duplicate == 0 && b->late == 0))
		return EVENT_REPLAY_FAILED;
	if (b->late == 0)
		return EVENT_REPLAY_DUPLICATE;
	if (b->duplicate == 0)
		return EVENT_REPLAY_BELOW_WINDOW;
	window = l->sa.replay_window;
	before = (uint32_t)l->top_before;
	now = (uint32_t)l->sa.seq;
	if (has_seqno && seqno_max + window <= before)
		return EVENT_REPLAY_BELOW_WINDOW;
	if (has_seqno && seqno_min + window > now)
		return EVENT_REPLAY_DUPLICATE;
	return EVENT_REPLAY_FAILED;
}

static void replay_told(struct ledger_sa *l, struct replay_budget *b, uint32_t id, uint64_t n)
{
	uint64_t duplicate = id == EVENT_REPLAY_BELOW_WINDOW ? 0
			     : n < b->duplicate              ? n
							     : b->duplicate;
	uint64_t late = n - duplicate < b->late ? n - duplicate : b->late;

	if (!l || id == EVENT_REPLAY_ZERO)
		return;
	if (id == EVENT_REPLAY_DUPLICATE)
		late = 0;
	b->duplicate -= duplicate;
	b->late -= late;
	l->told_replayed += (uint32_t)duplicate;
	l->told_late += (uint32_t)late;
}

/* Tells one packet (or n increments, packet NULL) of the pile; the account has room for them. */
static void tell(struct core *c, struct netns *ns, struct account *a, struct pile *p,
	const struct packet *packet, uint64_t n, uint32_t id, struct ledger_sa *l,
	struct replay_budget *budget)
{
	struct event e;

	if (p->key.op == AUDIT_DROP_REPLAY) {
		if (packet && packet->has_seqno && packet->seqno == 0)
			id = EVENT_REPLAY_ZERO;
		else if (packet)
			id = replay_kind(
				l, budget, packet->seqno, packet->seqno, packet->has_seqno);
		else
			id = replay_kind(l, budget, p->seqno_min, p->seqno_max, p->has_seqno);
	}
	claim_event(c, &e, id, ns, p, packet, l);
	if (id == EVENT_INTEGRITY_FAILED) {
		if (l && packet && packet->has_seqno)
			claims_suspect_esn(&e, packet->seqno, l);
		if (l)
			l->told_integrity += (uint32_t)n;
	} else if (p->key.op == AUDIT_DROP_REPLAY) {
		if (id == EVENT_REPLAY_FAILED && budget->duplicate + budget->late > 0) {
			detail_number(&e, "duplicate_at_most", budget->duplicate);
			detail_number(&e, "below_window_at_most", budget->late);
		}
		replay_told(l, budget, id, n);
	}
	accounts_tell(c, ns, a, &e, n);
}

/* Statistics of the SA come with the next dump: worth waiting for, within bounds. */
static bool must_wait(const struct core *c, const struct pile *p, const struct ledger_sa *l,
	const struct replay_budget *b)
{
	return !c->stopping && p->key.op == AUDIT_DROP_REPLAY && l && core_sa_usable(c) &&
	       b->duplicate + b->late < waiting(p) &&
	       c->now_ns - oldest_ns(p) < 2 * c->config.settle_ns;
}

/* Tells up to the account's open increments; what the counter has not confirmed waits on. */
static void confirm(
	struct core *c, struct netns *ns, struct account *a, uint32_t id, struct pile *p)
{
	struct ledger_sa *l = p->key.has_spi && p->key.op != AUDIT_DROP_NOTFOUND
				      ? sas_find(c, ns, &p->key.src, &p->key.dst, p->key.spi)
				      : NULL;
	struct replay_budget budget = replay_budget(c, l);
	uint64_t n;

	if (must_wait(c, p, l, &budget))
		return;
	while (p->n_packets > 0 && account_open(a) > 0) {
		struct packet packet = p->packets[0];

		tell(c, ns, a, p, &packet, 1, id, l, &budget);
		packet_done(p);
	}
	n = p->more < account_open(a) ? p->more : account_open(a);
	if (p->n_packets > 0 || n == 0)
		return;
	tell(c, ns, a, p, NULL, n, id, l, &budget);
	p->more -= n;
	p->more_fact_first += n; /* they have at least so many numbers */
	p->more_first_us = p->more_last_us;
	p->more_ns = c->now_ns;
}

static void confirm_in(struct core *c, struct netns *ns, struct pile *p)
{
	for (size_t i = 0; i < ARRAY_LEN(confirms) && waiting(p) > 0; i++) {
		struct account *a =
			confirms[i].op == p->key.op ? accounts_find(ns, confirms[i].counter) : NULL;

		if (a && account_open(a) > 0)
			confirm(c, ns, a, confirms[i].event, p);
	}
}

static uint64_t open_in(struct netns *ns, uint8_t op)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(confirms); i++) {
		struct account *a =
			confirms[i].op == op ? accounts_find(ns, confirms[i].counter) : NULL;

		n += a ? account_open(a) : 0;
	}
	return n;
}

uint64_t claims_expected(const struct core *c, const struct netns *ns, const char *counter)
{
	struct pile *p;
	uint64_t n = 0;

	for (size_t at = 0; (p = map_next(c->piles, &at, NULL));) {
		for (size_t i = 0; i < ARRAY_LEN(confirms) && may_be_in(p, ns); i++) {
			if (confirms[i].op == p->key.op &&
				strcmp(confirms[i].counter, counter) == 0)
				n += waiting(p);
		}
	}
	return n;
}

static void drop(struct pile *p)
{
	p->n_packets = 0;
	p->more = 0;
}

/* Evidence that is told without a count: which counter it moved is not known. */
static void tell_uncounted(struct core *c, struct pile *p, uint32_t id, const char *what)
{
	CLEANUP_BUF struct buf names = { 0 };
	struct json j;
	struct event e;

	json_init(&j, &names);
	json_open(&j, NULL, '[');
	for (unsigned i = 0; i < p->n_candidates; i++) {
		struct netns *ns = ledger_netns(c, p->candidates[i]);

		if (ns)
			json_text(&j, NULL, ns->name);
	}
	json_close(&j, ']');
	while (waiting(p) > 0) {
		const struct packet *packet = p->n_packets ? &p->packets[0] : NULL;

		claim_event(c, &e, id, ledger_netns(c, p->key.netns), p, packet, NULL);
		detail_text(&e, "what", what);
		if (p->n_candidates > 1)
			detail_raw(&e, "candidates", buf_span(&names));
		if (!packet)
			detail_number(&e, "packets", p->more);
		core_emit(c, &e);
		if (packet)
			packet_done(p);
		else
			p->more = 0;
	}
}

static const char *what_of(uint8_t op)
{
	static const char *const names[] = { NULL, "an integrity failure", "a failed replay check",
		"an unknown SPI", "a sequence overflow" };

	return op < ARRAY_LEN(names) ? names[op] : NULL;
}

/* The netns is not known: the counters decide, if only one of the candidates moved. */
static void decide(struct core *c, struct pile *p)
{
	struct netns *moved = NULL;
	unsigned n_moved = 0;

	for (unsigned i = 0; i < p->n_candidates; i++) {
		struct netns *ns = ledger_netns(c, p->candidates[i]);

		if (ns && open_in(ns, p->key.op) > 0) {
			moved = ns;
			n_moved++;
		}
	}
	if (n_moved == 1) {
		confirm_in(c, moved, p);
	} else if (n_moved > 1 && c->now_ns - oldest_ns(p) > c->config.settle_ns) {
		uint64_t n = waiting(p);

		for (unsigned i = 0; i < p->n_candidates; i++) {
			struct netns *ns = ledger_netns(c, p->candidates[i]);

			for (size_t k = 0; ns && k < ARRAY_LEN(confirms); k++) {
				struct account *a = confirms[k].op == p->key.op
							    ? accounts_find(ns, confirms[k].counter)
							    : NULL;

				if (a && account_open(a) > 0)
					a->undecided += n;
			}
		}
		for (size_t k = 0; k < ARRAY_LEN(confirms); k++) {
			if (confirms[k].op == p->key.op) {
				tell_uncounted(c, p, confirms[k].event, what_of(p->key.op));
				break;
			}
		}
		drop(p);
	}
}

static void age(struct core *c, struct pile *p)
{
	if (waiting(p) > 0 && c->now_ns - oldest_ns(p) > 4 * c->config.settle_ns) {
		tell_uncounted(c, p, EVENT_EVIDENCE_DISCREPANCY, what_of(p->key.op));
		drop(p);
	}
	if (waiting(p) == 0 && c->now_ns - p->touched_ns > PILE_IDLE_NS) {
		map_remove(c->piles, &p->key);
		free(p);
	}
}

void claims_settle(struct core *c)
{
	struct pile *p;
	struct ledger_sa *l;

	for (size_t at = 0; (p = map_next(c->piles, &at, NULL));) {
		struct netns *ns = ledger_netns(c, p->key.netns);

		if (ns && waiting(p) > 0)
			confirm_in(c, ns, p);
	}
	for (size_t at = 0; (p = map_next(c->piles, &at, NULL));) {
		if (p->key.netns == 0 && waiting(p) > 0)
			decide(c, p);
	}
	for (size_t at = 0; (p = map_next(c->piles, &at, NULL));)
		age(c, p);
	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));)
		l->top_before = l->sa.seq;
}

void claims_orphan(struct core *c)
{
	struct pile *p;
	struct held *h;

	for (size_t at = 0; (p = map_next(c->piles, &at, NULL));) {
		for (unsigned i = 0; i < p->n_packets; i++)
			p->packets[i].fact = 0;
		p->more_fact_first = p->more_fact_last = 0;
	}
	for (h = c->held; h; h = h->next)
		h->fact = 0;
}

void claims_pending(const struct core *c, struct core_progress *ret)
{
	struct pile *p;

	for (size_t at = 0; (p = map_next(c->piles, &at, NULL));) {
		for (unsigned i = 0; i < p->n_packets; i++)
			progress_add(ret, p->packets[i].fact, p->packets[i].fact);
		if (p->more > 0)
			progress_add(ret, p->more_fact_first, p->more_fact_last);
	}
}
