/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/span.h"

/*
 * One file of the index: the terms of the event lines of a run of segments, and where each line
 * begins. A line is known by its ordinal, which rises in the order of the log; what the line says
 * plays no part in that. Private to src/store/sqlite.
 *
 * Errors: -EBADMSG, the file is damaged or not ours, and must go; -ENOSPC, -EIO, -ENOMEM: it can't
 * be written or read at present. After any error of a writing call the part is to be closed: what
 * was committed last is what it holds.
 */
struct part;

#define PART_NAME_SIZE 48
#define PART_SEGMENT_SIZE 32

/* Of the file for the part that begins with this segment. */
void part_name(const char *segment, char ret[PART_NAME_SIZE]);

/* A new one; a file of that name goes. boot: id of this boot. */
int part_create(int dir_fd, const char *segment, const char *boot, struct part **ret);
/* What was not closed well is trusted only within the boot that wrote it. */
int part_open(int dir_fd, const char *name, const char *boot, struct part **ret);
struct part *part_free(struct part *p); /* without committing; takes NULL */
DEFINE_FREEP(part)
void part_unlink(int dir_fd, const char *name);

/* What it covers: whole segments, and of the last one all before `passed`. */
size_t part_segments(const struct part *p);
const char *part_segment(const struct part *p, size_t at);
uint64_t part_passed(const struct part *p);
bool part_finished(const struct part *p);
uint64_t part_events(const struct part *p);
uint64_t part_end(const struct part *p); /* every ordinal is below */
bool part_has_odd(const struct part *p);
uint64_t part_size(const struct part *p); /* octets on disk, as last committed */
/* The last line: its ordinal, and hash_octets() of it. False: there is none. */
bool part_last(const struct part *p, uint64_t *ret_ordinal, uint64_t *ret_hash);

/* Lines in the order of the log. Nothing of it needs be durable: the log is. */
int part_begin_segment(struct part *p, const char *segment);
int part_add(struct part *p, struct span line, uint64_t offset);
int part_commit(struct part *p);
/*
 * If anything was added, puts some of the pieces together that adding makes: to be called after
 * each few hundred lines.
 */
int part_tend(struct part *p);
bool part_dirty(const struct part *p); /* something is to be committed */
/* Commits and makes sure of the disk: another boot may trust it too. */
int part_sync(struct part *p);
/* It covers all of its segments now, and gets no more. */
int part_finish(struct part *p);
/* Puts the pieces of a finished part together, a little at a time. 1: call again; 0: done. */
int part_merge(struct part *p);

/*
 * Up to max ordinals of [from, to) that the match (as FTS5 writes it) finds, lowest or highest
 * first. Their number or -errno.
 */
int part_find(struct part *p, const char *match, uint64_t from, uint64_t to, bool highest_first,
	uint64_t *ret, size_t max);
/* Outside of [*from, *to) no line has a time in [since_us, until_us). */
int part_hull(
	struct part *p, uint64_t since_us, uint64_t until_us, uint64_t *ret_from, uint64_t *ret_to);
/* Where the line is; -EBADMSG: there is no such ordinal. */
int part_place(struct part *p, uint64_t ordinal, size_t *ret_segment, uint64_t *ret_offset);
/* The place at or behind the ordinal, for ranges; -ENOENT: nothing is behind it. */
int part_place_from(struct part *p, uint64_t ordinal, size_t *ret_segment, uint64_t *ret_offset);
