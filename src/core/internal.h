/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "base/pool.h"
#include "catalog/catalog.h"
#include "core/core.h"
#include "core/ike.h"
#include "core/negotiations.h"
#include "core/services.h"
#include "core/statistics.h"
#include "match/match.h"

/*
 * What the parts of the core know of each other. Ledger: what is there. SPIs: what was there.
 * Accounts: every increment of xfrm_stat, explained. Claims: drops that wait for their reading.
 * Changes: SA and policy events that wait for their actor.
 */

#define LIMIT_NETNS 1024
#define LIMIT_SAS 1000000
#define LIMIT_POLICIES 2000000
#define LIMIT_LINKS 65536
#define LIMIT_ADDRS 65536 /* of all interfaces */
#define LIMIT_SPIS 262144
#define LIMIT_PILES 4096
#define LIMIT_HELD 8192
#define LIMIT_DROPS 65536
#define LIMIT_EPISODES 1024
#define LIMIT_REMAINS 1024
#define LIMIT_LOCAL 64 /* netns that have one address */

/* A reading that has not yet stood for the settling time. */
struct unsettled {
	uint64_t boot_ns, value;
};

/* One line of xfrm_stat of one netns. */
struct account {
	char name[COUNTER_NAME_SIZE];
	const struct catalog_counter *known; /* NULL: a newer kernel's */
	uint64_t kernel; /* the newest reading */
	uint64_t attributed, unattributed, suppressed; /* their sum is folded */
	bool read; /* in this run */
	uint64_t changed_ns; /* boot time of the newest reading that differed */
	uint64_t settled; /* the newest value that has stood for the settling time */
	struct unsettled unsettled[8];
	unsigned n_unsettled;
	uint64_t blind_upto; /* increments up to here happened while nobody looked */
	uint64_t evidence_epoch; /* of the evidence that tells its drops, when it was read last */
	uint64_t undecided; /* claims that may be ours or another netns' (count, not seen apart) */
	bool changed; /* totals differ from the newest line of the log */
	uint64_t folded_us; /* realtime of the last fold: the interval's begin; 0 unknown */
	const char *before; /* why the first part was not watched; NULL: it was */
};

struct ledger_sa {
	struct sa sa;
	struct netns *ns;
	struct ledger_sa *next_spi; /* of the same destination and SPI */
	uint32_t generation; /* of the dump that saw it last */
	bool announced; /* its added event is told, or it was there before us */
	bool missing; /* the last dump did not have it */
	bool soft_told;
	/* Statistics that events have told, or that are older than we (they wrap, as the kernel's).
	 */
	uint32_t told_replayed, told_late, told_integrity;
	uint64_t top_before; /* highest sequence number at the last settled reading */
	struct sa_group *group; /* its pair; NULL: larval */
	uint8_t group_direction;
	/* As a child SA's: see kernel_sas.c. */
	struct tunnel *tunnel; /* whose totals it is in; NULL: no child is known, or folded */
	struct ledger_sa *next_of_tunnel;
	uint32_t pair; /* its number among the tunnel's */
	bool tunnel_in; /* the inbound one */
	bool folded; /* gone, and in the tunnel's totals */
	bool manual; /* audit says that `ip` added it */
};

/* An SA that is gone, kept a while for claims and statistics that come late. */
struct remains {
	struct ledger_sa *sa;
	uint64_t boot_ns;
	struct remains *next;
};

/* A policy as it is kept, of which there may be millions: see spd.c. */
struct ledger_policy {
	struct ledger_policy *next; /* of the same place */
	uint64_t netns, added_s, used_s;
	uint32_t index, priority;
	uint32_t generation;
	uint16_t size; /* of octets */
	uint8_t direction, type, flags, proto, n_templates;
	bool block : 1, announced : 1, missing : 1;
	bool rare : 1; /* octets begin with a struct spd_rare */
	bool manual : 1; /* audit says that `ip` added it */
	uint8_t octets[]; /* the selector's prefixes, then the templates */
};

#define SPD_PLACES 64

/* Places of policies whose indices are near each other. */
struct spd_block {
	struct policy_key key; /* index: the lowest that falls into the block */
	unsigned n; /* policies */
	struct ledger_policy *places[SPD_PLACES];
};

