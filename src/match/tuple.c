/* SPDX-License-Identifier: Apache-2.0 */
#include "match/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_RULES 1024u

/* Keys. */

/* An address of `n` octets and its mask, at an octet of the words. */
static void put_prefix(
	const struct prefix *p, size_t at, size_t n, struct key *key, struct key *mask)
{
	uint8_t octets[16] = { 0 };

	for (unsigned bit = 0; bit < p->length; bit += 8)
		octets[bit / 8] =
			(uint8_t)(p->length - bit >= 8 ? 0xff : 0xff00 >> (p->length - bit));
	memcpy((uint8_t *)mask->words + at, octets, n);
	memcpy((uint8_t *)key->words + at, p->addr.octets, n);
}

static struct key key_of(uint32_t if_id, uint32_t mark, uint16_t sport, uint16_t dport,
	uint32_t ifindex, uint8_t proto)
{
	return (struct key){ { (uint64_t)if_id << 32 | mark,
		(uint64_t)sport << 48 | (uint64_t)dport << 32 | ifindex, proto } };
}

#define KEY_ADDRESSES (KEY_REST * sizeof(uint64_t))

bool key_of_policy(const struct policy *p, struct key *ret, struct key *ret_mask)
{
	const struct selector *s = &p->selector;
	size_t n = addr_bits(&s->dst.addr) / 8;

	if (s->src.length > n * 8 || s->dst.length > n * 8 ||
		s->src.addr.family != s->dst.addr.family)
		return false;
	*ret = key_of(p->if_id, p->mark, s->sport, s->dport, s->ifindex, s->proto);
	*ret_mask = key_of(UINT32_MAX, p->mark_mask, s->sport_mask, s->dport_mask,
		s->ifindex ? UINT32_MAX : 0, s->proto ? UINT8_MAX : 0);
	put_prefix(&s->src, KEY_ADDRESSES, n, ret, ret_mask);
	put_prefix(&s->dst, KEY_ADDRESSES + n, n, ret, ret_mask);
	return true;
}

void key_of_flow(const struct flow *f, struct key *ret)
{
	size_t n = addr_bits(&f->dst) / 8;

	*ret = key_of(f->if_id, f->mark, f->sport, f->dport, f->ifindex, f->proto);
	memcpy((uint8_t *)ret->words + KEY_ADDRESSES, f->src.octets, n);
	memcpy((uint8_t *)ret->words + KEY_ADDRESSES + n, f->dst.octets, n);
}

/* Rules. */

static uint32_t rule_new(struct rules *r)
{
	uint32_t number = r->free;
	unsigned char **chunks;

	if (number != RULE_NONE) {
		r->free = rule_at(r, number)->next;
		return number;
	}
	if (r->n == r->n_chunks * CHUNK_RULES) {
		chunks = reallocarray(r->chunks, r->n_chunks + 1, sizeof(*chunks));
		if (!chunks)
			return RULE_NONE;
		r->chunks = chunks;
		r->chunks[r->n_chunks] = malloc(CHUNK_RULES * r->stride);
		if (!r->chunks[r->n_chunks])
			return RULE_NONE;
		r->n_chunks++;
	}
	return r->n++;
}

static void rule_drop(struct rules *r, uint32_t number)
{
	rule_at(r, number)->next = r->free;
	r->free = number;
}

/* Tuples. */

static void bucket_insert(struct tuple *t, uint32_t hash, uint32_t number)
{
	for (uint32_t at = hash & t->bucket_mask;; at = (at + 1) & t->bucket_mask) {
		struct bucket *b = &t->buckets[at];

		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			if (b->hashes[i] != 0)
				continue;
			b->hashes[i] = hash;
			b->rules[i] = number;
			return;
		}
	}
}

