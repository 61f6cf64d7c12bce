/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sign/keyring.h"
#include "store/check.h"

/* The signed heads that a log is held against, while its lines go by. */

#define HEADS_MAX 1000000u

struct listed_head {
	uint64_t number, time_us, segment, line, seq;
	uint8_t digest[DIGEST_SIZE];
};

struct heads {
	struct listed_head *v; /* by segment and line */
	size_t n, room;
	size_t at; /* those before were met, or passed */
	uint64_t met, removed; /* that fit; whose segment is no more there */
	struct listed_head last; /* met last; valid if met > 0 */
	uint64_t lines, events; /* of the log, up to that one */
	/* The first thing wrong with the heads themselves. */
	uint64_t bad_line; /* in the heads file; 0: of those given */
	char fault[256]; /* "": nothing is */
};

void heads_done(struct heads *h);
/* The lines of the heads file; every one must be good and above the one before. 0 or -ENOMEM. */
int heads_load(struct heads *h, struct span text, const struct keyring *keys);
/* Those in a text, whatever stands before and behind them in its lines. -ENOENT: none. */
int heads_give(struct heads *h, struct span text, const struct keyring *keys);
void heads_begin(struct heads *h); /* all are there */

/* After each good line, after each segment, and after the last one. */
enum check_result heads_meet(struct heads *h, struct check *c);
enum check_result heads_segment_end(struct heads *h, struct check *c);
/* The newest head of a line that should be there but is not. NULL: none. */
const struct listed_head *heads_missing(const struct heads *h);
