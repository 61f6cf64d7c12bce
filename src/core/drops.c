/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/*
 * Drops that our programs in the kernel have seen: netns, counter and kind are certain. As with
 * audit's claims (claims.c) each is told once a reading of the counter has confirmed it, so the log
 * never holds more than the kernel counted.
 */

/* What a drop is told as, where the counter alone would say less. */
static const uint32_t events_of_kinds[DROP_N] = {
	[DROP_ICV] = EVENT_INTEGRITY_FAILED,
	[DROP_MALFORMED] = EVENT_PROTOCOL_ERROR,
	[DROP_DUPLICATE] = EVENT_REPLAY_DUPLICATE,
	[DROP_LATE] = EVENT_REPLAY_BELOW_WINDOW,
	[DROP_ZERO] = EVENT_REPLAY_ZERO,
	[DROP_CLEAR] = EVENT_CLEAR_TEXT,
	[DROP_PROTECTED] = EVENT_TEMPLATE_MISMATCH,
	[DROP_ENCAPSULATION] = EVENT_ENCAPSULATION_MISMATCH,
	[DROP_SELECTOR] = EVENT_SELECTOR_MISMATCH,
};

const char *core_hook(const struct core *c, const char *counter)
{
	for (unsigned i = 0; i < c->n_hooks; i++) {
		if (strcmp(c->hooks[i].counter, counter) == 0)
			return c->hooks[i].hook;
	}
	return NULL;
}

bool core_bpf_covers(const struct core *c, const char *counter)
{
	const char *hook = core_bpf_usable(c) ? core_hook(c, counter) : NULL;

	return hook && hook[0] != '\0';
}

void drops_hook(struct core *c, const struct fact *f)
{
	unsigned i = 0;

	while (i < c->n_hooks && strcmp(c->hooks[i].counter, f->hook.counter) != 0)
		i++;
	if (i == ARRAY_LEN(c->hooks)) {
		c->refused++;
		return;
	}
	memcpy(c->hooks[i].counter, f->hook.counter, sizeof(c->hooks[i].counter));
	memcpy(c->hooks[i].hook, f->hook.hook, sizeof(c->hooks[i].hook));
	if (i == c->n_hooks)
		c->n_hooks++;
}

void drops_add(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	struct waiting_drop *w;

	if (!ns || !ns->watched || !core_bpf_usable(c) || f->drop.count == 0 ||
		f->drop.kind >= DROP_N)
		return;
	w = c->n_drops < LIMIT_DROPS ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		c->refused++;
		return;
	}
	w->drop = f->drop;
	w->cookie = f->netns;
	w->fact = f->seq;
	w->heard_ns = c->now_ns;
	*c->drops_end = w;
	c->drops_end = &w->next;
	c->n_drops++;
	c->drops_waiting += f->drop.count;
}

static uint32_t event_of(const struct waiting_drop *w, const struct account *a)
{
	if (events_of_kinds[w->drop.kind])
		return events_of_kinds[w->drop.kind];
	if (!a->known)
		return EVENT_OTHER_DROP;
	return a->known->event == EVENT_PROTOCOL_ERROR ? EVENT_INTEGRITY_OR_MALFORMED
						       : a->known->event;
}

/* Who the packet was. */
static void describe_packet(struct core *c, struct event *e, const struct waiting_drop *w)
{
	struct ledger_link *link = ledger_link(c, w->cookie, w->drop.ifindex);

	e->direction = w->drop.direction;
	e->src = w->drop.src;
	e->dst = w->drop.dst;
	e->proto = w->drop.proto;
	e->has_ports = w->drop.has_ports;
	e->sport = w->drop.sport;
	e->dport = w->drop.dport;
	e->has_spi = w->drop.has_spi;
	e->spi = w->drop.spi;
	e->has_seqno = w->drop.has_seqno;
	e->seqno = w->drop.seqno;
	e->has_flowlabel = w->drop.has_flowlabel;
	e->flowlabel = w->drop.flowlabel;
	e->has_mark = w->drop.mark != 0;
	e->mark = w->drop.mark;
	e->has_if_id = w->drop.if_id != 0;
	e->if_id = w->drop.if_id;
	e->has_reqid = w->drop.has_sa;
	e->reqid = w->drop.reqid;
	e->has_policy = w->drop.has_policy;
	e->policy = w->drop.policy;
	if (link)
		memcpy(e->iface, link->link.name, sizeof(e->iface));
	if (w->drop.has_policy)
		detail_number(e, "priority", w->drop.priority);
	if (w->drop.seqno_hi)
		detail_number(e, "seqno_hi", w->drop.seqno_hi);
	if (w->drop.inner_proto && w->drop.inner_proto != w->drop.proto)
		detail_text(e, "inner_proto", ipproto_name(w->drop.inner_proto));
}

/* The SA's own statistics have counted them too: they are spoken for. */
static void told_of_sa(
	struct core *c, struct netns *ns, const struct waiting_drop *w, struct event *e, uint64_t n)
{
	struct ledger_sa *l =
		w->drop.has_spi ? sas_find(c, ns, &w->drop.src, &w->drop.dst, w->drop.spi) : NULL;

	if (!l)
		return;
	if (w->drop.kind == DROP_DUPLICATE)
		l->told_replayed += (uint32_t)n;
	else if (w->drop.kind == DROP_LATE)
		l->told_late += (uint32_t)n;
	else if (w->drop.kind == DROP_ICV)
		l->told_integrity += (uint32_t)n;
	if (!e->has_reqid) {
		e->has_reqid = true;
		e->reqid = l->sa.reqid;
	}
	if (w->drop.kind == DROP_ICV && w->drop.has_seqno)
		claims_suspect_esn(e, w->drop.seqno, l);
}