static int tuple_resize(struct tuple *t, uint32_t n_buckets)
{
	struct bucket *old = t->buckets, *buckets;
	uint32_t n_old = old ? t->bucket_mask + 1 : 0;

	buckets = aligned_alloc(sizeof(*buckets), n_buckets * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	memset(buckets, 0, n_buckets * sizeof(*buckets));
	t->buckets = buckets;
	t->bucket_mask = n_buckets - 1;
	for (uint32_t i = 0; i < n_old; i++) {
		for (unsigned k = 0; k < BUCKET_SLOTS && old[i].hashes[k] != 0; k++)
			bucket_insert(t, old[i].hashes[k], old[i].rules[k]);
	}
	free(old);
	return 0;
}

/* The last of the bucket takes the slot. */
static void bucket_close(struct bucket *b, unsigned slot)
{
	unsigned last = slot;

	while (last + 1 < BUCKET_SLOTS && b->hashes[last + 1] != 0)
		last++;
	b->hashes[slot] = b->hashes[last];
	b->rules[slot] = b->rules[last];
	b->hashes[last] = 0;
}

/* A key that went past bucket `hole` for want of a place, in bucket `at`: its slot, or none. */
static unsigned find_passed(const struct tuple *t, uint32_t hole, uint32_t at)
{
	const struct bucket *b = &t->buckets[at];
	unsigned i;

	for (i = 0; i < BUCKET_SLOTS && b->hashes[i] != 0; i++) {
		uint32_t home = b->hashes[i] & t->bucket_mask;

		if (((at - home) & t->bucket_mask) >= ((at - hole) & t->bucket_mask))
			return i;
	}
	return BUCKET_SLOTS;
}

/* Takes a key away; one that found its bucket full moves up, so that no search ends too early. */
static void bucket_remove(struct tuple *t, uint32_t hole, unsigned slot)
{
	bool was_full = t->buckets[hole].hashes[BUCKET_SLOTS - 1] != 0;

	bucket_close(&t->buckets[hole], slot);
	for (uint32_t at = (hole + 1) & t->bucket_mask; was_full; at = (at + 1) & t->bucket_mask) {
		struct bucket *b = &t->buckets[at], *to = &t->buckets[hole];
		bool full = b->hashes[BUCKET_SLOTS - 1] != 0;
		unsigned passed = find_passed(t, hole, at);

		if (passed < BUCKET_SLOTS) {
			to->hashes[BUCKET_SLOTS - 1] = b->hashes[passed];
			to->rules[BUCKET_SLOTS - 1] = b->rules[passed];
			bucket_close(b, passed);
			hole = at;
		}
		was_full = full;
	}
	t->n_keys--;
}

/* Where the key is; false: nowhere. */
static bool bucket_of(const struct space *s, const struct tuple *t, const uint64_t *masked,
	uint32_t hash, uint32_t *ret_at, unsigned *ret_slot)
{
	for (uint32_t at = hash & t->bucket_mask;; at = (at + 1) & t->bucket_mask) {
		const struct bucket *b = &t->buckets[at];

		for (unsigned found = bucket_find(b, hash); found; found &= found - 1) {
			unsigned slot = (unsigned)__builtin_ctz(found);

			if (!rule_has_key(rule_at(&s->rules, b->rules[slot]), masked, s->n_words))
				continue;
			*ret_at = at;
			*ret_slot = slot;
			return true;
		}
		if (b->hashes[BUCKET_SLOTS - 1] == 0)
			return false;
	}
}

/* Where the tables are in the order of their best priority; where this one is then. */
static void space_move(struct space *s, size_t at)
{
	struct tuple t = s->tuples[at];

	for (; at > 0 && s->tuples[at - 1].best > t.best; at--)
		s->tuples[at] = s->tuples[at - 1];
	for (; at + 1 < s->n_tuples && s->tuples[at + 1].best < t.best; at++)
		s->tuples[at] = s->tuples[at + 1];
	s->tuples[at] = t;
}

size_t space_find(const struct space *s, const struct key *mask)
{
	size_t i;

	for (i = 0; i < s->n_tuples; i++) {
		if (memcmp(s->tuples[i].mask.words, mask->words, s->n_words * sizeof(uint64_t)) ==
			0)
			break;
	}
	return i;
}

static int space_tuple(struct space *s, const struct key *mask, size_t *ret)
{
	struct tuple t = { .mask = *mask, .best = UINT32_MAX };

	*ret = space_find(s, mask);
	if (*ret < s->n_tuples)
		return 0;
	if (s->n_tuples == s->tuples_size) {
		size_t size = s->tuples_size ? s->tuples_size * 2 : 8;
		struct tuple *tuples = reallocarray(s->tuples, size, sizeof(*tuples));

		if (!tuples)
			return -ENOMEM;
		s->tuples = tuples;
		s->tuples_size = size;
	}
	if (tuple_resize(&t, 1) < 0)
		return -ENOMEM;
	s->tuples[s->n_tuples++] = t;
	return 0;
}

static void space_drop(struct space *s, size_t at)
{
	free(s->tuples[at].buckets);
	s->n_tuples--;
	memmove(&s->tuples[at], &s->tuples[at + 1], (s->n_tuples - at) * sizeof(s->tuples[0]));
}

/* Puts a rule among those of its key; head: of the slot. */
static void chain_insert(struct space *s, uint32_t *head, uint32_t number)
{
	struct rule *r = rule_at(&s->rules, number);
	uint32_t before = RULE_NONE, at = *head;

	while (at != RULE_NONE && !rule_before(r, rule_at(&s->rules, at))) {
		before = at;
		at = rule_at(&s->rules, at)->next;
	}
	r->next = at;
	if (before == RULE_NONE)
		*head = number;
	else
		rule_at(&s->rules, before)->next = number;
}

static void best_add(struct tuple *t, const struct rule *r)
{
	t->first = t->first || r->first;
	if (r->first)
		t->best = 0;
	else if (r->priority < t->best)
		t->best = r->priority;
}

/* The best priority of a table is exact again. Removals pay for the walk. */
static void tuple_refresh(struct space *s, size_t at)
{
	struct tuple *t = &s->tuples[at];

	t->removals = 0;
	t->best = UINT32_MAX;
	t->first = false;
	for (uint32_t i = 0; i <= t->bucket_mask; i++) {
		const struct bucket *b = &t->buckets[i];

		for (unsigned k = 0; k < BUCKET_SLOTS && b->hashes[k] != 0; k++)
			best_add(t, rule_at(&s->rules, b->rules[k]));
	}
	space_move(s, at);
}

void space_init(struct space *s, unsigned n_words, uint64_t seed)
{
	*s = (struct space){ .seed = seed, .n_words = n_words };
	s->rules.stride = sizeof(struct rule) + (n_words - 1) * sizeof(uint64_t);
	s->rules.free = RULE_NONE;
}

void space_done(struct space *s)
{
	while (s->n_tuples > 0)
		space_drop(s, s->n_tuples - 1);
	free(s->tuples);
	for (uint32_t i = 0; i < s->rules.n_chunks; i++)
		free(s->rules.chunks[i]);
	free(s->rules.chunks);
}

static void rule_fill(
	const struct space *s, struct rule *r, const struct policy *p, const uint64_t *masked)
{
	*r = (struct rule){ .priority = p->priority,
		.index = p->index,
		.next = RULE_NONE,
		.proto = (uint8_t)masked[2],
		.block = p->block,
		.first = p->offload_ifindex != 0 &&
			 p->selector.src.length == addr_bits(&p->selector.src.addr) &&
			 p->selector.dst.length == addr_bits(&p->selector.dst.addr) };
	r->key[0] = masked[0];
	r->key[1] = masked[1];
	for (unsigned i = KEY_REST; i < s->n_words; i++)
		r->key[i - 1] = masked[i];
}

static uint32_t hash_of(
	const struct space *s, const struct key *key, const struct key *mask, uint64_t *ret_masked)
{
	return key_mask_hash(key->words, mask->words, s->n_words, s->seed, ret_masked);
}

int space_add(
	struct space *s, const struct policy *p, const struct key *key, const struct key *mask)
{
	uint64_t masked[KEY_WORDS6];
	uint32_t hash = hash_of(s, key, mask, masked), number, at;
	unsigned slot;
	struct tuple *t;
	size_t i;

	if (space_tuple(s, mask, &i) < 0)
		return -ENOMEM;
	t = &s->tuples[i];
	number = rule_new(&s->rules);
	/* At most three quarters full. */
	if (number == RULE_NONE || (t->n_keys >= (t->bucket_mask + 1) * BUCKET_SLOTS / 4 * 3 &&
					   tuple_resize(t, 2 * (t->bucket_mask + 1)) < 0)) {
		if (number != RULE_NONE)
			rule_drop(&s->rules, number);
		if (t->n == 0)
			space_drop(s, i);
		return -ENOMEM;
	}
	rule_fill(s, rule_at(&s->rules, number), p, masked);
	if (bucket_of(s, t, masked, hash, &at, &slot)) {
		chain_insert(s, &t->buckets[at].rules[slot], number);
	} else {
		bucket_insert(t, hash, number);
		t->n_keys++;
	}
	t->n++;
	best_add(t, rule_at(&s->rules, number));
	space_move(s, i);
	return 0;
}

bool space_remove(struct space *s, uint32_t index, const struct key *key, const struct key *mask)
{
	uint64_t masked[KEY_WORDS6];
	uint32_t hash = hash_of(s, key, mask, masked), at, number, *link;
	size_t i = space_find(s, mask);
	unsigned slot;
	struct tuple *t;

	if (i == s->n_tuples)
		return false;
	t = &s->tuples[i];
	if (!bucket_of(s, t, masked, hash, &at, &slot))
		return false;
	link = &t->buckets[at].rules[slot];
	while (*link != RULE_NONE && rule_at(&s->rules, *link)->index != index)
		link = &rule_at(&s->rules, *link)->next;
	if (*link == RULE_NONE)
		return false;
	number = *link;
	*link = rule_at(&s->rules, number)->next;
	if (t->buckets[at].rules[slot] == RULE_NONE)
		bucket_remove(t, at, slot);
	rule_drop(&s->rules, number);
	t->n--;
	t->removals++;
	if (t->n == 0)
		space_drop(s, i);
	else if (t->removals > (t->bucket_mask + 1) * BUCKET_SLOTS / 2)
		tuple_refresh(s, i);
	return true;
}

size_t space_memory(const struct space *s)
{
	size_t n = s->rules.n_chunks * (CHUNK_RULES * s->rules.stride + sizeof(*s->rules.chunks)) +
		   s->tuples_size * sizeof(*s->tuples);

	for (size_t i = 0; i < s->n_tuples; i++)
		n += (s->tuples[i].bucket_mask + 1) * sizeof(struct bucket);
	return n;
}
