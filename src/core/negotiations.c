/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/*
 * Attempts lie in chains by daemon and peer's address (none: its own chain), so that a storm from
 * many peers costs no more than one from one. Told ones stay a little: what comes late belongs to
 * them. An IKE SA that went down leaves an attempt of which nobody said that it failed, so that a
 * timeout said before or after is known to be a dead peer.
 */
struct chain_key {
	uint64_t service;
	struct addr peer;
	uint8_t zero[7]; /* in the place of padding: the map compares octets */
};
_Static_assert(sizeof(struct chain_key) == 32, "no padding");

struct chain {
	struct chain_key key;
	struct attempt *first; /* newest first */
	unsigned n;
};

struct negotiations {
	struct map *chains; /* struct chain_key → struct chain */
	unsigned n_attempts;
};

int negotiations_new(struct core *c)
{
	c->negotiations = calloc(1, sizeof(*c->negotiations));
	if (!c->negotiations)
		return -ENOMEM;
	return map_new(sizeof(struct chain_key), LIMIT_ATTEMPTS, c->seed, &c->negotiations->chains);
}

void negotiations_free(struct core *c)
{
	struct negotiations *all = c->negotiations;
	struct chain *chain;

	if (!all)
		return;
	for (size_t at = 0; all->chains && (chain = map_next(all->chains, &at, NULL));) {
		while (chain->first) {
			struct attempt *a = chain->first;

			chain->first = a->next;
			free(a);
		}
		free(chain);
	}
	map_free(all->chains);
	free(all);
	c->negotiations = NULL;
}

static uint64_t late_ns(const struct core *c)
{
	return 4 * c->config.settle_ns;
}

/* The more, the better it tells why: narrower first, then who says it, then without regard to
 * order. */
static uint32_t score(const struct negotiation *n)
{
	static const uint8_t weights[] = {
		[SAID_LOG] = 3, [SAID_STATUS] = 2, [SAID_AUDIT] = 2, [SAID_ALERT] = 1
	};
	uint32_t weight = n->said < ARRAY_LEN(weights) ? weights[n->said] : 0;

	return ((uint32_t)cause_of(n->cause)->rank * 8 + weight) * 256 + (UINT8_MAX - n->cause);
}

static void fill(char *to, const char *from, size_t size, bool better)
{
	if (from[0] && (better || !to[0]))
		memcpy(to, from, size);
}

static void fill_addr(struct addr *to, uint16_t *port, const struct addr *from, uint16_t from_port)
{
	if (!to->family)
		*to = *from;
	if (!*port && addr_equal(to, from))
		*port = from_port;
}

static bool has_piece_of(const struct attempt *a, const struct piece *p)
{
	for (unsigned i = 0; i < a->n_pieces; i++) {
		if (a->pieces[i].said == p->said && a->pieces[i].cause == p->cause)
			return true;
	}
	return false;
}

static bool has_piece(const struct attempt *a, const struct negotiation *n)
{
	return has_piece_of(a, &(struct piece){ .said = n->said, .cause = n->cause });
}

static void note_piece(struct core *c, struct attempt *a, const struct negotiation *n)
{
	if (has_piece(a, n) || a->n_pieces == ATTEMPT_PIECES)
		a->n_more++;
	else
		a->pieces[a->n_pieces++] =
			(struct piece){ n->said, n->cause, c->fact->seq, c->now_ns };
}

static void take(struct core *c, struct attempt *a, const struct negotiation *n)
{
	uint32_t points = score(n);
	bool better = a->n_pieces == 0 || points > a->score;

	if (better) {
		a->score = points;
		a->n.cause = n->cause;
		a->said = n->said;
		/* An IKE SA that fails by its first child alone is a failed child. */
		a->n.child = n->child || (a->n.child && n->cause == CAUSE_UNKNOWN);
	}
	if (!a->n.role_known && n->role_known) {
		a->n.role_known = true;
		a->n.initiator = n->initiator;
	}
	a->n.version = a->n.version ? a->n.version : n->version;
	a->n.unique = a->n.unique ? a->n.unique : n->unique;
	a->n.spi_i = a->n.spi_i ? a->n.spi_i : n->spi_i;
	a->n.spi_r = a->n.spi_r ? a->n.spi_r : n->spi_r;
	fill_addr(&a->n.local, &a->n.local_port, &n->local, n->local_port);
	fill_addr(&a->n.remote, &a->n.remote_port, &n->remote, n->remote_port);
	fill(a->n.conn, n->conn, sizeof(n->conn), false);
	fill(a->n.child_name, n->child_name, sizeof(n->child_name), false);
	fill(a->n.local_id, n->local_id, sizeof(n->local_id), false);
	fill(a->n.remote_id, n->remote_id, sizeof(n->remote_id), false);
	fill(a->n.ours, n->ours, sizeof(n->ours), better);
	fill(a->n.theirs, n->theirs, sizeof(n->theirs), better);
	fill(a->n.words, n->words, sizeof(n->words), better);
	note_piece(c, a, n);
	/* A dead peer is not said to be over where the IKE SA has gone already. */
	if ((n->final || a->went_down) && !a->n.final) {
		a->n.final = true;
		a->time_us = c->now_us;
		a->final_ns = c->now_ns;
	}
	a->touched_ns = c->now_ns;
}