struct ledger_link {
	struct link link;
	struct prefix *addrs;
	unsigned n_addrs, addrs_room;
	uint32_t generation;
};

struct source_status {
	uint8_t state;
	bool seen;
	char reason[FACT_TEXT_SIZE];
	uint64_t since_us, losses, facts, resolution_ms;
};

struct netns {
	uint64_t cookie, inode;
	char name[NAME_SIZE];
	bool there, watched;
	uint64_t gone_ns;
	struct account accounts[COUNTERS_MAX];
	unsigned n_accounts;
	uint64_t n_sa, n_larval, n_policy;
	uint64_t n_policy_seen; /* of these by the newest dump, or since it began */
	uint32_t sa_generation, policy_generation, link_generation;
	bool sa_known, policy_known; /* a first dump has ended */
	bool sa_resync, policy_resync, policy_dumping;
	uint64_t sa_dumped_ns; /* begin of the newest complete dump of SAs */
	uint64_t sa_dumping_ns; /* begin of the dump that runs; 0: none */
	uint64_t stats_lost_ns; /* SAs went without their final statistics */
	uint64_t resync_added, resync_gone;
	struct remains *remains;
	unsigned n_remains;
	bool default_known, block_in, block_fwd, block_out;
	struct source_status sources[SOURCE_N];
	uint64_t sad_done[4], sad_failed[4]; /* by enum fact_sad_op */
	struct carried living, dead; /* of SAs that are there, that are gone */
	struct sa_gauges gauges;
	uint64_t added, deleted, expired;
	struct tally *tallies[TALLIES]; /* by enum ike_daemon; NULL: nothing counted yet */
	uint64_t n_foreign; /* policies that no daemon claims, when they were counted last */
};

/* Totals that the log remembers of a netns, until the netns shows up. */
struct restored {
	struct fact fact; /* FACT_RESTORE */
	struct restored *next;
};

/* All that is known of a destination and SPI: living SAs, and the newest lives that ended. */
struct spi_key {
	struct addr dst;
	uint8_t zero[3]; /* in the place of padding: the map compares octets */
	uint32_t spi;
};
_Static_assert(sizeof(struct spi_key) == 24, "no padding");

struct spi_life {
	uint64_t netns, born_us, died_us;
	struct addr src;
	uint8_t proto, fate;
	bool earlier_run; /* known from the log */
};

#define SPI_LIVES 2

struct spi {
	struct spi_key key;
	struct ledger_sa *living;
	struct spi_life lives[SPI_LIVES]; /* newest first */
	unsigned n_lives;
};

/* One dropped packet that an audit record tells of. */
struct packet {
	uint64_t fact, real_us;
	uint64_t heard_ns; /* boot time when the core heard of it: a resent fact is older than that
			    */
	uint32_t seqno, flowlabel;
	bool has_seqno, has_flowlabel;
};

struct pile_key {
	uint64_t netns; /* 0: not decided */
	struct addr src, dst;
	uint8_t op; /* enum fact_audit_drop_op */
	uint8_t has_spi;
	uint32_t spi;
};

#define PILE_PACKETS 64 /* the most that first_packets may ask for */
#define PILE_CANDIDATES 16

/* Claims of one key that wait for the counter to confirm them. */
struct pile {
	struct pile_key key;
	bool overflow; /* of keys that found no place: source and SPI mixed */
	unsigned told; /* one by one so far */
	struct packet packets[PILE_PACKETS];
	unsigned n_packets;
	/* Behind those: folded. */
	uint64_t more, more_fact_first, more_fact_last, more_ns, more_first_us, more_last_us;
	uint32_t seqno_min, seqno_max;
	bool has_seqno;
	uint64_t candidates[PILE_CANDIDATES];
	unsigned n_candidates;
	uint64_t touched_ns;
};

/* Drops that our programs saw, as one fact told; they wait for the counter's reading. */
struct waiting_drop {
	__typeof__(((struct fact *)0)->drop) drop; /* count: of those not told yet */
	uint64_t cookie, fact, heard_ns;
	struct waiting_drop *next;
};

