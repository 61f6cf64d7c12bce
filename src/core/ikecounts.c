/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/statistics_private.h"

/*
 * What the IKE daemons add to the statistics, beside what the ledger (ike.h) has of them: counters
 * that a daemon keeps are read as they are, the rest is counted from its SAs, its evidence of
 * failures and its shunts.
 */

#define SS DAEMON_STRONGSWAN
#define LS DAEMON_LIBRESWAN
#define M(name) STATISTIC_MAINMODE_##name

#define MANGLED "total.ike.mangled"

/* Counters of daemons, by their own names, and the statistic that they are part of. */
static const struct {
	uint8_t daemon;
	const char *name;
	enum statistic_id id;
} counters[] = {
	{ SS, "ike-init-in-req", M(RECEIVE_HEAP_SIZE) },
	{ SS, "ike-init-in-resp", M(RECEIVE_HEAP_SIZE) },
	{ SS, "ike-auth-in-req", M(RECEIVE_HEAP_SIZE) },
	{ SS, "ike-auth-in-resp", M(RECEIVE_HEAP_SIZE) },
	{ SS, "create-child-in-req", M(RECEIVE_HEAP_SIZE) },
	{ SS, "create-child-in-resp", M(RECEIVE_HEAP_SIZE) },
	{ SS, "info-in-req", M(RECEIVE_HEAP_SIZE) },
	{ SS, "info-in-resp", M(RECEIVE_HEAP_SIZE) },
	{ SS, "invalid-spi", M(INVALID_COOKIES_RECEIVED) },
	{ SS, "invalid", M(INVALID_PACKETS_RECEIVED) },
	{ SS, "queues.critical", M(ACQUIRE_HEAP_SIZE) },
	{ SS, "queues.high", M(ACQUIRE_HEAP_SIZE) },
	{ SS, "queues.medium", M(ACQUIRE_HEAP_SIZE) },
	{ SS, "queues.low", M(ACQUIRE_HEAP_SIZE) },
	{ LS, "total.ikev2.sent.notifies.error.AUTHENTICATION_FAILED", M(AUTHENTICATION_FAILURES) },
	{ LS, "total.ikev2.recv.notifies.error.AUTHENTICATION_FAILED", M(AUTHENTICATION_FAILURES) },
	{ LS, "total.ikev2.sent.notifies.error.AUTHORIZATION_FAILED", M(AUTHENTICATION_FAILURES) },
	{ LS, "total.ikev2.recv.notifies.error.AUTHORIZATION_FAILED", M(AUTHENTICATION_FAILURES) },
	{ LS, "total.ikev1.sent.notifies.error.AUTHENTICATION_FAILED", M(AUTHENTICATION_FAILURES) },
	{ LS, "total.ikev1.recv.notifies.error.AUTHENTICATION_FAILED", M(AUTHENTICATION_FAILURES) },
	{ LS, "total.ike.ikev2.failed", M(NEGOTIATION_FAILURES) },
	{ LS, "total.ike.ikev1.failed", M(NEGOTIATION_FAILURES) },
	{ LS, "total.ikev2.sent.notifies.error.TS_UNACCEPTABLE", M(NEGOTIATION_FAILURES) },
	{ LS, "total.ikev2.recv.notifies.error.TS_UNACCEPTABLE", M(NEGOTIATION_FAILURES) },
	{ LS, "total.ikev2.ike.established", M(IKE_MAIN_MODE) },
	{ LS, "total.ikev1.isakmp.established", M(IKE_MAIN_MODE) },
	{ LS, "total.ikev2.child.established", M(IKE_QUICK_MODE) },
	{ LS, "total.ikev1.ipsec.established", M(IKE_QUICK_MODE) },
	{ LS, MANGLED, M(INVALID_PACKETS_RECEIVED) },
	{ LS, "total.ikev2.sent.notifies.error.INVALID_SYNTAX", M(INVALID_PACKETS_RECEIVED) },
	{ LS, "total.ikev1.sent.notifies.error.INVALID_PAYLOAD_TYPE", M(INVALID_PACKETS_RECEIVED) },
};

struct shunt_key {
	uint64_t service, digest; /* of what it is */
};

struct shunt_brief {
	struct shunt_key key;
	bool pass, negotiated;
	uint32_t generation;
};

int statistics_new(struct core *c)
{
	struct statistics *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	c->statistics = t;
	return map_new(sizeof(struct shunt_key), LIMIT_SHUNTS, c->seed, &t->shunts);
}

