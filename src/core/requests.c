/* SPDX-License-Identifier: Apache-2.0 */
#include "core/negotiations.h"
#include "core/statistics_private.h"

/* Requests for negotiations, of the kernel and of the daemons themselves, and how they failed. */

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

/* What ends an SA that was up, or is no negotiation at all. */
static bool is_no_negotiation(unsigned cause)
{
	return cause == CAUSE_DPD || cause == CAUSE_INVALID || cause == CAUSE_INVALID_SPI ||
	       cause == CAUSE_UNIQUE;
}

void statistics_failed(struct core *c, const struct negotiation *n)
{
	struct ike_service *s = ike_service_find(c, n->service);
	struct netns *ns = ike_service_netns(c, s);
	uint32_t event = cause_of(n->cause)->event;
	bool by_itself;

	if (!ns || is_no_negotiation(n->cause))
		return;
	if ((event == EVENT_AUTHENTICATION_FAILED || event == EVENT_SIGNATURE_INVALID) &&
		!ike_counts(s->s.daemon, M(AUTHENTICATION_FAILURES)))
		tally_add(c, ns, s->s.daemon, M(AUTHENTICATION_FAILURES), 1);
	if (!ike_counts(s->s.daemon, M(NEGOTIATION_FAILURES)))
		tally_add(c, ns, s->s.daemon, M(NEGOTIATION_FAILURES), 1);
	by_itself = n->role_known && n->initiator && !n->child &&
		    !requests_asked(c, ns->cookie, &n->local, &n->remote);
	if (by_itself && !has_begun(c, n))
		tally_add(c, ns, s->s.daemon, M(TOTAL_ACQUIRE), 1);
	if (by_itself)
		tally_add(c, ns, s->s.daemon, M(ACQUIRE_FAILURES), 1);
}
