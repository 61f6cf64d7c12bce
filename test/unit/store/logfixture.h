/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sign/keyring.h"
#include "store/eventlog.h"

/* A state directory of a test's own, and the short hands to fill and judge it. */
struct logfixture {
	char path[64];
	int dir_fd;
	uint64_t segment_size, keep_size, keep_age_s;
};

#define FIXTURE_TIME_US UINT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

void fixture_init(struct logfixture *f);
void fixture_done(struct logfixture *f); /* removes all of it */

/* What eventlog_open() told. */
struct restored {
	size_t readings, events;
	uint64_t last_seq, kernel; /* of the last called */
	char counter[64], boot[64], netns[64];
	size_t statistics;
	struct eventlog_statistic statistic; /* the last called, without its texts */
	char key[64];
};

int fixture_open(struct logfixture *f, struct restored *ret_restored, struct eventlog_end *ret_end,
	struct eventlog **ret);
/* Opens, asserts that it works, and gives back the end. */
struct eventlog *fixture_reopen(struct logfixture *f, struct eventlog_end *ret_end);

void append_event(struct eventlog *l, uint64_t seq);
void append_reading_of(struct eventlog *l, const char *counter, uint64_t kernel);
void append_statistic_of(
	struct eventlog *l, const char *netns, uint8_t daemon, const char *key, uint64_t total);
int commit_group(struct eventlog *l, uint64_t applied);
/* One group of the events first … last and one reading; asserts that it is written. */
void write_group_of(struct eventlog *l, uint64_t first, uint64_t last);

/* Signs heads as the supervisor does. Zeroed but for the secret. */
struct fixture_key {
	uint8_t secret[SECRET_KEY_SIZE];
	struct public_key key;
};
void key_init(struct fixture_key *k, uint8_t of); /* the same for the same number */
/* Introduces the key in the directory's keyring; by NULL: by itself. */
void introduce_key(struct logfixture *f, const struct fixture_key *k, uint64_t number,
	const struct fixture_key *by);
/* A head of the log's last committed line, into the directory's file. */
void sign_place(struct logfixture *f, const struct eventlog_place *p, const struct fixture_key *k,
	uint64_t number);
void sign_log(struct logfixture *f, const struct eventlog *l, const struct fixture_key *k,
	uint64_t number);

int verify(struct logfixture *f, struct eventlog_verdict *ret);
/* Events in the log by eventlog_scan(); asserts that their seq is 1, 2, 3 … */
size_t scan_events(struct logfixture *f);

size_t segment_names(struct logfixture *f, char ret[][32], size_t max);
/* A whole file under log/; the caller frees. */
char *read_log_file(struct logfixture *f, const char *name, size_t *ret_n);
void write_log_file(struct logfixture *f, const char *name, const char *p, size_t n);
