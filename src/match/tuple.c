/* SPDX-License-Identifier: Apache-2.0 */
#include "match/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keys. */

static void prefix_mask(const struct prefix *p, uint8_t ret[16])
{
	memset(ret, 0, 16);
	for (unsigned bit = 0; bit < p->length; bit += 8)
		ret[bit / 8] = (uint8_t)(p->length - bit >= 8 ? 0xff : 0xff00 >> (p->length - bit));
}

bool key_of_policy(const struct policy *p, struct key *ret, struct key *ret_mask)
{
	const struct selector *s = &p->selector;
	unsigned bits = addr_bits(&s->dst.addr), n_words = bits == 128 ? KEY_WORDS6 : KEY_WORDS4;
	uint8_t src[16], dst[16];

	if (s->src.length > bits || s->dst.length > bits ||
		s->src.addr.family != s->dst.addr.family)
		return false;
	*ret = key_of(p->if_id, p->mark, s->sport, s->dport, s->ifindex, s->proto);
	*ret_mask = key_of(UINT32_MAX, p->mark_mask, s->sport_mask, s->dport_mask,
		s->ifindex ? UINT32_MAX : 0, s->proto ? UINT8_MAX : 0);
	key_addresses(ret, s->src.addr.octets, s->dst.addr.octets, n_words);
	prefix_mask(&s->src, src);
	prefix_mask(&s->dst, dst);
	key_addresses(ret_mask, src, dst, n_words);
	return true;
}

/* Rules. */

static uint32_t rule_new(struct space *s)
{
	struct rules *r = &s->rules;
	uint32_t number = r->free;
	unsigned char **chunks;

	if (number != RULE_NONE) {
		r->free = rule_at(s, number)->next;
		return number;
	}
	if (r->n == r->n_chunks * CHUNK_RULES) {
		chunks = reallocarray(r->chunks, r->n_chunks + 1, sizeof(*chunks));
		if (!chunks)
			return RULE_NONE;
		r->chunks = chunks;
		r->chunks[r->n_chunks] = malloc(CHUNK_RULES * rule_size(s->n_words));
		if (!r->chunks[r->n_chunks])
			return RULE_NONE;
		r->n_chunks++;
	}
	return r->n++;
}

static void rule_drop(struct space *s, uint32_t number)
{
	rule_at(s, number)->next = s->rules.free;
	s->rules.free = number;
}

static void rule_fill(const struct space *s, struct rule *r, const struct policy *p,
	const struct key *key, const struct key *mask)
{
	*r = (struct rule){ .priority = p->priority,
		.index = p->index,
		.next = RULE_NONE,
		.proto = (uint8_t)(key->words[2] & mask->words[2]),
		.block = p->block,
		.first = p->offload_ifindex != 0 &&
			 p->selector.src.length == addr_bits(&p->selector.src.addr) &&
			 p->selector.dst.length == addr_bits(&p->selector.dst.addr) };
	r->key[0] = key->words[0] & mask->words[0];
	r->key[1] = key->words[1] & mask->words[1];
	for (unsigned i = KEY_REST; i < s->n_words; i++)
		r->key[i - 1] = key->words[i] & mask->words[i];
}

static struct key key_of_rule(const struct rule *r, unsigned n_words)
{
	struct key key = { { r->key[0], r->key[1], r->proto } };

	for (unsigned i = KEY_REST; i < n_words; i++)
		key.words[i] = r->key[i - 1];
	return key;
}

/* Masks. */

/* The part of a mask, of its prefix only: IPv4 addresses share a word. */
static struct part_mask part_of(const struct space *s, const struct key *mask, unsigned part)
{
	struct part_mask ret = { .users = 0 };

	for (unsigned i = 0; i < part_length(part, s->n_words); i++)
		ret.words[i] = mask->words[part_begin(part, s->n_words) + i];
	if (part != PART_REST && s->n_words == KEY_WORDS4)
		ret.words[0] &= part == PART_SRC ? UINT64_MAX << 32 : UINT32_MAX;
	return ret;
}

/* Where the mask is; n: nowhere. */
static uint32_t masks_find(const struct part_masks *m, const struct part_mask *wanted)
{
	const uint64_t *w = wanted->words;
	uint32_t i;

	for (i = 0; i < m->n; i++) {
		const uint64_t *has = m->p[i].words;

		if (((has[0] ^ w[0]) | (has[1] ^ w[1]) | (has[2] ^ w[2])) == 0 && m->p[i].users > 0)
			break;
	}
	return i;
}

