/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/core.h"

/* A core on the bench: facts in, events and readings kept, time in the test's hand. */
#define BENCH_EVENTS 8192
#define BENCH_KEPT 1024

struct bench {
	struct core *core;
	struct event *events; /* up to BENCH_EVENTS */
	size_t n, room;
	struct core_reading *readings;
	size_t n_readings, room_readings;
	struct fact kept[BENCH_KEPT]; /* FACT_RESTORE_STATISTIC, in the order they were told */
	size_t n_kept;
	uint64_t ns, seq, epoch;
};

#define NS_A 101u
#define NS_B 102u
#define BENCH_BOOT "0b0b0b0b-0000-4000-8000-000000000001"

struct bench *bench_new(uint32_t evidence); /* origin, configuration, no log before; not live yet */
void bench_free(struct bench *b);
void bench_live(struct bench *b); /* RESTORE_RUN of a first run, netns A, sources in step */
void bench_feed(struct bench *b, struct fact *f, uint64_t netns); /* fills in seq and times */
void bench_core_fact(struct bench *b, struct fact *f); /* of the core process: no seq */
void bench_pass(struct bench *b, uint64_t ms);

void bench_netns(struct bench *b, uint64_t cookie, const char *name, bool there);
void bench_source(struct bench *b, uint64_t netns, uint8_t id, uint8_t state, uint64_t losses);
void bench_address(struct bench *b, uint64_t netns, const char *addr);
struct sa bench_sa(const char *src, const char *dst, uint32_t spi);
void bench_sa_fact(struct bench *b, uint64_t netns, uint8_t op, const struct sa *sa);
void bench_sa_gone(struct bench *b, uint64_t netns, uint8_t how, const struct sa *sa);
void bench_dump(struct bench *b, uint64_t netns, const struct sa *sas, size_t n);
void bench_counter(struct bench *b, uint64_t netns, const char *name, uint64_t value);
void bench_zero(struct bench *b, uint64_t netns); /* a reading of a fresh netns */
void bench_drop(struct bench *b, uint8_t op, const char *src, const char *dst, uint32_t spi,
	uint32_t seqno);
void bench_poll(struct bench *b);
void bench_settle(struct bench *b); /* rounds until all has settled */

size_t bench_count_id(const struct bench *b, uint32_t id); /* events */
uint64_t bench_sum(
	const struct bench *b, const char *netns, const char *counter); /* of their counts */
const struct event *bench_find(const struct bench *b, uint32_t id); /* the first, or NULL */
/* kernel, attributed, unattributed, suppressed, difference of one account */
struct reconcile_row bench_account(const struct bench *b, const char *netns, const char *counter);