static void tell(struct core *c, struct netns *ns, struct account *a, const struct waiting_drop *w,
	uint64_t n)
{
	struct event e;

	core_event_init(c, &e, event_of(w, a), ns);
	e.evidence = EVIDENCE_BPF;
	describe_packet(c, &e, w);
	if (w->drop.sampled) {
		e.time_us = w->drop.first_us;
	} else {
		e.first_us = w->drop.first_us;
		e.last_us = w->drop.last_us;
	}
	if (w->drop.src.family == 0 && !w->drop.sampled)
		detail_text(&e, "mixed", "several sources or SPIs");
	told_of_sa(c, ns, w, &e, n);
	if (e.id == EVENT_UNKNOWN_SPI && w->drop.has_spi)
		spis_answer(c, &e, w->cookie, &w->drop.dst, w->drop.spi);
	if (e.id == EVENT_CLEAR_TEXT && w->drop.kind == DROP_CLEAR)
		detail_text(&e, "told_apart", "clear text");
	if (e.id == EVENT_PROCESSING_ERROR || e.id == EVENT_IPTFS_ERROR)
		detail_text(&e, "reason", a->known->cause);
	accounts_tell(c, ns, a, &e, n);
}

/* The counter has not confirmed it in all this time. */
static void tell_discrepancy(struct core *c, struct netns *ns, const struct waiting_drop *w)
{
	struct event e;

	core_event_init(c, &e, EVENT_EVIDENCE_DISCREPANCY, ns);
	e.evidence = EVIDENCE_BPF;
	describe_packet(c, &e, w);
	detail_text(&e, "what", w->drop.counter);
	detail_number(&e, "packets", w->drop.count);
	core_emit(c, &e);
}

/* True: all of it is told, or never will be. */
static bool settle(struct core *c, struct waiting_drop *w)
{
	struct netns *ns = ledger_netns(c, w->cookie);
	struct account *a = ns ? accounts_find(ns, w->drop.counter) : NULL;
	uint64_t n;

	if (!ns)
		return true;
	n = a && account_open(a) < w->drop.count ? account_open(a) : w->drop.count;
	if (a && n > 0) {
		tell(c, ns, a, w, n);
		w->drop.count -= n;
		c->drops_waiting -= n;
	}
	if (w->drop.count == 0)
		return true;
	if (!c->stopping && c->now_ns - w->heard_ns <= 4 * c->config.settle_ns)
		return false;
	tell_discrepancy(c, ns, w);
	return true;
}

void drops_settle(struct core *c)
{
	struct waiting_drop **at = &c->drops;

	while (*at) {
		struct waiting_drop *w = *at;

		if (!settle(c, w)) {
			at = &w->next;
			continue;
		}
		c->drops_waiting -= w->drop.count;
		c->n_drops--;
		*at = w->next;
		free(w);
	}
	c->drops_end = at;
}

uint64_t drops_expected(const struct core *c, const struct netns *ns, const char *counter)
{
	uint64_t n = 0;

	if (c->drops_waiting == 0)
		return 0;
	for (const struct waiting_drop *w = c->drops; w; w = w->next) {
		if (w->cookie == ns->cookie && strcmp(w->drop.counter, counter) == 0)
			n += w->drop.count;
	}
	return n;
}

void drops_orphan(struct core *c)
{
	for (struct waiting_drop *w = c->drops; w; w = w->next)
		w->fact = 0;
}

void drops_pending(const struct core *c, struct core_progress *ret)
{
	for (const struct waiting_drop *w = c->drops; w; w = w->next)
		progress_add(ret, w->fact, w->fact);
}

void drops_free(struct core *c)
{
	while (c->drops) {
		struct waiting_drop *w = c->drops;

		c->drops = w->next;
		free(w);
	}
}

/* Answers of the SAD to key managers: sums, and an event for what it refused. */
void drops_sad_result(struct core *c, const struct fact *f)
{
	static const char *const what[] = { NULL, "allocate an SPI", "add an SA", "update an SA" };
	static const enum statistic_id failures[] = { [SAD_RESULT_GETSPI] =
							      STATISTIC_MAINMODE_GET_SPI_FAILURES,
		[SAD_RESULT_ADD] = STATISTIC_MAINMODE_KEY_ADDITION_FAILURES,
		[SAD_RESULT_UPDATE] = STATISTIC_MAINMODE_KEY_UPDATE_FAILURES };
	struct netns *ns = ledger_netns(c, f->netns);
	uint8_t op = f->sad_result.op;
	struct event e;

	if (!ns)
		return;
	if (op == 0 || op >= ARRAY_LEN(what)) {
		c->refused++;
		return;
	}
	if (op == SAD_RESULT_GETSPI)
		tally_add(c, ns, 0, STATISTIC_MAINMODE_TOTAL_GET_SPI, f->sad_result.count);
	if (f->sad_result.error == 0) {
		ns->sad_done[op] += f->sad_result.count;
		return;
	}
	ns->sad_failed[op] += f->sad_result.count;
	tally_add(c, ns, 0, failures[op], f->sad_result.count);
	core_event_init(c, &e, EVENT_SAD_FAILED, ns);
	e.evidence = EVIDENCE_BPF;
	detail_text(&e, "what", what[op]);
	detail_number(&e, "requests", f->sad_result.count);
	detail_number(&e, "errno", f->sad_result.error);
	detail_text(&e, "reason", strerror((int)f->sad_result.error));
	core_emit(c, &e);
}
