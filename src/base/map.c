/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Entries lie in a dense array in insertion order; the table holds indices into it. A removed
 * entry leaves a hole (value NULL) until the array is compacted by the next growth.
 */
struct map {
	size_t key_size;
	size_t limit;
	uint64_t seed;
	size_t count; /* live entries */
	size_t used; /* of the dense array, holes included */
	size_t room; /* of the dense array */
	size_t mask; /* of the table; its size is a power of two, at least twice room */
	uint32_t *table; /* 0: free; else 1 + index; TOMBSTONE */
	void **values;
	uint8_t *keys;
};

#define TOMBSTONE UINT32_MAX
#define ROOM_MIN 16

static uint64_t rotl(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
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
		uint64_t word = 0;

		for (unsigned k = 0; k < 8; k++)
			word |= (uint64_t)octets[i + k] << 8 * k;
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
		free(m->keys);
		free(m);
	}
	return NULL;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

static const uint8_t *key_at(const struct map *m, size_t index)
{
	return m->keys + index * m->key_size;
}

/* The table slot that holds the key, or SIZE_MAX. */
static size_t find(const struct map *m, const void *key)
{
	if (m->count == 0)
		return SIZE_MAX;
	for (size_t slot = hash_octets(key, m->key_size, m->seed) & m->mask; m->table[slot] != 0;
		slot = (slot + 1) & m->mask) {
		uint32_t at = m->table[slot];

		if (at != TOMBSTONE && memcmp(key_at(m, at - 1), key, m->key_size) == 0)
			return slot;
	}
	return SIZE_MAX;
}

void *map_get(const struct map *m, const void *key)
{
	size_t slot = find(m, key);

	return slot == SIZE_MAX ? NULL : m->values[m->table[slot] - 1];
}

static void insert(struct map *m, size_t index)
{
	size_t slot = hash_octets(key_at(m, index), m->key_size, m->seed) & m->mask;

	while (m->table[slot] != 0)
		slot = (slot + 1) & m->mask;
	m->table[slot] = (uint32_t)index + 1;
}

/* Makes room for one more: compacts the holes away, and doubles when over half are live. */
static int grow(struct map *m)
{
	size_t room = m->room < ROOM_MIN       ? ROOM_MIN
		      : m->count > m->room / 2 ? m->room * 2
					       : m->room;
	size_t slots = room * 2;
	uint32_t *table = calloc(slots, sizeof(*table));
	void **values = calloc(room, sizeof(*values));
	uint8_t *keys = malloc(room * m->key_size);
	size_t n = 0;

	if (!table || !values || !keys) {
		free(table);
		free(values);
		free(keys);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->used; i++) {
		if (!m->values[i])
			continue;
		values[n] = m->values[i];
		memcpy(keys + n * m->key_size, key_at(m, i), m->key_size);
		n++;
	}
	free(m->table);
	free(m->values);
	free(m->keys);
	m->table = table;
	m->values = values;
	m->keys = keys;
	m->room = room;
	m->used = n;
	m->mask = slots - 1;
	for (size_t i = 0; i < n; i++)
		insert(m, i);
	return 0;
}

int map_put(struct map *m, const void *key, void *value)
{
	if (find(m, key) != SIZE_MAX)
		return -EEXIST;
	if (m->count >= m->limit)
		return -ENOSPC;
	if (m->used == m->room && grow(m) < 0)
		return -ENOMEM;
	memcpy(m->keys + m->used * m->key_size, key, m->key_size);
	m->values[m->used] = value;
	insert(m, m->used);
	m->used++;
	m->count++;
	return 0;
}

void *map_remove(struct map *m, const void *key)
{
	size_t slot = find(m, key);
	size_t index;
	void *value;

	if (slot == SIZE_MAX)
		return NULL;
	index = m->table[slot] - 1;
	value = m->values[index];
	m->values[index] = NULL;
	m->table[slot] = TOMBSTONE;
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
