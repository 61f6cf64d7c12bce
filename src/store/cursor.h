/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/span.h"

/*
 * A place in the event log, for answers that go out in parts: event lines one by one from segment
 * to segment, oldest or newest first. Sees the segments that are there when it is made; those that
 * retention removes meanwhile are passed over, as is what damage to a sealed one leaves unreadable.
 */
struct cursor;

/* Events from from_seq on (newest first: down to it). */
int cursor_new(int state_fd, uint64_t from_seq, bool newest_first, struct cursor **ret);
struct cursor *cursor_free(struct cursor *c); /* takes NULL */
DEFINE_FREEP(cursor)

/*
 * 1: *ret is an event's line, borrowed until the next call, *ret_seq its number. 0: no more.
 * -EAGAIN: *budget lines have been looked at; come again. Or -errno of reading.
 */
int cursor_next(struct cursor *c, unsigned *budget, struct span *ret, uint64_t *ret_seq);
