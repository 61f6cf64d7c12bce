/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Reads the lines of [0, end) of a file in large blocks, forwards or backwards, one way a reader.
 */

#define LINES_BLOCK ((size_t)256 << 10)
#define LINE_MAX_SIZE ((size_t)16 << 20) /* far beyond a head with all its totals */

struct lines {
	int fd; /* borrowed */
	uint64_t end; /* forwards: how far */
	uint64_t at; /* next octet forwards; backwards: what lies from here on was given */
	uint8_t *p; /* octets [base, base + n) of the file */
	uint64_t base;
	size_t n, size;
};

void lines_forward(struct lines *l, int fd, uint64_t end);
void lines_backward(struct lines *l, int fd, uint64_t end);
void lines_done(struct lines *l);
#define CLEANUP_LINES __attribute__((cleanup(lines_done)))

/*
 * 1: *ret is the next line without its newline, borrowed until the next call; *ret_whole says
 * whether a newline ended it. 0: no more. -EMSGSIZE: over LINE_MAX_SIZE. Or what pread() says.
 */
int lines_next(struct lines *l, struct span *ret, bool *ret_whole);
int lines_prev(struct lines *l, struct span *ret, bool *ret_whole);