/* One more user; RULE_NONE: no memory. */
static uint32_t masks_take(struct space *s, const struct part_mask *wanted, unsigned part)
{
	struct part_masks *m = &s->masks[part];
	uint32_t i = masks_find(m, wanted);

	if (i < m->n) {
		m->p[i].users++;
		return i;
	}
	for (i = 0; i < m->n && m->p[i].users > 0; i++)
		;
	if (i == m->size) {
		uint32_t size = m->size ? m->size * 2 : 4;
		struct part_mask *p = reallocarray(m->p, size, sizeof(*p));

		if (!p)
			return RULE_NONE;
		m->p = p;
		m->size = size;
	}
	m->p[i] = *wanted;
	m->p[i].users = 1;
	/* The same octets under another mask are another thing. */
	m->p[i].seed = s->seed + part;
	for (unsigned k = 0; k < PART_WORDS; k++)
		m->p[i].seed = mix(m->p[i].seed ^ wanted->words[k], PI_DIGITS);
	if (i == m->n)
		m->n++;
	return i;
}

static void masks_leave(struct part_masks *m, uint32_t i)
{
	m->p[i].users--;
	while (m->n > 0 && m->p[m->n - 1].users == 0)
		m->n--;
}

/* Tuples. */

static uint64_t tuple_hashes(
	const struct space *s, const struct tuple *t, const struct key *key, uint64_t ret[PARTS])
{
	for (unsigned part = 0; part < PARTS; part++)
		ret[part] = part_hash(&s->masks[part].p[t->parts[part]], part, key, s->n_words);
	return ret[PART_REST] ^ ret[PART_SRC] ^ ret[PART_DST];
}

uint64_t tuple_hash(const struct space *s, const struct tuple *t, const struct key *key)
{
	uint64_t hashes[PARTS];

	return tuple_hashes(s, t, key, hashes);
}

/* A place for a new key. */
static struct rule *tuple_open(const struct space *s, struct tuple *t, uint64_t hash)
{
	uint32_t at = tuple_home(t, hash);
	unsigned free;

	for (; !(free = bucket_find(&t->buckets[at], 0)); at = tuple_next(t, at)) {
		if (t->buckets[at].passed < PASSED_MAX)
			t->buckets[at].passed++;
	}
	free = free >> slot_of(hash) & 1 ? slot_of(hash) : (unsigned)__builtin_ctz(free);
	t->buckets[at].tags[free] = tag_of(hash);
	t->n_keys++;
	return tuple_slot(t, at, free, s->n_words);
}

static void tuple_close(const struct space *s, struct tuple *t, uint64_t hash, const struct rule *r)
{
	size_t slot = (size_t)((const unsigned char *)r - t->slots) / rule_size(s->n_words);
	uint32_t end = (uint32_t)(slot / BUCKET_SLOTS);

	t->buckets[end].tags[slot % BUCKET_SLOTS] = 0;
	t->n_keys--;
	for (uint32_t at = tuple_home(t, hash); at != end; at = tuple_next(t, at)) {
		if (t->buckets[at].passed < PASSED_MAX)
			t->buckets[at].passed--;
	}
}

static size_t tuple_memory(const struct space *s, uint32_t n_buckets)
{
	return n_buckets * (sizeof(struct bucket) + BUCKET_SLOTS * rule_size(s->n_words));
}

typedef void rule_fn(struct rule *r, const struct space *s, struct tuple *t);

static void tuple_each(const struct space *s, const struct tuple *t, rule_fn *fn, struct tuple *to)
{
	for (uint32_t at = 0; at < t->n_buckets; at++) {
		for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
			if (t->buckets[at].tags[slot] != 0)
				fn(tuple_slot(t, at, slot, s->n_words), s, to);
		}
	}
}

static void rule_move(struct rule *r, const struct space *s, struct tuple *to)
{
	struct key key = key_of_rule(r, s->n_words);

	memcpy(tuple_open(s, to, tuple_hash(s, to, &key)), r, rule_size(s->n_words));
}

static int tuple_resize(const struct space *s, struct tuple *t, uint32_t n_buckets)
{
	struct tuple old = *t;
	size_t size = tuple_memory(s, n_buckets);
	struct bucket *buckets = aligned_alloc(
		sizeof(*buckets), (size + sizeof(*buckets) - 1) & ~(sizeof(*buckets) - 1));

	if (!buckets)
		return -ENOMEM;
	memset(buckets, 0, n_buckets * sizeof(*buckets));
	t->buckets = buckets;
	t->slots = (unsigned char *)(buckets + n_buckets);
	t->n_buckets = n_buckets;
	t->n_keys = 0;
	tuple_each(s, &old, rule_move, t);
	free(old.buckets);
	return 0;
}

