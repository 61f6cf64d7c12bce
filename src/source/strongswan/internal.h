/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "catalog/daemonlog.h"
#include "source/strongswan/strongswan.h"
#include "source/strongswan/vici.h"

/* What the files of this folder share. */

#define SAS_MAX ((size_t)1 << 17) /* IKE SAs, and child SAs, that we keep of one daemon */
#define COUNTERS_KEPT ((size_t)1 << 16)
#define LIST_MAX ((size_t)64 << 20) /* octets of one list before it is told piece by piece */
#define TRACES 256 /* negotiations whose log we follow at once */
#define REPLACED 256
#define CAS 256 /* names of CA certificates */
#define TRAPS 4096

/* An IKE SA or child SA that we know of. */
struct known_ike {
	struct ike_sa sa;
	bool up; /* was, at some time */
	uint64_t replaced_by; /* IKEv1: the one that came up in its place; 0: none */
	uint32_t list; /* the listing it was last in */
	uint8_t missed; /* listings without it: charon skips an SA that is at work */
};

struct known_child {
	struct child_sa sa;
	uint32_t list;
	uint8_t missed;
};

/* What the log said about one IKE SA, for the failure that may follow. */
struct trace {
	uint64_t unique; /* 0: free */
	uint64_t used_us, said_us; /* said: the last piece of evidence */
	bool up;
	bool role_known, initiator;
	struct addr local, peer;
	char conn[CONN_SIZE], child[CONN_SIZE]; /* child: that we asked for */
	char local_id[IDENTITY_SIZE], remote_id[IDENTITY_SIZE];
	char ours[PROPOSALS_SIZE], theirs[PROPOSALS_SIZE];
	/* A line that waits for the next one, which names the issuer; "": none. */
	const struct daemonlog_entry *waits;
	uint64_t waits_us;
	char words[IDENTITY_SIZE];
};

enum request {
	REQUEST_REGISTER, /* the next event of events[] */
	REQUEST_VERSION,
	REQUEST_STATS,
	REQUEST_POLICIES,
	REQUEST_CONNS,
	REQUEST_CERTS,
	REQUEST_COUNTERS, /* global ones */
	REQUEST_ALL_COUNTERS, /* by connection */
	REQUEST_SAS,
	REQUESTS_N,
};

struct strongswan {
	struct source_sink sink;
	uint64_t service, netns;
	int fd;
	bool lost;
	uint8_t state; /* enum source_state */
	uint64_t losses;
	struct buf in, out, message;
	uint64_t began_ns, now_ns; /* of the first tick; of the last one, since then */
	char version[NAME_SIZE], words[IDENTITY_SIZE];

	/* requests.c */
	enum request asked; /* what is waited for; REQUESTS_N: nothing */
	uint64_t asked_ns;
	size_t registered; /* events[] so far */
	uint64_t due_ns[REQUESTS_N], done_ns[REQUESTS_N];

	/* lists.c */
	struct buf list; /* items of the list that is being read, each with its length before it */
	bool list_open; /* it was too long to keep: is being told already */
	uint64_t list_hash[REQUESTS_N]; /* of what was told last; 0: nothing */
	size_t n_connections;
	size_t n_cas, n_traps;
	char cas[CAS][IDENTITY_SIZE];
	uint64_t traps[TRAPS]; /* hashes of connection and child */
	struct map *counters; /* by name */

	/* sas.c */
	struct map *ikes, *children; /* by unique number */
	uint32_t listing; /* number of the listing that runs or ran last */
	uint64_t replaced_ikes[REPLACED], replaced_children[REPLACED];
	size_t n_replaced_ikes, n_replaced_children;

	/* evidence.c */
	struct trace traces[TRACES];

	struct fact fact; /* scratch */
};

/* A fact of ours with its type, netns and source set, everything else zero. */
struct fact *strongswan_fact(struct strongswan *s, enum fact_type type);
void strongswan_emit(struct strongswan *s, struct fact *f);
void strongswan_dump(struct strongswan *s, enum fact_ike_list list, enum fact_dump_phase phase);
void strongswan_state(struct strongswan *s, enum source_state state, const char *reason);

/* requests.c */
void requests_next(
	struct strongswan *s); /* sends the next one that is due, if none is waited for */
void requests_answer(struct strongswan *s, const struct vici_packet *p);
void requests_soon(struct strongswan *s, enum request r); /* as soon as its interval allows */
void requests_all(struct strongswan *s); /* all lists, now */

/* lists.c: connections, shunts, certificates, counters */
void lists_item(struct strongswan *s, enum request r, struct span message);
void lists_done(struct strongswan *s, enum request r, struct span answer);
bool lists_knows_ca(const struct strongswan *s, struct span subject);
void lists_forget(struct strongswan *s); /* what was told: all is told again */
void lists_free(struct strongswan *s);

/* sas.c: IKE SAs and child SAs */
void sas_listing(struct strongswan *s, bool begin);
void sas_listed(struct strongswan *s, struct span message);
void sas_event(struct strongswan *s, struct span name, struct span message);
void known_restate(struct strongswan *s);
struct known_ike *known_ike_find(const struct strongswan *s, uint64_t unique); /* NULL: unknown */
size_t sas_count(const struct strongswan *s);
void known_done(struct strongswan *s);

/* evidence.c: why a negotiation failed */
void evidence_log(struct strongswan *s, struct span message);
void evidence_alert(struct strongswan *s, struct span message);
void evidence_down(struct strongswan *s, const struct ike_sa *sa); /* before it was up */
void evidence_gone(struct strongswan *s, const struct ike_sa *sa, bool up);
void evidence_up(struct strongswan *s, const struct ike_sa *sa);
void evidence_child_up(struct strongswan *s, const struct ike_sa *sa);
void evidence_tick(struct strongswan *s);

/* alerts.c: charon's alerts; by the number of error-notify or the word of VICI */
struct alert {
	const char *name;
	uint8_t cause; /* enum ike_cause */
	bool tells; /* false: no failure of a negotiation */
	bool child, final;
	uint8_t who; /* enum daemonlog_side */
	const char *before; /* error-notify: the text in front of proposals or selectors */
};

const struct alert *alert_by_number(uint32_t type); /* NULL: none */
const struct alert *alert_by_name(struct span name);