/* An SA or policy event that waits for the audit record that names its actor. */
struct held {
	struct event event;
	uint8_t op; /* enum fact_audit_change_op */
	uint64_t cookie, fact, boot_ns;
	struct prefix src, dst;
	uint32_t spi;
	struct held *next;
};

struct actor {
	uint8_t op;
	struct prefix src, dst;
	uint32_t spi, auid, ses, pid, uid;
	bool has_process;
	char comm[NAME_SIZE], exe[FACT_TEXT_SIZE];
	uint64_t boot_ns, serial, record_us;
	struct actor *next;
};

struct episode_key {
	uint64_t netns;
	struct addr src;
	uint8_t zero[3];
	uint32_t id;
};

struct episode {
	struct episode_key key;
	bool high;
	uint64_t window_ns, count, total, since_ns;
};

struct audit_setting {
	uint8_t value; /* enum audit_setting_value */
	bool set;
	uint32_t uid;
	uint64_t set_us;
};

/* What the ledger's contents are found by beside their keys; of no effect on what is told. */
struct finder {
	struct match *match; /* of all policies; NULL: nobody has asked yet */
};

struct core {
	struct core_sink sink;
	const struct fact *fact; /* that is being fed */
	bool muted; /* its effects are in the log already */
	uint64_t now_ns, now_us; /* of the newest fact */
	bool restored; /* FACT_RESTORE_RUN came: live */
	bool stopping;
	bool polled; /* a first round has ended: what was there before us is known */

	char host[NAME_SIZE], boot[NAME_SIZE], release[NAME_SIZE], version[NAME_SIZE];
	uint64_t seed, started_us, seq, n_events, refused;
	int64_t clock_offset_us;
	bool clock_known;

	uint64_t epoch, applied; /* facts of observe */
	uint64_t told_epoch, told_applied; /* what the log had at start */
	uint8_t n_told_pending;
	uint64_t told_pending[16][2];

	struct {
		uint32_t evidence, first_packets, rate_threshold, rate_window_s;
		uint64_t settle_ns;
		char digest[65];
	} config;
	struct audit_setting settings[SUBCATEGORY_N];
	char elected[96];

	struct map *netns; /* cookie → struct netns */
	struct netns *fact_netns; /* of the fact at hand: most facts come in runs of one netns */
	bool sas_to_check, policies_to_check; /* a dump left something to tell */
	struct map *sas; /* struct sa_key → struct ledger_sa */
	struct map *spd; /* struct policy_key → struct spd_block */
	struct spd_block *spd_recent; /* the block that was asked for last */
	struct pool policies; /* memory of struct ledger_policy */
	size_t n_policies;
	size_t n_addrs; /* of all links */
	struct finder *finder;
	struct map *sa_groups; /* struct sa_group_key → struct sa_group */
	struct statistics *statistics;
	struct tally *tallies; /* of all netns, also of those that are not there */
	unsigned n_tallies;
	uint64_t tallies_said_ns; /* boot time */
	struct ike *ike; /* ike.h */
	struct map *links; /* cookie, ifindex → struct ledger_link */
	struct map *spis; /* struct spi_key → struct spi */
	struct map *piles; /* struct pile_key → struct pile */
	struct map *episodes; /* struct episode_key → struct episode */
	struct restored *restored_totals;
	/* Of netns that are gone and forgotten: what was dropped there stays dropped. */
	uint64_t gone_drops, gone_unattributed, gone_suppressed;
	uint64_t spis_since_us; /* the ledger of SPIs reaches back to here */

	struct source_status host_sources[SOURCE_N];
	uint64_t audit_epoch; /* rises whenever the audit source comes into step */
	uint64_t bpf_epoch; /* … or our programs do */
	uint64_t last_poll_us; /* realtime of the round before */
	uint64_t last_run_us; /* newest event of the last run */

	struct {
		char counter[NAME_SIZE], hook[NAME_SIZE]; /* as FACT_HOOK has them */
	} hooks[COUNTERS_MAX + 8];
	unsigned n_hooks;
	struct waiting_drop *drops, **drops_end;
	unsigned n_drops;
	uint64_t drops_waiting; /* sum of their counts */