/* A place for one more: four of five slots are used, at most. */
static int tuple_reserve(const struct space *s, struct tuple *t)
{
	if (t->n_keys < (size_t)t->n_buckets * BUCKET_SLOTS / 5 * 4)
		return 0;
	return tuple_resize(s, t, t->n_buckets + t->n_buckets / 2 + 1);
}

/* Where the tables are in the order of their best rank; to where this one is then. */
static void space_move(struct space *s, size_t at)
{
	size_t to = at;
	struct tuple t;

	while (to > 0 && s->tuples[to - 1].best > s->tuples[at].best)
		to--;
	if (to == at)
		return;
	t = s->tuples[at];
	memmove(&s->tuples[to + 1], &s->tuples[to], (at - to) * sizeof(t));
	s->tuples[to] = t;
}

size_t space_find(const struct space *s, const struct key *mask)
{
	uint32_t parts[PARTS];
	size_t i;

	for (unsigned part = 0; part < PARTS; part++) {
		struct part_mask wanted = part_of(s, mask, part);

		parts[part] = masks_find(&s->masks[part], &wanted);
	}
	for (i = 0; i < s->n_tuples; i++) {
		const uint32_t *has = s->tuples[i].parts;

		if (has[PART_SRC] == parts[PART_SRC] && has[PART_DST] == parts[PART_DST] &&
			has[PART_REST] == parts[PART_REST])
			break;
	}
	return i;
}

static void space_drop(struct space *s, size_t at)
{
	struct tuple *t = &s->tuples[at];

	for (unsigned part = 0; part < PARTS; part++)
		masks_leave(&s->masks[part], t->parts[part]);
	free(t->buckets);
	s->n_tuples--;
	memmove(t, t + 1, (s->n_tuples - at) * sizeof(*t));
}

/* A new table, empty, at the end. */
static int space_extend(struct space *s, const struct key *mask)
{
	struct tuple t = { .mask = *mask, .best = UINT64_MAX, .hashed = true };
	unsigned part;

	if (s->n_tuples == s->tuples_size) {
		size_t size = s->tuples_size ? s->tuples_size * 2 : 8;
		struct tuple *tuples = reallocarray(s->tuples, size, sizeof(*tuples));

		if (!tuples)
			return -ENOMEM;
		s->tuples = tuples;
		s->tuples_size = size;
	}
	for (part = 0; part < PARTS; part++) {
		struct part_mask wanted = part_of(s, mask, part);

		t.parts[part] = masks_take(s, &wanted, part);
		if (t.parts[part] == RULE_NONE)
			break;
		t.needs |= part_bit(part, t.parts[part]);
		t.hashed = t.hashed && t.parts[part] < HASHED;
	}
	if (part < PARTS) {
		while (part-- > 0)
			masks_leave(&s->masks[part], t.parts[part]);
		return -ENOMEM;
	}
	s->tuples[s->n_tuples++] = t;
	return 0;
}

/* Puts a rule among those of its key; head: the first, in the table. */
static int chain_insert(struct space *s, struct rule *head, const struct rule *r)
{
	size_t size = rule_size(s->n_words);
	uint32_t number = rule_new(s), *link = &head->next;
	struct rule *to;

	if (number == RULE_NONE)
		return -ENOMEM;
	to = rule_at(s, number);
	if (rule_before(r, head)) {
		memcpy(to, head, size);
		memcpy(head, r, size);
	} else {
		while (*link != RULE_NONE && !rule_before(r, rule_at(s, *link)))
			link = &rule_at(s, *link)->next;
		memcpy(to, r, size);
		to->next = *link;
	}
	*link = number;
	return 0;
}

/* Takes a rule that is not the only one of its key; false: it is not there. */
static bool chain_remove(struct space *s, struct rule *head, uint32_t index)
{
	uint32_t *link = &head->next, number;

	if (head->index == index) {
		number = head->next;
		memcpy(head, rule_at(s, number), rule_size(s->n_words));
	} else {
		while (*link != RULE_NONE && rule_at(s, *link)->index != index)
			link = &rule_at(s, *link)->next;
		number = *link;
		if (number == RULE_NONE)
			return false;
		*link = rule_at(s, number)->next;
	}
	rule_drop(s, number);
	return true;
}

static void best_add(struct tuple *t, const struct rule *r)
{
	uint64_t rank = rule_rank(r);

	if (rank < t->best)
		t->best = rank;
}

static void filter_add(const struct space *s, const uint64_t hashes[PARTS])
{
	for (unsigned part = 0; part < PARTS; part++)
		*filter_word(s, hashes[part]) |= filter_bits(hashes[part]);
}

