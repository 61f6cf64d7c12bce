/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/internal.h"

/* What all parts of the core build on: events by the audit policy, and what may be used. */

/* The catalogue's, but for what is of either kind of SA: that one's. */
static unsigned subcategory_of(const struct event *e)
{
	for (unsigned i = 0; i < SUBCATEGORY_N; i++) {
		if (catalog_subcategories[i].name == e->subcategory)
			return i;
	}
	return catalog_event(e->id)->subcategory;
}

/* Is an event of this kind written at present? */
static bool is_wanted(const struct core *c, const struct event *e)
{
	bool failure = strcmp(e->outcome, "failure") == 0;

	switch (c->settings[subcategory_of(e)].value) {
	case AUDIT_NONE:
		return false;
	case AUDIT_SUCCESS:
		return !failure;
	case AUDIT_FAILURE:
		return failure;
	default: /* not configured acts as both */
		return true;
	}
}

void core_event_init(struct core *c, struct event *e, uint32_t id, const struct netns *ns)
{
	catalog_event_init(e, id);
	e->time_us = c->now_us;
	e->host = c->host;
	e->boot = c->boot;
	e->netns = ns ? ns->name : NULL;
}

bool core_emit(struct core *c, struct event *e)
{
	if (c->muted || !is_wanted(c, e))
		return false;
	e->seq = ++c->seq;
	c->n_events++;
	catalog_render(e);
	c->sink.event(c->sink.userdata, e);
	return true;
}

bool core_audit_usable(const struct core *c)
{
	return (c->config.evidence & EVIDENCE_BIT(EVIDENCE_AUDIT)) &&
	       c->host_sources[SOURCE_AUDIT].state == SOURCE_IN_STEP;
}

bool core_bpf_usable(const struct core *c)
{
	return (c->config.evidence & EVIDENCE_BIT(EVIDENCE_BPF)) &&
	       c->host_sources[SOURCE_BPF].state == SOURCE_IN_STEP;
}

bool core_sa_usable(const struct core *c)
{
	return (c->config.evidence & EVIDENCE_BIT(EVIDENCE_SA)) != 0;
}

void progress_add(struct core_progress *p, uint64_t first, uint64_t last)
{
	uint8_t best = 0;
	uint64_t best_gap = UINT64_MAX;

	if (first == 0)
		return;
	for (uint8_t i = 0; i < p->n_pending; i++) {
		uint64_t *r = p->pending[i];
		uint64_t gap = first > r[1] ? first - r[1] : r[0] > last ? r[0] - last : 0;

		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	/* No room for another range: the nearest one grows. */
	if (best_gap > 1 && p->n_pending < ARRAY_LEN(p->pending)) {
		p->pending[p->n_pending][0] = first;
		p->pending[p->n_pending][1] = last;
		p->n_pending++;
	} else {
		if (first < p->pending[best][0])
			p->pending[best][0] = first;
		if (last > p->pending[best][1])
			p->pending[best][1] = last;
	}
}
