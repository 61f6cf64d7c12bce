/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/span.h"

/*
 * Words of a text, for searching: runs of letters, digits, octets above 127 and . : - / _ @ + % # ~
 * without punctuation at either end, so that an address, an SPI or a time is one word. The case of
 * ASCII letters makes no difference.
 */

/* Takes the next word off the front of *text; false: none is left. */
bool word_next(struct span *text, struct span *ret);

/* What is looked for: texts in which all of these words occur; word* stands for any rest. */
#define WORDS_MAX 16
#define WORDS_TEXT_MAX 512

struct words {
	size_t n; /* 0: every text matches */
	struct word {
		char text[WORDS_TEXT_MAX];
		size_t n;
		bool rest;
	} * v; /* owned; in lower case */
};

/* text NULL or "": nothing is looked for. -EINVAL: no word in it, or too many; -ENOMEM. */
int words_parse(const char *text, struct words *ret, struct diag *reterr);
void words_done(struct words *w);
bool words_match(const struct words *w, struct span text);
