/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"
#include "view/table.h"

#define EVENT_IDS_MAX 64

/* Events on their way to the screen: from the log, from the stream, or both. */
struct events {
	struct cli *cli;
	struct query *query;
	struct table *table; /* NULL: one line an event, for people */
	uint32_t ids[EVENT_IDS_MAX]; /* only these, unless there are none */
	size_t n_ids;
	uint64_t last_seq; /* shown, or passed over */
	struct buf out;
	int error; /* -errno of the output, or of a line that is no event */
};

/* The query, IDs and table that the options ask for: -EINVAL with what was meant. */
int events_prepare(struct events *e, struct diag *reterr);
void events_done(struct events *e);

/* An event, from the monitor; returns false when no more are wanted (e->error). */
bool events_take(struct events *e, struct span line);
/* Writes what was taken so far. */
int events_flush(struct events *e);

/* "4960,4965" to numbers that the catalogue has. -EINVAL with what was meant. */
int event_ids_parse(
	const char *text, uint32_t ret[EVENT_IDS_MAX], size_t *ret_n, struct diag *reterr);

/*
 * One event: time, level, ID, count, message. One line; on a terminal a long message is broken, or
 * cut.
 */
void event_line(const struct screen *s, const json_t *row, bool exact, bool cut, struct buf *out);

/*
 * Shows what comes behind e->last_seq until Ctrl-C. A broken connection is taken up again where it
 * ended. 0 or -errno.
 */
int events_follow(struct events *e, struct diag *reterr);
