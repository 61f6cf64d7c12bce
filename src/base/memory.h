/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * malloc() for libraries that write past what they did not get: jansson's reader does. Without
 * memory the process says so and ends, as if it were killed; never NULL.
 */
void *malloc_or_end(size_t n);
