/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of n things. */
static void *grow(void *p, size_t n, size_t *room, size_t size)
{
	assert_true(n < BENCH_EVENTS);
	if (n < *room)
		return p;
	*room = *room ? 2 * *room : 16;
	p = realloc(p, *room * size);
	assert_non_null(p);
	return p;
}

static void on_event(void *userdata, const struct event *e)
{
	struct bench *b = userdata;

	b->events = grow(b->events, b->n, &b->room, sizeof(*e));
	b->events[b->n++] = *e;
}

static void on_reading(void *userdata, const struct core_reading *r)
{
	struct bench *b = userdata;

	b->readings = grow(b->readings, b->n_readings, &b->room_readings, sizeof(*r));
	b->readings[b->n_readings++] = *r;
}

/* As the log would say it to the next core. */
static void on_statistic(void *userdata, const struct core_statistic *s)
{
	struct bench *b = userdata;
	struct fact f = { .type = FACT_RESTORE_STATISTIC, .netns = s->cookie };

	(void)snprintf(f.restore_statistic.boot, NAME_SIZE, "%s", s->boot);
	(void)snprintf(f.restore_statistic.netns, NAME_SIZE, "%s", s->netns);
	(void)snprintf(f.restore_statistic.key, COUNTER_NAME_SIZE, "%s", s->key);
	f.restore_statistic.daemon = s->daemon;
	f.restore_statistic.service = s->service;
	f.restore_statistic.total = s->total;
	f.restore_statistic.since = s->since;
	f.restore_statistic.base = s->base;
	f.restore_statistic.before = s->before;
	assert_true(b->n_kept < BENCH_KEPT);
	b->kept[b->n_kept++] = f;
}

void bench_core_fact(struct bench *b, struct fact *f)
{
	b->ns += 1000;
	f->boot_ns = b->ns;
	f->real_us = 1700000000000000u + b->ns / 1000;
	core_feed(b->core, f);
}

void bench_feed(struct bench *b, struct fact *f, uint64_t netns)
{
	f->epoch = b->epoch;
	f->seq = ++b->seq;
	f->netns = netns;
	bench_core_fact(b, f);
}

void bench_pass(struct bench *b, uint64_t ms)
{
	struct fact f = { .type = FACT_TICK };

	b->ns += ms * 1000000;
	bench_core_fact(b, &f);
}

struct bench *bench_new(uint32_t evidence)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct core_sink sink = { b, on_event, on_reading, on_statistic };
	struct fact origin = { .type = FACT_ORIGIN,
		.origin = { .host = "gate", .boot = BENCH_BOOT } };
	struct fact config = { .type = FACT_CONFIG,
		.config = { .evidence = evidence,
			.poll_ms = 5000,
			.settle_ms = 1000,
			.first_packets = 3 } };

	assert_non_null(b);
	b->ns = 50000000000u;
	b->epoch = 7;
	assert_int_equal(core_new(&sink, &b->core), 0);
	bench_core_fact(b, &origin);
	bench_core_fact(b, &config);
	return b;
}

void bench_free(struct bench *b)
{
	core_free(b->core);
	free(b->events);
	free(b->readings);
	free(b);
}

void bench_netns(struct bench *b, uint64_t cookie, const char *name, bool there)
{
	struct fact f = { .type = FACT_NETNS, .netns_change = { .there = there, .watched = true } };

	(void)snprintf(f.netns_change.name, sizeof(f.netns_change.name), "%s", name);
	f.netns = cookie;
	bench_core_fact(b, &f);
}

void bench_source(struct bench *b, uint64_t netns, uint8_t id, uint8_t state, uint64_t losses)
{
	struct fact f = { .type = FACT_SOURCE,
		.source = id,
		.source_change = { .id = id, .state = state, .losses = losses } };

	bench_feed(b, &f, netns);
}

void bench_live(struct bench *b)
{
	struct fact run = { .type = FACT_RESTORE_RUN, .restore_run = { .first = true } };

	bench_core_fact(b, &run);
	bench_netns(b, NS_A, "a", true);
	bench_source(b, 0, SOURCE_AUDIT, SOURCE_IN_STEP, 0);
	bench_source(b, NS_A, SOURCE_XFRM, SOURCE_IN_STEP, 0);
	bench_dump(b, NS_A, NULL, 0);
	bench_zero(b, NS_A);
	bench_poll(b);
}

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

void bench_address(struct bench *b, uint64_t netns, const char *addr)
{
	struct fact link = { .type = FACT_LINK,
		.source = SOURCE_LINK,
		.link = { .link = { .ifindex = 2, .name = "eth0" } } };
	struct fact f = { .type = FACT_ADDR,
		.source = SOURCE_LINK,
		.addr = { .addr = { .ifindex = 2, .prefix = { addr_of(addr), 24 } } } };

	bench_feed(b, &link, netns);
	bench_feed(b, &f, netns);
}

