/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/span.h"

/*
 * Cursors over the texts of whack and pluto. What "takes" moves *text behind what it took, and
 * leaves it alone when it returns false.
 */

/* The next line, without its end (also without a carriage return); false: none is left. */
bool text_line(struct span *text, struct span *ret);
/* All up to the first `end`, which is taken as well. */
bool text_until(struct span *text, const char *end, struct span *ret);
/*
 * The value that stands behind the first `key` ("; their id="): up to the next semicolon or the
 * end, without blanks at its ends. Finds nothing: false.
 */
bool text_value(struct span text, const char *key, struct span *ret);
/* A number that stands there, whatever is behind its digits. */
bool text_value_number(struct span text, const char *key, uint64_t *ret);
/* One of `words` that are joined by the character `by`. */
bool text_has_word(struct span words, char by, const char *word);
bool text_addr(struct span text, struct addr *ret); /* all of it is an address */
bool text_is(struct span text, const char *expected);

/*
 * Into a field of `size` octets: cut to whole characters, what is no UTF-8 or a control character
 * becomes '?', the rest of the field NUL.
 */
void text_copy(struct span text, char *ret, size_t size);
/* Appends it to what the field holds already, with a blank between; too long: left out, false. */
bool text_append(struct span text, char *ret, size_t size);

#define TEXT_COPY(text, field) text_copy((text), (field), sizeof(field))
