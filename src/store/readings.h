/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/map.h"
#include "model/fact.h"

/* One counter's reading, or one statistic's kept total, as the log keeps it. */
struct reading {
	bool statistic; /* a line of this type; else of type reading */
	uint64_t time_us, cookie;
	char boot[NAME_SIZE], netns[NAME_SIZE]; /* netns "": null */
	char counter[COUNTER_NAME_SIZE]; /* statistic: its key */
	uint64_t kernel, attributed, unattributed, suppressed; /* of a counter */
	uint64_t service, total, since, base; /* of a statistic; as core_statistic has them */
	uint8_t daemon; /* enum ike_daemon; 0: null */
	bool before;
	bool owed; /* newer than its last line in the open group: memory was short */
	uint64_t stamp; /* rises with every change: who is oldest */
};

/* Appends the reading's keys to an open JSON object. */
void reading_json(const struct reading *r, struct json *j);

/*
 * The newest reading of each (boot, netns cookie, counter), and the newest total of each (netns
 * name, daemon, statistic), which outlives boots; bounded: past READINGS_MAX the one
 * that changed longest ago gives way, those of other boots than the newcomer's first.
 */
#define READINGS_MAX 16384

struct readings {
	struct map *map;
	uint64_t stamp, dropped;
	size_t n_owed;
};

int readings_init(struct readings *t); /* -ENOMEM */
void readings_done(struct readings *t);
/* Copies. The entry, borrowed until the next put; NULL: out of memory. */
struct reading *readings_put(struct readings *t, const struct reading *r);
void readings_owe(struct readings *t, struct reading *r);
void readings_paid(struct readings *t); /* none is owed any more */
