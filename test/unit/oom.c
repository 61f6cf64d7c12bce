/* SPDX-License-Identifier: Apache-2.0 */
#include "oom.h"

#include <errno.h>
#include <stddef.h>

#include "base/memory.h"

/* A sanitizer has an allocator of its own, before which we stand by --wrap. */
#if defined(OOM_WRAPS)
#define REAL(name) __real_##name
#define OURS(name) __wrap_##name
#else
#define REAL(name) __libc_##name
#define OURS(name) name
#endif
#define EXPORT __attribute__((visibility("default")))

void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t n);
EXPORT void *OURS(malloc)(size_t n);
EXPORT void *OURS(calloc)(size_t n, size_t size);
EXPORT void *OURS(realloc)(void *p, size_t n);
EXPORT void *OURS(reallocarray)(void *p, size_t n, size_t size);

/* Who would end does not fail. */
void *malloc_or_end(size_t n)
{
	return REAL(malloc)(n);
}

static unsigned long left; /* until one fails; 0: none will */
static bool has_failed;

void oom_arm(unsigned long nth)
{
	left = nth;
	has_failed = false;
}

bool oom_disarm(void)
{
	left = 0;
	return has_failed;
}

static bool fails(void)
{
	if (left == 0 || --left > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *OURS(malloc)(size_t n)
{
	return fails() ? NULL : REAL(malloc)(n);
}

void *OURS(calloc)(size_t n, size_t size)
{
	return fails() ? NULL : REAL(calloc)(n, size);
}

void *OURS(realloc)(void *p, size_t n)
{
	return fails() ? NULL : REAL(realloc)(p, n);
}

void *OURS(reallocarray)(void *p, size_t n, size_t size)
{
	size_t octets;

	if (__builtin_mul_overflow(n, size, &octets)) {
		errno = ENOMEM;
		return NULL;
	}
	return OURS(realloc)(p, octets);
}
