/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/internal.h"

/* The statistics of Main Mode and Quick Mode as rows; what is not known says why, and is no 0. */

#define M(name) STATISTIC_MAINMODE_##name
#define Q(name) STATISTIC_QUICKMODE_##name
#define IS_QUICKMODE(id) ((id) >= Q(ACTIVE_SECURITY_ASSOCIATIONS))

/* Who tells of it. */
enum { TOLD_BY_KERNEL = 1, TOLD_BY_DAEMONS = 2 };

static const uint8_t told_by[STATISTIC_N] = {
	[M(ACTIVE_ACQUIRE)] = TOLD_BY_KERNEL | TOLD_BY_DAEMONS,
	[M(ACQUIRE_FAILURES)] = TOLD_BY_KERNEL | TOLD_BY_DAEMONS,
	[M(RECEIVE_FAILURES)] = TOLD_BY_DAEMONS,
	[M(SEND_FAILURES)] = 0,
	[M(ACQUIRE_HEAP_SIZE)] = TOLD_BY_KERNEL | TOLD_BY_DAEMONS,
	[M(RECEIVE_HEAP_SIZE)] = TOLD_BY_DAEMONS,
	[M(AUTHENTICATION_FAILURES)] = TOLD_BY_DAEMONS,
	[M(NEGOTIATION_FAILURES)] = TOLD_BY_DAEMONS,
	[M(INVALID_COOKIES_RECEIVED)] = TOLD_BY_DAEMONS,
	[M(TOTAL_ACQUIRE)] = TOLD_BY_KERNEL | TOLD_BY_DAEMONS,
	[M(TOTAL_GET_SPI)] = TOLD_BY_KERNEL,
	[M(KEY_ADDITIONS)] = TOLD_BY_KERNEL,
	[M(KEY_UPDATES)] = TOLD_BY_KERNEL,
	[M(GET_SPI_FAILURES)] = TOLD_BY_KERNEL,
	[M(KEY_ADDITION_FAILURES)] = TOLD_BY_KERNEL,
	[M(KEY_UPDATE_FAILURES)] = TOLD_BY_KERNEL,
	[M(ISADB_LIST_SIZE)] = TOLD_BY_DAEMONS,
	[M(CONNECTION_LIST_SIZE)] = TOLD_BY_DAEMONS,
	[M(IKE_MAIN_MODE)] = TOLD_BY_DAEMONS,
	[M(IKE_QUICK_MODE)] = TOLD_BY_DAEMONS,
	[M(SOFT_ASSOCIATIONS)] = TOLD_BY_DAEMONS,
	[M(INVALID_PACKETS_RECEIVED)] = TOLD_BY_DAEMONS,
	[Q(ACTIVE_SECURITY_ASSOCIATIONS)] = TOLD_BY_KERNEL,
	[Q(OFFLOADED_SECURITY_ASSOCIATIONS)] = TOLD_BY_KERNEL,
	[Q(PENDING_KEY_OPERATIONS)] = TOLD_BY_KERNEL | TOLD_BY_DAEMONS,
	[Q(KEY_ADDITIONS)... Q(OFFLOADED_BYTES_RECEIVED)] = TOLD_BY_KERNEL,
};

