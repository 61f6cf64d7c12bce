/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "core/tunnels.h"

/* Where the kernel does not say (before 6.10): whose address is local. */
static uint8_t derive_direction(const struct core *c, const struct sa *sa)
{
	struct ledger_link *l;
	bool in = false, out = false;

	if (sa->direction != DIRECTION_UNKNOWN)
		return sa->direction;
	for (size_t i = 0; (l = map_next(c->links, &i, NULL));) {
		if (l->link.netns != sa->netns)
			continue;
		for (unsigned k = 0; k < l->n_addrs; k++) {
			in = in || addr_equal(&l->addrs[k].addr, &sa->dst);
			out = out || addr_equal(&l->addrs[k].addr, &sa->src);
		}
	}
	if (in != out)
		return in ? DIRECTION_IN : DIRECTION_OUT;
	if ((sa->oseq > 0) != (sa->seq > 0))
		return sa->seq > 0 ? DIRECTION_IN : DIRECTION_OUT;
	return DIRECTION_UNKNOWN;
}

static void sa_event_init(
	struct core *c, struct event *e, uint32_t id, const struct netns *ns, const struct sa *sa)
{
	core_event_init(c, e, id, ns);
	e->src = sa->src;
	e->dst = sa->dst;
	e->proto = sa->proto;
	e->has_spi = sa->spi != 0;
	e->spi = sa->spi;
	e->has_reqid = true;
	e->reqid = sa->reqid;
	e->has_if_id = sa->if_id != 0;
	e->if_id = sa->if_id;
	e->has_mark = sa->mark_mask != 0;
	e->mark = sa->mark;
	e->direction = sa->direction;
	detail_text(e, "mode", ipsec_mode_name(sa->mode));
}

static void describe(struct event *e, const struct sa *sa)
{
	detail_text(e, "encryption", sa->encryption);
	detail_text(e, "integrity", sa->integrity);
	detail_number(e, "replay_window", sa->replay_window);
}

static void describe_end(struct event *e, const struct sa *sa)
{
	detail_number(e, "bytes", sa->bytes);
	detail_number(e, "packets", sa->packets);
	detail_number(e, "replayed", sa->replayed);
	detail_number(e, "late", sa->late);
	detail_number(e, "integrity_failed", sa->integrity_failed);
	if (sa->added_s)
		detail_number(e, "added_s", sa->added_s);
}

static void hold(struct core *c, struct event *e, uint8_t op, const struct sa *sa)
{
	struct prefix src = { sa->src, (uint8_t)addr_bits(&sa->src) };
	struct prefix dst = { sa->dst, (uint8_t)addr_bits(&sa->dst) };

	changes_hold(c, e, op, sa->netns, &src, &dst, sa->spi);
}

static void tell_added(struct core *c, struct ledger_sa *l)
{
	struct event e;

	l->announced = true;
	l->ns->added++;
	sa_event_init(c, &e, EVENT_SA_ADDED, l->ns, &l->sa);
	describe(&e, &l->sa);
	hold(c, &e, AUDIT_SAD_ADD, &l->sa);
}

struct ledger_sa *sas_find(const struct core *c, const struct netns *ns, const struct addr *src,
	const struct addr *dst, uint32_t spi)
{
	struct spi *s = spis_find(c, dst, spi);

	for (struct ledger_sa *l = s ? s->living : NULL; l; l = l->next_spi) {
		if (l->ns == ns && (addr_is_any(&l->sa.src) || addr_equal(&l->sa.src, src)))
			return l;
	}
	for (struct remains *r = ns->remains; r; r = r->next) {
		if (r->sa->sa.spi == spi && addr_equal(&r->sa->sa.dst, dst) &&
			addr_equal(&r->sa->sa.src, src))
			return r->sa;
	}
	return NULL;
}

/* The SA as the ledger has it from now on, still to be counted; NULL when there is no room. */
static struct ledger_sa *insert(struct core *c, struct netns *ns, const struct sa *sa)
{
	struct ledger_sa *l = calloc(1, sizeof(*l));
	struct sa_key key;

