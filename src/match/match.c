/* SPDX-License-Identifier: Apache-2.0 */
#include "match/match.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/map.h"
#include "match/tuple.h"

#define DIRECTIONS 5
#define TYPES 2
#define LIMIT_NETNS 65536
#define GROUP 16 /* packets that a batch follows at once */

struct match_netns {
	uint64_t cookie;
	struct space spaces[2][DIRECTIONS][TYPES]; /* IPv4, IPv6 */
};

struct match {
	uint64_t seed;
	size_t n;
	struct map *netns; /* cookie → struct match_netns */
};

int match_new(uint64_t seed, struct match **ret)
{
	struct match *m = calloc(1, sizeof(*m));

	if (!m || map_new(sizeof(uint64_t), LIMIT_NETNS, seed, &m->netns) < 0) {
		free(m);
		return -ENOMEM;
	}
	m->seed = seed;
	*ret = m;
	return 0;
}

static size_t netns_walk(struct match_netns *ns, bool done)
{
	size_t n = 0;

	for (unsigned i = 0; i < 2 * DIRECTIONS * TYPES; i++) {
		struct space *s = &ns->spaces[0][0][0] + i;

		for (size_t t = 0; t < s->n_tuples; t++)
			n += s->tuples[t].n;
		if (done)
			space_done(s);
	}
	return n;
}

struct match *match_free(struct match *m)
{
	struct match_netns *ns;

	if (m) {
		for (size_t at = 0; (ns = map_next(m->netns, &at, NULL));) {
			(void)netns_walk(ns, true);
			free(ns);
		}
		map_free(m->netns);
	}
	free(m);
	return NULL;
}

static struct match_netns *netns_of(struct match *m, uint64_t cookie)
{
	struct match_netns *ns = map_get(m->netns, &cookie);

	if (ns)
		return ns;
	ns = calloc(1, sizeof(*ns));
	if (!ns || map_put(m->netns, &cookie, ns) < 0) {
		free(ns);
		return NULL;
	}
	ns->cookie = cookie;
	for (unsigned i = 0; i < DIRECTIONS * TYPES; i++) {
		space_init(&ns->spaces[0][0][0] + i, KEY_WORDS4, m->seed);
		space_init(&ns->spaces[1][0][0] + i, KEY_WORDS6, m->seed);
	}
	return ns;
}

int match_add(struct match *m, const struct policy *p)
{
	struct key key, mask;
	struct match_netns *ns;
	int r;

	if (p->direction >= DIRECTIONS || p->type >= TYPES || !key_of_policy(p, &key, &mask))
		return 0;
	ns = netns_of(m, p->netns);
	if (!ns)
		return -ENOMEM;
	r = space_add(&ns->spaces[p->selector.dst.addr.family == AF_INET6][p->direction][p->type],
		p, &key, &mask);
	m->n += r == 0;
	return r;
}

void match_remove(struct match *m, const struct policy *p)
{
	struct match_netns *ns = map_get(m->netns, &p->netns);
	struct key key, mask;

	if (!ns || p->direction >= DIRECTIONS || p->type >= TYPES || !key_of_policy(p, &key, &mask))
		return;
	m->n -= space_remove(
		&ns->spaces[p->selector.dst.addr.family == AF_INET6][p->direction][p->type],
		p->index, &key, &mask);
}

void match_forget(struct match *m, uint64_t netns)
{
	struct match_netns *ns = map_remove(m->netns, &netns);

	if (ns)
		m->n -= netns_walk(ns, true);
	free(ns);
}

size_t match_count(const struct match *m)
{
	return m->n;
}

size_t match_memory(const struct match *m)
{
	struct match_netns *ns;
	size_t n = sizeof(*m);

	for (size_t at = 0; (ns = map_next(m->netns, &at, NULL));) {
		n += sizeof(*ns);
		for (unsigned i = 0; i < 2 * DIRECTIONS * TYPES; i++)
			n += space_memory(&ns->spaces[0][0][0] + i);
	}
	return n;
}

