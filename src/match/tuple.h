/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/flow.h"

/*
 * Policies of one netns, direction, type and family, in tables by what they look at. Inside match/
 * only.
 *
 * A key is a row of 32-bit words, everything that a selector may ask for: interface id, mark,
 * interface, ports, protocol, then the addresses. A policy is a key and a mask, and fits a packet
 * whose key is the policy's under the mask.
 */
#define KEY_REST 5 /* words before the addresses */
#define KEY_WORDS4 (KEY_REST + 2)
#define KEY_WORDS6 (KEY_REST + 8)

struct key {
	uint32_t words[KEY_WORDS6];
};

/* One policy; at the end its key, of as many words as the family has. */
struct rule {
	uint32_t priority;
	uint32_t index; /* as the kernel numbers it */
	uint32_t next; /* of the same key, in the kernel's order; RULE_NONE */
	uint32_t block : 1, first : 1;
	uint32_t key[];
};
#define RULE_NONE UINT32_MAX

/* Rules of one size, by number; numbers of removed ones are used again. */
struct rules {
	size_t stride; /* octets */
	unsigned char **chunks;
	uint32_t n_chunks, n, free; /* free: the first of the removed, chained by next */
};

struct slot {
	uint32_t hash, rule; /* rule + 1; 0: empty */
};

struct tuple {
	struct key mask;
	struct slot *slots;
	uint32_t slot_mask; /* number of slots less one */
	uint32_t n_slots_used, n; /* keys; rules */
	uint32_t best; /* no rule's priority is lower */
	uint32_t removals; /* since `best` was exact */
	bool first; /* it has, or had, a rule that comes first */
};

struct space {
	uint64_t seed;
	unsigned n_words;
	struct rules rules;
	struct tuple **tuples; /* in the order of `best` */
	size_t n_tuples, tuples_size;
};

void space_init(struct space *s, unsigned n_words, uint64_t seed);
void space_done(struct space *s);
int space_add(
	struct space *s, const struct policy *p, const struct key *key, const struct key *mask);
bool space_remove(struct space *s, uint32_t index, const struct key *key, const struct key *mask);
size_t space_find(const struct space *s, const struct key *mask); /* n_tuples: none */
size_t space_memory(const struct space *s);

/* false: it can't match. */
bool key_of_policy(const struct policy *p, struct key *ret, struct key *ret_mask);
void key_of_flow(const struct flow *f, struct key *ret);

static inline struct rule *rule_at(const struct rules *r, uint32_t number)
{
	return (struct rule *)(void *)(r->chunks[number >> 10] + (number & 1023) * r->stride);
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t v = (__uint128_t)a * b;

	return (uint64_t)v ^ (uint64_t)(v >> 64);
}

/* The key under the mask into ret; its hash. Families differ in length only. */
static inline uint32_t key_mask_hash(
	const uint32_t *key, const uint32_t *mask, unsigned n_words, uint64_t seed, uint32_t *ret)
{
	uint64_t h = seed;
	unsigned i;

	for (i = 0; i < n_words; i++)
		ret[i] = key[i] & mask[i];
	/* Odd numbers of words: the last stands alone. Digits of pi; anything odd and dense will
	 * do. */
	for (i = 0; i + 4 <= n_words; i += 4)
		h = mix(h ^ ((uint64_t)ret[i] << 32 | ret[i + 1]),
			0x243f6a8885a308d3u ^ ((uint64_t)ret[i + 2] << 32 | ret[i + 3]));
	if (n_words - i == 3)
		h = mix(h ^ ((uint64_t)ret[i] << 32 | ret[i + 1]),
			0x13198a2e03707345u ^ ret[i + 2]);
	else if (n_words - i == 1)
		h = mix(h ^ ret[i], 0x13198a2e03707345u);
	h = mix(h, 0xa4093822299f31d1u);
	return (uint32_t)(h >> 32);
}

static inline bool words_equal(const uint32_t *a, const uint32_t *b, unsigned n)
{
	uint32_t different = 0;

	for (unsigned i = 0; i < n; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}

/* The first rule of this key, or RULE_NONE. */
static inline uint32_t tuple_find(
	const struct space *s, const struct tuple *t, const uint32_t *masked, uint32_t hash)
{
	for (uint32_t at = hash & t->slot_mask; t->slots[at].rule != 0;
		at = (at + 1) & t->slot_mask) {
		if (t->slots[at].hash == hash &&
			words_equal(
				rule_at(&s->rules, t->slots[at].rule - 1)->key, masked, s->n_words))
			return t->slots[at].rule - 1;
	}
	return RULE_NONE;
}

/* In the kernel's order, a before b? */
static inline bool rule_before(const struct rule *a, const struct rule *b)
{
	if (a->first != b->first)
		return a->first;
	return a->priority != b->priority ? a->priority < b->priority : a->index < b->index;
}
