/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/span.h"

/*
 * The text of one segment, read by offset. Whether the file holds it plain or sealed makes no
 * difference: a line that was once at (segment, offset) is there for good.
 */
struct segtext;

/*
 * By the segment's name (NAME.jsonl, sealed or not; of both files the plain one counts), with its
 * size at this moment. -ENOENT: there is none, or no more; -EINVAL: not a regular file; -EBADMSG: a
 * sealed file whose table of frames is damaged; -ENOMEM, or what open() says.
 */
int segtext_open(int log_fd, const char *name, struct segtext **ret);
/* A plain or a sealed file that the caller has open, borrowed as long as the segtext lives. */
int segtext_of_fd(int fd, struct segtext **ret);
int segtext_of_sealed_fd(int fd, struct segtext **ret);
struct segtext *segtext_free(struct segtext *t); /* takes NULL */
DEFINE_FREEP(segtext)

/*
 * From now on a damaged frame reads as a line of blanks between two newlines, so that those who
 * look for what can still be read go on behind it; not for those who prove.
 */
void segtext_set_lenient(struct segtext *t);

uint64_t segtext_size(const struct segtext *t); /* octets of text */
bool segtext_sealed(const struct segtext *t);

/*
 * Copies n octets of text from `at` on; fewer only at the end, or before a damaged frame.
 * How many, or -errno: -EBADMSG for a frame that is damaged.
 */
ssize_t segtext_read(struct segtext *t, uint64_t at, void *p, size_t n);
/*
 * The octets from `at` on as far as they lie together, at least one unless `at` is the end;
 * borrowed until the next call with this segtext. Errors as segtext_read().
 */
int segtext_borrow(struct segtext *t, uint64_t at, struct span *ret);
