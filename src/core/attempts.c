/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/attempts.h"
#include "core/internal.h"

int negotiations_new(struct core *c)
{
	c->negotiations = calloc(1, sizeof(*c->negotiations));
	if (!c->negotiations)
		return -ENOMEM;
	return map_new(sizeof(struct chain_key), LIMIT_ATTEMPTS, c->seed, &c->negotiations->chains);
}

void negotiations_free(struct core *c)
{
	struct negotiations *all = c->negotiations;
	struct chain *chain;

	if (!all)
		return;
	for (size_t at = 0; all->chains && (chain = map_next(all->chains, &at, NULL));) {
		while (chain->first) {
			struct attempt *a = chain->first;

			chain->first = a->next;
			free(a);
		}
		free(chain);
	}
	map_free(all->chains);
	free(all);
	c->negotiations = NULL;
}

uint64_t attempts_late_ns(const struct core *c)
{
	return 4 * c->config.settle_ns;
}

/* The more, the better it tells why: narrower first, then who says it, then without regard to
 * order. */
static uint32_t score(const struct negotiation *n)
{
	static const uint8_t weights[] = {
		[SAID_LOG] = 3, [SAID_STATUS] = 2, [SAID_AUDIT] = 2, [SAID_ALERT] = 1
	};
	uint32_t weight = n->said < ARRAY_LEN(weights) ? weights[n->said] : 0;

	return ((uint32_t)cause_of(n->cause)->rank * 8 + weight) * 256 + (UINT8_MAX - n->cause);
}

static void fill(char *to, const char *from, size_t size, bool better)
{
	if (from[0] && (better || !to[0]))
		memcpy(to, from, size);
}

static void fill_addr(struct addr *to, uint16_t *port, const struct addr *from, uint16_t from_port)
{
	if (!to->family)
		*to = *from;
	if (!*port && addr_equal(to, from))
		*port = from_port;
}

bool attempt_has_piece(const struct attempt *a, const struct piece *p)
{
	for (unsigned i = 0; i < a->n_pieces; i++) {
		if (a->pieces[i].said == p->said && a->pieces[i].cause == p->cause)
			return true;
	}
	return false;
}

static bool has_piece(const struct attempt *a, const struct negotiation *n)
{
	return attempt_has_piece(a, &(struct piece){ .said = n->said, .cause = n->cause });
}

static void note_piece(struct core *c, struct attempt *a, const struct negotiation *n)
{
	if (has_piece(a, n) || a->n_pieces == ATTEMPT_PIECES)
		a->n_more++;
	else
		a->pieces[a->n_pieces++] =
			(struct piece){ n->said, n->cause, c->fact->seq, c->now_ns };
}

void attempt_learn(struct negotiation *to, const struct negotiation *n)
{
	if (!to->role_known && n->role_known) {
		to->role_known = true;
		to->initiator = n->initiator;
	}
	to->version = to->version ? to->version : n->version;
	to->unique = to->unique ? to->unique : n->unique;
	to->spi_i = to->spi_i ? to->spi_i : n->spi_i;
	to->spi_r = to->spi_r ? to->spi_r : n->spi_r;
	fill_addr(&to->local, &to->local_port, &n->local, n->local_port);
	fill_addr(&to->remote, &to->remote_port, &n->remote, n->remote_port);
	fill(to->conn, n->conn, sizeof(n->conn), false);
	fill(to->child_name, n->child_name, sizeof(n->child_name), false);
	fill(to->local_id, n->local_id, sizeof(n->local_id), false);
	fill(to->remote_id, n->remote_id, sizeof(n->remote_id), false);
}

void attempt_take(struct core *c, struct attempt *a, const struct negotiation *n)
{
	uint32_t points = score(n);
	bool better = a->n_pieces == 0 || points > a->score;

	if (better) {
		a->score = points;
		a->n.cause = n->cause;
		a->said = n->said;
		/* An IKE SA that fails by its first child alone is a failed child. */
		a->n.child = n->child || (a->n.child && n->cause == CAUSE_UNKNOWN);
	}
	attempt_learn(&a->n, n);
	fill(a->n.ours, n->ours, sizeof(n->ours), better);
	fill(a->n.theirs, n->theirs, sizeof(n->theirs), better);
	fill(a->n.words, n->words, sizeof(n->words), better);
	note_piece(c, a, n);
	/* A dead peer is not said to be over where the IKE SA has gone already. */
	if ((n->final || a->went_down) && !a->n.final) {
		a->n.final = true;
		a->time_us = c->now_us;
		a->final_ns = c->now_ns;
	}
	a->touched_ns = c->now_ns;
}

