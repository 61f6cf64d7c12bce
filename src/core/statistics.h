/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/map.h"
#include "catalog/catalog.h"
#include "core/core.h"

/*
 * The statistics of Main Mode and Quick Mode. What is counted as it happens and what is read (the
 * kernel's and the daemons' own counters, sums over SAs) both end in kept totals, which outlive
 * SAs, daemons and, by the log, the monitor.
 */
struct netns;
struct ledger_sa;

#define LIMIT_TALLIES 3072
#define REQUESTS_REMEMBERED 256

/* Kinds of traffic; they overlap. */
enum carried_kind {
	CARRIED_ALL,
	CARRIED_CONFIDENTIAL,
	CARRIED_AUTHENTICATED,
	CARRIED_TRANSPORT,
	CARRIED_TUNNEL,
	CARRIED_OFFLOADED,
	CARRIED_N,
};
enum { CARRIED_IN, CARRIED_OUT, CARRIED_DIRECTIONS };

/* What SAs carried. */
struct carried {
	uint64_t bytes[CARRIED_N][CARRIED_DIRECTIONS], packets[CARRIED_DIRECTIONS];
	uint64_t integrity_failed;
};

/* SAs that are of one pair, or of several while it is rekeyed. */
struct sa_group_key {
	uint64_t netns;
	struct addr low, high; /* of both addresses */
	uint8_t proto, mode;
	uint32_t reqid, if_id;
};
struct sa_group {
	struct sa_group_key key;
	uint64_t n[3]; /* living SAs by direction: unknown, in, out */
};

/* SAs with keys of one netns, as gauges. */
struct sa_gauges {
	uint64_t pairs, tunnels, beet, iptfs; /* pairs; the three by mode, of them */
	uint64_t offloaded, asking; /* SAs; asking: larval without SPI */
};

/* The total of one statistic. */
struct kept {
	uint64_t total; /* over all runs */
	uint64_t since; /* Main Mode: since the service began; Quick Mode: since boot */
	uint64_t base; /* of what is read: as it was when it was added last */
	bool before; /* of `since`: something may have happened before our first sight */
	bool read; /* in this run */
	bool changed; /* differs from the newest line of the log */
};

/* Kept totals of one netns: of no daemon, or of one kind of daemon. */
struct tally {
	char netns[NAME_SIZE];
	uint64_t cookie;
	uint8_t daemon; /* enum ike_daemon; 0: what the kernel tells */
	bool this_boot; /* `since` and `base` are of this boot */
	uint64_t service; /* whose `since` is; of daemon 0: of the first that runs */
	struct netns *of; /* NULL: the netns is not there */
	struct kept kept[STATISTIC_N];
	struct tally *next;
};
#define TALLIES 3 /* of a netns; by enum ike_daemon */

struct statistics; /* ikecounts.c */

/* sums.c: what SAs add up to; each SA is taken out before it changes and put back after it */
void sums_put(struct core *c, struct ledger_sa *l);
void sums_take(struct core *c, struct ledger_sa *l);
uint64_t sums_group_out(const struct ledger_sa *l); /* outbound SAs of its pair, itself too */
void sums_bury(struct netns *ns, const struct sa *sa); /* what it carried outlives it */

/* tallies.c */
struct tally *tally_of(struct core *c, struct netns *ns, uint8_t daemon); /* NULL: no memory */
void tally_add(struct core *c, struct netns *ns, uint8_t daemon, enum statistic_id id, uint64_t n);
void tallies_adopt(struct core *c, struct netns *ns); /* the netns is there */
void tallies_leave(struct core *c, struct netns *ns); /* it went */
void tallies_restore(struct core *c, const struct fact *f);
void tallies_poll(struct core *c); /* what is read is added */
void tally_poll(struct core *c, struct netns *ns, uint8_t daemon); /* of this one */
/* To the log: what changed, at most once a minute; all of it when everything ends. */
void tallies_say(struct core *c, bool all);
/*
 * A service is there: what counts since it began does so anew, unless it is known already.
 * first_of_kind, first: no other of this kind, or none at all, runs in the netns.
 */
void tallies_service(
	struct core *c, struct netns *ns, const struct service *s, bool first_of_kind, bool first);
/* It ended, after its counters were added by tallies_poll(), and is not read any more. */
void tallies_service_gone(struct core *c, struct netns *ns, uint8_t daemon);
void tallies_free(struct core *c);
/* The total as it would be if everything were added now; false: nothing was kept. */
bool tally_now(const struct core *c, const struct netns *ns, uint8_t daemon, enum statistic_id id,
	struct kept *ret);

/* readings of statistics.c: numbers that something else counts */
struct statistic_reading {
	uint64_t value; /* rises while this core lives */
	uint64_t again; /* what it would be for a new core that sees what is there now */
	bool resets; /* the counter's owner may set it back to 0 */
};
/* False: this one is not read, or is not known now. */
bool statistic_read(const struct core *c, const struct netns *ns, uint8_t daemon,
	enum statistic_id id, struct statistic_reading *ret);
/* Is it read and complete since boot or since the service began, whenever we came? */
bool statistic_is_complete(uint8_t daemon, enum statistic_id id);

/* ikecounts.c: what the daemons' facts add to it */
int statistics_new(struct core *c);
void statistics_free(struct core *c);
void statistics_before(struct core *c, const struct fact *f); /* before the ledger knows of it */
void statistics_fact(struct core *c, const struct fact *f);
void statistics_netns_gone(struct core *c, struct netns *ns);
void statistics_asked(struct core *c, struct netns *ns, const struct sa *larval); /* a new one */
void statistics_failed(struct core *c, const struct negotiation *n); /* all known of it together */

/* Gauges and states of the daemons of one kind in a netns. */
struct ike_gauges {
	unsigned services; /* that run */
	unsigned open, counted, socketed; /* of these: control open, counters and sockets listed */
	uint64_t established, half_open, failed; /* IKE SAs */
	uint64_t begun; /* half-open ones, begun by the daemon itself */
	uint64_t tasks, children; /* queued */
	uint64_t jobs; /* in the daemon's queues */
	uint64_t queue; /* octets in its sockets */
	uint64_t drops, drops_again; /* of its sockets, as statistic_reading has them */
	uint64_t shunts, shunts_negotiated; /* in the clear */
};
void ike_gauges(
	const struct core *c, const struct netns *ns, uint8_t daemon, struct ike_gauges *ret);
/* Does a daemon tell of its child SAs here? Then it says which replaces which. */
bool ike_tells(const struct core *c, const struct netns *ns);
/* The sum of the daemon's own counters of this statistic; false: none was told. */
bool ike_counted(const struct core *c, const struct netns *ns, uint8_t daemon, enum statistic_id id,
	uint64_t *ret);
bool ike_counts(uint8_t daemon, enum statistic_id id); /* has the daemon such a counter? */

/* statistics.c */
int statistics_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata);
/* counter_rows.c: the statistics of a netns that are of neither mode; false: each has enough */
bool counter_rows(const struct core *c, const struct netns *ns, core_each_fn *each, void *userdata);

/* Short, for they stand beside the number in a narrow table. */
#define NOT_READ "the SAD is not read yet"
#define NO_STAT "xfrm_stat is not read"
#define NO_BPF "needs BPF"
#define NO_BPF_NOR_AUDIT "needs BPF or audit"
