/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>

#include "base/buf.h"
#include "store/sqlite/part.h"

/* What part.c (writing) and part_find.c (reading) share. */

#define PART_APPLICATION 0x69736d69 /* "ismi" */
#define PART_VERSION 1
#define PART_BLOCK 256 /* ordinals of a block: number * PART_BLOCK up */
#define PART_MERGE_PAGES 32 /* of a finished part, at a time */
#define PART_TEND_PAGES 16 /* of one that grows */

enum part_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ADD,
	STATEMENT_PUT_PLACE,
	STATEMENT_PUT_SEGMENT,
	STATEMENT_PUT_STATE,
	STATEMENT_MERGE,
	STATEMENT_FIND_UP,
	STATEMENT_FIND_DOWN,
	STATEMENT_PLACE,
	STATEMENT_HULL_FROM,
	STATEMENT_HULL_TO,
	STATEMENT_N,
};

struct part {
	sqlite3 *db;
	int dir_fd; /* borrowed */
	char name[PART_NAME_SIZE], boot[64];
	sqlite3_stmt *statements[STATEMENT_N]; /* prepared when first needed */

	char (*segments)[PART_SEGMENT_SIZE];
	size_t n_segments;
	uint64_t passed; /* of the last segment */
	uint64_t events, odd, size;
	int64_t last; /* ordinal; -1: none */
	uint64_t hash; /* of the last line */
	bool finished, clean, closing;
	bool open, dirty; /* a transaction is; something is to be committed */
	bool merge_begun, merged;

	/* The block that grows; its row is as of the last commit. */
	struct part_block {
		int64_t number;
		int n;
		uint64_t offset, at; /* of the first line, of the last */
		uint64_t first_us, last_us;
	} block;
	struct buf distances, text;

	/* The block that was looked into last, from its row. */
	int64_t cached; /* -1: none */
	int cached_n;
	size_t cached_segment;
	uint64_t cached_offsets[PART_BLOCK];
};

int part_error(int code); /* SQLite's to -errno */
sqlite3_stmt *part_statement(struct part *p, enum part_statement which); /* NULL: it fails */
int part_step_done(struct part *p, sqlite3_stmt *s); /* runs and resets */
int part_run(struct part *p, const char *sql);
int part_transaction(struct part *p); /* before anything is written */
int part_segment_append(struct part *p, const char *name); /* to those in memory */
void part_take_size(struct part *p);