static const struct space *space_of(const struct match *m, struct match_where where, uint8_t family)
{
	const struct match_netns *ns = map_get(m->netns, &where.netns);

	if (!ns || where.direction >= DIRECTIONS || where.type >= TYPES)
		return NULL;
	return &ns->spaces[family == AF_INET6][where.direction][where.type];
}

static void hit_of(const struct rule *r, struct match_hit *ret)
{
	*ret = (struct match_hit){ .found = r != NULL };
	if (r) {
		ret->block = r->block;
		ret->first = r->first;
		ret->index = r->index;
		ret->priority = r->priority;
	}
}

/* A packet on its way through the tables. */
struct search {
	struct key key;
	struct parts parts;
	size_t at; /* the table that is asked, */
	uint64_t hash; /* and for what */
	const struct rule *best;
	uint64_t rank; /* of the best; UINT64_MAX */
};

/* n_words is known where these are called, so that the words of a key are no loop. */

static inline __attribute__((always_inline)) void search_begin(
	const struct space *s, struct search *f, const struct flow *flow, unsigned n_words)
{
	f->at = 0;
	f->best = NULL;
	f->rank = UINT64_MAX;
	key_of_flow(flow, n_words, &f->key);
	parts_look(s, &f->key, n_words, &f->parts);
}

/* To the next table that may have something better; false: none has. */
static inline __attribute__((always_inline)) bool search_next(
	const struct space *s, struct search *f)
{
	for (; f->at < s->n_tuples; f->at++) {
		const struct tuple *t = &s->tuples[f->at];

		if (t->best > f->rank)
			break;
		if ((t->needs & f->parts.missing) == 0) {
			f->hash = tuple_hash_parts(s, t, &f->key, &f->parts);
			return true;
		}
	}
	return false;
}

static inline __attribute__((always_inline)) void search_ask(
	const struct space *s, struct search *f, unsigned n_words)
{
	const struct rule *r = tuple_find(&s->tuples[f->at++], &f->key, f->hash, n_words);

	if (r && (!f->best || rule_before(r, f->best))) {
		f->best = r;
		f->rank = rule_rank(r);
	}
}

static inline __attribute__((always_inline)) const struct rule *search(
	const struct space *s, const struct flow *flow, unsigned n_words)
{
	struct search f;

	search_begin(s, &f, flow, n_words);
	while (search_next(s, &f)) {
		rule_prefetch(&s->tuples[f.at], f.hash, n_words);
		search_ask(s, &f, n_words);
	}
	return f.best;
}

void match_best(const struct match *m, struct match_where where, const struct flow *f,
	struct match_hit *ret)
{
	const struct space *s = space_of(m, where, f->dst.family);
	const struct rule *best = NULL;

	if (s && s->n_tuples > 0)
		best = f->dst.family == AF_INET6 ? search(s, f, KEY_WORDS6)
						 : search(s, f, KEY_WORDS4);
	hit_of(best, ret);
}

/*
 * The packets of one family among some, in step: memory is asked for long before it is used, and
 * what takes one packet's time serves all.
 */
static inline __attribute__((always_inline)) void search_group(const struct space *s,
	const struct flow *flows, size_t n, unsigned n_words, struct match_hit *ret)
{
	struct search searches[GROUP];
	uint8_t active[GROUP], n_active = 0;

	for (uint8_t k = 0; k < n; k++) {
		if ((flows[k].dst.family == AF_INET6) != (n_words == KEY_WORDS6))
			continue;
		active[n_active++] = k;
		search_begin(s, &searches[k], &flows[k], n_words);
	}
	while (n_active > 0) {
		uint8_t n_next = 0;

		for (unsigned i = 0; i < n_active; i++) {
			struct search *f = &searches[active[i]];

			if (search_next(s, f)) {
				bucket_prefetch(&s->tuples[f->at], f->hash);
				active[n_next++] = active[i];
			} else
				hit_of(f->best, &ret[active[i]]);
		}
		n_active = n_next;
		for (unsigned i = 0; i < n_active; i++) {
			struct search *f = &searches[active[i]];

			rule_prefetch_found(&s->tuples[f->at], f->hash, n_words);
		}
		for (unsigned i = 0; i < n_active; i++)
			search_ask(s, &searches[active[i]], n_words);
	}
}

