/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/fact.h"

struct api_options;
struct api_peer;

/*
 * Who may what, and which accesses are worth an event: the first of a process in an hour for each
 * kind, and all refusals; but when one user comes again and again, as a script does that starts a
 * new process each time, only some, with the number of those between.
 */
#define ACCESS_FOLDS 256u
#define ACCESS_FOLD_NS (3600ull * 1000000000u)
#define ACCESS_BUCKETS 64u
#define ACCESS_AT_ONCE 10u /* events of a user and kind at once */
#define ACCESS_EACH_NS (60ull * 1000000000u) /* one more each */

struct access {
	struct access_fold {
		uint32_t uid, pid;
		uint8_t op;
		bool used;
		uint64_t at_ns;
	} folds[ACCESS_FOLDS];
	struct access_bucket {
		uint32_t uid;
		uint8_t op;
		bool used;
		unsigned tokens;
		uint64_t filled_ns, asked_ns;
		uint64_t unlogged; /* since the last event */
	} buckets[ACCESS_BUCKETS];
};

/* From SO_PEERCRED, SO_PEERGROUPS and /proc. 0 or -errno. */
int access_peer(const struct api_options *o, int fd, struct api_peer *ret);

/*
 * Is this one to be told? op: enum fact_access_op. *ret_unlogged: how many of this user and kind
 * were not told since the last that was.
 */
bool access_is_news(struct access *a, const struct api_peer *p, uint8_t op, uint64_t now_ns,
	uint64_t *ret_unlogged);

void access_fact(struct fact *f, const struct api_peer *p, uint8_t op, const char *what,
	const char *reason, uint64_t unlogged);