/* Can both tell of the same negotiation? */
static bool same(const struct attempt *a, const struct negotiation *n)
{
	if (a->n.service != n->service)
		return false;
	/* "It failed" may be said of the IKE SA when it was its child's fault, and of both. */
	if (a->n.child != n->child && a->n_pieces > 0 && a->n.cause != CAUSE_UNKNOWN &&
		n->cause != CAUSE_UNKNOWN)
		return false;
	if (a->n.child_name[0] && n->child_name[0] && strcmp(a->n.child_name, n->child_name) != 0)
		return false;
	if (a->n.unique && n->unique)
		return a->n.unique == n->unique;
	if (a->n.remote.family && n->remote.family && !addr_equal(&a->n.remote, &n->remote))
		return false;
	if (a->n.conn[0] && n->conn[0])
		return strcmp(a->n.conn, n->conn) == 0;
	return a->n.remote.family && n->remote.family;
}

/*
 * After the daemon has said why, an SA that never was is dropped at a timeout, or missing in the
 * next list: no news. One that was up may die of something else.
 */
static bool is_aftermath(const struct core *c, const struct attempt *a, const struct negotiation *n)
{
	bool ends = n->cause == CAUSE_UNKNOWN ||
		    (!a->was_up && !n->child &&
			    cause_of(n->cause)->rank <= cause_of(CAUSE_TIMEOUT)->rank);

	return ends && n->unique && a->n.unique == n->unique &&
	       c->now_ns - a->touched_ns < AFTERMATH_S * 1000000000ull;
}

/*
 * Does it belong there? What was told takes only what is said late, in another way, and names no
 * other cause by the same mouth: else it is a new occurrence.
 */
static bool joins(const struct core *c, const struct attempt *a, const struct negotiation *n)
{
	if (!same(a, n))
		return false;
	if (a->n_pieces == 0) /* went down: takes a timeout only */
		return n->cause == CAUSE_TIMEOUT || n->cause == CAUSE_DPD;
	if (!a->told)
		return true;
	if (has_piece(a, n))
		return false;
	return c->now_ns - a->touched_ns < late_ns(c) || is_aftermath(c, a, n);
}

/* Of several negotiations with one peer at a time, where it fits best; 0: nowhere. */
static unsigned fit(const struct core *c, const struct attempt *a, const struct negotiation *n)
{
	if (!joins(c, a, n))
		return 0;
	return 1u + (n->unique && a->n.unique == n->unique ? 8u : 0) + (a->told ? 0 : 4u) +
	       (has_piece(a, n) ? 0 : 2u);
}

static struct attempt *best_of(
	const struct core *c, struct attempt *first, const struct negotiation *n)
{
	struct attempt *found = NULL;
	unsigned best = 0;

	for (struct attempt *a = first; a; a = a->next) {
		unsigned points = fit(c, a, n);

		if (points > best) {
			best = points;
			found = a;
		}
	}
	return found;
}

static struct chain_key key_of(uint64_t service, const struct addr *peer)
{
	struct chain_key key;

	memset(&key, 0, sizeof(key));
	key.service = service;
	key.peer = *peer;
	return key;
}

/* Where it can stand: with its peer, or, while either does not know the address, anywhere. */
static struct attempt *find(const struct core *c, const struct negotiation *n)
{
	struct chain_key key = key_of(n->service, &n->remote);
	struct chain *chain = map_get(c->negotiations->chains, &key);
	struct attempt *found = chain ? best_of(c, chain->first, n) : NULL;

	if (found)
		return found;
	if (n->remote.family) {
		static const struct addr nowhere;

		key = key_of(n->service, &nowhere);
		chain = map_get(c->negotiations->chains, &key);
		return chain ? best_of(c, chain->first, n) : NULL;
	}
	for (size_t at = 0; !found && (chain = map_next(c->negotiations->chains, &at, NULL));)
		found = chain->key.service == n->service ? best_of(c, chain->first, n) : NULL;
	return found;
}