struct sa bench_sa(const char *src, const char *dst, uint32_t spi)
{
	return (struct sa){ .src = addr_of(src),
		.dst = addr_of(dst),
		.spi = spi,
		.proto = IPPROTO_ESP,
		.mode = IPSEC_TUNNEL,
		.direction = DIRECTION_IN,
		.reqid = 1,
		.replay_window = 32,
		.encryption = "rfc4106(gcm(aes))",
		.added_s = 1700000000 };
}

void bench_sa_fact(struct bench *b, uint64_t netns, uint8_t op, const struct sa *sa)
{
	struct fact f = { .type = FACT_SA, .source = SOURCE_XFRM, .sa = { .op = op, .sa = *sa } };

	f.sa.sa.netns = netns;
	bench_feed(b, &f, netns);
}

void bench_sa_gone(struct bench *b, uint64_t netns, uint8_t how, const struct sa *sa)
{
	struct fact f = {
		.type = FACT_SA_GONE, .source = SOURCE_XFRM, .sa_gone = { .how = how, .sa = *sa }
	};

	f.sa_gone.sa.netns = netns;
	bench_feed(b, &f, netns);
}

void bench_dump(struct bench *b, uint64_t netns, const struct sa *sas, size_t n)
{
	struct fact begin = { .type = FACT_DUMP,
		.source = SOURCE_XFRM,
		.dump = { .kind = DUMP_SA, .phase = DUMP_BEGIN } };
	struct fact end = { .type = FACT_DUMP,
		.source = SOURCE_XFRM,
		.dump = { .kind = DUMP_SA, .phase = DUMP_END } };

	bench_feed(b, &begin, netns);
	for (size_t i = 0; i < n; i++)
		bench_sa_fact(b, netns, SA_DUMPED, &sas[i]);
	bench_feed(b, &end, netns);
}

void bench_counter(struct bench *b, uint64_t netns, const char *name, uint64_t value)
{
	struct fact f = {
		.type = FACT_COUNTERS, .source = SOURCE_XFRMSTAT, .counters = { .n = 1 }
	};

	(void)snprintf(f.counters.v[0].name, COUNTER_NAME_SIZE, "%s", name);
	f.counters.v[0].value = value;
	bench_feed(b, &f, netns);
}

void bench_zero(struct bench *b, uint64_t netns)
{
	static const char *const names[] = { "XfrmInNoStates", "XfrmInStateProtoError",
		"XfrmInStateSeqError" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		bench_counter(b, netns, names[i], 0);
}

void bench_drop(
	struct bench *b, uint8_t op, const char *src, const char *dst, uint32_t spi, uint32_t seqno)
{
	struct fact f = { .type = FACT_AUDIT_DROP,
		.source = SOURCE_AUDIT,
		.audit_drop = { .op = op,
			.src = addr_of(src),
			.dst = addr_of(dst),
			.has_spi = true,
			.spi = spi,
			.has_seqno = op != AUDIT_DROP_OVERFLOW,
			.seqno = seqno } };

	bench_feed(b, &f, 0);
}

void bench_poll(struct bench *b)
{
	struct fact f = { .type = FACT_POLL };

	bench_feed(b, &f, 0);
}

void bench_settle(struct bench *b)
{
	for (int i = 0; i < 8; i++) {
		bench_pass(b, 700);
		bench_poll(b);
	}
}

size_t bench_count_id(const struct bench *b, uint32_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->events[i].id == id;
	return n;
}

uint64_t bench_sum(const struct bench *b, const char *netns, const char *counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct event *e = &b->events[i];

		if (e->counter && e->netns && strcmp(e->counter, counter) == 0 &&
			strcmp(e->netns, netns) == 0)
			sum += e->count;
	}
	return sum;
}

const struct event *bench_find(const struct bench *b, uint32_t id)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].id == id)
			return &b->events[i];
	}
	return NULL;
}

struct find {
	const char *netns, *counter;
	struct reconcile_row row;
};

static bool keep(void *userdata, const void *opaque)
{
	struct find *f = userdata;
	const struct reconcile_row *row = opaque;

	if (strcmp(row->netns, f->netns) != 0 || strcmp(row->counter, f->counter) != 0)
		return true;
	f->row = *row;
	return false;
}

struct reconcile_row bench_account(const struct bench *b, const char *netns, const char *counter)
{
	struct find f = { .netns = netns, .counter = counter };

	assert_int_equal(core_each(b->core, &noun_reconcile, keep, &f), 0);
	return f.row;
}
