/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Entries lie in dense arrays in insertion order; the table holds indices into them. A removed
 * entry leaves a hole (value NULL) until the arrays are compacted by the next growth. A slot has
 * 32 bits of its key's hash beside the index, so that a search looks at keys that are the right
 * one, and nearly no others: of a million entries each look costs a cache miss.
 */
struct slot {
	uint32_t at; /* 0: free; else 1 + index; TOMBSTONE */
	uint32_t hash;
};

struct map {
	size_t key_size;
	size_t limit;
	uint64_t seed;
	size_t count; /* live entries */
	size_t used; /* of the dense arrays, holes included */
	size_t room; /* of the dense arrays */
	size_t mask; /* of the table; its size is a power of two, at least twice room */
	struct slot *table;
	void **values;
	uint32_t *hashes;
	uint8_t *keys;
};

#define TOMBSTONE UINT32_MAX
#define ROOM_MIN 16

static inline uint64_t rotl(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 with a 64-bit key: senders choose SPIs and addresses, so they must not choose
 * buckets. */
uint64_t hash_octets(const void *p, size_t n, uint64_t seed)
{
	const uint8_t *octets = p;
	uint64_t v[4] = { seed ^ 0x736f6d6570736575u, rotl(seed, 32) ^ 0x646f72616e646f6du,
		seed ^ 0x6c7967656e657261u, rotl(seed, 32) ^ 0x7465646279746573u };
	uint64_t last = (uint64_t)n << 56;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, octets + i, sizeof(word));
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (unsigned k = 0; i < n; i++, k++)
		last |= (uint64_t)octets[i] << 8 * k;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int map_new(size_t key_size, size_t limit, uint64_t seed, struct map **ret)
{
	struct map *m;

	if (key_size == 0 || limit == 0 || limit >= TOMBSTONE / 4)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->key_size = key_size;
	m->limit = limit;
	m->seed = seed;
	*ret = m;
	return 0;
}

struct map *map_free(struct map *m)
{
	if (m) {
		free(m->table);
		free(m->values);
		free(m->hashes);
		free(m->keys);
		free(m);
	}
	return NULL;
}

struct map *map_free_all(struct map *m)
{
	void *v;

	for (size_t at = 0; m && (v = map_next(m, &at, NULL));)
		free(v);
	return map_free(m);
}

size_t map_count(const struct map *m)
{
	return m->count;
}

static uint8_t *key_at(const struct map *m, size_t index)
{
	return m->keys + index * m->key_size;
}

static uint32_t hash_of(const struct map *m, const void *key)
{
	return (uint32_t)hash_octets(key, m->key_size, m->seed);
}

/* The table slot that holds the key, or SIZE_MAX. */
static size_t find(const struct map *m, const void *key, uint32_t hash)
{
	if (m->count == 0)
		return SIZE_MAX;
	for (size_t slot = hash & m->mask; m->table[slot].at != 0; slot = (slot + 1) & m->mask) {
		struct slot s = m->table[slot];

		if (s.hash == hash && s.at != TOMBSTONE &&
			memcmp(key_at(m, s.at - 1), key, m->key_size) == 0)
			return slot;
	}
	return SIZE_MAX;
}

void *map_get(const struct map *m, const void *key)
{
	size_t slot = find(m, key, hash_of(m, key));

	return slot == SIZE_MAX ? NULL : m->values[m->table[slot].at - 1];
}

static void insert(struct map *m, size_t index)
{
	size_t slot = m->hashes[index] & m->mask;

	while (m->table[slot].at != 0)
		slot = (slot + 1) & m->mask;
	m->table[slot] = (struct slot){ (uint32_t)index + 1, m->hashes[index] };
}

/* The array with so much room; as it was, and *ok false, when there is no memory. */
static void *resized(void *array, size_t room, size_t size, bool *ok)
{
	void *p = reallocarray(array, room, size);

	*ok = *ok && p;
	return p ? p : array;
}

static void compact(struct map *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->used; i++) {
		if (!m->values[i])
			continue;
		if (n != i) {
			m->values[n] = m->values[i];
			m->hashes[n] = m->hashes[i];
			memcpy(key_at(m, n), key_at(m, i), m->key_size);
		}
		n++;
	}
	m->used = n;
}

/* Makes room for one more: compacts the holes away, and doubles when over half are live. */
static int grow(struct map *m)
{
	size_t room = m->room < ROOM_MIN       ? ROOM_MIN
		      : m->count > m->room / 2 ? m->room * 2
					       : m->room;
	size_t slots = room * 2;
	struct slot *table = calloc(slots, sizeof(*table));
	bool ok = table != NULL;

	m->values = resized(m->values, room, sizeof(*m->values), &ok);
	m->hashes = resized(m->hashes, room, sizeof(*m->hashes), &ok);
	m->keys = resized(m->keys, room, m->key_size, &ok);
	if (!ok) {
		free(table);
		return -ENOMEM;
	}
	compact(m);
	free(m->table);
	m->table = table;
	m->room = room;
	m->mask = slots - 1;
	for (size_t i = 0; i < m->used; i++)
		insert(m, i);
	return 0;
}

void **map_place(struct map *m, const void *key)
{
	uint32_t hash = hash_of(m, key);
	size_t slot = find(m, key, hash);

	if (slot != SIZE_MAX)
		return &m->values[m->table[slot].at - 1];
	if (m->count >= m->limit || (m->used == m->room && grow(m) < 0))
		return NULL;
	memcpy(key_at(m, m->used), key, m->key_size);
	m->hashes[m->used] = hash;
	m->values[m->used] = NULL;
	insert(m, m->used);
	m->count++;
	return &m->values[m->used++];
}

int map_put(struct map *m, const void *key, void *value)
{
	void **at = map_place(m, key);

	if (!at)
		return m->count >= m->limit ? -ENOSPC : -ENOMEM;
	if (*at)
		return -EEXIST;
	*at = value;
	return 0;
}

void *map_remove(struct map *m, const void *key)
{
	size_t slot = find(m, key, hash_of(m, key));
	size_t index;
	void *value;

	if (slot == SIZE_MAX)
		return NULL;
	index = m->table[slot].at - 1;
	value = m->values[index];
	m->values[index] = NULL;
	m->table[slot].at = TOMBSTONE;
	m->count--;
	return value;
}

void *map_next(const struct map *m, size_t *at, const void **ret_key)
{
	for (; *at < m->used; (*at)++) {
		void *value = m->values[*at];

		if (!value)
			continue;
		if (ret_key)
			*ret_key = key_at(m, *at);
		(*at)++;
		return value;
	}
	return NULL;
}