static void remove_attempt(struct core *c, struct chain *chain, struct attempt **at)
{
	struct attempt *a = *at;

	*at = a->next;
	chain->n--;
	c->negotiations->n_attempts--;
	free(a);
}

static struct attempt *open_attempt(struct core *c, const struct negotiation *n, uint64_t cookie)
{
	struct chain_key key = key_of(n->service, &n->remote);
	struct negotiations *all = c->negotiations;
	struct chain *chain = map_get(all->chains, &key);
	struct attempt *a = NULL;

	if (all->n_attempts < LIMIT_ATTEMPTS && (!chain || chain->n < LIMIT_ATTEMPTS_OF_PEER))
		a = calloc(1, sizeof(*a));
	if (a && !chain) {
		chain = calloc(1, sizeof(*chain));
		if (chain && map_put(all->chains, &key, chain) < 0) {
			free(chain);
			chain = NULL;
		}
		if (chain)
			chain->key = key;
	}
	if (!a || !chain) {
		free(a);
		c->refused++;
		return NULL;
	}
	a->n.service = n->service;
	a->n.child = n->child;
	a->cookie = cookie;
	a->time_us = c->now_us;
	a->touched_ns = c->now_ns;
	a->next = chain->first;
	chain->first = a;
	chain->n++;
	all->n_attempts++;
	return a;
}

static void of_ike_sa(const struct ike_sa *sa, struct negotiation *ret)
{
	*ret = (struct negotiation){ .service = sa->service,
		.said = SAID_UPDOWN,
		.final = true,
		.role_known = sa->role_known,
		.initiator = sa->initiator,
		.version = sa->version,
		.unique = sa->unique,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.local = sa->local,
		.remote = sa->remote,
		.local_port = sa->local_port,
		.remote_port = sa->remote_port };
	memcpy(ret->conn, sa->name, sizeof(ret->conn));
	memcpy(ret->local_id, sa->local_id, sizeof(ret->local_id));
	memcpy(ret->remote_id, sa->remote_id, sizeof(ret->remote_id));
}

/* What the ledger knows of the IKE SA that it is about. True: it is, or was, established. */
static bool enrich(const struct core *c, struct negotiation *n)
{
	const struct ledger_ike_sa *l = n->unique ? ike_sa_find(c, n->service, n->unique) : NULL;
	struct negotiation known;

	if (!l)
		return false;
	of_ike_sa(&l->sa, &known);
	fill_addr(&n->local, &n->local_port, &known.local, known.local_port);
	fill_addr(&n->remote, &n->remote_port, &known.remote, known.remote_port);
	fill(n->conn, known.conn, sizeof(n->conn), false);
	fill(n->local_id, known.local_id, sizeof(n->local_id), false);
	fill(n->remote_id, known.remote_id, sizeof(n->remote_id), false);
	n->version = n->version ? n->version : known.version;
	/* Whose IKE SA it is does not tell who began with a child of it. */
	if (!n->role_known && !n->child) {
		n->role_known = known.role_known;
		n->initiator = known.initiator;
	}
	return l->sa.state >= IKE_ESTABLISHED && l->sa.state <= IKE_DELETING;
}

static void add(struct core *c, const struct negotiation *said, uint64_t cookie)
{
	struct negotiation n = *said;
	bool up = enrich(c, &n);
	struct attempt *a = find(c, &n);

	a = a ? a : open_attempt(c, &n, cookie);
	if (!a)
		return;
	a->was_up = a->was_up || up;
	take(c, a, &n);
}

void negotiations_add(struct core *c, const struct fact *f)
{
	if (f->negotiation.cause >= CAUSE_N) {
		c->refused++;
		return;
	}
	add(c, &f->negotiation, f->netns);
}

static void of_child(const struct core *c, const struct child_sa *sa, struct negotiation *ret)
{
	const struct ledger_ike_sa *ike = ike_sa_find(c, sa->service, sa->ike_unique);

	if (ike)
		of_ike_sa(&ike->sa, ret);
	else
		*ret = (struct negotiation){ .service = sa->service,
			.said = SAID_UPDOWN,
			.final = true,
			.unique = sa->ike_unique };
	ret->role_known = false; /* the IKE SA's initiator need not be the child's */
	ret->child = true;
	memcpy(ret->child_name, sa->name, sizeof(ret->child_name));
	fill(ret->conn, sa->ike_name, sizeof(ret->conn), true);
}

