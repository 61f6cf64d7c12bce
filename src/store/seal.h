/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/frames.h"
#include "store/segments.h"
#include "store/segtext.h"

/*
 * How a closed segment becomes a sealed one, in steps that a kill may stop anywhere:
 *
 *   frames are written to SEAL_PART, which is no segment; synced; renamed to NAME.jsonl.zst; the
 *   directory is synced; NAME.jsonl is removed.
 *
 * So NAME's text is always there. Where both files are, the plain one is the segment and is sealed
 * again.
 */
#define SEAL_PART "seal.part"

struct sealer {
	char name[SEGMENT_NAME_SIZE]; /* in hand; "": none */
	char failed[SEGMENT_NAME_SIZE]; /* the last that could not be sealed: first those behind it
					 */
	uint64_t modified_us;
	struct segtext *text;
	uint64_t at; /* so far it is written */
	int fd;
	size_t unsynced; /* octets */
	bool complete; /* with its table, and on the disk */
	bool in_place; /* under its name: the plain one may go */
	struct framer framer;
};

void sealer_init(struct sealer *s);
/* Gives up what is in hand; also when none is. */
void sealer_drop(struct sealer *s, int log_fd);
/*
 * One step, for a segment older than `newest` (a name; "" for none at all). 1: there is more to do;
 * 0: nothing to seal now; -errno: the segment in hand is given up and stays as it is.
 */
int sealer_step(struct sealer *s, int log_fd, const char *newest);
