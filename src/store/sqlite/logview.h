/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "store/eventlog.h"
#include "store/segtext.h"

/*
 * The log's directory as it is at present, without listing it and opening its files for each
 * question. Private to src/store/sqlite.
 */
#define LOGVIEW_TEXTS 256u

struct logview {
	int log_fd; /* owned */
	struct eventlog_segment *segments;
	size_t n;
	uint64_t changed_ns; /* when the directory was, at the time of the list */
	uint64_t listed_ns; /* 0: not yet */
	struct logview_text {
		char name[32];
		struct segtext *text;
	} texts[LOGVIEW_TEXTS]; /* by hash of the name */
};

int logview_init(struct logview *v, int state_fd);
void logview_done(struct logview *v);
/* Brings the list up to date. 0 or -errno. */
int logview_refresh(struct logview *v);
/*
 * The text of a segment, with at least so many octets if it has them; the view's. -ENOENT: it is
 * gone.
 */
int logview_text(struct logview *v, const char *name, uint64_t size, struct segtext **ret);
