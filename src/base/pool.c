/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>

#define SLAB_SIZE ((size_t)2 << 20) /* a large page, where the kernel has them */
#define UNIT 8u

/* Aligned as large pages must be; what that leaves over at both ends goes back. */
static char *map_slab(void)
{
	char *p = mmap(
		NULL, 2 * SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)p % SLAB_SIZE;
	if (before > 0)
		(void)munmap(p, before);
	(void)munmap(p + before + SLAB_SIZE, SLAB_SIZE - before);
	return p + before;
}

static int add_slab(struct pool *p)
{
	char *slab = map_slab();

	if (!slab)
		return -1;
	/* The first is small in most pools: there a large page would be for nothing. */
	if (p->slabs)
		(void)madvise(slab, SLAB_SIZE, MADV_HUGEPAGE);
	*(void **)(void *)slab = p->slabs;
	p->slabs = slab;
	p->at = slab + UNIT;
	p->end = slab + SLAB_SIZE;
	return 0;
}

void pool_done(struct pool *p)
{
	while (p->slabs) {
		void *slab = p->slabs;

		p->slabs = *(void **)slab;
		(void)munmap(slab, SLAB_SIZE);
	}
	*p = (struct pool){ 0 };
}

void *pool_take(struct pool *p, size_t n)
{
	size_t units = (n + UNIT - 1) / UNIT;
	void *object;

	assert(n > 0 && n <= POOL_OBJECT_MAX);
	object = p->freed[units];
	if (object) {
		p->freed[units] = *(void **)object;
		return object;
	}
	if ((size_t)(p->end - p->at) < units * UNIT && add_slab(p) < 0)
		return NULL;
	object = p->at;
	p->at += units * UNIT;
	return object;
}

void pool_give(struct pool *p, void *object, size_t n)
{
	size_t units = (n + UNIT - 1) / UNIT;

	*(void **)object = p->freed[units];
	p->freed[units] = object;
}
