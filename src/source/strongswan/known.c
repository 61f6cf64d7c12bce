/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "source/strongswan/internal.h"

void known_tell_ike(
	struct strongswan *s, enum fact_ike_op op, uint64_t replaces, const struct ike_sa *sa)
{
	struct fact *f = strongswan_fact(s, FACT_IKE_SA);

	f->ike_sa.op = (uint8_t)op;
	f->ike_sa.replaces = replaces;
	f->ike_sa.sa = *sa;
	strongswan_emit(s, f);
}

void known_tell_ike_gone(struct strongswan *s, enum fact_ike_gone_how how, const struct ike_sa *sa)
{
	struct fact *f = strongswan_fact(s, FACT_IKE_SA_GONE);

	f->ike_sa_gone.how = (uint8_t)how;
	f->ike_sa_gone.sa = *sa;
	strongswan_emit(s, f);
}

void known_tell_child(
	struct strongswan *s, enum fact_ike_op op, uint64_t replaces, const struct child_sa *sa)
{
	struct fact *f = strongswan_fact(s, FACT_CHILD_SA);

	f->child_sa.op = (uint8_t)op;
	f->child_sa.replaces = replaces;
	f->child_sa.sa = *sa;
	strongswan_emit(s, f);
}

void known_tell_child_gone(
	struct strongswan *s, enum fact_ike_gone_how how, const struct child_sa *sa)
{
	struct fact *f = strongswan_fact(s, FACT_CHILD_SA_GONE);

	f->child_sa_gone.how = (uint8_t)how;
	f->child_sa_gone.sa = *sa;
	strongswan_emit(s, f);
}

struct known_ike *known_find(const struct strongswan *s, uint64_t unique)
{
	return map_get(s->ikes, &unique);
}

size_t known_count(const struct strongswan *s)
{
	return map_count(s->children) + map_count(s->ikes);
}

/* The entry of that number, made when there is none; NULL: no memory, or too many. */
static void *place(struct strongswan *s, struct map *map, uint64_t unique, size_t size)
{
	void *known = map_get(map, &unique);

	if (known)
		return known;
	known = calloc(1, size);
	if (!known || map_put(map, &unique, known)) {
		free(known);
		s->losses++;
		return NULL;
	}
	return known;
}

void known_forget(struct map *map, uint64_t unique)
{
	free(map_remove(map, &unique));
}

bool gone_has(const struct gone *g, uint64_t unique)
{
	for (size_t i = 0; i < GONE; i++) {
		if (g->unique[i] == unique)
			return unique != 0;
	}
	return false;
}

void gone_add(struct gone *g, uint64_t unique)
{
	g->unique[g->n++ % GONE] = unique;
}

void gone_remove(struct gone *g, uint64_t unique)
{
	for (size_t i = 0; i < GONE; i++) {
		if (g->unique[i] == unique)
			g->unique[i] = 0;
	}
}

struct known_ike *known_keep_ike(struct strongswan *s, const struct ike_sa *sa)
{
	struct known_ike *known = place(s, s->ikes, sa->unique, sizeof(*known));

	if (!known)
		return NULL;
	known->sa = *sa;
	known->up |= sa->state >= IKE_ESTABLISHED && sa->state != IKE_FAILED;
	known->list = s->listing;
	known->missed = 0;
	return known;
}

void known_keep_child(struct strongswan *s, const struct child_sa *sa)
{
	struct known_child *known = place(s, s->children, sa->unique, sizeof(*known));

	if (!known)
		return;
	known->sa = *sa;
	known->list = s->listing;
	known->missed = 0;
}

/*
 * Without blocking, charon leaves out an SA that is at work just then: one that was not listed is
 * told again from what we know, once; the second time it is gone.
 */
static void end_listing(struct strongswan *s)
{
	struct known_ike *ike;
	struct known_child *child;
	bool missed = false;

	for (size_t at = 0; (ike = map_next(s->ikes, &at, NULL));) {
		if (ike->list == s->listing)
			continue;
		if (ike->missed++ > 0) {
			known_forget(s->ikes, ike->sa.unique);
			continue;
		}
		missed = true;
		known_tell_ike(s, IKE_OP_LISTED, 0, &ike->sa);
	}
	for (size_t at = 0; (child = map_next(s->children, &at, NULL));) {
		if (child->list == s->listing)
			continue;
		if (child->missed++ > 0) {
			known_forget(s->children, child->sa.unique);
			continue;
		}
		missed = true;
		known_tell_child(s, IKE_OP_LISTED, 0, &child->sa);
	}
	if (missed)
		requests_soon(s, REQUEST_SAS);
}

void known_listing(struct strongswan *s, bool begin)
{
	if (begin)
		s->listing++;
	else
		end_listing(s);
	strongswan_dump(s, IKE_LIST_SAS, begin ? DUMP_BEGIN : DUMP_END);
}

void known_restate(struct strongswan *s)
{
	struct known_ike *ike;
	struct known_child *child;

	/* A listing that runs ends it. */
	strongswan_dump(s, IKE_LIST_SAS, DUMP_BEGIN);
	for (size_t at = 0; (ike = map_next(s->ikes, &at, NULL));)
		known_tell_ike(s, IKE_OP_LISTED, 0, &ike->sa);
	for (size_t at = 0; (child = map_next(s->children, &at, NULL));)
		known_tell_child(s, IKE_OP_LISTED, 0, &child->sa);
	if (s->asked != REQUEST_SAS)
		strongswan_dump(s, IKE_LIST_SAS, DUMP_END);
}

void known_done(struct strongswan *s)
{
	map_free_all(s->ikes);
	map_free_all(s->children);
}