bool attempt_is_about(const struct attempt *a, const struct negotiation *n)
{
	if (a->n.service != n->service)
		return false;
	/* "It failed" may be said of the IKE SA when it was its child's fault, and of both. */
	if (a->n.child != n->child && a->n_pieces > 0 && a->n.cause != CAUSE_UNKNOWN &&
		n->cause != CAUSE_UNKNOWN)
		return false;
	if (a->n.child_name[0] && n->child_name[0] && strcmp(a->n.child_name, n->child_name) != 0)
		return false;
	if (a->n.unique && n->unique)
		return a->n.unique == n->unique;
	if (a->n.remote.family && n->remote.family && !addr_equal(&a->n.remote, &n->remote))
		return false;
	if (a->n.conn[0] && n->conn[0])
		return strcmp(a->n.conn, n->conn) == 0;
	return a->n.remote.family && n->remote.family;
}

/*
 * After the daemon has said why, an SA that never was is dropped at a timeout, or missing in the
 * next list: no news. One that was up may die of something else.
 */
static bool is_aftermath(const struct core *c, const struct attempt *a, const struct negotiation *n)
{
	bool ends = n->cause == CAUSE_UNKNOWN ||
		    (!a->was_up && !n->child &&
			    cause_of(n->cause)->rank <= cause_of(CAUSE_TIMEOUT)->rank);

	return ends && n->unique && a->n.unique == n->unique &&
	       c->now_ns - a->touched_ns < AFTERMATH_S * 1000000000ull;
}

/*
 * Does it belong there? What was told takes only what is said late, in another way, and names no
 * other cause by the same mouth: else it is a new occurrence.
 */
static bool joins(const struct core *c, const struct attempt *a, const struct negotiation *n)
{
	if (!attempt_is_about(a, n))
		return false;
	if (a->n_pieces == 0) /* went down: takes a timeout only */
		return n->cause == CAUSE_TIMEOUT || n->cause == CAUSE_DPD;
	if (!a->told)
		return true;
	if (has_piece(a, n))
		return false;
	return c->now_ns - a->touched_ns < attempts_late_ns(c) || is_aftermath(c, a, n);
}

/* Of several negotiations with one peer at a time, where it fits best; 0: nowhere. */
static unsigned fit(const struct core *c, const struct attempt *a, const struct negotiation *n)
{
	if (!joins(c, a, n))
		return 0;
	return 1u + (n->unique && a->n.unique == n->unique ? 8u : 0) + (a->told ? 0 : 4u) +
	       (has_piece(a, n) ? 0 : 2u);
}

static struct attempt *best_of(
	const struct core *c, struct attempt *first, const struct negotiation *n)
{
	struct attempt *found = NULL;
	unsigned best = 0;

	for (struct attempt *a = first; a; a = a->next) {
		unsigned points = fit(c, a, n);

		if (points > best) {
			best = points;
			found = a;
		}
	}
	return found;
}

static struct chain_key key_of(uint64_t service, const struct addr *peer)
{
	struct chain_key key;

	memset(&key, 0, sizeof(key));
	key.service = service;
	key.peer = *peer;
	return key;
}

/* Where it can stand: with its peer, or, while either does not know the address, anywhere. */
struct attempt *attempts_find(const struct core *c, const struct negotiation *n)
{
	struct chain_key key = key_of(n->service, &n->remote);
	struct chain *chain = map_get(c->negotiations->chains, &key);
	struct attempt *found = chain ? best_of(c, chain->first, n) : NULL;

	if (found)
		return found;
	if (n->remote.family) {
		static const struct addr nowhere;

		key = key_of(n->service, &nowhere);
		chain = map_get(c->negotiations->chains, &key);
		return chain ? best_of(c, chain->first, n) : NULL;
	}
	for (size_t at = 0; !found && (chain = map_next(c->negotiations->chains, &at, NULL));)
		found = chain->key.service == n->service ? best_of(c, chain->first, n) : NULL;
	return found;
}

void attempts_remove(struct core *c, struct chain *chain, struct attempt **at)
{
	struct attempt *a = *at;

	*at = a->next;
	chain->n--;
	c->negotiations->n_attempts--;
	free(a);
}

struct attempt *attempts_open(struct core *c, const struct negotiation *n, uint64_t cookie)
{
	struct chain_key key = key_of(n->service, &n->remote);
	struct negotiations *all = c->negotiations;
	struct chain *chain = map_get(all->chains, &key);
	struct attempt *a = NULL;

	if (all->n_attempts < LIMIT_ATTEMPTS && (!chain || chain->n < LIMIT_ATTEMPTS_OF_PEER))
		a = calloc(1, sizeof(*a));
	if (a && !chain) {
		chain = calloc(1, sizeof(*chain));
		if (chain && map_put(all->chains, &key, chain) < 0) {
			free(chain);
			chain = NULL;
		}
		if (chain)
			chain->key = key;
	}
	if (!a || !chain) {
		free(a);
		c->refused++;
		return NULL;
	}
	a->n.service = n->service;
	a->n.child = n->child;
	a->cookie = cookie;
	a->time_us = c->now_us;
	a->touched_ns = c->now_ns;
	a->next = chain->first;
	chain->first = a;
	chain->n++;
	all->n_attempts++;
	return a;
}
