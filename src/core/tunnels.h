/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/ike.h"

struct ledger_sa;
struct event;

/*
 * A tunnel is a connection's child with its traffic selectors, in one netns and of one kind of
 * daemon. It keeps its name, totals and history while SAs are rekeyed, daemons restart, and while
 * it is down; configured ones are there before they were ever up.
 */

struct flow_totals {
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
};

/* How a pair of SAs came to be. */
enum pair_begin {
	PAIR_FIRST = 1, /* that we saw */
	PAIR_REKEY = 2,
	PAIR_NEW_IKE = 3, /* of another IKE SA: reauthentication, or a new start */
	PAIR_RESTART = 4, /* of another process of the daemon */
	PAIR_AGAIN = 5,
};

enum pair_end {
	PAIR_ALIVE = 0,
	PAIR_END_DOWN = 1,
	PAIR_END_REPLACED = 2,
	PAIR_END_FAILED = 3,
	PAIR_END_MISSING = 4, /* the daemon's list has it no more */
	PAIR_END_SERVICE = 5, /* the daemon's process ended */
};

/* One pair of SAs in a tunnel's history. */
struct lineage {
	uint32_t n; /* from 1 */
	uint32_t replaced; /* number of the pair before; 0: none */
	uint8_t begin, end; /* enum pair_begin, pair_end */
	bool gap_known;
	bool kernel; /* the kernel has or had an SA of it */
	bool uncertain; /* final counters of an SA were not seen */
	uint64_t service, unique, ike_unique;
	uint32_t spi_in, spi_out;
	uint64_t started_us, ended_us, gap_us; /* gap: without any SA before it */
	struct flow_totals done; /* of its SAs that are gone */
};

#define LINEAGE_KEPT 32 /* the newest pairs of a tunnel */

struct tunnel {
	uint64_t netns;
	uint8_t daemon; /* enum ike_daemon */
	bool was_up;
	bool configured; /* a file or a daemon has it */
	bool in_kernel; /* the kernel had an SA of it */
	char name[2 * CONN_SIZE]; /* CONNECTION, or CONNECTION/CHILD where they differ */
	char conn[CONN_SIZE], child[CONN_SIZE];
	char local_ts[TS_SIZE], remote_ts[TS_SIZE];
	struct tunnel *next; /* with other selectors, of the same connection and child */

	struct ledger_child_sa *children; /* newest first */
	struct ledger_sa *sas; /* of the kernel, that live: linked by next_of_tunnel */
	uint32_t n_pairs; /* so far */
	struct lineage *history; /* LINEAGE_KEPT, by n modulo it; NULL: never up */

	struct flow_totals dead; /* of kernel SAs that are gone */
	struct flow_totals by_daemon; /* of pairs that are gone and had none in the kernel */
	uint64_t uncertain; /* SAs whose final counters were not seen */
	uint64_t since_us, gone_us; /* known since; when the newest pair ended */
	uint64_t in_us, out_us; /* when packets were last seen to rise; 0: not yet */
	bool rate_known;
	uint64_t rate_in, rate_out; /* octets a second between the two newest readings */
	uint64_t read_us, read_in, read_out; /* the newest reading */
	uint64_t drops, drop_us; /* by policy, told as events; the newest */
	char drop_counter[COUNTER_NAME_SIZE];

	uint64_t service; /* of the newest pair */
	uint32_t reqid; /* likewise; 0: not known */
	struct addr local, remote; /* of the newest IKE SA */
	char peer[IDENTITY_SIZE]; /* its identity, else ""  */

	uint64_t failed_us; /* newest failed negotiation; 0: none */
	uint8_t failed_cause; /* enum ike_cause */
	char failed_words[IDENTITY_SIZE];

	uint32_t n_policies[3]; /* installed, by enum policy_direction; see joins_count() */
};

int tunnels_new(struct core *c);
void tunnels_free(struct core *c);
void tunnels_age(struct core *c);

/* ike.c and ike_config.c tell what came and went. */
void tunnels_child_there(struct core *c, struct ike_server *s, struct ledger_child_sa *l,
	const struct child_sa *sa, bool rekeyed);
void tunnels_child_counts(struct core *c, struct ledger_child_sa *l, const struct child_sa *sa);
void tunnels_child_gone(struct core *c, struct ledger_child_sa *l, enum pair_end how);
void tunnels_ike_there(struct core *c, struct ledger_ike_sa *l, bool moved);
/* Another process of the daemon runs: reqids of the one before mean nothing to it. */
void tunnels_server_began(struct core *c, const struct ike_server *s);
void tunnels_configured(struct core *c, const struct ledger_connection_child *l);
void tunnels_unconfigured(struct core *c, const struct ledger_connection_child *l);

/* kernel_sas.c; sas.c tells of kernel SAs. */
void tunnels_sa_there(struct core *c, struct ledger_sa *l); /* new, or with keys now */
void tunnels_sa_counts(struct core *c, struct ledger_sa *l, uint64_t packets_before);
void tunnels_sa_gone(struct ledger_sa *l, enum spi_fate fate);

/* A round of readings is over. */
void tunnels_poll(struct core *c);
/* Names the tunnel and the peer of a drop's event; counts it, if a policy was the cause. */
void tunnels_drop(struct core *c, uint64_t netns, struct event *e, uint64_t n);

/* A negotiation failed: all that is known of it together. */
void tunnels_failed(struct core *c, uint64_t netns, const struct negotiation *n, uint64_t time_us);

/* The first of a connection's child (then ->next); NULL: none. */
struct tunnel *tunnel_find(
	const struct core *c, uint64_t netns, uint8_t daemon, const char *conn, const char *child);
struct tunnel *tunnel_of(const struct ledger_child_sa *child); /* NULL: none yet */
/* The first between two outer addresses: *ret_n how many there are. NULL: none. */
struct tunnel *tunnel_between(const struct core *c, uint64_t netns, const struct addr *local,
	const struct addr *remote, unsigned *ret_n);
struct tunnel_cursor {
	size_t at;
	struct tunnel *next;
};
/* for (struct tunnel_cursor at = { 0 }; (t = tunnel_next(c, &at));) */
struct tunnel *tunnel_next(const struct core *c, struct tunnel_cursor *at);

/* Inner octets and packets over all SAs that were and are. *ret_by_daemon: as the daemon counts,
 * for ESP outside the kernel. */
void tunnel_totals(const struct tunnel *t, struct flow_totals *ret, bool *ret_by_daemon);
/* The history entry of a pair, if it is still kept. */
struct lineage *tunnel_pair(const struct tunnel *t, uint32_t n);
void tunnel_pair_totals(const struct tunnel *t, const struct lineage *l, struct flow_totals *ret);
/* The kernel's SA of a child, or NULL. */
struct ledger_sa *child_kernel_sa(const struct ledger_child_sa *l, bool in);
/* Has the daemon both SAs of it installed? */
bool child_is_up(const struct ledger_child_sa *l);
