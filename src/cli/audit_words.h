/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* What `audit set` was told, in the catalogue's words. */
struct audit_words {
	const char *name; /* of a subcategory, or of a category */
	bool category;
	const char *setting;
};

/*
 * words: a name and a setting, each of any number of words, in any letter case, - and _ as blanks.
 * A name's words may be left out or cut to what is unique: `driver`, `main`. A subcategory goes
 * before a category of that name only if it fits exactly. -EINVAL with what was meant.
 */
int audit_words_parse(
	const char *const *words, size_t n, struct audit_words *ret, struct diag *reterr);

/* The settings as people write them, for completion: NULL-terminated. */
extern const char *const audit_settings[];
