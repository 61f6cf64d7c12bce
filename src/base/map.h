/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A hash map from fixed-size keys to pointers that the caller owns: open addressing, SipHash-like
 * keyed hash (the seed is a fact, so that replays walk in the same order), at most `limit` entries.
 * Keys are copied; compare as octets, so zero padding first. Iteration is in insertion order.
 */
struct map;

int map_new(size_t key_size, size_t limit, uint64_t seed, struct map **ret); /* -ENOMEM, -EINVAL */
struct map *map_free(struct map *m); /* takes NULL; the values are the caller's to free first */
struct map *map_free_all(struct map *m); /* and the values, each by free() */
size_t map_count(const struct map *m);
void *map_get(const struct map *m, const void *key); /* NULL: none */
/* 0; -EEXIST; -ENOSPC at the limit; -ENOMEM. value is not NULL. */
int map_put(struct map *m, const void *key, void *value);
/*
 * Where the key's value is, to be changed in place: one search in place of two. *it is NULL when
 * the key has only now been put: then give it a value, or map_remove() it, before anything else.
 * NULL: no memory, or at the limit. Borrowed until the next change of the map.
 */
void **map_place(struct map *m, const void *key);
void *map_remove(struct map *m, const void *key); /* the value, or NULL */

/*
 * for (size_t at = 0; (v = map_next(m, &at, NULL));) — oldest first. Removing the entry just
 * returned is allowed; putting is not. *ret_key (may be NULL) is borrowed until the next change.
 */
void *map_next(const struct map *m, size_t *at, const void **ret_key);

uint64_t hash_octets(const void *p, size_t n, uint64_t seed);
