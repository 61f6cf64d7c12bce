/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/chain.h"
#include "store/eventlog.h"
#include "store/readings.h"
#include "store/seal.h"
#include "store/segments.h"

/* The writer's state; private to src/store. */
struct eventlog {
	int log_fd, lock_fd;
	char *host, *boot;
	char key[DIGEST_HEX + 1]; /* fingerprint for the heads; "": none */
	uint64_t segment_size, keep_size, keep_age_s;

	/* The newest segment, up to its last good group. */
	int fd; /* -1: the next group begins a segment */
	char name[SEGMENT_NAME_SIZE]; /* "": there is none at all */
	uint64_t number; /* of the newest segment; 0: none yet */
	uint64_t size;
	uint64_t lines; /* in it */
	uint64_t committed_seq; /* of the last event in it or before it */
	uint8_t committed[DIGEST_SIZE]; /* of its last line */
	bool cut_owed; /* octets of a failed group may lie behind `size` */

	/* The open group, chained as it grows. */
	struct buf group;
	size_t group_events;
	bool group_heads; /* it begins with the head of a new segment: */
	int next_fd; /* its file once that could be created, else -1 */
	char next_name[SEGMENT_NAME_SIZE];

	struct chain chain; /* digest: of the last line of the open group */
	uint64_t last_seq; /* of the last event, the open group's included */
	uint64_t lost, lost_told; /* events dropped; of these in commit lines */
	struct readings readings; /* newest, the open group's included */
	struct sealer sealer;
};

int eventlog_write_all(int fd, const char *p, size_t n); /* 0 or -errno */

/* Appends the newest readings that found no room. False: no memory; none was appended. */
bool eventlog_pay_readings(struct eventlog *l, uint64_t time_us);
/* Closes the line that begins at `start` with its digest of so many digits. False: undone. */
bool eventlog_chain_line(struct eventlog *l, size_t start, size_t digits);

/*
 * Brings *l (log_fd open, readings and chain initialised) to the log's end; cuts what is
 * unfinished. name, number, size, last_seq, chain and readings are set; fd is open if the newest
 * segment may be continued.
 */
int eventlog_recover(struct eventlog *l, struct eventlog_end *ret_end, struct diag *reterr);

/* eventlog_scan() of an open log directory; the second of its newest segments, oldest first. */
#define EVENTLOG_RESTORED 8
int eventlog_scan_dir(int log_fd, uint64_t from_seq, bool newest_first, eventlog_each_fn *each,
	void *userdata, struct diag *reterr);
int eventlog_scan_newest(int log_fd, eventlog_each_fn *each, void *userdata, struct diag *reterr);
