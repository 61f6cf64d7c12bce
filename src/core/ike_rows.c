/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "core/rows.h"
#include "core/tunnels.h"
#include "core/verdict.h"
#include "model/ike_rows.h"

/* What IKE daemons have, as rows of the nouns. */

static const char *netns_name(const struct core *c, uint64_t cookie)
{
	const struct netns *ns = ledger_netns(c, cookie);

	return ns ? ns->name : NULL;
}

static const char *server_name(const struct core *c, uint64_t service)
{
	const struct ike_server *s = service ? ike_server_find(c, service, 0) : NULL;

	return !s ? NULL : s->name[0] ? s->name : ike_daemon_name(s->daemon);
}

static void count_children(const struct core *c)
{
	struct ledger_child_sa *child;
	struct ledger_ike_sa *l;

	for (size_t at = 0; (l = ike_sa_next(c, &at));)
		l->n_children = 0;
	for (size_t at = 0; (child = child_sa_next(c, &at));) {
		l = ike_sa_find(c, child->sa.service, child->sa.ike_unique);
		if (l)
			l->n_children += child_is_up(child);
	}
}

static int each_ike_sa(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_ike_sa *l;

	count_children(c);
	for (size_t at = 0; (l = ike_sa_next(c, &at));) {
		char spi_i[20] = "", spi_r[20] = "";
		struct ike_sa_row row = { .sa = &l->sa,
			.netns = netns_name(c, l->netns),
			.daemon = server_name(c, l->sa.service),
			.now_us = c->now_us,
			.n_children = l->n_children,
			.spi_i = spi_i,
			.spi_r = spi_r };

		if (l->sa.spi_i)
			(void)snprintf(spi_i, sizeof(spi_i), "%016" PRIx64, l->sa.spi_i);
		if (l->sa.spi_r)
			(void)snprintf(spi_r, sizeof(spi_r), "%016" PRIx64, l->sa.spi_r);
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

static const char *installed(const struct ledger_sa *in, const struct ledger_sa *out)
{
	return in && out ? "in and out" : in ? "in" : out ? "out" : "none";
}

static int each_child_sa(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_child_sa *l;

	for (size_t at = 0; (l = child_sa_next(c, &at));) {
		const struct ledger_ike_sa *ike = ike_sa_find(c, l->sa.service, l->sa.ike_unique);
		const struct ledger_sa *in = child_kernel_sa(l, true);
		const struct ledger_sa *out = child_kernel_sa(l, false);
		const struct netns *ns = ledger_netns(c, l->netns);
		struct child_sa_row row = { .sa = &l->sa,
			.netns = ns ? ns->name : NULL,
			.daemon = server_name(c, l->sa.service),
			.tunnel = l->tunnel ? l->tunnel->name : NULL,
			.in = in ? &in->sa : NULL,
			.out = out ? &out->sa : NULL,
			.installed = ns && ns->sa_known ? installed(in, out) : NULL,
			.stale = child_is_duplicate(c, l) ? "duplicate" : NULL,
			.now_us = c->now_us };

		if (ike) {
			row.local = ike->sa.local;
			row.remote = ike->sa.remote;
		}
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

static const char *counted_by(const struct tunnel *t, bool by_daemon)
{
	return by_daemon ? "daemon" : t->n_pairs > 0 ? "kernel" : NULL;
}

static int each_tunnel(const struct core *c, core_each_fn *each, void *userdata)
{
	struct tunnel *t;

	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		const struct lineage *newest = tunnel_pair(t, t->n_pairs);
		struct flow_totals totals;
		struct verdict v;
		bool by_daemon;
		struct tunnel_row row = { .name = t->name,
			.conn = t->conn,
			.child = t->child,
			.netns = netns_name(c, t->netns),
			.daemon = ike_daemon_name(t->daemon),
			.local_ts = t->local_ts,
			.remote_ts = t->remote_ts,
			.peer = t->peer,
			.local = t->local,
			.remote = t->remote,
			.uncertain = t->uncertain,
			.drops = t->drops,
			.pairs = t->n_pairs,
			.since_us = t->since_us,
			.in_us = t->in_us,
			.out_us = t->out_us,
			.failed_us = t->failed_us,
			.failed = t->failed_us ? ike_cause_name(t->failed_cause) : NULL,
			.rate_known = t->rate_known,
			.rate_in = t->rate_in,
			.rate_out = t->rate_out,
			.now_us = c->now_us };

		tunnel_totals(t, &totals, &by_daemon);
		verdict_of(c, t, &v);
		row.bytes_in = totals.bytes_in;
		row.bytes_out = totals.bytes_out;
		row.packets_in = totals.packets_in;
		row.packets_out = totals.packets_out;
		row.counted_by = counted_by(t, by_daemon);
		row.verdict = v.word;
		row.reason = v.reason;
		row.configured = v.configured;
		row.ike = v.ike;
		row.installed = v.installed;
		row.policies = v.policies;
		row.traffic = v.traffic;
		row.duplicates = v.duplicates;
		if (newest && newest->end == PAIR_ALIVE)
			row.up_us = newest->started_us;
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

static bool tell_lineage(const struct core *c, const struct tunnel *t, const struct lineage *l,
	core_each_fn *each, void *userdata)
{
	static const char *const begins[] = { NULL, "first", "rekey", "new IKE SA", "restart",
		"again" };
	static const char *const ends[] = { NULL, "down", "replaced", "failed", "missing",
		"daemon ended" };
	struct flow_totals totals;
	struct lineage_row row = { .tunnel = t->name,
		.netns = netns_name(c, t->netns),
		.begin = begins[l->begin],
		.end = ends[l->end],
		.n = l->n,
		.replaced = l->replaced,
		.unique = l->unique,
		.ike_unique = l->ike_unique,
		.spi_in = l->spi_in,
		.spi_out = l->spi_out,
		.started_us = l->started_us,
		.ended_us = l->ended_us,
		.gap_us = l->gap_us,
		.gap_known = l->gap_known,
		.exact = !l->uncertain,
		.now_us = c->now_us };

	tunnel_pair_totals(t, l, &totals);
	row.bytes_in = totals.bytes_in;
	row.bytes_out = totals.bytes_out;
	row.packets_in = totals.packets_in;
	row.packets_out = totals.packets_out;
	return each(userdata, &row);
}

static int each_lineage(const struct core *c, core_each_fn *each, void *userdata)
{
	struct tunnel *t;

	for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) {
		uint32_t first = t->n_pairs > LINEAGE_KEPT ? t->n_pairs - LINEAGE_KEPT + 1 : 1;

		for (uint32_t n = first; n <= t->n_pairs; n++) {
			const struct lineage *l = tunnel_pair(t, n);

			if (l && !tell_lineage(c, t, l, each, userdata))
				return 0;
		}
	}
	return 0;
}

static int each_certificate(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_certificate *l;

	for (size_t at = 0; (l = certificate_next(c, &at));) {
		struct certificate_row row = { .cert = &l->cert,
			.netns = netns_name(c, l->netns),
			.daemon = server_name(c, l->cert.service),
			.now_us = c->now_us };

		if (!each(userdata, &row))
			break;
	}
	return 0;
}

static int each_shunt(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_shunt *l;

	for (size_t at = 0; (l = shunt_next(c, &at));) {
		struct shunt_row row = { .shunt = &l->shunt,
			.netns = netns_name(c, l->netns),
			.daemon = server_name(c, l->shunt.service) };

		if (!each(userdata, &row))
			break;
	}
	return 0;
}

int ike_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata)
{
	if (n == &noun_ike_sa)
		return each_ike_sa(c, each, userdata);
	if (n == &noun_child_sa)
		return each_child_sa(c, each, userdata);
	if (n == &noun_tunnel)
		return each_tunnel(c, each, userdata);
	if (n == &noun_lineage)
		return each_lineage(c, each, userdata);
	if (n == &noun_certificate)
		return each_certificate(c, each, userdata);
	if (n == &noun_shunt)
		return each_shunt(c, each, userdata);
	return configured_each(c, n, each, userdata);
}