static const struct {
	enum statistic_id id;
	uint8_t kind, direction;
} carries[] = {
	{ Q(CONFIDENTIAL_BYTES_SENT), CARRIED_CONFIDENTIAL, CARRIED_OUT },
	{ Q(CONFIDENTIAL_BYTES_RECEIVED), CARRIED_CONFIDENTIAL, CARRIED_IN },
	{ Q(AUTHENTICATED_BYTES_SENT), CARRIED_AUTHENTICATED, CARRIED_OUT },
	{ Q(AUTHENTICATED_BYTES_RECEIVED), CARRIED_AUTHENTICATED, CARRIED_IN },
	{ Q(TRANSPORT_BYTES_SENT), CARRIED_TRANSPORT, CARRIED_OUT },
	{ Q(TRANSPORT_BYTES_RECEIVED), CARRIED_TRANSPORT, CARRIED_IN },
	{ Q(BYTES_SENT_IN_TUNNELS), CARRIED_TUNNEL, CARRIED_OUT },
	{ Q(BYTES_RECEIVED_IN_TUNNELS), CARRIED_TUNNEL, CARRIED_IN },
	{ Q(OFFLOADED_BYTES_SENT), CARRIED_OFFLOADED, CARRIED_OUT },
	{ Q(OFFLOADED_BYTES_RECEIVED), CARRIED_OFFLOADED, CARRIED_IN },
};

static bool is_gauge(enum statistic_id id)
{
	return strcmp(catalog_statistics[id].kind, "gauge") == 0;
}

