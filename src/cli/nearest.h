/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Levenshtein distance with swapped neighbours as one edit; letter case does not count. */
unsigned edit_distance(const char *a, const char *b);

/*
 * The choice that word was probably meant to be, or NULL when none is near: at most a third of its
 * letters, rounded up, may differ.
 */
const char *nearest(const char *word, const char *const *choices, size_t n);
