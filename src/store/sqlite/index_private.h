/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "store/eventlog.h"
#include "store/lines.h"
#include "store/segtext.h"
#include "store/sqlite/index.h"
#include "store/sqlite/logview.h"
#include "store/sqlite/part.h"

/* What index.c, follow.c and find.c share. */

#define INDEX_PARTS_MAX 4096u

struct index {
	int dir_fd; /* -1: off */
	struct logview log;
	char boot[64];
	uint64_t part_events;
	index_told_fn *told;
	void *userdata;
	uint64_t committed_seq, last_seq;

	/* By their first segments' names, which is the order of the log. */
	struct index_part {
		struct part *part;
		uint64_t id; /* never used again: whether one is still there */
	} * parts;
	size_t n_parts;
	uint64_t next_id;

	/* Following: the part that grows, and the place in the log. */
	bool segments_stale;
	uint64_t growing; /* its id; 0: none */
	struct segtext *text; /* of its last segment */
	struct lines lines;
	bool reading;
	uint64_t commit_ns, retry_ns;
	bool in_step, rebuilding;
	char error[160];
};

struct index_part *index_part_by_id(struct index *x, uint64_t id); /* NULL: it is gone */
/* The part that covers the segment, or NULL; *ret_at: which of its segments it is. */
struct index_part *index_part_of(struct index *x, const char *segment, size_t *ret_at);
/* Opens a file and takes it in if it fits the log; else away with it. */
void index_take_part(struct index *x, const char *name);
void index_forget(struct index *x, struct index_part *p); /* its file stays */
/* Damaged or not of this log: away with it. */
void index_drop(struct index *x, struct index_part *p, const char *why);
void index_tell(struct index *x, const char *format, ...) PRINTF_LIKE(2, 3);
void index_stop_reading(struct index *x);
/* Takes it over, unless it fails. */
int index_part_add(struct index *x, struct part *part, uint64_t *ret_id);
