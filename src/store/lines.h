/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "store/segtext.h"

/* Reads the lines of [0, end) of a text in large blocks, forwards or backwards, one way a reader.
 */

#define LINES_BLOCK ((size_t)256 << 10)
#define LINE_MAX_SIZE ((size_t)16 << 20) /* far beyond a head with all its totals */

struct lines {
	struct segtext *text; /* borrowed */
	uint64_t end; /* forwards: how far */
	uint64_t at; /* next octet forwards; backwards: what lies from here on was given */
	uint64_t line_at; /* where the line given last begins */
	uint8_t *p; /* octets [base, base + n) of the text */
	uint64_t base;
	size_t n, size;
};

void lines_forward(struct lines *l, struct segtext *text, uint64_t end);
/* From an offset on at which a line begins. */
void lines_forward_from(struct lines *l, struct segtext *text, uint64_t at, uint64_t end);
void lines_backward(struct lines *l, struct segtext *text, uint64_t end);
void lines_done(struct lines *l);
#define CLEANUP_LINES __attribute__((cleanup(lines_done)))

/*
 * 1: *ret is the next line without its newline, borrowed until the next call; *ret_whole says
 * whether a newline ended it. 0: no more. -EMSGSIZE: over LINE_MAX_SIZE. Or what
 * segtext_read() says.
 */
int lines_next(struct lines *l, struct span *ret, bool *ret_whole);
int lines_prev(struct lines *l, struct span *ret, bool *ret_whole);
