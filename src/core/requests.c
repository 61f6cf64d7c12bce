/* SPDX-License-Identifier: Apache-2.0 */
#include "core/statistics_private.h"

/* Requests for negotiations, of the kernel and of the daemons themselves, and how they failed. */

#define NEGOTIATION_NS (30ull * 1000000000u) /* evidence of one failure comes within */
#define REQUEST_NS (165ull * 1000000000u) /* xfrm_acq_expires, unless somebody changed it */

#define M(name) STATISTIC_MAINMODE_##name

bool requests_asked(
	const struct core *c, uint64_t netns, const struct addr *src, const struct addr *dst)
{
	for (unsigned i = 0; i < REQUESTS_REMEMBERED; i++) {
		const struct asked *a = &c->statistics->asked[i];

		if (a->netns == netns && a->boot_ns && c->now_ns - a->boot_ns < REQUEST_NS &&
			addr_equal(&a->dst, dst) &&
			(addr_is_any(&a->src) || addr_is_any(src) || addr_equal(&a->src, src)))
			return true;
	}
	return false;
}

static void ask(
	struct core *c, const struct netns *ns, const struct addr *src, const struct addr *dst)
{
	struct asked *a = &c->statistics->asked[c->statistics->n_asked++ % REQUESTS_REMEMBERED];

	*a = (struct asked){ ns->cookie, c->now_ns ? c->now_ns : 1, *src, *dst };
}

/* Without an ACQUIRE that told of it: nobody listened, or the larval SA is older than we. */
void statistics_asked(struct core *c, struct netns *ns, const struct sa *larval)
{
	if (requests_asked(c, ns->cookie, &larval->src, &larval->dst))
		return;
	ask(c, ns, &larval->src, &larval->dst);
	tally_add(c, ns, 0, M(TOTAL_ACQUIRE), 1);
}

void requests_acquire(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);

	if (!ns || !ns->there)
		return;
	ask(c, ns, &f->acquire.src, &f->acquire.dst);
	tally_add(c, ns, 0, M(TOTAL_ACQUIRE), 1);
}

/* Before the ledger knows of it: is it one that a daemon begins by itself? */
void requests_ike_sa(struct core *c, const struct fact *f)
{
	const struct ike_sa *sa = &f->ike_sa.sa;
	struct ike_service *s = ike_service_find(c, sa->service);
	struct statistics *t = c->statistics;
	struct netns *ns = ike_service_netns(c, s);

	if (!ns || ike_sa_find(c, sa->service, sa->unique) || !sa->role_known || !sa->initiator ||
		f->ike_sa.op == IKE_OP_REKEYED ||
		requests_asked(c, ns->cookie, &sa->local, &sa->remote))
		return;
	if (f->ike_sa.op == IKE_OP_LISTED && sa->state == IKE_ESTABLISHED)
		return; /* older than our first sight */
	t->begun[t->n_begun++ % REQUESTS_REMEMBERED] = (struct begun){ sa->service, sa->unique };
	tally_add(c, ns, s->s.daemon, M(TOTAL_ACQUIRE), 1);
}

static bool has_begun(const struct core *c, const struct negotiation *n)
{
	for (unsigned i = 0; n->unique && i < REQUESTS_REMEMBERED; i++) {
		const struct begun *b = &c->statistics->begun[i];

		if (b->service == n->service && b->unique == n->unique)
			return true;
	}
	return false;
}

static bool is_authentication(unsigned cause)
{
	switch (cause) {
	case CAUSE_AUTH_REFUSED:
	case CAUSE_AUTH_FAILED:
	case CAUSE_NO_PEER_CONFIG:
	case CAUSE_CERT_UNTRUSTED:
	case CAUSE_CERT_EXPIRED:
	case CAUSE_CERT_REVOKED:
	case CAUSE_CERT_SIGNATURE:
	case CAUSE_AUTH_SIGNATURE:
	case CAUSE_CERT_POLICY:
	case CAUSE_NO_KEY:
	case CAUSE_AUTHORIZATION:
		return true;
	default:
		return false;
	}
}

/* What ends an SA that was up, or is no negotiation at all. */
static bool is_no_negotiation(unsigned cause)
{
	return cause == CAUSE_DPD || cause == CAUSE_INVALID || cause == CAUSE_INVALID_SPI ||
	       cause == CAUSE_UNIQUE;
}

static bool same_failure(
	const struct core *c, const struct failed_attempt *e, const struct negotiation *n)
{
	if (e->service != n->service || e->child != n->child ||
		c->now_ns - e->boot_ns >= NEGOTIATION_NS)
		return false;
	if (e->unique && n->unique)
		return e->unique == n->unique;
	/* The same voice with the same words once more: the next attempt. */
	if (e->final && n->final && e->said == n->said && e->cause == n->cause)
		return false;
	return e->remote.family == 0 || n->remote.family == 0 || addr_equal(&e->remote, &n->remote);
}

static struct failed_attempt *failure_of(struct core *c, const struct negotiation *n)
{
	struct statistics *t = c->statistics;
	struct failed_attempt *e;

	for (unsigned i = 1; i <= NEGOTIATIONS_REMEMBERED && i <= t->n_failures; i++) {
		e = &t->failures[(t->n_failures - i) % NEGOTIATIONS_REMEMBERED];
		if (same_failure(c, e, n))
			return e;
	}
	e = &t->failures[t->n_failures++ % NEGOTIATIONS_REMEMBERED];
	*e = (struct failed_attempt){
		.service = n->service, .unique = n->unique, .remote = n->remote, .child = n->child
	};
	return e;
}

void requests_negotiation(struct core *c, const struct fact *f)
{
	const struct negotiation *n = &f->negotiation;
	struct ike_service *s = ike_service_find(c, n->service);
	struct netns *ns = ike_service_netns(c, s);
	struct failed_attempt *e;
	bool by_itself;

	if (!ns || is_no_negotiation(n->cause))
		return;
	e = failure_of(c, n);
	e->boot_ns = c->now_ns;
	e->cause = n->cause;
	e->said = n->said;
	e->unique = e->unique ? e->unique : n->unique;
	if (n->remote.family)
		e->remote = n->remote;
	if (is_authentication(n->cause) && !e->authentication) {
		e->authentication = true;
		if (!ike_counts(s->s.daemon, M(AUTHENTICATION_FAILURES)))
			tally_add(c, ns, s->s.daemon, M(AUTHENTICATION_FAILURES), 1);
	}
	if (!n->final || e->final)
		return;
	e->final = true;
	if (!ike_counts(s->s.daemon, M(NEGOTIATION_FAILURES)))
		tally_add(c, ns, s->s.daemon, M(NEGOTIATION_FAILURES), 1);
	by_itself = n->role_known && n->initiator && !n->child &&
		    !requests_asked(c, ns->cookie, &n->local, &n->remote);
	if (by_itself && !has_begun(c, n))
		tally_add(c, ns, s->s.daemon, M(TOTAL_ACQUIRE), 1);
	if (by_itself)
		tally_add(c, ns, s->s.daemon, M(ACQUIRE_FAILURES), 1);
}
