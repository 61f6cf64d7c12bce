/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "store/eventlog.h"
#include "store/segtext.h"

/*
 * Names of segments: the seq that the next event has at its birth, 20 digits, and `.jsonl`. Where
 * that name is taken, as by a damaged or closed segment without any event, `rNNN` from r001 up goes
 * between: it sorts behind, in every locale.
 */
#define SEGMENT_NAME_SIZE 32
#define SEGMENT_REPEAT_MAX 999u

bool segment_name_parse(const char *name, uint64_t *ret_seq, unsigned *ret_repeat);
void segment_name_format(uint64_t seq, unsigned repeat, char ret[SEGMENT_NAME_SIZE]);

/*
 * A segment's file: under its name, or behind SEALED_SUFFIX once it is sealed. The name stays what
 * it is known by.
 */
#define SEALED_SUFFIX ".zst"
#define SEGMENT_FILE_SIZE (SEGMENT_NAME_SIZE + sizeof(SEALED_SUFFIX) - 1)

bool segment_file_parse(const char *file, char ret_name[SEGMENT_NAME_SIZE], bool *ret_sealed);
void segment_file_format(const char *name, bool sealed, char ret[SEGMENT_FILE_SIZE]);

/*
 * The directory with the segments: `log` under dir_fd, or dir_fd itself when it has none (a copy
 * of `log` alone). The caller's to close; or -errno.
 */
int segments_open_dir(int dir_fd);
/*
 * Segments in an open log directory, oldest first; nothing but regular files, and of a segment that
 * has both only the plain one. The caller frees.
 */
int segments_list(int log_fd, struct eventlog_segment **ret, size_t *ret_n);

/* A segment's file as it is, with its size at this moment. The descriptor, or -errno. */
int segment_file_open(int log_fd, const char *file, uint64_t *ret_size);
/* Where its last commit line ends: what lies behind is not (yet) part of the log. */
int segment_committed_end(struct segtext *text, uint64_t *ret_end);
