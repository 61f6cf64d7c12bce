/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Values of configuration files. Those that parse write *ret on success only. */

/*
 * Appends to what is in text (size octets with the NUL), as UTF-8 without control characters: what
 * is not becomes '?'. What has no room ends with "…".
 */
void conf_text_add(char *text, size_t size, struct span more);
/* The same with what stands between items in front, unless text is empty. */
void conf_text_item(char *text, size_t size, const char *between, struct span more);
#define CONF_TEXT_SET(text, value) \
	((text)[0] = '\0', conf_text_add((text), sizeof(text), span_text(value)))

/* Takes the next item off *list, which separators (octets) part; blanks around it go. */
bool conf_item_next(struct span *list, const char *separators, struct span *ret);
struct span conf_trim(struct span text); /* without blanks at its ends */

bool conf_is(struct span text, const char *word); /* case makes no difference */
bool conf_starts(struct span text, const char *word);
/* Decimal, 0x hexadecimal, 0 octal, and nothing behind it. */
bool conf_u64(struct span text, uint64_t *ret);
bool conf_u32(struct span text, uint32_t *ret);
/* A number with one of units behind it, blanks between them; "" is allowed for none. */
struct conf_unit {
	const char *name;
	uint64_t factor;
};
bool conf_quantity(struct span text, const struct conf_unit *units, size_t n, uint64_t *ret);
/* The index of the word in words (NULL ends them). */
bool conf_word(struct span text, const char *const *words, size_t *ret);
/* VALUE or VALUE/MASK; what the daemon chooses by itself (%unique) is 0. */
bool conf_mark(struct span text, uint32_t *ret);