void statistics_free(struct core *c)
{
	struct statistics *t = c->statistics;

	if (!t)
		return;
	while (t->services) {
		struct ike_service *s = t->services;

		t->services = s->next;
		free(s);
	}
	t->shunts = map_free_all(t->shunts);
	free(t);
	c->statistics = NULL;
}

struct ike_service *ike_service_find(const struct core *c, uint64_t id)
{
	for (struct ike_service *s = c->statistics->services; s; s = s->next) {
		if (s->s.id == id)
			return s;
	}
	return NULL;
}

/* What the newest list does not have, or everything. */
static void forget_shunts(struct core *c, const struct ike_service *s, bool everything)
{
	struct shunt_brief *b;

	for (size_t at = 0; (b = map_next(c->statistics->shunts, &at, NULL));) {
		if (b->key.service == s->s.id &&
			(everything || b->generation != s->shunt_generation))
			free(map_remove(c->statistics->shunts, &b->key));
	}
}

static void service_remove(struct core *c, struct ike_service *s)
{
	struct ike_service **at = &c->statistics->services;
	struct netns *ns = ledger_netns(c, s->netns);
	uint8_t daemon = s->s.daemon;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	c->statistics->n_services--;
	forget_shunts(c, s, true);
	free(s);
	if (ns)
		tallies_service_gone(c, ns, daemon);
}

static struct ike_service *service_add(struct core *c, struct netns *ns, const struct service *s)
{
	bool first_of_kind = true, first = true;
	const struct ike_server *server;
	struct ike_service *n;

	for (n = c->statistics->services; n; n = n->next) {
		first = first && n->netns != ns->cookie;
		first_of_kind =
			first_of_kind && (n->netns != ns->cookie || n->s.daemon != s->daemon);
	}
	n = c->statistics->n_services < LIMIT_SERVERS ? calloc(1, sizeof(*n)) : NULL;
	if (!n) {
		c->refused++;
		return NULL;
	}
	/* Its control socket may have been quicker than we to tell of the process. */
	server = ike_server_find(c, s->id, s->daemon);
	n->counted = server && server->known[IKE_LIST_COUNTERS];
	n->s = *s;
	n->netns = ns->cookie;
	n->next = c->statistics->services;
	c->statistics->services = n;
	c->statistics->n_services++;
	tallies_service(c, ns, s, first_of_kind, first);
	return n;
}

static void service_fact(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	const struct service *s = &f->service;
	struct ike_service *known = ike_service_find(c, s->id);

	if (s->end != SERVICE_RUNS) {
		if (known) {
			tallies_poll(c);
			service_remove(c, known);
		}
		return;
	}
	if (!ns || !ns->there || s->daemon == 0 || s->daemon >= TALLIES)
		return;
	if (!known)
		known = service_add(c, ns, s);
	if (known)
		known->s = *s;
}

struct netns *ike_service_netns(const struct core *c, const struct ike_service *s)
{
	struct netns *ns = s ? ledger_netns(c, s->netns) : NULL;

	return ns && ns->there ? ns : NULL;
}

static void ike_sa_fact(struct core *c, const struct fact *f)
{
	struct ike_service *s = ike_service_find(c, f->ike_sa.sa.service);
	struct netns *ns = ike_service_netns(c, s);

	if (ns && (f->ike_sa.op == IKE_OP_UP || f->ike_sa.op == IKE_OP_REKEYED) &&
		!ike_counts(s->s.daemon, M(IKE_MAIN_MODE)))
		tally_add(c, ns, s->s.daemon, M(IKE_MAIN_MODE), 1);
}

static void child_sa_fact(struct core *c, const struct fact *f)
{
	struct ike_service *s = ike_service_find(c, f->child_sa.sa.service);
	struct netns *ns = ike_service_netns(c, s);
	bool rekeyed = f->child_sa.op == IKE_OP_REKEYED;

	if (!ns || (f->child_sa.op != IKE_OP_UP && !rekeyed))
		return;
	if (rekeyed)
		tally_add(c, ns, 0, STATISTIC_QUICKMODE_REKEYS, 1);
	if (!ike_counts(s->s.daemon, M(IKE_QUICK_MODE)))
		tally_add(c, ns, s->s.daemon, M(IKE_QUICK_MODE), 1);
}

static uint64_t digest(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u; /* FNV-1a */
	return (h ^ 0xff) * 0x100000001b3u;
}