static bool xfrm_stat(const struct netns *ns, const char *counter, uint64_t *ret)
{
	for (unsigned i = 0; i < ns->n_accounts; i++) {
		if (strcmp(ns->accounts[i].name, counter) != 0)
			continue;
		*ret = ns->accounts[i].kernel;
		return ns->accounts[i].read;
	}
	return false;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static bool read_not_decrypted(const struct netns *ns, struct statistic_reading *ret)
{
	uint64_t proto, mode, header;

	if (!ns->sa_known || !xfrm_stat(ns, "XfrmInStateProtoError", &proto) ||
		!xfrm_stat(ns, "XfrmInStateModeError", &mode) ||
		!xfrm_stat(ns, "XfrmInHdrError", &header))
		return false;
	ret->value = mode + header +
		     less(proto, ns->living.integrity_failed + ns->dead.integrity_failed);
	ret->again = mode + header + less(proto, ns->living.integrity_failed);
	return true;
}

static bool read_kernel(const struct netns *ns, enum statistic_id id, struct statistic_reading *ret)
{
	switch (id) {
	case Q(BAD_SPI_PACKETS):
		if (!xfrm_stat(ns, "XfrmInNoStates", &ret->value))
			return false;
		ret->again = ret->value;
		return true;
	case Q(PACKETS_WITH_REPLAY_DETECTION):
		if (!xfrm_stat(ns, "XfrmInStateSeqError", &ret->value))
			return false;
		ret->again = ret->value;
		return true;
	case Q(PACKETS_NOT_DECRYPTED):
		return read_not_decrypted(ns, ret);
	case Q(PACKETS_NOT_AUTHENTICATED):
		ret->value = ns->living.integrity_failed + ns->dead.integrity_failed;
		ret->again = ns->living.integrity_failed;
		return ns->sa_known;
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_LEN(carries); i++) {
		unsigned kind = carries[i].kind, direction = carries[i].direction;

		if (carries[i].id != id)
			continue;
		ret->again = ns->living.bytes[kind][direction];
		ret->value = ret->again + ns->dead.bytes[kind][direction];
		return ns->sa_known;
	}
	return false;
}

bool statistic_read(const struct core *c, const struct netns *ns, uint8_t daemon,
	enum statistic_id id, struct statistic_reading *ret)
{
	struct statistic_reading r = { .resets = daemon != 0 };
	struct ike_gauges g;

	if (is_gauge(id))
		return false;
	if (daemon == 0) {
		if (!read_kernel(ns, id, &r))
			return false;
	} else if (id == M(RECEIVE_FAILURES)) {
		ike_gauges(c, ns, daemon, &g);
		if (g.socketed == 0)
			return false;
		r.value = g.drops;
		r.again = g.drops_again;
	} else {
		if (!ike_counts(daemon, id) || !ike_counted(c, ns, daemon, id, &r.value))
			return false;
		r.again = r.value;
	}
	*ret = r;
	return true;
}

bool statistic_is_complete(uint8_t daemon, enum statistic_id id)
{
	if (daemon == 0)
		return id == Q(BAD_SPI_PACKETS) || id == Q(PACKETS_WITH_REPLAY_DETECTION);
	return id == M(RECEIVE_FAILURES) || ike_counts(daemon, id);
}

/* A number, or why there is none. */
struct part {
	const char *reason; /* NULL: known */
	uint64_t value, since;
	bool has_since, before;
};

/* Why the kernel's part is not known now, or NULL. */
static const char *kernel_reason(const struct core *c, const struct netns *ns, enum statistic_id id)
{
	struct statistic_reading r;

	if (core_bpf_covers(c, HOOK_OF_SAD) && id >= M(TOTAL_GET_SPI) &&
		id <= M(KEY_UPDATE_FAILURES))
		return NULL;
	if (id == M(GET_SPI_FAILURES))
		return NO_BPF;
	if (id == M(KEY_ADDITION_FAILURES) || id == M(KEY_UPDATE_FAILURES))
		return core_audit_usable(c) ? NULL : NO_BPF_NOR_AUDIT;
	if (!ns->sa_known && id != Q(BAD_SPI_PACKETS) && id != Q(PACKETS_WITH_REPLAY_DETECTION))
		return NOT_READ;
	if (id >= Q(BAD_SPI_PACKETS) && !is_gauge(id) && !statistic_read(c, ns, 0, id, &r))
		return NO_STAT;
	return NULL;
}

static const char *daemon_reason(const struct core *c, const struct netns *ns, uint8_t daemon,
	enum statistic_id id, const struct ike_gauges *g)
{
	bool strongswan = daemon == DAEMON_STRONGSWAN;
	uint64_t counted;

	if (g->services == 0) /* what was kept is known */
		return is_gauge(id) ? "no IKE daemon runs here" : NULL;
	if (id == M(RECEIVE_FAILURES))
		return g->socketed ? NULL : "its sockets are not known";
	if ((id == M(RECEIVE_HEAP_SIZE) || id == M(INVALID_COOKIES_RECEIVED)) && !strongswan)
		return "Libreswan does not count it";
	if (g->open == 0)
		return strongswan ? "VICI does not answer" : "pluto does not answer";
	if (!is_gauge(id) && ike_counts(daemon, id) && !ike_counted(c, ns, daemon, id, &counted))
		return strongswan ? "no counters plugin" : "not told by globalstatus";
	return NULL;
}

static uint64_t gauge_of_kernel(const struct netns *ns, enum statistic_id id)
{
	switch (id) {
	case M(ACTIVE_ACQUIRE):
	case M(ACQUIRE_HEAP_SIZE):
		return ns->gauges.asking;
	case Q(ACTIVE_SECURITY_ASSOCIATIONS):
		return ns->gauges.pairs;
	case Q(ACTIVE_TUNNELS):
		return ns->gauges.tunnels;
	case Q(OFFLOADED_SECURITY_ASSOCIATIONS):
		return ns->gauges.offloaded;
	default: /* Pending Key Operations */
		return ns->n_larval - ns->gauges.asking;
	}
}

static uint64_t gauge_of_daemon(const struct ike_gauges *g, enum statistic_id id)
{
	switch (id) {
	case M(ACTIVE_ACQUIRE):
		return g->begun;
	case M(ACQUIRE_HEAP_SIZE):
		return g->tasks + g->jobs;
	case M(ISADB_LIST_SIZE):
		return g->established + g->half_open + g->failed;
	default: /* Connection List Size, Pending Key Operations */
		return g->children;
	}
}

static struct part part_of(const struct core *c, const struct netns *ns, uint8_t daemon,
	enum statistic_id id, const struct ike_gauges *g, bool service_runs)
{
	struct part p = { 0 };
	struct kept k;

	p.reason = daemon == 0 ? kernel_reason(c, ns, id) : daemon_reason(c, ns, daemon, id, g);
	if (p.reason)
		return p;
	if (is_gauge(id)) {
		p.value = daemon == 0 ? gauge_of_kernel(ns, id) : gauge_of_daemon(g, id);
		return p;
	}
	(void)tally_now(c, ns, daemon, id, &k);
	p.value = k.total;
	p.since = k.since;
	p.before = k.before;
	p.has_since = IS_QUICKMODE(id) || (daemon == 0 ? service_runs : g->services > 0);
	return p;
}

static void add(struct part *sum, const struct part *p)
{
	if (p->reason && !sum->reason)
		sum->reason = p->reason;
	sum->value += p->value;
	sum->since += p->has_since ? p->since : 0;
	sum->has_since = sum->has_since || p->has_since;
	sum->before = sum->before || (p->has_since && p->before);
}

/* All that is asked of one netns. */
struct asking {
	const struct core *c;
	const struct netns *ns;
	struct ike_gauges of[TALLIES], all;
	bool present[TALLIES]; /* a daemon of the kind runs, or has something kept */
	unsigned n_present;
	core_each_fn *each;
	void *userdata;
};

static void sum_gauges(struct ike_gauges *sum, const struct ike_gauges *g)
{
	sum->services += g->services;
	sum->established += g->established;
	sum->half_open += g->half_open;
	sum->failed += g->failed;
	sum->tasks += g->tasks;
	sum->jobs += g->jobs;
	sum->queue += g->queue;
	sum->shunts += g->shunts;
	sum->shunts_negotiated += g->shunts_negotiated;
}

#define N(v) ((unsigned long long)(v))

/* What the number is made of, or what stands beside it; "" nothing. */
static void describe_parts(const struct asking *a, enum statistic_id id, const struct ike_gauges *g,
	const struct part *kernel, const struct part *daemons, char *ret, size_t size)
{
	const struct sa_gauges *s = &a->ns->gauges;

	ret[0] = '\0';
	switch (id) {
	case M(ACTIVE_ACQUIRE):
	case M(ACQUIRE_FAILURES):
	case M(TOTAL_ACQUIRE):
		(void)snprintf(ret, size, "kernel %llu, daemons %llu", N(kernel->value),
			N(daemons->value));
		break;
	case M(ACQUIRE_HEAP_SIZE):
		(void)snprintf(ret, size, "kernel %llu, tasks %llu, jobs %llu", N(kernel->value),
			N(g->tasks), N(g->jobs));
		break;
	case M(RECEIVE_HEAP_SIZE):
		(void)snprintf(ret, size, "messages %llu; octets waiting %llu", N(daemons->value),
			N(g->queue));
		break;
	case M(ISADB_LIST_SIZE):
		(void)snprintf(ret, size,
			"established %llu, half-open and queued %llu, failed %llu",
			N(g->established), N(g->half_open), N(g->failed));
		break;
	case M(SOFT_ASSOCIATIONS):
		(void)snprintf(ret, size, "present shunts in the clear %llu, negotiated %llu",
			N(g->shunts), N(g->shunts_negotiated));
		break;
	case M(TOTAL_GET_SPI):
		if (!core_bpf_covers(a->c, HOOK_OF_SAD))
			(void)snprintf(ret, size, "derived from Key Updates");
		break;
	case Q(ACTIVE_TUNNELS):
		if (s->beet || s->iptfs)
			(void)snprintf(
				ret, size, "BEET %llu, IP-TFS %llu", N(s->beet), N(s->iptfs));
		break;
	case Q(PENDING_KEY_OPERATIONS):
		(void)snprintf(ret, size, "kernel %llu, daemons %llu", N(kernel->value),
			N(daemons->value));
		break;
	default:
		break;
	}
}

static bool tell(const struct asking *a, enum statistic_id id, const char *daemon,
	const struct part *p, const char *parts)
{
	const struct catalog_statistic *s = &catalog_statistics[id];
	const char *text = p->reason ? p->reason : parts;
	char note[192];
	struct statistic_row row = { .key = s->key,
		.title = s->title,
		.netns = a->ns->name,
		.daemon = daemon,
		.unit = s->unit,
		.kind = s->kind,
		.known = !p->reason,
		.value = p->value,
		.has_since = !p->reason && p->has_since,
		.since = p->since,
		.before_unknown = p->before,
		.reason = p->reason,
		.parts = p->reason ? NULL : parts,
		.note = daemon ? note : text,
		.definition = s->definition,
		.source = s->source,
		.cause = s->cause,
		.action = s->action,
		.events = s->events };

	(void)snprintf(
		note, sizeof(note), "%s%s%s", daemon ? daemon : "", text[0] ? ": " : "", text);
	return a->each(a->userdata, &row);
}

static bool each_of(const struct asking *a, enum statistic_id id)
{
	struct part sum = { 0 }, kernel = { 0 }, daemons = { 0 }, of[TALLIES] = { 0 };
	bool by_daemons = told_by[id] & TOLD_BY_DAEMONS;
	char parts[128];

	if (told_by[id] & TOLD_BY_KERNEL)
		kernel = part_of(a->c, a->ns, 0, id, NULL, a->all.services > 0);
	for (uint8_t d = 1; by_daemons && d < TALLIES; d++) {
		if (!a->present[d])
			continue;
		of[d] = part_of(a->c, a->ns, d, id, &a->of[d], false);
		/* A daemon that ended has no gauges, but the kernel's part is still known. */
		if (!(is_gauge(id) && a->of[d].services == 0 && a->all.services + told_by[id] > 2))
			add(&daemons, &of[d]);
	}
	if (told_by[id] == 0)
		sum.reason = "nobody counts it";
	else if (told_by[id] == TOLD_BY_DAEMONS && a->n_present == 0)
		sum.reason = "no IKE daemon runs here";
	add(&sum, &kernel);
	add(&sum, &daemons);
	describe_parts(a, id, &a->all, &kernel, &daemons, parts, sizeof(parts));
	if (!tell(a, id, NULL, &sum, parts))
		return false;
	for (uint8_t d = 1; by_daemons && a->n_present > 1 && d < TALLIES; d++) {
		struct part none = { 0 };

		if (told_by[id] & TOLD_BY_KERNEL)
			parts[0] = '\0';
		else
			describe_parts(a, id, &a->of[d], &none, &of[d], parts, sizeof(parts));
		if (!tell(a, id, ike_daemon_name(d), &of[d], parts))
			return false;
	}
	return true;
}

static bool each_mode(const struct core *c, const struct netns *ns, bool quick, core_each_fn *each,
	void *userdata)
{
	struct asking a = { .c = c, .ns = ns, .each = each, .userdata = userdata };

	for (uint8_t d = 1; d < TALLIES; d++) {
		ike_gauges(c, ns, d, &a.of[d]);
		sum_gauges(&a.all, &a.of[d]);
		a.present[d] = a.of[d].services > 0 || ns->tallies[d];
		a.n_present += a.present[d];
	}
	for (unsigned id = 0; id < STATISTIC_N; id++) {
		if (IS_QUICKMODE(id) == quick && !each_of(&a, id))
			return false;
	}
	return true;
}

int statistics_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata)
{
	bool all = n == &noun_statistic;
	bool more = true;
	struct netns *ns;

	for (size_t at = 0; more && (ns = map_next(c->netns, &at, NULL));) {
		if (!ns->there || !ns->watched)
			continue;
		if (all)
			more = counter_rows(c, ns, each, userdata);
		if (more && (all || n == &noun_mainmode_statistic))
			more = each_mode(c, ns, false, each, userdata);
		if (more && (all || n == &noun_quickmode_statistic))
			more = each_mode(c, ns, true, each, userdata);
	}
	return 0;
}