	sa_key_of(sa, &key);
	if (!l || map_put(c->sas, &key, l) < 0) {
		free(l);
		c->refused++;
		return NULL;
	}
	l->sa = *sa;
	l->ns = ns;
	spis_born(c, l);
	return l;
}

/* Which child SA replaces which is the daemon's to say, where one does. */
static void count_keys(struct core *c, const struct ledger_sa *l)
{
	tally_add(c, l->ns, 0, STATISTIC_QUICKMODE_KEY_ADDITIONS, 1);
	if (l->sa.direction == DIRECTION_OUT && sums_group_out(l) > 1 && !ike_tells(c, l->ns))
		tally_add(c, l->ns, 0, STATISTIC_QUICKMODE_REKEYS, 1);
}

/* NEWSA of what we send by, UPDSA of what we get by: the two halves of a negotiated pair. */
static void count_notified(struct core *c, const struct ledger_sa *l, bool added, bool got_keys)
{
	if (added || got_keys)
		count_keys(c, l);
	if (added && l->sa.direction == DIRECTION_OUT)
		tally_add(c, l->ns, 0, STATISTIC_MAINMODE_KEY_ADDITIONS, 1);
	if (!got_keys || l->sa.direction != DIRECTION_IN)
		return;
	tally_add(c, l->ns, 0, STATISTIC_MAINMODE_KEY_UPDATES, 1);
	if (!core_bpf_covers(c, HOOK_OF_SAD))
		tally_add(c, l->ns, 0, STATISTIC_MAINMODE_TOTAL_GET_SPI, 1);
}

static void there(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	const struct sa *sa = &f->sa.sa;
	bool fresh, got_keys = f->sa.op == SA_UPDATED;
	struct ledger_sa *l;
	struct sa_key key;

	if (!ns || !ns->there)
		return;
	sa_key_of(sa, &key);
	l = map_get(c->sas, &key);
	fresh = !l;
	if (fresh) {
		l = insert(c, ns, sa);
		if (!l)
			return;
		if (f->sa.op == SA_DUMPED && (ns->sa_resync || !ns->sa_known)) {
			/* It was there before we looked: its statistics are history, not news. */
			l->announced = true;
			l->told_replayed = sa->replayed;
			l->told_late = sa->late;
			l->told_integrity = sa->integrity_failed;
			ns->resync_added += ns->sa_known;
		}
	} else {
		bool was_larval = l->sa.larval;
		struct sa before = l->sa;

		sums_take(c, l);
		l->sa = *sa;
		/* A dump may have been quicker than the message by which it got its keys. */
		got_keys = got_keys && (was_larval || !l->announced);
		if (f->sa.op == SA_UPDATED && !was_larval) {
			/* The message repeats the request, not the live SA (xfrm_add_sa()). */
			l->sa.replayed = before.replayed;
			l->sa.late = before.late;
			l->sa.integrity_failed = before.integrity_failed;
			l->sa.bytes = before.bytes;
			l->sa.packets = before.packets;
		}
		tunnels_sa_counts(c, l, before.packets);
	}
	tunnels_sa_there(c, l);
	l->sa.direction = derive_direction(c, &l->sa);
	sums_put(c, l);
	l->generation = ns->sa_generation;
	l->missing = false;
	if (f->sa.op == SA_DUMPED)
		c->sas_to_check = c->sas_to_check || !l->announced;
	if (fresh && l->sa.larval && l->sa.spi == 0)
		statistics_asked(c, ns, &l->sa);
	if (l->sa.larval || f->sa.op == SA_DUMPED)
		return;
	count_notified(c, l, f->sa.op == SA_ADDED, got_keys);
	if (!l->announced) {
		tell_added(c, l);
	} else if (f->sa.op == SA_UPDATED && !fresh) {
		struct event e;

		sa_event_init(c, &e, EVENT_SA_UPDATED, ns, &l->sa);
		describe(&e, &l->sa);
		hold(c, &e, AUDIT_SAD_ADD, &l->sa);
	}
}