/* It came up after all: what was said before was a detour. What had its end stays. */
static void came_up(struct core *c, const struct negotiation *n)
{
	struct chain *chain;

	for (size_t at = 0; (chain = map_next(c->negotiations->chains, &at, NULL));) {
		struct attempt **to = &chain->first;

		while (*to) {
			struct attempt *a = *to;

			if (a->n.final || a->told || a->n_pieces == 0 || a->n.child != n->child ||
				!same(a, n)) {
				to = &a->next;
				continue;
			}
			remove_attempt(c, chain, to);
		}
	}
}

static void went_down(struct core *c, const struct negotiation *n, uint64_t cookie)
{
	struct negotiation timeout = *n;
	struct attempt *a;

	timeout.cause = CAUSE_TIMEOUT;
	a = find(c, &timeout);
	if (!a || a->told) {
		/* Many may go down at once: those that failed have precedence. */
		a = c->negotiations->n_attempts < LIMIT_ATTEMPTS / 2 ? open_attempt(c, n, cookie)
								     : NULL;
		if (!a)
			return;
		a->n = *n;
		a->n.final = false;
	} else if (!a->n.final) {
		a->n.final = true;
		a->time_us = c->now_us;
		a->final_ns = a->touched_ns = c->now_ns;
	}
	a->was_up = a->went_down = true;
}

void negotiations_sa(struct core *c, const struct fact *f)
{
	struct negotiation n;

	switch (f->type) {
	case FACT_IKE_SA:
		of_ike_sa(&f->ike_sa.sa, &n);
		if (f->ike_sa.op == IKE_OP_UP || f->ike_sa.op == IKE_OP_REKEYED)
			came_up(c, &n);
		break;
	case FACT_CHILD_SA:
		of_child(c, &f->child_sa.sa, &n);
		if (f->child_sa.op == IKE_OP_UP || f->child_sa.op == IKE_OP_REKEYED)
			came_up(c, &n);
		break;
	case FACT_IKE_SA_GONE:
		of_ike_sa(&f->ike_sa_gone.sa, &n);
		if (f->ike_sa_gone.how == IKE_GONE_FAILED)
			add(c, &n, f->netns);
		else if (f->ike_sa_gone.how == IKE_GONE_DOWN)
			went_down(c, &n, f->netns);
		break;
	default:
		of_child(c, &f->child_sa_gone.sa, &n);
		if (f->child_sa_gone.how == IKE_GONE_FAILED)
			add(c, &n, f->netns);
		break;
	}
}

/* "log (authentication failed), updown" */
static void describe_pieces(const struct attempt *a, char *ret, size_t size)
{
	static const char *const names[] = { [SAID_UPDOWN] = "updown",
		[SAID_LOG] = "log",
		[SAID_ALERT] = "alert",
		[SAID_STATUS] = "status",
		[SAID_AUDIT] = "audit" };
	CLEANUP_BUF struct buf out = { .limit = size };

	for (unsigned i = 0; i < a->n_pieces; i++) {
		const struct piece *p = &a->pieces[i];

		if (p->said >= ARRAY_LEN(names) || !names[p->said])
			continue;
		buf_printf(&out, "%s%s", out.n ? ", " : "", names[p->said]);
		if (p->cause != CAUSE_UNKNOWN)
			buf_printf(&out, " (%s)", ike_cause_name(p->cause));
	}
	(void)snprintf(ret, size, "%s", out.p ? out.p : "");
}

static uint8_t conclude(const struct attempt *a)
{
	if (a->n.cause == CAUSE_TIMEOUT && a->was_up)
		return CAUSE_DPD;
	/* An alert does not say which side it is about, where its sender's role is told by others.
	 */
	if (a->said == SAID_ALERT && a->n.role_known)
		return cause_for_role(a->n.cause, a->n.initiator);
	return a->n.cause;
}

/* All that the other one knows. */
static void merge(struct core *c, struct attempt *a, const struct attempt *other)
{
	struct negotiation n = other->n;

	n.said = other->said;
	n.final = false; /* a is over already */
	take(c, a, &n);
	for (unsigned i = 0; i < other->n_pieces; i++) {
		if (a->n_pieces < ATTEMPT_PIECES && !has_piece_of(a, &other->pieces[i]))
			a->pieces[a->n_pieces++] = other->pieces[i];
	}
	a->was_up = a->was_up || other->was_up;
}

/*
 * One way tells of it by the daemon's number, another by the peer's address. Which belong together
 * may show only at the end.
 */
