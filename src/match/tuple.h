/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "match/flow.h"

/*
 * Policies of one netns, direction, type and family, in tables by what they look at. Inside match/
 * only.
 *
 * A key is a row of words, everything that a selector may ask for: interface id and mark; ports and
 * interface; protocol; the addresses. A policy is a key and a mask, and fits a packet whose key is
 * the policy's under the mask.
 */
#define KEY_REST 3 /* words before the addresses */
#define KEY_WORDS4 (KEY_REST + 1)
#define KEY_WORDS6 (KEY_REST + 4)

struct key {
	uint64_t words[KEY_WORDS6];
};

/* One policy; at the end its key, of as many words as the family has. */
struct rule {
	uint32_t priority;
	uint32_t index; /* as the kernel numbers it */
	uint32_t next; /* of the same key, in the kernel's order; RULE_NONE */
	uint32_t proto : 8, block : 1, first : 1; /* the protocol has no word of its own here */
	uint64_t key[];
};
#define RULE_NONE UINT32_MAX

/* Rules of one size, by number; numbers of removed ones are used again. */
struct rules {
	size_t stride; /* octets */
	unsigned char **chunks;
	uint32_t n_chunks, n, free; /* free: the first of the removed, chained by next */
};

#define BUCKET_SLOTS 8u

/*
 * A cache line of keys, by their hash, dense from the front. What finds a bucket full goes to the
 * next, so a search ends at the first that is not full.
 */
struct bucket {
	uint32_t hashes[BUCKET_SLOTS]; /* not 0; 0: empty */
	uint32_t rules[BUCKET_SLOTS];
} __attribute__((aligned(64)));

struct tuple {
	struct key mask;
	struct bucket *buckets;
	uint32_t bucket_mask; /* number of buckets less one */
	uint32_t n_keys, n; /* n: rules */
	uint32_t best; /* no rule's priority is lower */
	uint32_t removals; /* since `best` was exact */
	bool first; /* it has, or had, a rule that comes first */
};

struct space {
	uint64_t seed;
	unsigned n_words;
	struct rules rules;
	struct tuple *tuples; /* in the order of `best` */
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

/* The key under the mask into ret; its hash, which is not 0. The constants are digits of pi. */
static inline __attribute__((always_inline)) uint32_t key_mask_hash(
	const uint64_t *key, const uint64_t *mask, unsigned n_words, uint64_t seed, uint64_t *ret)
{
	uint64_t h;
	uint32_t hash;

	ret[0] = key[0] & mask[0];
	ret[1] = key[1] & mask[1];
	ret[2] = key[2] & mask[2];
	ret[3] = key[3] & mask[3];
	h = mix(ret[0] ^ seed, ret[1] ^ 0x243f6a8885a308d3u) ^
	    mix(ret[2] ^ seed ^ 0x13198a2e03707345u, ret[3] ^ 0xa4093822299f31d1u);
	if (n_words == KEY_WORDS6) {
		ret[4] = key[4] & mask[4];
		ret[5] = key[5] & mask[5];
		ret[6] = key[6] & mask[6];
		h ^= mix(ret[4] ^ seed ^ 0x082efa98ec4e6c89u, ret[5] ^ 0x452821e638d01377u) ^
		     mix(ret[6] ^ seed, 0xbe5466cf34e90c6du);
	}
	hash = (uint32_t)(mix(h, 0xc0ac29b7c97c50ddu) >> 32);
	return hash + (hash == 0);
}

static inline bool rule_has_key(const struct rule *r, const uint64_t *masked, unsigned n_words)
{
	uint64_t different = r->proto ^ masked[2];

	different |= (r->key[0] ^ masked[0]) | (r->key[1] ^ masked[1]);
	for (unsigned i = KEY_REST; i < n_words; i++)
		different |= r->key[i - 1] ^ masked[i];
	return different == 0;
}

static inline const struct bucket *tuple_home(const struct tuple *t, uint32_t hash)
{
	return &t->buckets[hash & t->bucket_mask];
}

/* Which of the slots have the hash, as bits. */
static inline unsigned bucket_find(const struct bucket *b, uint32_t hash)
{
#if defined(__SSE2__)
	_Static_assert(BUCKET_SLOTS == 8, "two vectors of four");
	const __m128i *hashes = (const __m128i *)(const void *)b->hashes;
	__m128i wanted = _mm_set1_epi32((int)hash);
	__m128i equal = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(hashes), wanted),
		_mm_cmpeq_epi32(_mm_load_si128(hashes + 1), wanted));

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#else
	unsigned found = 0;

	for (unsigned i = 0; i < BUCKET_SLOTS; i++)
		found |= (unsigned)(b->hashes[i] == hash) << i;
	return found;
#endif
}

/* The first rule of this key, or RULE_NONE. */
static inline __attribute__((always_inline)) uint32_t tuple_find(const struct space *s,
	const struct tuple *t, const uint64_t *masked, uint32_t hash, unsigned n_words)
{
	for (uint32_t at = hash & t->bucket_mask;; at = (at + 1) & t->bucket_mask) {
		const struct bucket *b = &t->buckets[at];

		for (unsigned found = bucket_find(b, hash); found; found &= found - 1) {
			uint32_t number = b->rules[__builtin_ctz(found)];

			if (rule_has_key(rule_at(&s->rules, number), masked, n_words))
				return number;
		}
		if (b->hashes[BUCKET_SLOTS - 1] == 0)
			return RULE_NONE;
	}
}

/* In the kernel's order, a before b? */
static inline bool rule_before(const struct rule *a, const struct rule *b)
{
	if (a->first != b->first)
		return a->first;
	return a->priority != b->priority ? a->priority < b->priority : a->index < b->index;
}