void match_batch(const struct match *m, struct match_where where, const struct flow *flows,
	size_t n, struct match_hit *ret)
{
	const struct space *four = space_of(m, where, AF_INET);
	const struct space *six = space_of(m, where, AF_INET6);

	for (size_t k = 0; k < n; k++)
		hit_of(NULL, &ret[k]);
	for (size_t k = 0; k < n; k += GROUP) {
		size_t n_group = n - k < GROUP ? n - k : GROUP;

		if (four && four->n_tuples > 0)
			search_group(four, &flows[k], n_group, KEY_WORDS4, &ret[k]);
		if (six && six->n_tuples > 0)
			search_group(six, &flows[k], n_group, KEY_WORDS6, &ret[k]);
	}
}

static int hit_cmp(const void *x, const void *y)
{
	const struct match_hit *a = x, *b = y;

	if (a->first != b->first)
		return a->first ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Keeps the first max of the order, as a sorted run. */
static void hit_insert(struct match_hit *hits, size_t *n, size_t max, const struct match_hit *h)
{
	size_t at = *n;

	if (*n == max && (max == 0 || hit_cmp(h, &hits[max - 1]) > 0))
		return;
	if (*n == max)
		at--;
	else
		++*n;
	for (; at > 0 && hit_cmp(h, &hits[at - 1]) < 0; at--)
		hits[at] = hits[at - 1];
	hits[at] = *h;
}

/* Hits, sorted as they come. */
struct hits {
	struct match_hit *p;
	size_t n, max, total;
};

/* All rules of the key under the table's mask. */
static void take_key(
	const struct space *s, const struct tuple *t, const struct key *key, struct hits *hits)
{
	uint64_t hash = tuple_hash(s, t, key);
	const struct rule *r = tuple_find(t, key, hash, s->n_words);

	while (r) {
		struct match_hit h;

		hit_of(r, &h);
		hit_insert(hits->p, &hits->n, hits->max, &h);
		hits->total++;
		r = r->next == RULE_NONE ? NULL : rule_at(s, r->next);
	}
}

size_t match_all(const struct match *m, struct match_where where, const struct flow *f,
	struct match_hit *ret, size_t max)
{
	const struct space *s = space_of(m, where, f->dst.family);
	struct hits hits = { .p = ret, .max = max };
	struct key key;

	if (!s)
		return 0;
	key_of_flow(f, s->n_words, &key);
	for (size_t i = 0; i < s->n_tuples; i++)
		take_key(s, &s->tuples[i], &key, &hits);
	return hits.total;
}

/* Does a look at no more than b does? */
static bool mask_within(const struct key *a, const struct key *b, unsigned n_words)
{
	uint64_t more = 0;

	for (unsigned i = 0; i < n_words; i++)
		more |= a->words[i] & ~b->words[i];
	return more == 0;
}

size_t match_covering(const struct match *m, struct match_where where, const struct policy *p,
	struct match_hit *ret, size_t max)
{
	const struct space *s = space_of(m, where, p->selector.dst.addr.family);
	struct hits hits = { .p = ret, .max = max };
	struct key key, mask;

	if (!s || !key_of_policy(p, &key, &mask))
		return 0;
	for (size_t i = 0; i < s->n_tuples; i++) {
		if (mask_within(&s->tuples[i].mask, &mask, s->n_words))
			take_key(s, &s->tuples[i], &key, &hits);
	}
	return hits.total;
}

bool match_twin(const struct match *m, struct match_where where, const struct policy *p)
{
	const struct space *s = space_of(m, where, p->selector.dst.addr.family);
	struct key key, mask;
	const struct tuple *t;
	size_t at;

	if (!s || !key_of_policy(p, &key, &mask))
		return false;
	at = space_find(s, &mask);
	if (at == s->n_tuples)
		return false;
	t = &s->tuples[at];
	return tuple_find(t, &key, tuple_hash(s, t, &key), s->n_words) != NULL;
}