static void gather(struct core *c, struct attempt *a)
{
	struct chain *chain;

	for (size_t at = 0; (chain = map_next(c->negotiations->chains, &at, NULL));) {
		struct attempt **to = chain->key.service == a->n.service ? &chain->first : NULL;

		while (to && *to) {
			struct attempt *other = *to;

			if (other == a || other->told || other->n_pieces == 0 ||
				!same(other, &a->n)) {
				to = &other->next;
				continue;
			}
			merge(c, a, other);
			remove_attempt(c, chain, to);
		}
	}
}

/* A policy that the kernel refuses after an interface changed is the change's event. */
static void blame_link(struct core *c, const struct attempt *a, struct event *e, const char *link)
{
	link_changes_told(c, a->cookie);
	(void)snprintf(e->iface, sizeof(e->iface), "%s", link);
	detail_text(e, "reason", "the kernel refused a policy just after the interface changed");
}

static void tell(struct core *c, struct attempt *a)
{
	const struct cause *cause;
	const char *link;
	uint32_t id;
	struct failure *row;
	char evidence[sizeof(row->evidence)];
	struct event e;

	a->told = true;
	gather(c, a);
	a->n.cause = conclude(a);
	cause = cause_of(a->n.cause);
	link = a->n.cause == CAUSE_POLICY_INSTALL ? link_changes_blame(c, a->cookie) : NULL;
	id = link ? EVENT_INTERFACE_UNCOVERED : cause->event;
	if (a->n.cause == CAUSE_DPD)
		a->n.child = false;
	describe_pieces(a, evidence, sizeof(evidence));
	row = failures_add(c, a, id, evidence);
	if (!row || failures_fold(c, row))
		return;
	core_event_init(c, &e, id, ledger_netns(c, a->cookie));
	e.time_us = a->time_us;
	if (link)
		blame_link(c, a, &e, link);
	ike_event_negotiation(c, &e, &a->n);
	detail_text(&e, "evidence_list", evidence);
	core_emit(c, &e);
}

static bool is_over(const struct core *c, const struct attempt *a, bool all)
{
	if (a->n.final)
		return all || c->now_ns - a->touched_ns >= c->config.settle_ns ||
		       c->now_ns - a->final_ns >= late_ns(c);
	return a->n_pieces > 0 &&
	       c->now_ns - a->touched_ns >= (uint64_t)ATTEMPT_OPEN_S * 1000000000u;
}

/* True: it may be forgotten. roomy: there is room to keep it for its aftermath. */
static bool settle(struct core *c, struct attempt *a, bool all, bool roomy)
{
	if (a->told || a->n_pieces == 0)
		return c->now_ns - a->touched_ns >=
		       (a->told && roomy ? AFTERMATH_S * 1000000000ull : late_ns(c));
	if (!is_over(c, a, all))
		return false;
	if (!a->n.final && cause_of(a->n.cause)->detour)
		return true;
	tell(c, a);
	a->touched_ns = c->now_ns;
	return false;
}

void negotiations_settle(struct core *c, bool all)
{
	struct chain *chain;

	for (size_t at = 0; (chain = map_next(c->negotiations->chains, &at, NULL));) {
		bool roomy = c->negotiations->n_attempts < LIMIT_ATTEMPTS / 2 &&
			     chain->n < LIMIT_ATTEMPTS_OF_PEER / 2;
		struct attempt **to = &chain->first;

		while (*to) {
			struct attempt *a = *to;

			if (!settle(c, a, all, roomy)) {
				to = &a->next;
				continue;
			}
			remove_attempt(c, chain, to);
		}
		if (!chain->first) {
			map_remove(c->negotiations->chains, &chain->key);
			free(chain);
		}
	}
	failures_settle(c, all);
}

void negotiations_orphan(struct core *c)
{
	struct chain *chain;

	for (size_t at = 0; (chain = map_next(c->negotiations->chains, &at, NULL));) {
		for (struct attempt *a = chain->first; a; a = a->next) {
			for (unsigned i = 0; i < a->n_pieces; i++)
				a->pieces[i].fact = 0;
		}
	}
}

/*
 * Only those that are over wait for a moment. One without its end may stay open for minutes, and
 * facts are not kept for so long: after a kill of the core its end alone is told.
 */
void negotiations_pending(const struct core *c, struct core_progress *p)
{
	struct chain *chain;

	for (size_t at = 0; (chain = map_next(c->negotiations->chains, &at, NULL));) {
		for (const struct attempt *a = chain->first; a; a = a->next) {
			for (unsigned i = 0; a->n.final && !a->told && i < a->n_pieces; i++) {
				if (a->final_ns - a->pieces[i].heard_ns < late_ns(c))
					progress_add(p, a->pieces[i].fact, a->pieces[i].fact);
			}
		}
	}
}
