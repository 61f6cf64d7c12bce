/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Memory for millions of small objects of a few sizes: no octets between them, and from large pages
 * where the kernel has some, since for so many objects page faults cost more than all else. What is
 * freed is used again for objects of about that size; to the system it goes back with the pool.
 */
#define POOL_OBJECT_MAX 512u

struct pool {
	void *slabs; /* all of them, linked */
	char *at, *end; /* what is left of the newest */
	void *freed[POOL_OBJECT_MAX / 8 + 1]; /* by size in units of 8, linked */
};

/* Zero-initialise. */
void pool_done(struct pool *p);
/* Not cleared; aligned to 8. n: 1 to POOL_OBJECT_MAX. NULL: no memory. */
void *pool_take(struct pool *p, size_t n);
void pool_give(struct pool *p, void *object, size_t n); /* n as it was taken */
