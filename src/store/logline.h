/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "store/chain.h"
#include "store/readings.h"

/*
 * What a line of the log says. The octets may come from anywhere: every function here copes with
 * any, and says false for what no writer of ours wrote.
 */

#define LOG_SCHEMA 2 /* of heads that we write; older ones are read too */
#define LOG_PENDING_MAX 16

enum logline_kind {
	LOGLINE_EVENT, /* also whatever has no `type` in front */
	LOGLINE_HEAD,
	LOGLINE_READING,
	LOGLINE_STATISTIC,
	LOGLINE_COMMIT,
	LOGLINE_OTHER, /* a type that a later version may add */
};

/* By its beginning alone, as the writer puts `type` first. */
enum logline_kind logline_kind(struct span line);

struct logline_event {
	uint64_t seq, time_us;
	uint32_t id;
	char boot[NAME_SIZE];
};

struct logline_head {
	uint64_t schema, segment, seq;
	uint8_t previous[DIGEST_SIZE];
	uint64_t dropped; /* readings that the totals no longer carry */
};

struct logline_commit {
	uint64_t seq, events, lost, epoch, applied;
	char boot[NAME_SIZE];
	uint8_t n_pending;
	uint64_t pending[LOG_PENDING_MAX][2];
};

typedef void logline_reading_fn(void *userdata, const struct reading *r);

bool logline_seq(struct span line, uint64_t *ret); /* of an event; quick for our own writing */
bool logline_event(struct span line, struct logline_event *ret);
bool logline_reading(struct span line, struct reading *ret); /* or of a statistic */
bool logline_commit(struct span line, struct logline_commit *ret);
/* each (may be NULL) is called for totals and statistics once the head is known to be sound. */
bool logline_head(
	struct span line, struct logline_head *ret, logline_reading_fn *each, void *userdata);