static void shunt_fact(struct core *c, const struct fact *f)
{
	const struct shunt *sh = &f->shunt;
	struct ike_service *s = ike_service_find(c, sh->service);
	struct netns *ns = ike_service_netns(c, s);
	struct shunt_key key = { sh->service, 0xcbf29ce484222325u + sh->action };
	struct shunt_brief *b;

	if (!ns)
		return;
	key.digest = digest(digest(digest(key.digest, sh->name), sh->local_ts), sh->remote_ts);
	b = map_get(c->statistics->shunts, &key);
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b || map_put(c->statistics->shunts, &key, b) < 0) {
			free(b);
			c->refused++;
			return;
		}
		b->key = key;
		b->pass = sh->action == ACTION_PASS;
		/* Those of the first list are older than we, unless the daemon is not. */
		if (b->pass && sh->negotiated && (s->shunted || !s->s.found))
			tally_add(c, ns, s->s.daemon, M(SOFT_ASSOCIATIONS), 1);
	}
	b->negotiated = sh->negotiated;
	b->generation = s->shunt_generation;
}

static void socket_fact(struct core *c, const struct fact *f)
{
	struct ike_service *s = ike_service_find(c, f->ike_socket.service);
	unsigned i = 0;

	if (!s || f->ike_socket.foreign)
		return;
	while (i < s->n_sockets &&
		(s->sockets[i].s.port != f->ike_socket.port ||
			!addr_equal(&s->sockets[i].s.local, &f->ike_socket.local)))
		i++;
	if (i == SOCKETS_MAX) {
		c->refused++;
		return;
	}
	if (i == s->n_sockets)
		s->n_sockets++;
	else if (f->ike_socket.drops < s->sockets[i].s.drops) /* opened anew */
		s->drops_dead += s->sockets[i].s.drops;
	s->sockets[i].s = f->ike_socket;
	s->sockets[i].generation = s->socket_generation;
}

static void forget_sockets(struct ike_service *s)
{
	for (unsigned i = s->n_sockets; i-- > 0;) {
		if (s->sockets[i].generation == s->socket_generation)
			continue;
		s->drops_dead += s->sockets[i].s.drops;
		s->sockets[i] = s->sockets[--s->n_sockets];
	}
}

static void dump_fact(struct core *c, const struct fact *f)
{
	struct ike_service *s = ike_service_find(c, f->ike_dump.service);
	bool begins = f->ike_dump.phase == DUMP_BEGIN, ends = f->ike_dump.phase == DUMP_END;

	if (!s)
		return;
	switch (f->ike_dump.list) {
	case IKE_LIST_SHUNTS:
		s->shunt_generation += begins;
		if (ends)
			forget_shunts(c, s, false);
		s->shunted = s->shunted || ends;
		break;
	case IKE_LIST_SOCKETS:
		s->socket_generation += begins;
		if (ends)
			forget_sockets(s);
		s->socketed = s->socketed || ends;
		break;
	case IKE_LIST_COUNTERS:
		s->counted = s->counted || ends;
		break;
	default:
		break;
	}
	/* Before the daemon sets it back, or ends. */
	if (ends && ike_service_netns(c, s))
		tally_poll(c, ike_service_netns(c, s), s->s.daemon);
}

/* Told by audit, which does not say in which netns: an address of its own must. */
static void audit_fact(struct core *c, const struct fact *f)
{
	const struct addr *src = &f->audit_change.src.addr, *dst = &f->audit_change.dst.addr;
	uint64_t out[2], in[2];
	unsigned n_out, n_in;

	if (f->audit_change.op != AUDIT_SAD_ADD || f->audit_change.ok || !core_audit_usable(c) ||
		core_bpf_covers(c, HOOK_OF_SAD))
		return;
	n_out = ledger_holds(c, src, out, 2);
	n_in = ledger_holds(c, dst, in, 2);
	if (n_out == 1 && n_in == 0)
		tally_add(c, ledger_netns(c, out[0]), 0, M(KEY_ADDITION_FAILURES), 1);
	else if (n_in == 1 && n_out == 0)
		tally_add(c, ledger_netns(c, in[0]), 0, M(KEY_UPDATE_FAILURES), 1);
}

void statistics_before(struct core *c, const struct fact *f)
{
	if (f->type == FACT_IKE_SA)
		requests_ike_sa(c, f);
}

void statistics_fact(struct core *c, const struct fact *f)
{
	switch (f->type) {
	case FACT_SERVICE:
		service_fact(c, f);
		break;
	case FACT_IKE_SA:
		ike_sa_fact(c, f);
		break;
	case FACT_CHILD_SA:
		child_sa_fact(c, f);
		break;
	case FACT_SHUNT:
		shunt_fact(c, f);
		break;
	case FACT_IKE_DUMP:
		dump_fact(c, f);
		break;
	case FACT_IKE_SOCKET:
		socket_fact(c, f);
		break;
	case FACT_ACQUIRE:
		requests_acquire(c, f);
		break;
	case FACT_AUDIT_CHANGE:
		audit_fact(c, f);
		break;
	case FACT_RESTORE_STATISTIC:
		tallies_restore(c, f);
		break;
	case FACT_POLL:
		tallies_poll(c);
		break;
	case FACT_TICK:
		tallies_say(c, false);
		break;
	case FACT_STOP:
		tallies_say(c, true);
		break;
	default:
		break;
	}
}

