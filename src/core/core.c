/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "core/tunnels.h"

int core_new(const struct core_sink *sink, struct core **ret)
{
	struct core *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->sink = *sink;
	c->held_end = &c->held;
	c->drops_end = &c->drops;
	c->actors_end = &c->actors;
	c->config.evidence = EVIDENCE_BIT(EVIDENCE_AUDIT) | EVIDENCE_BIT(EVIDENCE_SA);
	c->config.settle_ns = 1200000000;
	c->config.first_packets = 10;
	*ret = c;
	return 0;
}

struct core *core_free(struct core *c)
{
	if (c) {
		changes_free(c);
		drops_free(c);
		services_free(c);
		negotiations_free(c);
		failures_free(c);
		ledger_free(c);
		free(c);
	}
	return NULL;
}

/* Only the first fact may, and must, be the origin: the seed of all maps is in it. */
static void feed_origin(struct core *c, const struct fact *f)
{
	if (c->netns)
		return;
	memcpy(c->host, f->origin.host, sizeof(c->host));
	memcpy(c->boot, f->origin.boot, sizeof(c->boot));
	memcpy(c->release, f->origin.release, sizeof(c->release));
	memcpy(c->version, f->origin.version, sizeof(c->version));
	c->seed = f->origin.hash_seed;
	c->started_us = f->real_us;
	c->spis_since_us = f->real_us;
	if (ledger_new(c) < 0)
		abort(); /* out of memory before the first fact: nothing to save */
}

/* Claims wait for a reading, changes for their actor, failures for more that tells why; all else
 * has its effect at once. */
static bool may_wait(uint16_t type)
{
	switch (type) {
	case FACT_AUDIT_DROP:
	case FACT_AUDIT_CHANGE:
	case FACT_DROP:
	case FACT_SA:
	case FACT_SA_GONE:
	case FACT_SA_FLUSH:
	case FACT_POLICY:
	case FACT_POLICY_GONE:
	case FACT_POLICY_FLUSH:
	case FACT_NEGOTIATION:
	case FACT_IKE_SA_GONE:
	case FACT_SERVICE:
		return true;
	default:
		return false;
	}
}

/*
 * Facts that a restarted core is told again: all up to what the log has are told, but those that
 * waited. What is told changes the state and is silent; old readings and claims are left out.
 */
static bool already_told(const struct core *c, const struct fact *f)
{
	if (f->seq == 0 || f->epoch != c->told_epoch || f->seq > c->told_applied)
		return false;
	if (!may_wait(f->type))
		return true; /* ranges are coarse: an old reading must not pass for a new one */
	for (unsigned i = 0; i < c->n_told_pending; i++) {
		if (f->seq >= c->told_pending[i][0] && f->seq <= c->told_pending[i][1])
			return false;
	}
	return true;
}

static void watch_clock(struct core *c, const struct fact *f)
{
	int64_t offset_us = (int64_t)f->real_us - (int64_t)(f->boot_ns / 1000);
	int64_t step_us = offset_us - c->clock_offset_us;
	struct event e;

	if (c->clock_known && (step_us > 2000000 || step_us < -2000000)) {
		char text[32];

		core_event_init(c, &e, EVENT_CLOCK_STEPPED, NULL);
		(void)snprintf(text, sizeof(text), "%+.3f", (double)step_us / 1e6);
		detail_text(&e, "step", text);
		core_emit(c, &e);
		c->clock_offset_us = offset_us;
	} else if (!c->clock_known) {
		c->clock_offset_us = offset_us;
		c->clock_known = true;
	} else {
		/* A slewed clock drifts slowly: follow it. */
		c->clock_offset_us += step_us / 16;
	}
}

static void feed_poll(struct core *c)
{
	sas_poll(c);
	policies_poll(c);
	monitor_elect(c);
	drops_settle(c);
	claims_settle(c);
	accounts_settle(c);
	changes_flush(c, false);
	negotiations_settle(c, false);
	services_settle(c, false);
	ledger_age(c);
	ike_age(c);
	c->last_poll_us = c->now_us;
	c->polled = true;
}

static void feed_ike_sa(struct core *c, const struct fact *f)
{
	if (c->muted)
		return;
	negotiations_sa(c, f);
	ike_events_sa(c, f);
}

