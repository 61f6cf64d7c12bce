/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Lines that are signed have one form only: fixed keys in a fixed order, and texts of characters
 * that JSON needs no escape for. So they are read without a JSON library, and nothing that means
 * the same can be spelled in two ways. Each takes from the front of *left, or says false.
 */
bool strict_text(struct span *left, const char *expected);
bool strict_number(struct span *left, uint64_t *ret); /* up to 18 digits, no leading zero */
/* A word of strict_word()'s characters; size counts the NUL. */
bool strict_word(struct span *left, char *ret, size_t size);
/* n digits, lower-case hexadecimal; borrowed. */
bool strict_digits(struct span *left, size_t n, struct span *ret);

/* Appends the word with every character that it may not have replaced by `_`. */
void strict_write(struct buf *out, const char *word);