/* Keeps what the late evidence needs: an SA whose statistics are not all told, or that just went.
 */
static void bury(struct core *c, struct netns *ns, struct ledger_sa *l)
{
	struct remains *r;

	if (ns->n_remains >= LIMIT_REMAINS || !(r = calloc(1, sizeof(*r)))) {
		c->refused++;
		ns->stats_lost_ns = c->now_ns;
		free(l);
		return;
	}
	r->sa = l;
	r->boot_ns = c->now_ns;
	r->next = ns->remains;
	ns->remains = r;
	ns->n_remains++;
}

static void remove_sa(struct core *c, struct netns *ns, struct ledger_sa *l, enum spi_fate fate)
{
	struct sa_key key;

	sa_key_of(&l->sa, &key);
	map_remove(c->sas, &key);
	sums_take(c, l);
	sums_bury(ns, &l->sa);
	spis_died(c, l, fate);
	if (!l->sa.larval && ns->there)
		tally_add(c, ns, 0, STATISTIC_QUICKMODE_KEY_DELETIONS, 1);
	tunnels_sa_gone(l, fate);
	if (fate == SPI_FLUSHED || fate == SPI_VANISHED)
		ns->stats_lost_ns = c->now_ns;
	bury(c, ns, l);
}

static void gone(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	const struct sa *final = &f->sa_gone.sa;
	bool expired = f->sa_gone.how == GONE_EXPIRED;
	uint64_t packets_before;
	struct ledger_sa *l;
	struct sa_key key;
	bool larval = final->larval;
	struct event e;

	if (!ns)
		return;
	if (expired && final->spi == 0)
		tally_add(c, ns, 0, STATISTIC_MAINMODE_ACQUIRE_FAILURES, 1);
	sa_key_of(final, &key);
	l = map_get(c->sas, &key);
	if (l) {
		larval = l->sa.larval;
		if (!l->announced && !larval) {
			count_keys(c, l);
			tell_added(c, l);
		}
		/* The last word on what it carried and dropped; EXPIRE has no more than that. */
		sums_take(c, l);
		packets_before = l->sa.packets;
		l->sa.bytes = final->bytes;
		l->sa.packets = final->packets;
		l->sa.used_s = final->used_s;
		l->sa.replayed = final->replayed;
		l->sa.late = final->late;
		l->sa.integrity_failed = final->integrity_failed;
		sums_put(c, l);
		tunnels_sa_counts(c, l, packets_before);
	} else if (final->spi != 0 && !larval) {
		tally_add(c, ns, 0, STATISTIC_QUICKMODE_KEY_DELETIONS, 1);
	}
	sa_event_init(c, &e, expired ? EVENT_SA_EXPIRED : EVENT_SA_DELETED, ns, l ? &l->sa : final);
	describe_end(&e, final);
	if (l)
		remove_sa(c, ns, l, expired ? SPI_EXPIRED : SPI_DELETED);
	if (larval || (!l && final->spi == 0))
		return;
	if (expired) {
		ns->expired++;
		/* The timer's audit record names whatever task it interrupted: nobody's deed. */
		changes_forget_actor(c, AUDIT_SAD_DELETE, &final->src, &final->dst, final->spi);
		core_emit(c, &e);
	} else {
		ns->deleted++;
		hold(c, &e, AUDIT_SAD_DELETE, final);
	}
}

static void soft(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	struct ledger_sa *l;
	struct sa_key key;
	struct event e;

	sa_key_of(&f->sa_gone.sa, &key);
	l = map_get(c->sas, &key);
	if (!ns || !l || l->soft_told)
		return;
	l->soft_told = true;
	sa_event_init(c, &e, EVENT_SA_EXPIRING, ns, &l->sa);
	describe_end(&e, &f->sa_gone.sa);
	core_emit(c, &e);
}

