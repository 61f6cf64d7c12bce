/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "core/internal.h"
#include "core/owners.h"
#include "core/rows.h"

/* The state as rows of the nouns. */

static const char *netns_name(const struct core *c, uint64_t cookie)
{
	const struct netns *ns = ledger_netns(c, cookie);

	return ns ? ns->name : NULL;
}

static int each_sa(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_sa *l;

	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
		struct ledger_link *link = ledger_link(c, l->sa.netns, l->sa.offload_ifindex);
		struct owner owner;
		struct sa_row row = {
			.sa = &l->sa, .netns = l->ns->name, .offload = link ? link->link.name : NULL
		};

		owner_of_sa(c, l, &owner);
		row.owner = owner.name;
		row.tunnel = owner.tunnel ? owner.tunnel->name : NULL;
		row.stale = owner.stale;
		row.stale_reason = owner.reason;
		row.remedy = owner.remedy;
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

static int each_policy(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_policy *l;

	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		struct policy policy;
		struct owner owner;
		struct policy_row row = { .policy = &policy, .netns = netns_name(c, l->netns) };

		spd_get(l, &policy);
		owner_of_policy(c, &policy, l->manual, &owner);
		row.owner = owner.name;
		row.tunnel = owner.tunnel ? owner.tunnel->name : NULL;
		row.stale = owner.stale;
		row.stale_reason = owner.reason;
		row.remedy = owner.remedy;
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

/* By which hook each kind of drop is seen; those of single counters are in noun_reconcile. */
static void describe_hooks(const struct core *c, char *ret, size_t size)
{
	CLEANUP_BUF struct buf out = { .limit = size };
	const char *packets = core_hook(c, "XfrmInNoStates");

	buf_printf(&out, "packets: %s", packets ? packets : "");
	for (unsigned i = 0; i < c->n_hooks; i++) {
		if (strncmp(c->hooks[i].counter, "Xfrm", 4) != 0)
			buf_printf(&out, "; %s: %s", c->hooks[i].counter,
				c->hooks[i].hook[0] ? c->hooks[i].hook : "none");
	}
	(void)snprintf(ret, size, "%s", out.p ? out.p : "");
}

static bool tell_source(const struct core *c, const struct source_status *s, uint8_t id,
	const char *netns, core_each_fn *each, void *userdata)
{
	char serves[512] = "";
	struct source_row row = { .id = id,
		.state = s->state,
		.netns = netns,
		.reason = s->reason,
		.since_us = s->since_us,
		.losses = s->losses,
		.facts = s->facts,
		.resolution_ms = s->resolution_ms,
		.serves = serves,
		.packets_seen = core_bpf_usable(c) };

	if (id == SOURCE_BPF && s->state == SOURCE_IN_STEP)
		describe_hooks(c, serves, sizeof(serves));
	return !s->seen || each(userdata, &row);
}

static bool is_excluded(const struct core *c, uint8_t source)
{
	unsigned evidence = source == SOURCE_AUDIT ? EVIDENCE_AUDIT
			    : source == SOURCE_BPF ? EVIDENCE_BPF
						   : EVIDENCE_NONE;

	return evidence != EVIDENCE_NONE && !(c->config.evidence & EVIDENCE_BIT(evidence));
}

static int each_source(const struct core *c, core_each_fn *each, void *userdata)
{
	struct netns *ns;

	for (uint8_t i = 1; i < SOURCE_N; i++) {
		struct source_status s = c->host_sources[i];

		if (is_excluded(c, i)) {
			s.seen = true;
			s.state = SOURCE_OFF;
			(void)snprintf(s.reason, sizeof(s.reason),
				"excluded by `evidence` in the configuration");
		}
		if (!tell_source(c, &s, i, NULL, each, userdata))
			return 0;
	}
	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		struct source_row unwatched = { .id = SOURCE_XFRM,
			.state = SOURCE_OFF,
			.netns = ns->name,
			.reason = "not watched: excluded by `netns` in the configuration, or over "
				  "the limit of 256" };

		if (ns->there && !ns->watched && !each(userdata, &unwatched))
			return 0;
		for (uint8_t i = 1; i < SOURCE_N; i++) {
			if (!tell_source(c, &ns->sources[i], i, ns->name, each, userdata))
				return 0;
		}
	}
	return 0;
}

static int each_reconcile(const struct core *c, core_each_fn *each, void *userdata)
{
	struct netns *ns;

	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		for (unsigned i = 0; i < ns->n_accounts; i++) {
			const struct account *a = &ns->accounts[i];
			struct reconcile_row row = { .netns = ns->name,
				.counter = a->name,
				.kernel = a->kernel,
				.attributed = a->attributed,
				.unattributed = a->unattributed,
				.suppressed = a->suppressed,
				.difference = (int64_t)account_open(a),
				.evidence = evidence_name(accounts_evidence(c, a->name)),
				.hook = core_hook(c, a->name) };

			if (!each(userdata, &row))
				return 0;
		}
	}
	return 0;
}