	struct held *held, **held_end;
	bool held_mixed; /* of more than one netns */
	uint64_t flush_serial; /* audit serial of the newest flush */
	unsigned n_held;
	struct actor *actors, **actors_end;
	unsigned n_actors;

	struct negotiations *negotiations;
	struct failures failures;
	struct services *services;
};

/* How long ago; 0 for what lies ahead, since the realtime clock may have been set back. */
static inline uint64_t since_us(const struct core *c, uint64_t when_us)
{
	return c->now_us > when_us ? c->now_us - when_us : 0;
}

/* emit.c */
/* Gives the event its number and tells it, if the audit policy wants it and it is not told yet. */
bool core_emit(struct core *c, struct event *e);
/* A new event of the fact at hand. */
void core_event_init(struct core *c, struct event *e, uint32_t id, const struct netns *ns);
bool core_audit_usable(const struct core *c); /* audit records come, and may be used */
bool core_bpf_usable(const struct core *c); /* our programs run, and may be used */
bool core_sa_usable(const struct core *c);

/* A fact number that is not told yet joins the ranges. */
void progress_add(struct core_progress *p, uint64_t first, uint64_t last);

/* detail.c: the detail object of an event, member by member; null values are left out */
void detail_text(struct event *e, const char *key, const char *v);
void detail_number(struct event *e, const char *key, uint64_t v);
void detail_raw(struct event *e, const char *key, struct span json_text);

/* ledger.c */
int ledger_new(struct core *c);
void ledger_free(struct core *c);
struct netns *ledger_netns(const struct core *c, uint64_t cookie);
void ledger_netns_change(struct core *c, const struct fact *f);
void ledger_source(struct core *c, const struct fact *f);
void ledger_link_change(struct core *c, const struct fact *f);
void ledger_addr_change(struct core *c, const struct fact *f);
void ledger_dump(struct core *c, const struct fact *f);
/* Netns in which the address is local, into ret; all watched ones when none is known. */
unsigned ledger_local(const struct core *c, const struct addr *a, uint64_t *ret, unsigned max);
/* The same, but none when none is known. */
unsigned ledger_holds(const struct core *c, const struct addr *a, uint64_t *ret, unsigned max);
struct ledger_link *ledger_link(const struct core *c, uint64_t cookie, uint32_t ifindex);
/* Netns that went long ago are forgotten. */
void ledger_age(struct core *c);

/* sas.c */
void sas_fact(struct core *c, const struct fact *f);
void sas_dump_end(struct core *c, struct netns *ns);
void sas_poll(struct core *c); /* what is still missing is gone */
void sas_forget(struct core *c, struct netns *ns); /* the netns went */
/* The SA of this netns that the packet named; also one that went a moment ago. */
struct ledger_sa *sas_find(const struct core *c, const struct netns *ns, const struct addr *src,
	const struct addr *dst, uint32_t spi);

/* policies.c */
void policies_fact(struct core *c, const struct fact *f);
void policies_dump_end(struct core *c, struct netns *ns);
void policies_poll(struct core *c);
void policies_forget(struct core *c, struct netns *ns);

/* spd.c: the policies by netns and index */
struct ledger_policy *spd_find(const struct core *c, uint64_t netns, uint32_t index); /* or NULL */
/*
 * Keeps a policy, in the place of what was kept of that index; then generation, announced and
 * missing stay. NULL: no memory, or too many; what was kept stays.
 */
struct ledger_policy *spd_put(struct core *c, const struct policy *p);
void spd_get(const struct ledger_policy *l, struct policy *ret);
void spd_remove(struct core *c, struct ledger_policy *l); /* and frees */
struct spd_cursor {
	size_t block;
	struct spd_block *in;
	unsigned place, left; /* the next; policies to come in this block */
	struct ledger_policy *next;
};
/* for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) — as map_next() */
struct ledger_policy *spd_next(const struct core *c, struct spd_cursor *at);
void spd_free(struct core *c);

/* finder.c */
int finder_new(struct core *c);
void finder_free(struct core *c);
bool finder_follows(const struct core *c); /* somebody has asked: changes matter to it */
/* A policy came (before NULL), changed or went (p NULL). */
void finder_put(struct core *c, const struct policy *before, const struct policy *p);
const struct match *finder_match(const struct core *c); /* built now if need be; NULL: no memory */