void statistics_netns_gone(struct core *c, struct netns *ns)
{
	struct ike_service *s = c->statistics->services;

	tallies_poll(c);
	while (s) {
		struct ike_service *next = s->next;

		if (s->netns == ns->cookie)
			service_remove(c, s);
		s = next;
	}
}

static void gauge_service(const struct core *c, const struct ike_service *s, struct ike_gauges *ret)
{
	uint64_t v;

	ret->services++;
	ret->open += s->s.control == CONTROL_OPEN;
	ret->counted += s->counted;
	ret->socketed += s->socketed;
	ret->drops += s->drops_dead;
	for (unsigned i = 0; i < s->n_sockets; i++) {
		ret->queue += s->sockets[i].s.queue;
		ret->drops += s->sockets[i].s.drops;
		ret->drops_again += s->sockets[i].s.drops;
	}
	for (unsigned i = 0; i < ARRAY_LEN(counters); i++) {
		if (counters[i].id == M(ACQUIRE_HEAP_SIZE) &&
			ike_counter(c, s->s.id, counters[i].name, &v))
			ret->jobs += v;
	}
}

static void gauge_sa(const struct core *c, const struct ledger_ike_sa *l, struct ike_gauges *ret)
{
	const struct ike_sa *sa = &l->sa;
	bool half_open = sa->state == IKE_CREATED || sa->state == IKE_CONNECTING;

	ret->tasks += sa->tasks_queued;
	ret->children += sa->children_queued;
	ret->half_open += half_open;
	ret->failed += sa->state == IKE_FAILED;
	ret->established += !half_open && sa->state != IKE_FAILED;
	ret->begun += half_open && sa->role_known && sa->initiator &&
		      !requests_asked(c, l->netns, &sa->local, &sa->remote);
}

void ike_gauges(
	const struct core *c, const struct netns *ns, uint8_t daemon, struct ike_gauges *ret)
{
	const struct ledger_ike_sa *l;
	struct shunt_brief *sh;

	*ret = (struct ike_gauges){ 0 };
	for (const struct ike_service *s = c->statistics->services; s; s = s->next) {
		if (s->netns != ns->cookie || s->s.daemon != daemon)
			continue;
		gauge_service(c, s, ret);
		for (size_t at = 0; (l = ike_sa_next(c, &at));) {
			if (l->sa.service == s->s.id)
				gauge_sa(c, l, ret);
		}
		for (size_t at = 0; (sh = map_next(c->statistics->shunts, &at, NULL));) {
			if (sh->key.service != s->s.id || !sh->pass)
				continue;
			ret->shunts++;
			ret->shunts_negotiated += sh->negotiated;
		}
	}
}

bool ike_tells(const struct core *c, const struct netns *ns)
{
	for (const struct ike_service *s = c->statistics->services; s; s = s->next) {
		if (s->netns == ns->cookie && s->s.control == CONTROL_OPEN)
			return true;
	}
	return false;
}

bool ike_counted(const struct core *c, const struct netns *ns, uint8_t daemon, enum statistic_id id,
	uint64_t *ret)
{
	uint64_t sum = 0, v;
	bool told = false;

	for (const struct ike_service *s = c->statistics->services; s; s = s->next) {
		if (s->netns != ns->cookie || s->s.daemon != daemon || !s->counted)
			continue;
		/* Without it (Libreswan 4.10) the others would pass a small part for the whole. */
		if (daemon == LS && id == M(INVALID_PACKETS_RECEIVED) &&
			!ike_counter(c, s->s.id, MANGLED, &v))
			return false;
		for (unsigned i = 0; i < ARRAY_LEN(counters); i++) {
			if (counters[i].daemon == daemon && counters[i].id == id &&
				ike_counter(c, s->s.id, counters[i].name, &v)) {
				told = true;
				sum += v;
			}
		}
	}
	if (told)
		*ret = sum;
	return told;
}

bool ike_counts(uint8_t daemon, enum statistic_id id)
{
	for (unsigned i = 0; i < ARRAY_LEN(counters); i++) {
		if (counters[i].daemon == daemon && counters[i].id == id)
			return true;
	}
	return false;
}
