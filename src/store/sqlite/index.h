/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/span.h"
#include "base/words.h"

/*
 * The index of the event log: which lines may have a value in a column, or a word in the message.
 * It lies in `index/` of the state directory, in files that each cover a run of segments (part.h).
 * It follows the log by reading it, a little at a time; what it does not cover yet is scanned, so
 * answers are always whole. It is never the truth: whatever is damaged, foreign, or does not fit
 * the log is thrown away and made anew, and until then that stretch is scanned.
 *
 * One thread; only the process that holds the state directory's lock may open it.
 */
struct index;

/* Somebody should know: a part was thrown away, or the index can't be written. Borrowed text. */
typedef void index_told_fn(void *userdata, const char *what);

struct index_options {
	int state_fd; /* borrowed */
	const char *boot; /* id of this boot */
	uint64_t part_events; /* of a part, about; 0: INDEX_PART_EVENTS */
	index_told_fn *told; /* NULL: nobody */
	void *userdata;
};
#define INDEX_PART_EVENTS (UINT64_C(4) << 20)

/* -ENOMEM, or why the directory can't be read. A directory that can't be made is no failure: then
 * the index is off, and says so. */
int index_open(const struct index_options *o, struct index **ret);
struct index *index_close(struct index *x); /* what is done is kept; takes NULL */
struct index *index_free(struct index *x); /* as a kill would end it */
DEFINE_FREEP(index)

/*
 * Takes up what the log has got up to this seq (the last committed event), or goes on building; at
 * most about so many lines. 1: there is more to do at once; 0: in step; -errno: it is off for now
 * (disk full, I/O error) and tries again a minute later.
 */
int index_follow(struct index *x, uint64_t committed_seq, unsigned lines, uint64_t now_ns);
/* Segments came by another way, or went. */
void index_segments_changed(struct index *x);
/* Throws all away; following builds it anew. */
void index_rebuild(struct index *x);

struct index_status {
	uint64_t events; /* indexed */
	uint64_t last_seq; /* newest event indexed in order; 0: none */
	uint64_t size; /* octets on disk */
	bool rebuilding; /* older events than the newest indexed are missing */
	bool in_step;
	const char *error; /* why it is off, or NULL */
};
void index_status(const struct index *x, struct index_status *ret);

/*
 * What is looked for, all of it. Only the conditions that the index can answer count: the caller
 * checks each line against its whole question.
 */
struct index_question;
int index_question_new(struct index_question **ret);
struct index_question *index_question_free(struct index_question *q);
DEFINE_FREEP(index_question)
void index_ask_ids(struct index_question *q, const uint64_t *ids, size_t n); /* one of these */
void index_ask_number(struct index_question *q, const char *key, uint64_t v);
void index_ask_text(struct index_question *q, const char *key, struct span text);
void index_ask_prefix(struct index_question *q, const char *key, const struct prefix *p);
void index_ask_words(struct index_question *q, const struct words *w);
void index_ask_time(struct index_question *q, uint64_t since_us, uint64_t until_us);

/*
 * Event lines that may match, in the order of the log or backwards: all that do, and some that
 * don't. The log is read as it is at this moment. x NULL: a plain scan; q NULL: every line.
 */
struct index_find;
int index_find_new(struct index *x, int state_fd, const struct index_question *q, bool newest_first,
	struct index_find **ret);
struct index_find *index_find_free(struct index_find *f);
DEFINE_FREEP(index_find)
/*
 * 1: *ret is an event's line, borrowed until the next call. 0: no more. -EAGAIN: *budget is used
 * up (a line scanned costs 1, one found more); come again. Or -errno of reading the log.
 */
int index_find_next(struct index_find *f, unsigned *budget, struct span *ret);
/* How many lines came through the index so far; the others were scanned. */
uint64_t index_find_found(const struct index_find *f);
