/* SPDX-License-Identifier: Apache-2.0 */
#include "match/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 4u
#define CHUNK_RULES 1024u

/* Keys. */

/* An address and its mask of as many bits, into words as they lie in memory. */
static void put_prefix(const struct prefix *p, uint32_t *words, uint32_t *masks)
{
	unsigned n = addr_bits(&p->addr) / 32;
	uint8_t octets[16] = { 0 };

	for (unsigned bit = 0; bit < p->length; bit += 8)
		octets[bit / 8] =
			(uint8_t)(p->length - bit >= 8 ? 0xff : 0xff00 >> (p->length - bit));
	memcpy(masks, octets, n * 4);
	memcpy(words, p->addr.octets, n * 4);
}

bool key_of_policy(const struct policy *p, struct key *ret, struct key *ret_mask)
{
	const struct selector *s = &p->selector;
	unsigned n = addr_bits(&s->dst.addr) / 32;

	if (s->src.length > n * 32 || s->dst.length > n * 32 ||
		s->src.addr.family != s->dst.addr.family)
		return false;
	*ret = (struct key){ { p->if_id, p->mark, s->ifindex, (uint32_t)s->sport << 16 | s->dport,
		s->proto } };
	*ret_mask = (struct key){ { UINT32_MAX, p->mark_mask, s->ifindex ? UINT32_MAX : 0,
		(uint32_t)s->sport_mask << 16 | s->dport_mask, s->proto ? UINT8_MAX : 0 } };
	put_prefix(&s->src, &ret->words[KEY_REST], &ret_mask->words[KEY_REST]);
	put_prefix(&s->dst, &ret->words[KEY_REST + n], &ret_mask->words[KEY_REST + n]);
	return true;
}

