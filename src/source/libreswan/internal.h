/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "catalog/daemonlog.h"
#include "source/libreswan/conns.h"
#include "source/libreswan/libreswan.h"
#include "source/libreswan/whack.h"

#define SECOND_NS 1000000000ull
#define TRACES 128
#define LOG_LINE_MAX 4096 /* octets; pluto's own limit is 1024 */

/* Whose newest established SA is asked for. */
struct sas_key {
	struct whack_name conn;
	uint64_t sa; /* enum whack_sa */
};

/* An IKE SA or a child SA. */
struct pluto_sa {
	struct whack_state state; /* as last listed */
	uint64_t list; /* number of the list that had it last */
	bool told, established_told;
	bool role_known, initiator; /* also from the states before, and the log */
	uint64_t replaces, heir; /* which SA took over from it: 0: none that we know */
	uint16_t pending; /* children that wait for this IKE SA */
	struct whack_spis spis; /* children; proto 0: none yet */
	struct whack_traffic traffic; /* added_s 0: not told */
	char algorithm[IDENTITY_SIZE];
	uint64_t rekey_us, expires_us, established_us;
	union { /* what was told last */
		struct ike_sa ike;
		struct child_sa child;
	} was;
};

/* What the log said of a state that is negotiated, or was. */
struct pluto_trace {
	uint64_t number; /* 0: free */
	uint64_t used;
	struct whack_name conn;
	bool role_known, initiator;
	const struct daemonlog_entry *said; /* the last failure */
	uint64_t said_us; /* 0: none */
	char theirs[PROPOSALS_SIZE];
};

struct libreswan {
	struct source_sink sink;
	uint64_t service, netns;
	struct fact fact;

	/* schedule.c: when to ask for what */
	uint64_t now_ns, due_ns[WHACK_LISTS_N], asked_ns[WHACK_LISTS_N];
	int running; /* enum whack_list; -1: none */
	unsigned failures; /* in a row */
	unsigned major; /* version; 0: not known */
	bool stale; /* a connection is not known, or an SA is new: ask for connections soon */

	uint8_t state;
	uint64_t losses, resolution_ms;
	char reason[FACT_TEXT_SIZE];

	/* sas.c */
	struct map *sas; /* number: struct pluto_sa */
	struct map *newest; /* connection and kind: the last established struct pluto_sa */
	uint64_t lists; /* of states, so far */
	bool sas_known; /* one was complete */

	/* tables.c */
	struct map *conns; /* struct whack_name: struct pluto_conn */
	struct map *counters; /* name: struct pluto_counter */
	struct shunt *shunts; /* NULL: not told yet */
	size_t n_shunts;

	/* log.c */
	char line[LOG_LINE_MAX]; /* the part of one that was read so far */
	size_t n_line;
	uint64_t lines;
	struct pluto_trace traces[TRACES];
	char words[IDENTITY_SIZE];
};

struct fact *libreswan_fact(struct libreswan *l, uint16_t type); /* emptied */
void libreswan_emit(struct libreswan *l);
void libreswan_dump(struct libreswan *l, enum fact_ike_list list, enum fact_dump_phase phase);
void libreswan_state(struct libreswan *l, uint8_t state, const char *reason);

/* sas.c */
void sas_begin(struct libreswan *l);
void sas_line(struct libreswan *l, struct span line);
void sas_end(struct libreswan *l); /* the list was complete: tells what changed */
void sas_traffic(struct libreswan *l, struct span line);
void sas_settle(struct libreswan *l); /* tells what changed by what else we know */
void sas_restate(struct libreswan *l);
struct pluto_sa *sas_find(const struct libreswan *l, uint64_t number);
void sas_done(struct libreswan *l);

/* tables.c: these are false when the text lacks its end, and then nothing of it counts. */
const struct pluto_conn *conns_find(const struct libreswan *l, const struct whack_name *name);
bool conns_text(struct libreswan *l, struct span text);
bool counters_text(struct libreswan *l, struct span text);
bool shunts_text(struct libreswan *l, struct span text);
void tables_restate(struct libreswan *l);
void tables_done(struct libreswan *l);

/* log.c */
bool log_role(const struct libreswan *l, uint64_t number, bool *ret_initiator);