static void dispatch(struct core *c, const struct fact *f)
{
	switch ((enum fact_type)f->type) {
	case FACT_ORIGIN:
		break;
	case FACT_NETNS:
		ledger_netns_change(c, f);
		break;
	case FACT_SOURCE:
		ledger_source(c, f);
		break;
	case FACT_SA:
	case FACT_SA_GONE:
	case FACT_SA_SOFT:
	case FACT_SA_FLUSH:
	case FACT_MAPPING:
		sas_fact(c, f);
		break;
	case FACT_POLICY:
	case FACT_POLICY_GONE:
	case FACT_POLICY_FLUSH:
	case FACT_POLICY_DEFAULT:
	case FACT_MIGRATE:
		policies_fact(c, f);
		break;
	case FACT_DUMP:
		ledger_dump(c, f);
		break;
	case FACT_COUNTERS:
		if (!c->muted)
			accounts_read(c, f);
		break;
	case FACT_POLL:
		if (!c->muted)
			feed_poll(c);
		break;
	case FACT_AUDIT_DROP:
		if (!c->muted)
			claims_add(c, f);
		break;
	case FACT_DROP:
		if (!c->muted)
			drops_add(c, f);
		break;
	case FACT_HOOK:
		drops_hook(c, f);
		break;
	case FACT_SAD_RESULT:
		drops_sad_result(c, f);
		break;
	case FACT_SERVICE:
		services_fact(c, f);
		ike_service(c, f);
		break;
	case FACT_IKE_SA:
	case FACT_CHILD_SA:
		ike_fact(c, f);
		feed_ike_sa(c, f);
		break;
	case FACT_IKE_SA_GONE:
	case FACT_CHILD_SA_GONE:
		feed_ike_sa(c, f); /* while it is still known */
		ike_fact(c, f);
		break;
	case FACT_CONNECTION:
	case FACT_CONNECTION_CHILD:
	case FACT_SHUNT:
	case FACT_CERTIFICATE:
	case FACT_IKE_DUMP:
	case FACT_IKE_COUNTER:
	case FACT_CONFIG_FILE:
	case FACT_IKE_SOCKET:
		ike_fact(c, f);
		if (f->type == FACT_IKE_DUMP && f->ike_dump.phase == DUMP_END &&
			(f->ike_dump.list == IKE_LIST_SOCKETS ||
				f->ike_dump.list == IKE_LIST_CONNECTIONS))
			listening_changed(c);
		break;
	case FACT_NEGOTIATION:
		if (!c->muted)
			negotiations_add(c, f);
		break;
	case FACT_ACQUIRE:
	case FACT_RESTORE_STATISTIC:
		break;
	case FACT_AUDIT_CHANGE:
		changes_actor(c, f);
		link_changes_audit(c, f);
		break;
	case FACT_LINK:
		link_changes_fact(c, f);
		ledger_link_change(c, f);
		break;
	case FACT_ADDR:
		link_changes_fact(c, f);
		ledger_addr_change(c, f);
		break;
	case FACT_TICK:
		changes_flush(c, false);
		negotiations_settle(c, false);
		services_settle(c, false);
		rates_tick(c);
		break;
	case FACT_AUDIT_SETTING:
		audit_setting_change(c, f);
		break;
	case FACT_RESTORE:
		accounts_restore(c, f);
		break;
	case FACT_RESTORE_SPI:
		spis_restore(c, f);
		break;
	case FACT_CONFIG:
	case FACT_ACCESS:
	case FACT_RESTORE_RUN:
	case FACT_LOG:
	case FACT_PROCESS:
	case FACT_STOP:
		monitor_fact(c, f);
		break;
	}
}

void core_feed(struct core *c, const struct fact *f)
{
	if (f->type == FACT_ORIGIN)
		feed_origin(c, f);
	if (!c->netns) {
		c->refused++;
		return;
	}
	c->fact = f;
	c->fact_netns = ledger_netns(c, f->netns);
	if (f->boot_ns > c->now_ns)
		c->now_ns = f->boot_ns;
	c->now_us = f->real_us;
	if (f->seq > 0) {
		if (f->epoch != c->epoch) {
			claims_orphan(c);
			drops_orphan(c);
			negotiations_orphan(c);
			services_orphan(c);
			c->bpf_epoch++;
			c->audit_epoch++; /* nobody listened until the new one did */
			c->epoch = f->epoch;
			c->applied = 0;
		}
		if (f->seq <= c->applied) { /* sent twice */
			c->refused++;
			return;
		}
		c->applied = f->seq;
	}
	c->muted = already_told(c, f);
	if (f->type == FACT_TICK && c->restored)
		watch_clock(c, f);
	if (f->source < SOURCE_N && f->seq > 0) {
		c->host_sources[f->source].facts++;
		if (c->fact_netns)
			c->fact_netns->sources[f->source].facts++;
	}
	statistics_before(c, f);
	dispatch(c, f);
	statistics_fact(c, f);
	c->muted = false;
}

void core_progress(const struct core *c, struct core_progress *ret)
{
	*ret = (struct core_progress){
		.epoch = c->epoch, .applied = c->applied, .done = c->applied
	};
	claims_pending(c, ret);
	drops_pending(c, ret);
	changes_pending(c, ret);
	negotiations_pending(c, ret);
	services_pending(c, ret);
	for (uint8_t i = 0; i < ret->n_pending; i++) {
		if (ret->pending[i][0] <= ret->done)
			ret->done = ret->pending[i][0] - 1;
	}
}