void key_of_flow(const struct flow *f, struct key *ret)
{
	unsigned n = addr_bits(&f->dst) / 8;

	*ret = (struct key){ { f->if_id, f->mark, f->ifindex, (uint32_t)f->sport << 16 | f->dport,
		f->proto } };
	memcpy(&ret->words[KEY_REST], f->src.octets, n);
	memcpy(&ret->words[KEY_REST + n / 4], f->dst.octets, n);
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

static void slot_insert(struct tuple *t, struct slot s)
{
	uint32_t at = s.hash & t->slot_mask;

	while (t->slots[at].rule != 0)
		at = (at + 1) & t->slot_mask;
	t->slots[at] = s;
}

static int tuple_resize(struct tuple *t, uint32_t n_slots)
{
	struct slot *old = t->slots, *slots = calloc(n_slots, sizeof(*slots));
	uint32_t n_old = old ? t->slot_mask + 1 : 0;

	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->slot_mask = n_slots - 1;
	for (uint32_t i = 0; i < n_old; i++) {
		if (old[i].rule != 0)
			slot_insert(t, old[i]);
	}
	free(old);
	return 0;
}

/* Empties a slot; those behind it move up, so that no search ends too early. */
static void slot_remove(struct tuple *t, uint32_t at)
{
	uint32_t hole = at;

	for (uint32_t i = (at + 1) & t->slot_mask; t->slots[i].rule != 0;
		i = (i + 1) & t->slot_mask) {
		uint32_t home = t->slots[i].hash & t->slot_mask;

		if (((i - home) & t->slot_mask) < ((i - hole) & t->slot_mask))
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole].rule = 0;
	t->n_slots_used--;
}

static uint32_t slot_of(
	const struct space *s, const struct tuple *t, const uint32_t *masked, uint32_t hash)
{
	uint32_t at = hash & t->slot_mask;

	for (; t->slots[at].rule != 0; at = (at + 1) & t->slot_mask) {
		const struct rule *r = rule_at(&s->rules, t->slots[at].rule - 1);

		if (t->slots[at].hash == hash && words_equal(r->key, masked, s->n_words))
			break;
	}
	return at;
}

/* Where the tables are in the order of their best priority. */
static void space_move(struct space *s, size_t at)
{
	struct tuple *t = s->tuples[at];

	for (; at > 0 && s->tuples[at - 1]->best > t->best; at--)
		s->tuples[at] = s->tuples[at - 1];
	for (; at + 1 < s->n_tuples && s->tuples[at + 1]->best < t->best; at++)
		s->tuples[at] = s->tuples[at + 1];
	s->tuples[at] = t;
}

size_t space_find(const struct space *s, const struct key *mask)
{
	size_t i;

	for (i = 0; i < s->n_tuples; i++) {
		if (words_equal(s->tuples[i]->mask.words, mask->words, s->n_words))
			break;
	}
	return i;
}

static int space_tuple(struct space *s, const struct key *mask, size_t *ret)
{
	struct tuple **tuples, *t;

	*ret = space_find(s, mask);
	if (*ret < s->n_tuples)
		return 0;
	if (s->n_tuples == s->tuples_size) {
		size_t size = s->tuples_size ? s->tuples_size * 2 : 8;

		tuples = reallocarray(s->tuples, size, sizeof(*tuples));
		if (!tuples)
			return -ENOMEM;
		s->tuples = tuples;
		s->tuples_size = size;
	}
	t = calloc(1, sizeof(*t));
	if (!t || tuple_resize(t, SLOTS_MIN) < 0) {
		free(t);
		return -ENOMEM;
	}
	t->mask = *mask;
	t->best = UINT32_MAX;
	s->tuples[s->n_tuples++] = t;
	return 0;
}

static void space_drop(struct space *s, size_t at)
{
	free(s->tuples[at]->slots);
	free(s->tuples[at]);
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

/* The best priority of a table is exact again. Removals pay for the walk. */
static void tuple_refresh(struct space *s, size_t at)
{
	struct tuple *t = s->tuples[at];

	t->removals = 0;
	t->best = UINT32_MAX;
	t->first = false;
	for (uint32_t i = 0; i <= t->slot_mask; i++) {
		const struct rule *r;

		if (t->slots[i].rule == 0)
			continue;
		r = rule_at(&s->rules, t->slots[i].rule - 1);
		t->first = t->first || r->first;
		if (r->first || r->priority < t->best)
			t->best = r->first ? 0 : r->priority;
	}
	space_move(s, at);
}

void space_init(struct space *s, unsigned n_words, uint64_t seed)
{
	*s = (struct space){ .seed = seed, .n_words = n_words };
	s->rules.stride = sizeof(struct rule) + n_words * sizeof(uint32_t);
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

int space_add(
	struct space *s, const struct policy *p, const struct key *key, const struct key *mask)
{
	uint32_t masked[KEY_WORDS6], hash, number, at, head;
	struct tuple *t;
	struct rule *r;
	size_t i;

	if (space_tuple(s, mask, &i) < 0)
		return -ENOMEM;
	t = s->tuples[i];
	number = rule_new(&s->rules);
	/* At most three quarters full. */
	if (number == RULE_NONE || (t->n_slots_used >= t->slot_mask - t->slot_mask / 4 &&
					   tuple_resize(t, 2 * (t->slot_mask + 1)) < 0)) {
		if (number != RULE_NONE)
			rule_drop(&s->rules, number);
		if (t->n == 0)
			space_drop(s, i);
		return -ENOMEM;
	}
	hash = key_mask_hash(key->words, mask->words, s->n_words, s->seed, masked);
	at = slot_of(s, t, masked, hash);
	r = rule_at(&s->rules, number);
	*r = (struct rule){ .priority = p->priority,
		.index = p->index,
		.block = p->block,
		.first = p->offload_ifindex != 0 &&
			 p->selector.src.length == addr_bits(&p->selector.src.addr) &&
			 p->selector.dst.length == addr_bits(&p->selector.dst.addr) };
	memcpy(r->key, masked, s->n_words * sizeof(uint32_t));
	head = t->slots[at].rule - 1; /* RULE_NONE when it is empty */
	chain_insert(s, &head, number);
	t->n_slots_used += t->slots[at].rule == 0;
	t->slots[at] = (struct slot){ .hash = hash, .rule = head + 1 };
	t->n++;
	t->first = t->first || r->first;
	if (r->priority < t->best || r->first) {
		t->best = r->first ? 0 : r->priority;
		space_move(s, i);
	}
	return 0;
}

bool space_remove(struct space *s, uint32_t index, const struct key *key, const struct key *mask)
{
	uint32_t masked[KEY_WORDS6], hash, at, number, before = RULE_NONE;
	size_t i = space_find(s, mask);
	struct tuple *t;

	if (i == s->n_tuples)
		return false;
	t = s->tuples[i];
	hash = key_mask_hash(key->words, mask->words, s->n_words, s->seed, masked);
	at = slot_of(s, t, masked, hash);
	number = t->slots[at].rule - 1;
	while (number != RULE_NONE && rule_at(&s->rules, number)->index != index) {
		before = number;
		number = rule_at(&s->rules, number)->next;
	}
	if (number == RULE_NONE)
		return false;
	if (before != RULE_NONE)
		rule_at(&s->rules, before)->next = rule_at(&s->rules, number)->next;
	else
		t->slots[at].rule = rule_at(&s->rules, number)->next + 1;
	if (t->slots[at].rule == 0)
		slot_remove(t, at);
	rule_drop(&s->rules, number);
	t->n--;
	t->removals++;
	if (t->n == 0)
		space_drop(s, i);
	else if (t->removals > (t->slot_mask + 1) / 2)
		tuple_refresh(s, i);
	return true;
}

size_t space_memory(const struct space *s)
{
	size_t n = s->rules.n_chunks * (CHUNK_RULES * s->rules.stride + sizeof(*s->rules.chunks)) +
		   s->tuples_size * sizeof(*s->tuples);

	for (size_t i = 0; i < s->n_tuples; i++)
		n += sizeof(struct tuple) + (s->tuples[i]->slot_mask + 1) * sizeof(struct slot);
	return n;
}
