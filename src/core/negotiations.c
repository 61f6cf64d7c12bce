/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/attempts.h"
#include "core/internal.h"
#include "core/tunnels.h"

/* From what daemons say of negotiations to one event each. */

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
	/* Whose IKE SA it is does not tell who began with a child of it. */
	known.role_known = known.role_known && !n->child;
	attempt_learn(n, &known);
	return l->sa.state >= IKE_ESTABLISHED && l->sa.state <= IKE_DELETING;
}

static void add(struct core *c, const struct negotiation *said, uint64_t cookie)
{
	struct negotiation n = *said;
	bool up = enrich(c, &n);
	struct attempt *a = attempts_find(c, &n);

	a = a ? a : attempts_open(c, &n, cookie);
	if (!a)
		return;
	a->was_up = a->was_up || up;
	attempt_take(c, a, &n);
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
	if (sa->ike_name[0])
		memcpy(ret->conn, sa->ike_name, sizeof(ret->conn));
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
				!attempt_is_about(a, n)) {
				to = &a->next;
				continue;
			}
			attempts_remove(c, chain, to);
		}
	}
}

/* Late copies of messages (CAUSE_INVALID_SPI) are everywhere, and nobody's reason to end. */
static void went_down(struct core *c, const struct negotiation *n, uint64_t cookie)
{
	struct negotiation timeout = *n;
	struct attempt *a;

	timeout.cause = CAUSE_TIMEOUT;
	a = attempts_find(c, &timeout);
	if (!a || a->told) {
		/* Many may go down at once: those that failed have precedence. */
		a = c->negotiations->n_attempts < LIMIT_ATTEMPTS / 2 ? attempts_open(c, n, cookie)
								     : NULL;
		if (!a)
			return;
		a->n = *n;
		a->n.final = false;
	} else if (!a->n.final && a->n.cause != CAUSE_INVALID_SPI) {
		a->n.final = true;
		a->time_us = c->now_us;
		a->final_ns = a->touched_ns = c->now_ns;
	}
	attempt_learn(&a->n, n);
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
	attempt_take(c, a, &n);
	for (unsigned i = 0; i < other->n_pieces; i++) {
		if (a->n_pieces < ATTEMPT_PIECES && !attempt_has_piece(a, &other->pieces[i]))
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
				!attempt_is_about(other, &a->n)) {
				to = &other->next;
				continue;
			}
			merge(c, a, other);
			attempts_remove(c, chain, to);
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
	tunnels_failed(c, a->cookie, &a->n, a->time_us);
	statistics_failed(c, &a->n);
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
		       c->now_ns - a->final_ns >= attempts_late_ns(c);
	return a->n_pieces > 0 &&
	       c->now_ns - a->touched_ns >= (uint64_t)ATTEMPT_OPEN_S * 1000000000u;
}

/* True: it may be forgotten. roomy: there is room to keep it for its aftermath. */
static bool settle(struct core *c, struct attempt *a, bool all, bool roomy)
{
	if (a->told || a->n_pieces == 0)
		return c->now_ns - a->touched_ns >=
		       (a->told && roomy ? AFTERMATH_S * 1000000000ull : attempts_late_ns(c));
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
			attempts_remove(c, chain, to);
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
				if (a->final_ns - a->pieces[i].heard_ns < attempts_late_ns(c))
					progress_add(p, a->pieces[i].fact, a->pieces[i].fact);
			}
		}
	}
}
