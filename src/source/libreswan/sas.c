/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/libreswan/internal.h"
#include "source/libreswan/text.h"

/* Times are told in whole seconds from now: what moves less has not moved. */
#define SAME_TIME_US 3000000u

struct pluto_sa *sas_find(const struct libreswan *l, uint64_t number)
{
	return map_get(l->sas, &number);
}

static struct sas_key key_of(const struct pluto_sa *sa)
{
	return (struct sas_key){ .conn = sa->state.conn, .sa = sa->state.sa };
}

bool sas_is_established(const struct pluto_sa *sa)
{
	return sa->state.sa == WHACK_SA_IKE ? sa->state.state == IKE_ESTABLISHED
					    : sa->state.state == CHILD_INSTALLED;
}

struct pluto_sa *sas_newest(const struct libreswan *l, const struct pluto_sa *sa)
{
	struct sas_key key = key_of(sa);

	return map_get(l->newest, &key);
}

void sas_begin(struct libreswan *l)
{
	l->lists++;
}

static struct pluto_sa *place(struct libreswan *l, uint64_t number)
{
	void **it = map_place(l->sas, &number);

	if (!it) {
		l->losses++;
		return NULL;
	}
	if (!*it) {
		*it = calloc(1, sizeof(struct pluto_sa));
		if (!*it) {
			map_remove(l->sas, &number);
			l->losses++;
		}
	}
	return *it;
}

static uint64_t point(uint64_t was_us, uint64_t now_us, uint64_t in_s)
{
	uint64_t us;

	if (in_s == UINT64_MAX)
		return 0;
	us = now_us + in_s * 1000000;
	return (us > was_us ? us - was_us : was_us - us) <= SAME_TIME_US ? was_us : us;
}

static void listed(struct libreswan *l, const struct whack_state *state)
{
	const struct pluto_trace *trace = log_trace(l, state->number);
	struct pluto_sa *sa = place(l, state->number), *before;
	uint64_t now_us = clock_real_us();
	bool rekeyed;

	if (!sa)
		return;
	/* By a rekey of its IKE SA a child moves to the next. */
	before = sa->told && sa->state.ike != state->ike ? sas_find(l, sa->state.ike) : NULL;
	if (before && state->sa == WHACK_SA_CHILD)
		before->heir = state->ike;
	sa->state = *state;
	sa->list = l->lists;
	sa->pending = 0;
	if (state->role_known) {
		sa->role_known = true;
		sa->initiator = state->initiator;
	}
	if (trace && trace->role_known && !sa->role_known && state->sa == WHACK_SA_IKE) {
		sa->role_known = true;
		sa->initiator = trace->initiator;
	}
	sa->encap |= trace && trace->encap;
	/* IKEv1 has but one event: the time of its replacement is that of its rekey. */
	rekeyed = state->rekey_s != UINT64_MAX || state->version == 1;
	sa->rekey_us = point(sa->rekey_us, now_us,
		!rekeyed                       ? UINT64_MAX
		: state->rekey_s != UINT64_MAX ? state->rekey_s
					       : state->replace_s);
	sa->expires_us =
		point(sa->expires_us, now_us, state->version == 1 ? UINT64_MAX : state->replace_s);
	if (!conns_find(l, &state->conn))
		l->stale = true;
}

/* #10: pending CHILD SA for "badike" */
static bool pending_line(struct libreswan *l, struct span line)
{
	struct pluto_sa *sa;
	uint64_t number;

	whack_take_code(&line);
	if (!span_take(&line, "#") || !span_number(&line, 10, UINT64_MAX, &number) ||
		!span_take(&line, ": pending "))
		return false;
	sa = sas_find(l, number);
	if (sa && sa->pending < UINT16_MAX)
		sa->pending++;
	return true;
}

void sas_line(struct libreswan *l, struct span line)
{
	struct whack_state state;
	struct whack_spis spis;
	struct pluto_sa *sa;
	enum parse_result r;

	if (pending_line(l, line))
		return;
	r = whack_parse_spis(line, &spis);
	if (r == PARSE_OK) {
		sa = sas_find(l, spis.number);
		if (sa && sa->state.sa == WHACK_SA_CHILD)
			sa->spis = spis;
	} else if (r == PARSE_NOTHING) {
		r = whack_parse_state(line, &state);
		if (r == PARSE_OK)
			listed(l, &state);
	}
	if (r == PARSE_UNKNOWN || r == PARSE_TRUNCATED)
		l->losses++;
}

void sas_traffic(struct libreswan *l, struct span line)
{
	struct whack_traffic traffic;
	struct pluto_sa *sa;

	if (whack_parse_traffic(line, &traffic) != PARSE_OK)
		return;
	sa = sas_find(l, traffic.number);
	if (sa && sa->state.sa == WHACK_SA_CHILD)
		sa->traffic = traffic;
	/* An address is leased with a child, but belongs to its peer. */
	sa = sa ? sas_find(l, sa->state.ike) : NULL;
	if (sa) {
		memcpy(sa->traffic.lease, traffic.lease, sizeof(traffic.lease));
		memcpy(sa->traffic.user, traffic.user, sizeof(traffic.user));
	}
}

/*
 * Established in the place of another: of the one that was there until now, if it is there still;
 * or, when it is gone, if what it had goes on under this one. Else it came up anew.
 */
