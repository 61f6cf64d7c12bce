/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/span.h"
#include "store/chain.h"
#include "store/logline.h"

/*
 * Follows the chain line by line over one or more segments. Recovery and verification share it.
 * It learns its starting digest from the first head.
 */
struct check {
	struct chain chain;
	bool begun; /* a head was seen: digest, segment and last_seq are known */
	bool closed; /* the last good line was a commit */
	bool in_segment; /* the head of the present segment was good */
	uint64_t segment; /* number in the present head */
	uint64_t last_seq; /* of the last event */
	uint64_t line; /* lines taken in the present segment, the bad one included */
	uint64_t lines, events, uncommitted; /* good ones; of all segments */
	uint64_t group_events; /* since the last commit */
	struct logline_head head; /* the last one */
	struct logline_commit commit; /* the last one; valid once `closed` */
	char reason[256];
};

int check_init(struct check *c); /* -ENOMEM */
void check_done(struct check *c);
void check_segment(struct check *c); /* the next line is the first of a segment */

enum check_result {
	CHECK_GOOD = 0,
	CHECK_BAD = 1, /* reason tells; do not go on */
	CHECK_NEWER = 2, /* of a schema that we do not know; reason tells */
	CHECK_FAILED = 3, /* SHA-256 is not to be had: no verdict */
};

/* One line without its newline. totals (may be NULL) is called for the readings of a good head. */
enum check_result check_line(
	struct check *c, struct span line, logline_reading_fn *totals, void *userdata);
/* For those who find a fault that the line alone does not show. Returns CHECK_BAD. */
enum check_result check_fault(struct check *c, const char *format, ...) PRINTF_LIKE(2, 3);