static int each_setting(const struct core *c, core_each_fn *each, void *userdata)
{
	for (unsigned i = 0; i < SUBCATEGORY_N; i++) {
		const struct catalog_subcategory *s = &catalog_subcategories[i];
		const struct audit_setting *v = &c->settings[i];
		char origin[TIME_TEXT_SIZE + 40] = "default", when[TIME_TEXT_SIZE];
		struct audit_setting_row row = { .category = s->category,
			.subcategory = s->name,
			.setting = audit_value_name(v->value),
			.effect = audit_value_name(
				v->value == AUDIT_NOT_CONFIGURED ? AUDIT_BOTH : v->value),
			.origin = origin,
			.volume = s->volume,
			.purpose = s->purpose };

		if (v->set)
			(void)snprintf(origin, sizeof(origin), "uid %u, %s", v->uid,
				time_format(v->set_us, when));
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

int core_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata)
{
	if (!c->netns)
		return 0;
	if (n == &noun_sa)
		return each_sa(c, each, userdata);
	if (n == &noun_policy)
		return each_policy(c, each, userdata);
	if (n == &noun_link)
		return link_each(c, each, userdata);
	if (n == &noun_source)
		return each_source(c, each, userdata);
	if (n == &noun_reconcile)
		return each_reconcile(c, each, userdata);
	if (n == &noun_statistic || n == &noun_mainmode_statistic || n == &noun_quickmode_statistic)
		return statistics_each(c, n, each, userdata);
	if (n == &noun_audit_setting)
		return each_setting(c, each, userdata);
	if (n == &noun_lint)
		return lint_each(c, each, userdata);
	return ike_each(c, n, each, userdata);
}

void core_status(const struct core *c, struct core_status *ret)
{
	struct netns *ns;

	*ret = (struct core_status){ .host = c->host,
		.boot = c->boot,
		.release = c->release,
		.version = c->version,
		.started_us = c->started_us,
		.now_us = c->now_us,
		.n_events = c->n_events,
		.refused = c->refused,
		.drops = c->gone_drops,
		.unattributed = c->gone_unattributed,
		.suppressed = c->gone_suppressed,
		.evidence = EVIDENCE_BIT(EVIDENCE_COUNTER) };
	if (core_bpf_usable(c))
		ret->evidence |= EVIDENCE_BIT(EVIDENCE_BPF);
	if (core_audit_usable(c))
		ret->evidence |= EVIDENCE_BIT(EVIDENCE_AUDIT);
	if (core_sa_usable(c))
		ret->evidence |= EVIDENCE_BIT(EVIDENCE_SA);
	if (!c->netns)
		return;
	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		ret->n_netns += ns->there && ns->watched;
		ret->n_netns_unwatched += ns->there && !ns->watched;
		ret->n_sa += ns->n_sa;
		ret->n_larval += ns->n_larval;
		for (unsigned i = 0; i < ns->n_accounts; i++) {
			ret->drops += ns->accounts[i].kernel;
			ret->unattributed += ns->accounts[i].unattributed;
			ret->suppressed += ns->accounts[i].suppressed;
			ret->waiting += account_open(&ns->accounts[i]);
		}
	}
	ret->n_policy = c->n_policies;
	ret->n_link = map_count(c->links);
	ret->n_spi_known = map_count(c->spis);
}