static uint64_t replaced_by(const struct libreswan *l, const struct pluto_sa *sa)
{
	const struct pluto_sa *before = sas_newest(l, sa), *ike;

	if (!before || before == sa || before->state.number > sa->state.number)
		return 0;
	if (before->list == l->lists || before->heir == sa->state.number)
		return before->state.number;
	if (sa->state.sa == WHACK_SA_CHILD && sa->state.ike) {
		ike = sas_find(l, sa->state.ike);
		if (before->state.ike == sa->state.ike ||
			(ike && ike->replaces && ike->replaces == before->state.ike))
			return before->state.number;
	}
	return 0;
}

static void became_newest(struct libreswan *l, struct pluto_sa *sa)
{
	struct sas_key key = key_of(sa);
	void **it = map_place(l->newest, &key);

	if (!it)
		l->losses++;
	else if (!*it || ((struct pluto_sa *)*it)->state.number < sa->state.number)
		*it = sa;
}

static void tell(struct libreswan *l, struct pluto_sa *sa, bool anew)
{
	bool ike = sa->state.sa == WHACK_SA_IKE,
	     up = sas_is_established(sa) && !sa->established_told;
	struct fact *f = libreswan_fact(l, ike ? FACT_IKE_SA : FACT_CHILD_SA);
	uint8_t op = anew || !l->sas_known ? IKE_OP_LISTED
		     : up && sa->replaces  ? IKE_OP_REKEYED
		     : up                  ? IKE_OP_UP
					   : IKE_OP_CHANGED;

	sas_learn_algorithms(l, sa);
	if (up && l->sas_known)
		sa->established_us = clock_real_us();
	if (ike)
		sas_build_ike(l, sa, &f->ike_sa.sa);
	else
		sas_build_child(l, sa, &f->child_sa.sa);
	if (sa->told && !anew && !up &&
		!(ike ? memcmp(&sa->was.ike, &f->ike_sa.sa, sizeof(sa->was.ike))
		      : memcmp(&sa->was.child, &f->child_sa.sa, sizeof(sa->was.child))))
		return;
	sa->told = true;
	if (up) {
		sa->established_told = true;
		l->stale |= l->sas_known;
	}
	if (ike) {
		sa->was.ike = f->ike_sa.sa;
		f->ike_sa.op = op;
		f->ike_sa.replaces = sa->replaces;
	} else {
		sa->was.child = f->child_sa.sa;
		f->child_sa.op = op;
		f->child_sa.replaces = sa->replaces;
	}
	libreswan_emit(l);
}

static void tell_all(struct libreswan *l, bool anew)
{
	static const uint8_t kinds[] = { WHACK_SA_IKE, WHACK_SA_CHILD };
	struct pluto_sa *sa;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		for (size_t at = 0; (sa = map_next(l->sas, &at, NULL));) {
			if (sa->state.sa == kinds[i] && sa->list == l->lists)
				tell(l, sa, anew);
		}
	}
}

static void tell_gone(struct libreswan *l, struct pluto_sa *sa)
{
	struct pluto_sa *heir = sas_newest(l, sa);
	bool ike = sa->state.sa == WHACK_SA_IKE;
	struct fact *f = libreswan_fact(l, ike ? FACT_IKE_SA_GONE : FACT_CHILD_SA_GONE);
	bool replaced = heir && heir != sa && heir->replaces == sa->state.number;
	uint8_t how = !sa->established_told ? IKE_GONE_FAILED
		      : replaced            ? IKE_GONE_REPLACED
					    : IKE_GONE_DOWN;

	if (ike) {
		f->ike_sa_gone.how = how;
		f->ike_sa_gone.sa = sa->was.ike;
	} else {
		f->child_sa_gone.how = how;
		f->child_sa_gone.sa = sa->was.child;
	}
	libreswan_emit(l);
}

static void forget(struct libreswan *l, struct pluto_sa *sa)
{
	struct sas_key key = key_of(sa);
	uint64_t number = sa->state.number;

	if (map_get(l->newest, &key) == sa)
		map_remove(l->newest, &key);
	map_remove(l->sas, &number);
	free(sa);
}

void sas_end(struct libreswan *l)
{
	struct pluto_sa *sa;

	for (size_t at = 0; (sa = map_next(l->sas, &at, NULL));) {
		if (sa->list != l->lists || !sas_is_established(sa))
			continue;
		if (!sa->established_told)
			sa->replaces = replaced_by(l, sa);
		became_newest(l, sa);
	}
	if (!l->sas_known)
		libreswan_dump(l, IKE_LIST_SAS, DUMP_BEGIN);
	tell_all(l, false);
	if (!l->sas_known)
		libreswan_dump(l, IKE_LIST_SAS, DUMP_END);
	l->sas_known = true;
	for (size_t at = 0; (sa = map_next(l->sas, &at, NULL));) {
		if (sa->list == l->lists)
			continue;
		if (sa->told)
			tell_gone(l, sa);
		forget(l, sa);
	}
}

void sas_settle(struct libreswan *l)
{
	if (l->sas_known)
		tell_all(l, false);
}

void sas_restate(struct libreswan *l)
{
	if (!l->sas_known)
		return;
	libreswan_dump(l, IKE_LIST_SAS, DUMP_BEGIN);
	tell_all(l, true);
	libreswan_dump(l, IKE_LIST_SAS, DUMP_END);
}

void sas_done(struct libreswan *l)
{
	l->sas = map_free_all(l->sas);
	l->newest = map_free(l->newest);
}