static bool flush_takes(uint8_t wanted, uint8_t proto)
{
	return wanted == 0 || wanted == proto ||
	       (wanted == 255 /* IPSEC_PROTO_ANY */ &&
		       (proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_COMP));
}

static void flush(struct core *c, const struct fact *f)
{
	struct netns *ns = ledger_netns(c, f->netns);
	uint8_t proto = f->sa_flush.proto;
	struct ledger_sa *l;
	struct event e;
	uint64_t n = 0;
	struct prefix none = { 0 };

	if (!ns)
		return;
	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
		if (l->ns != ns || !flush_takes(proto, l->sa.proto))
			continue;
		n += !l->sa.larval;
		remove_sa(c, ns, l, SPI_FLUSHED);
	}
	ns->deleted += n;
	core_event_init(c, &e, EVENT_SA_FLUSHED, ns);
	e.proto = proto == 255 ? 0 : proto;
	detail_number(&e, "n", n);
	changes_hold(c, &e, AUDIT_SAD_DELETE, ns->cookie, &none, &none, 0);
}

static void mapping(struct core *c, const struct fact *f)
{
	char old[ADDR_TEXT_SIZE + 8], new[ADDR_TEXT_SIZE + 8], text[ADDR_TEXT_SIZE];
	struct event e;

	core_event_init(c, &e, EVENT_MAPPING_CHANGED, ledger_netns(c, f->netns));
	e.src = f->mapping.new_src;
	e.dst = f->mapping.dst;
	e.has_spi = e.has_reqid = true;
	e.spi = f->mapping.spi;
	e.reqid = f->mapping.reqid;
	(void)snprintf(old, sizeof(old), "%s:%u", addr_format(&f->mapping.old_src, text),
		f->mapping.old_sport);
	(void)snprintf(new, sizeof(new), "%s:%u", addr_format(&f->mapping.new_src, text),
		f->mapping.new_sport);
	detail_text(&e, "old", old);
	detail_text(&e, "new", new);
	core_emit(c, &e);
}

void sas_fact(struct core *c, const struct fact *f)
{
	switch (f->type) {
	case FACT_SA:
		there(c, f);
		break;
	case FACT_SA_GONE:
		gone(c, f);
		break;
	case FACT_SA_SOFT:
		soft(c, f);
		break;
	case FACT_SA_FLUSH:
		flush(c, f);
		break;
	default:
		mapping(c, f);
		break;
	}
}

void sas_dump_end(struct core *c, struct netns *ns)
{
	struct ledger_sa *l;

	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
		if (l->ns == ns && l->generation != ns->sa_generation)
			l->missing = c->sas_to_check = true;
	}
}

/*
 * What the last dump did not have, and no notification has explained by now (they were read behind
 * the dump), is gone; and what it had without a notification is told as added.
 */
void sas_poll(struct core *c)
{
	struct ledger_sa *l;

	for (size_t at = 0; c->sas_to_check && (l = map_next(c->sas, &at, NULL));) {
		struct netns *ns = l->ns;
		struct event e;

		if (!l->missing) {
			if (!l->announced && !l->sa.larval) {
				count_keys(c, l);
				tell_added(c, l);
			}
			continue;
		}
		if (!l->sa.larval && !ns->sa_resync) {
			sa_event_init(c, &e, EVENT_SA_VANISHED, ns, &l->sa);
			describe_end(&e, &l->sa);
			core_emit(c, &e);
		}
		ns->resync_gone += ns->sa_resync && !l->sa.larval;
		remove_sa(c, ns, l, SPI_VANISHED);
	}
	c->sas_to_check = false;
}

void sas_forget(struct core *c, struct netns *ns)
{
	struct ledger_sa *l;

	for (size_t at = 0; (l = map_next(c->sas, &at, NULL));) {
		if (l->ns == ns)
			remove_sa(c, ns, l, SPI_VANISHED);
	}
}