static void rule_refresh(struct rule *r, const struct space *s, struct tuple *t)
{
	struct key key = key_of_rule(r, s->n_words);
	uint64_t hashes[PARTS];

	(void)tuple_hashes(s, t, &key, hashes);
	filter_add(s, hashes);
	best_add(t, r);
}

static int tuple_cmp(const void *a, const void *b)
{
	const struct tuple *x = a, *y = b;

	return (x->best > y->best) - (x->best < y->best);
}

#define FILTER_RULES 8u /* a word has room for */

static size_t filter_room(const struct space *s)
{
	return (size_t)s->filter_size * FILTER_RULES;
}

/* The filter has room, and what was removed counts no longer, neither there nor as the best. */
static int space_refresh(struct space *s)
{
	uint32_t size = 2 * (s->n / FILTER_RULES) + 8;
	uint64_t *filter = calloc(size, sizeof(*filter));

	if (!filter)
		return -ENOMEM;
	free(s->filter);
	s->filter = filter;
	s->filter_size = size;
	s->removals = 0;
	for (size_t i = 0; i < s->n_tuples; i++) {
		s->tuples[i].best = UINT64_MAX;
		tuple_each(s, &s->tuples[i], rule_refresh, &s->tuples[i]);
	}
	if (s->n_tuples > 0)
		qsort(s->tuples, s->n_tuples, sizeof(s->tuples[0]), tuple_cmp);
	return 0;
}

void space_init(struct space *s, unsigned n_words, uint64_t seed)
{
	*s = (struct space){ .seed = seed, .n_words = n_words, .rules.free = RULE_NONE };
}

void space_done(struct space *s)
{
	while (s->n_tuples > 0)
		space_drop(s, s->n_tuples - 1);
	free(s->tuples);
	free(s->filter);
	for (unsigned part = 0; part < PARTS; part++)
		free(s->masks[part].p);
	for (uint32_t i = 0; i < s->rules.n_chunks; i++)
		free(s->rules.chunks[i]);
	free(s->rules.chunks);
}

int space_add(
	struct space *s, const struct policy *p, const struct key *key, const struct key *mask)
{
	struct rule new, *head;
	uint64_t hash, hashes[PARTS];
	struct tuple *t;
	size_t i;
	int r;

	/* A filter that could not grow still serves. */
	if (s->n >= filter_room(s) && space_refresh(s) < 0 && !s->filter)
		return -ENOMEM;
	i = space_find(s, mask);
	if (i == s->n_tuples && space_extend(s, mask) < 0)
		return -ENOMEM;
	t = &s->tuples[i];
	hash = tuple_hashes(s, t, key, hashes);
	for (unsigned part = 0; part < PARTS; part++)
		__builtin_prefetch(filter_word(s, hashes[part]), 1);
	rule_fill(s, &new, p, key, mask);
	head = tuple_find(t, key, hash, s->n_words);
	r = head ? chain_insert(s, head, &new) : tuple_reserve(s, t);
	if (r < 0) {
		if (t->n == 0)
			space_drop(s, i);
		return r;
	}
	if (!head)
		memcpy(tuple_open(s, t, hash), &new, rule_size(s->n_words));
	t->n++;
	s->n++;
	filter_add(s, hashes);
	best_add(t, &new);
	space_move(s, i);
	return 0;
}

bool space_remove(struct space *s, uint32_t index, const struct key *key, const struct key *mask)
{
	size_t i = space_find(s, mask);
	struct rule *head;
	struct tuple *t;
	uint64_t hash;

	if (i == s->n_tuples)
		return false;
	t = &s->tuples[i];
	hash = tuple_hash(s, t, key);
	head = tuple_find(t, key, hash, s->n_words);
	if (!head)
		return false;
	if (head->index == index && head->next == RULE_NONE)
		tuple_close(s, t, hash, head);
	else if (!chain_remove(s, head, index))
		return false;
	t->n--;
	s->n--;
	s->removals++;
	if (t->n == 0)
		space_drop(s, i);
	if (s->removals > filter_room(s) / 2)
		(void)space_refresh(s);
	return true;
}

size_t space_memory(const struct space *s)
{
	size_t n = s->rules.n_chunks *
			   (CHUNK_RULES * rule_size(s->n_words) + sizeof(*s->rules.chunks)) +
		   s->tuples_size * sizeof(*s->tuples) + s->filter_size * sizeof(*s->filter);

	for (unsigned part = 0; part < PARTS; part++)
		n += s->masks[part].size * sizeof(*s->masks[part].p);
	for (size_t i = 0; i < s->n_tuples; i++)
		n += tuple_memory(s, s->tuples[i].n_buckets);
	return n;
}
