/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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
 * Tables differ in parts of their masks, and have most parts in common. Each is hashed by itself,
 * once a search for all tables that have it, and a key's hash is those of its parts, combined.
 */
enum part { PART_REST, PART_SRC, PART_DST, PARTS };
#define PART_WORDS 3

struct part_mask {
	uint64_t words[PART_WORDS];
	uint64_t seed; /* of the hash */
	uint32_t users; /* tables; 0: free */
};

struct part_masks {
	struct part_mask *p;
	uint32_t n, size;
};

/*
 * So many masks of a part are hashed beforehand, which as a rule is all, and have a bit each.
 * Others are hashed where they are met.
 */
#define HASHED 21u

/* What a search knows of its key. */
struct parts {
	uint64_t hashes[PARTS][HASHED];
	uint64_t missing; /* bits: under this mask no rule has this; the others: one may */
};

/* One policy. What is kept of it ends with its key, of as many words as the family has. */
struct rule {
	uint32_t priority;
	uint32_t index; /* as the kernel numbers it */
	uint32_t next; /* of the same key, in the kernel's order; RULE_NONE */
	uint32_t proto : 8, block : 1, first : 1; /* the protocol has no word of its own here */
	uint64_t key[KEY_WORDS6 - 1];
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
	uint8_t tags[BUCKET_SLOTS]; /* of a key's hash, not 0; 0: empty */
	uint8_t passed; /* keys; at most PASSED_MAX, and then for good */
} __attribute__((aligned(16)));
#define PASSED_MAX UINT8_MAX

struct tuple {
	struct bucket *buckets;
	unsigned char *slots; /* BUCKET_SLOTS rules a bucket, behind the buckets */
	uint32_t n_buckets;
	uint64_t needs; /* bits of its masks: where one is missing, nothing is here */
	uint64_t best; /* no rule's rank is lower, as rule_rank() */
	uint32_t parts[PARTS]; /* which of the masks */
	bool hashed; /* all of them, beforehand */
	uint32_t n_keys, n; /* n: rules */
	struct key mask;
};

struct space {
	uint64_t seed;
	unsigned n_words;
	struct part_masks masks[PARTS];
	/*
	 * A Bloom filter of the parts of all keys: of the tables that have nothing for a packet,
	 * most have nothing even for its source alone, or for its destination.
	 */
	uint64_t *filter;
	uint32_t filter_size; /* words */
	uint32_t n, removals; /* rules; removals since the filter, and what is best, was exact */
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

static inline struct key key_of(uint32_t if_id, uint32_t mark, uint16_t sport, uint16_t dport,
	uint32_t ifindex, uint8_t proto)
{
	return (struct key){ { (uint64_t)if_id << 32 | mark,
		(uint64_t)sport << 48 | (uint64_t)dport << 32 | ifindex, proto } };
}

/* The octets of the addresses, or of their masks, as words. */
static inline __attribute__((always_inline)) void key_addresses(
	struct key *k, const uint8_t *src, const uint8_t *dst, unsigned n_words)
{
	uint32_t src4, dst4;

	if (n_words == KEY_WORDS6) {
		memcpy(&k->words[KEY_REST], src, 16);
		memcpy(&k->words[KEY_REST + 2], dst, 16);
	} else {
		memcpy(&src4, src, 4);
		memcpy(&dst4, dst, 4);
		k->words[KEY_REST] = (uint64_t)src4 << 32 | dst4;
	}
}

static inline __attribute__((always_inline)) void key_of_flow(
	const struct flow *f, unsigned n_words, struct key *ret)
{
	*ret = key_of(f->if_id, f->mark, f->sport, f->dport, f->ifindex, f->proto);
	key_addresses(ret, f->src.octets, f->dst.octets, n_words);
}

static inline size_t rule_size(unsigned n_words)
{
	return offsetof(struct rule, key) + (n_words - 1) * sizeof(uint64_t);
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

#define PI_DIGITS UINT64_C(0x243f6a8885a308d3)

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t v = (__uint128_t)a * b;

	return (uint64_t)v ^ (uint64_t)(v >> 64);
}

static inline __attribute__((always_inline)) uint64_t part_hash(
	const struct part_mask *mask, unsigned part, const struct key *key, unsigned n_words)
{
	const uint64_t *words = &key->words[part_begin(part, n_words)];
	uint64_t h = mask->seed;

	for (unsigned i = 0; i < part_length(part, n_words); i++)
		h = mix(h ^ (words[i] & mask->words[i]), PI_DIGITS);
	return h;
}

static inline uint64_t *filter_word(const struct space *s, uint64_t hash)
{
	return &s->filter[(hash >> 32) * s->filter_size >> 32];
}

static inline uint64_t filter_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63);
}

static inline bool filter_has(const struct space *s, uint64_t hash)
{
	return (filter_bits(hash) & ~*filter_word(s, hash)) == 0;
}

static inline uint64_t part_bit(unsigned part, uint32_t which)
{
	return which < HASHED ? UINT64_C(1) << (part * HASHED + which) : 0;
}

static inline uint32_t part_hashed(const struct space *s, unsigned part)
{
	return s->masks[part].n < HASHED ? s->masks[part].n : HASHED;
}

