/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/diag.h"
#include "model/event.h"
#include "model/fact.h"
#include "model/rows.h"
#include "model/value.h"

/*
 * The core: a deterministic function of the facts. It keeps the ledger (netns, SAs, policies,
 * links, sources, every SPI that lived), accounts for every increment of xfrm_stat, and turns
 * facts into events. It does no I/O, has no clock and no randomness: the same facts give the same
 * state and the same calls of its sink.
 */
struct core;

/* A counter's folded reading: kernel = attributed + unattributed + suppressed, as of this line. */
struct core_reading {
	uint64_t time_us;
	const char *boot; /* boot id */
	uint64_t cookie; /* netns */
	const char *netns; /* name */
	const char *counter;
	uint64_t kernel, attributed, unattributed, suppressed;
};

/* The kept total of a counter of catalog/statistics.toml, as of this line. */
struct core_statistic {
	uint64_t time_us;
	const char *boot; /* boot id */
	uint64_t cookie; /* netns */
	const char *netns; /* name, by which it is found again */
	const char *key; /* "mainmode.key_additions" */
	uint8_t daemon; /* enum ike_daemon: of daemons of this kind; 0: what the kernel tells */
	uint64_t service; /* Main Mode: whose `since` is; 0: of none */
	uint64_t total; /* over all runs */
	uint64_t since; /* Main Mode: since the service began; Quick Mode: since boot */
	uint64_t base; /* what a new reader of the same source would find counted already */
	bool before; /* of `since`: something may have happened before our first sight */
};

/*
 * Called from within core_feed(). All that one fact causes must be made durable together, events
 * before readings in the order of the calls.
 */
struct core_sink {
	void *userdata;
	void (*event)(void *userdata, const struct event *e);
	void (*reading)(void *userdata, const struct core_reading *r);
	void (*statistic)(void *userdata, const struct core_statistic *s); /* may be NULL */
};

int core_new(const struct core_sink *sink, struct core **ret); /* -ENOMEM */
struct core *core_free(struct core *c); /* takes NULL */
DEFINE_FREEP(core)

/* The first fact must be FACT_ORIGIN. What the core refuses (limits, order) it counts itself. */
void core_feed(struct core *c, const struct fact *f);

/*
 * What the log must remember of the facts: all up to *ret_applied of epoch *ret_epoch have had
 * their effect, but those in the pending ranges (first, last), which wait for a reading.
 * A resend may begin behind *ret_done: nothing pending lies there or before.
 */
struct core_progress {
	uint64_t epoch, applied, done;
	uint8_t n_pending;
	uint64_t pending[16][2];
};
void core_progress(const struct core *c, struct core_progress *ret);

/*
 * Walks the rows of a noun (not noun_event) in a stable order; row is of the noun's row struct and
 * borrowed for the call. each returns false to stop. -ENOENT: no such noun here.
 */
typedef bool core_each_fn(void *userdata, const void *row);
int core_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata);

/* Facts about the whole, for `status`. Texts are borrowed until the next core_feed(). */
struct core_status {
	const char *host, *boot, *release, *version;
	uint64_t started_us, now_us;
	uint64_t n_netns, n_netns_unwatched, n_sa, n_larval, n_policy, n_link, n_spi_known;
	uint64_t n_events; /* since start */
	uint64_t drops; /* of all counters, since boot, as accounted for */
	uint64_t unattributed, suppressed, waiting;
	uint64_t refused; /* what our limits turned away */
	uint32_t evidence; /* EVIDENCE_BIT()s in use */
};
void core_status(const struct core *c, struct core_status *ret);
