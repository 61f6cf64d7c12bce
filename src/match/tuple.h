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

/*
 * Many tables differ in one part of their masks only, so each part is hashed by itself, once a
 * search for all tables that have it; a key's hash is theirs, combined.
 */
enum part { PART_REST, PART_SRC, PART_DST, PARTS };
#define PART_WORDS 3

struct part_mask {
	uint64_t words[PART_WORDS]; /* behind what the part has: 0 */
	uint32_t users; /* tables; 0: free */
};

struct part_masks {
	struct part_mask *p;
	uint32_t n, size;
};

#define HASHED 32u /* masks of a part that a search hashes beforehand: as a rule, all */

struct hashes {
	uint64_t of[PARTS][HASHED];
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

/* Rules behind the first of their key, by number; numbers of removed ones are used again. */
struct rules {
	unsigned char **chunks;
	uint32_t n_chunks, n, free; /* free: the first of the removed, chained by next */
};
#define CHUNK_RULES 64u

#define BUCKET_SLOTS 15u

/*
 * What tells, nearly always, whether a key is there: so small that the buckets of a million stay in
 * a cache, where their rules do not. What finds its bucket full goes to the next, so a search ends
 * at the first that no key went past.
 */
struct bucket {
	uint16_t tags[BUCKET_SLOTS]; /* of a key's hash, not 0; 0: empty */
	uint16_t passed; /* keys; at most PASSED_MAX, and then for good */
} __attribute__((aligned(32)));
#define PASSED_MAX UINT16_MAX

struct tuple {
	struct bucket *buckets;
	unsigned char *slots; /* BUCKET_SLOTS rules a bucket, behind the buckets */
	uint32_t n_buckets;
	uint32_t parts[PARTS]; /* which of the masks */
	uint32_t best; /* no rule's priority is lower */
	bool first; /* it has, or had, a rule that comes first */
	uint32_t removals; /* since `best` was exact */
	uint32_t n_keys, n; /* n: rules */
	struct key mask;
};

struct space {
	uint64_t seed;
	unsigned n_words;
	struct part_masks masks[PARTS];
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

static inline size_t rule_size(unsigned n_words)
{
	return sizeof(struct rule) + (n_words - 1) * sizeof(uint64_t);
}

static inline struct rule *rule_at(const struct space *s, uint32_t number)
{
	return (struct rule *)(void *)(s->rules.chunks[number / CHUNK_RULES] +
				       number % CHUNK_RULES * rule_size(s->n_words));
}

/* The words of a part; IPv4 addresses share one. n_words: of the whole key. */
static inline unsigned part_begin(unsigned part, unsigned n_words)
{
	return part == PART_REST ? 0 : part == PART_DST && n_words == KEY_WORDS6 ? 5 : KEY_REST;
}

static inline unsigned part_length(unsigned part, unsigned n_words)
{
	return part == PART_REST ? KEY_REST : n_words == KEY_WORDS6 ? 2 : 1;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t v = (__uint128_t)a * b;

	return (uint64_t)v ^ (uint64_t)(v >> 64);
}

/* The constants are digits of pi. */
static inline __attribute__((always_inline)) uint64_t part_hash(const struct space *s,
	unsigned part, uint32_t which, const struct key *key, unsigned n_words)
{
	static const uint64_t digits[PARTS] = { 0x243f6a8885a308d3u, 0x13198a2e03707345u,
		0xa4093822299f31d1u };
	const uint64_t *words = &key->words[part_begin(part, n_words)];
	const uint64_t *mask = s->masks[part].p[which].words;
	uint64_t h = s->seed ^ digits[part];

	for (unsigned i = 0; i < part_length(part, n_words); i++)
		h = mix(h ^ (words[i] & mask[i]), 0xc0ac29b7c97c50ddu);
	return h;
}

static inline __attribute__((always_inline)) void hashes_of(
	const struct space *s, const struct key *key, unsigned n_words, struct hashes *ret)
{
	for (unsigned part = 0; part < PARTS; part++) {
		for (uint32_t i = 0; i < s->masks[part].n && i < HASHED; i++)
			ret->of[part][i] = part_hash(s, part, i, key, n_words);
	}
}

/* Of the key under the table's mask. h: the key's, or NULL. */
static inline __attribute__((always_inline)) uint64_t tuple_hash(const struct space *s,
	const struct tuple *t, const struct key *key, const struct hashes *h, unsigned n_words)
{
	uint64_t hash = 0;

	for (unsigned part = 0; part < PARTS; part++) {
		uint32_t which = t->parts[part];

		hash ^= h && which < HASHED ? h->of[part][which]
					    : part_hash(s, part, which, key, n_words);
	}
	return hash;
}

static inline bool rule_has_key(
	const struct rule *r, const struct key *key, const struct key *mask, unsigned n_words)
{
	uint64_t different = r->proto ^ (key->words[2] & mask->words[2]);

	different |= r->key[0] ^ (key->words[0] & mask->words[0]);
	different |= r->key[1] ^ (key->words[1] & mask->words[1]);
	for (unsigned i = KEY_REST; i < n_words; i++)
		different |= r->key[i - 1] ^ (key->words[i] & mask->words[i]);
	return different == 0;
}

static inline uint32_t tuple_home(const struct tuple *t, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * t->n_buckets >> 32);
}

static inline uint32_t tuple_next(const struct tuple *t, uint32_t at)
{
	return at + 1 == t->n_buckets ? 0 : at + 1;
}

static inline uint16_t tag_of(uint64_t hash)
{
	return (uint16_t)(hash | 1);
}

static inline __attribute__((always_inline)) struct rule *tuple_slot(
	const struct tuple *t, uint32_t at, unsigned slot, unsigned n_words)
{
	return (struct rule *)(void *)(t->slots +
				       ((size_t)at * BUCKET_SLOTS + slot) * rule_size(n_words));
}

/* Which of the slots have the tag, as bits. */
static inline unsigned bucket_find(const struct bucket *b, uint16_t tag)
{
#if defined(__SSE2__)
	_Static_assert(sizeof(*b) == 32, "two vectors");
	const __m128i *tags = (const __m128i *)(const void *)b;
	__m128i wanted = _mm_set1_epi16((short)tag);
	__m128i equal = _mm_packs_epi16(_mm_cmpeq_epi16(_mm_load_si128(tags), wanted),
		_mm_cmpeq_epi16(_mm_load_si128(tags + 1), wanted));

	return (unsigned)_mm_movemask_epi8(equal) & ((1u << BUCKET_SLOTS) - 1);
#else
	unsigned found = 0;

	for (unsigned i = 0; i < BUCKET_SLOTS; i++)
		found |= (unsigned)(b->tags[i] == tag) << i;
	return found;
#endif
}

/* The first rule of this key, or NULL. */
static inline __attribute__((always_inline)) struct rule *tuple_find(
	const struct tuple *t, const struct key *key, uint64_t hash, unsigned n_words)
{
	uint32_t at = tuple_home(t, hash);

	for (uint32_t left = t->n_buckets; left > 0; left--, at = tuple_next(t, at)) {
		const struct bucket *b = &t->buckets[at];

		for (unsigned found = bucket_find(b, tag_of(hash)); found; found &= found - 1) {
			struct rule *r =
				tuple_slot(t, at, (unsigned)__builtin_ctz(found), n_words);

			if (rule_has_key(r, key, &t->mask, n_words))
				return r;
		}
		if (b->passed == 0)
			break;
	}
	return NULL;
}

/* In the kernel's order, a before b? */
static inline bool rule_before(const struct rule *a, const struct rule *b)
{
	if (a->first != b->first)
		return a->first;
	return a->priority != b->priority ? a->priority < b->priority : a->index < b->index;
}