/* find.c */
bool policies_agree(const struct policy *a, const struct policy *b); /* the same outcome */

/* lint.c */
int lint_each(const struct core *c, core_each_fn *each, void *userdata);

/* spis.c */
struct spi *spis_find(const struct core *c, const struct addr *dst, uint32_t spi); /* or NULL */
void spis_born(struct core *c, struct ledger_sa *sa);
void spis_died(struct core *c, struct ledger_sa *sa, enum spi_fate fate);
void spis_restore(struct core *c, const struct fact *f);
/* The ledger's answer to an unknown SPI, into the event's detail: history and its parts. */
void spis_answer(
	struct core *c, struct event *e, uint64_t cookie, const struct addr *dst, uint32_t spi);

/* claims.c */
void claims_add(struct core *c, const struct fact *f);
void claims_settle(struct core *c); /* at FACT_POLL */
void claims_orphan(struct core *c); /* a new observe: the numbers of old facts mean nothing now */
void claims_pending(const struct core *c, struct core_progress *p);
/* Claims that this counter is still to confirm. */
uint64_t claims_expected(const struct core *c, const struct netns *ns, const char *counter);
/* Packets that wait, of one SA and kind: their statistics are spoken for. */
uint64_t claims_waiting(const struct core *c, const struct ledger_sa *sa, uint8_t op);

/* How the number of a packet that failed the integrity check makes it look, on an SA with ESN. */
void claims_suspect_esn(struct event *e, uint32_t seqno, const struct ledger_sa *l);

/* drops.c */
/* Do our programs see every drop of this counter? Then no other evidence is asked. */
bool core_bpf_covers(const struct core *c, const char *counter);
/* By which hook; "": none; NULL: this kernel, as our programs know it, has no such counter. */
const char *core_hook(const struct core *c, const char *counter);
void drops_hook(struct core *c, const struct fact *f);
void drops_add(struct core *c, const struct fact *f);
void drops_sad_result(struct core *c, const struct fact *f);
void drops_settle(struct core *c); /* at FACT_POLL */
uint64_t drops_expected(const struct core *c, const struct netns *ns, const char *counter);
void drops_orphan(struct core *c);
void drops_pending(const struct core *c, struct core_progress *p);
void drops_free(struct core *c);

/* accounts.c */
/* The best evidence there is for single drops of this counter. */
enum evidence accounts_evidence(const struct core *c, const char *counter);
void accounts_read(struct core *c, const struct fact *f);
void accounts_restore(struct core *c, const struct fact *f);
void accounts_adopt(struct core *c, struct netns *ns); /* what the log remembers of it */
struct account *accounts_find(struct netns *ns, const char *counter);
uint64_t account_open(const struct account *a); /* increments without an event */
/* Tells n increments as event e (of which count is set here), or counts them as suppressed. */
void accounts_tell(
	struct core *c, struct netns *ns, struct account *a, struct event *e, uint64_t n);
void accounts_settle(struct core *c); /* what no claim explains; then the readings */

/* changes.c */
void changes_hold(struct core *c, struct event *e, uint8_t op, uint64_t cookie,
	const struct prefix *src, const struct prefix *dst, uint32_t spi);
void changes_actor(struct core *c, const struct fact *f);
void changes_flush(struct core *c, bool all); /* events that have waited long enough */
void changes_pending(const struct core *c, struct core_progress *p);
void changes_free(struct core *c);
/* The oldest actor of a deletion that is certain to be none: the SA expired by itself. */
void changes_forget_actor(
	struct core *c, uint8_t op, const struct addr *src, const struct addr *dst, uint32_t spi);

/* rates.c */
void rates_count(struct core *c, const struct event *e, uint64_t cookie, uint64_t n);
void rates_tick(struct core *c);

/* audit.c: the audit policy */
void audit_setting_change(struct core *c, const struct fact *f);
const char *audit_value_name(unsigned value);

/* monitor.c: events of the monitor itself */
void monitor_fact(struct core *c, const struct fact *f);
void monitor_elect(struct core *c);