/* The bits of what is missing. */
static inline __attribute__((always_inline)) uint64_t part_look(const struct space *s,
	unsigned part, const struct key *key, unsigned n_words, uint64_t ret_hashes[HASHED])
{
	uint32_t n = part_hashed(s, part);
	uint64_t missing = 0, bit = part_bit(part, 0);

	for (uint32_t i = 0; i < n; i++, bit <<= 1) {
		uint64_t hash = part_hash(&s->masks[part].p[i], part, key, n_words);

		ret_hashes[i] = hash;
		missing |= filter_has(s, hash) ? 0 : bit;
	}
	return missing;
}

static inline __attribute__((always_inline)) void parts_look(
	const struct space *s, const struct key *key, unsigned n_words, struct parts *ret)
{
	ret->missing = part_look(s, PART_REST, key, n_words, ret->hashes[PART_REST]) |
		       part_look(s, PART_SRC, key, n_words, ret->hashes[PART_SRC]) |
		       part_look(s, PART_DST, key, n_words, ret->hashes[PART_DST]);
}

/* Of the key under the table's mask. */
uint64_t tuple_hash(const struct space *s, const struct tuple *t, const struct key *key);

/* The same, of what is hashed. */
static inline uint64_t tuple_hash_parts(
	const struct space *s, const struct tuple *t, const struct key *key, const struct parts *p)
{
	const uint32_t *at = t->parts;

	if (!t->hashed)
		return tuple_hash(s, t, key);
	return p->hashes[PART_REST][at[PART_REST]] ^ p->hashes[PART_SRC][at[PART_SRC]] ^
	       p->hashes[PART_DST][at[PART_DST]];
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

static inline uint8_t tag_of(uint64_t hash)
{
	uint8_t tag = (uint8_t)hash;

	return tag ? tag : 1;
}

static inline __attribute__((always_inline)) struct rule *tuple_slot(
	const struct tuple *t, uint32_t at, unsigned slot, unsigned n_words)
{
	return (struct rule *)(void *)(t->slots +
				       ((size_t)at * BUCKET_SLOTS + slot) * rule_size(n_words));
}

/* Which of the slots have the tag, as bits. */
static inline unsigned bucket_find(const struct bucket *b, uint8_t tag)
{
#if defined(__SSE2__)
	_Static_assert(sizeof(*b) == 16, "a vector");
	__m128i equal = _mm_cmpeq_epi8(
		_mm_load_si128((const __m128i *)(const void *)b), _mm_set1_epi8((char)tag));

	return (unsigned)_mm_movemask_epi8(equal) & ((1u << BUCKET_SLOTS) - 1);
#else
	unsigned found = 0;

	for (unsigned i = 0; i < BUCKET_SLOTS; i++)
		found |= (unsigned)(b->tags[i] == tag) << i;
	return found;
#endif
}

/* The slot of its home that a key is in, unless that was taken. */
static inline unsigned slot_of(uint64_t hash)
{
	return (unsigned)((hash >> 8 & 0xffff) * BUCKET_SLOTS >> 16);
}

static inline void bucket_prefetch(const struct tuple *t, uint64_t hash)
{
	__builtin_prefetch(&t->buckets[tuple_home(t, hash)]);
}

static inline __attribute__((always_inline)) void slot_prefetch(
	const struct tuple *t, uint32_t at, unsigned slot, unsigned n_words)
{
	const struct rule *r = tuple_slot(t, at, slot, n_words);

	/* It may lie across two lines. */
	__builtin_prefetch(r);
	__builtin_prefetch((const unsigned char *)r + rule_size(n_words) - 1);
}

/* Where the rule should be, before its bucket is read. */
static inline __attribute__((always_inline)) void rule_prefetch(
	const struct tuple *t, uint64_t hash, unsigned n_words)
{
	slot_prefetch(t, tuple_home(t, hash), slot_of(hash), n_words);
}

/* Where the bucket has it. */
static inline __attribute__((always_inline)) void rule_prefetch_found(
	const struct tuple *t, uint64_t hash, unsigned n_words)
{
	uint32_t home = tuple_home(t, hash);
	unsigned found = bucket_find(&t->buckets[home], tag_of(hash));

	if (found)
		slot_prefetch(t, home, (unsigned)__builtin_ctz(found), n_words);
}

/* The first rule of this key, or NULL. */
static inline __attribute__((always_inline)) struct rule *tuple_find(
	const struct tuple *t, const struct key *key, uint64_t hash, unsigned n_words)
{
	uint32_t at = tuple_home(t, hash);

	for (uint32_t left = t->n_buckets; left > 0; left--, at = tuple_next(t, at)) {
		const struct bucket *b = &t->buckets[at];

		for (unsigned found = bucket_find(b, tag_of(hash)); found; found &= found - 1) {
			struct rule *r = tuple_slot(t, at, (unsigned)__builtin_ctz(found), n_words);

			if (rule_has_key(r, key, &t->mask, n_words))
				return r;
		}
		if (b->passed == 0)
			break;
	}
	return NULL;
}

/* By what the kernel orders rules first. */
static inline uint64_t rule_rank(const struct rule *r)
{
	return (uint64_t)!r->first << 32 | r->priority;
}

/* In the kernel's order, a before b? */
static inline bool rule_before(const struct rule *a, const struct rule *b)
{
	uint64_t rank_a = rule_rank(a), rank_b = rule_rank(b);

	return rank_a != rank_b ? rank_a < rank_b : a->index < b->index;
}
