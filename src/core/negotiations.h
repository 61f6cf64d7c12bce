/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/*
 * IKE negotiations that failed. A daemon tells of one by several ways, in any order; the pieces of
 * evidence are gathered until it is over and all is quiet, and are then told as one event with the
 * most specific cause that any of them gives. Failures are kept in a sliding table.
 */

#define LIMIT_ATTEMPTS 4096 /* gathered at a time; what comes beyond is counted as refused */
#define LIMIT_ATTEMPTS_OF_PEER 1024
#define LIMIT_FAILURES 256 /* rows of the table: the newest stay */
#define ATTEMPT_OPEN_S 180 /* quiet for so long without a word of its end: told all the same */
#define AFTERMATH_S 90 /* told ones are kept so long, while there is room */
#define ATTEMPT_PIECES 12
#define FAILURE_WINDOW_S 60 /* of the same failure only first_packets are told one by one in it */

/* causes.c: what a cause means. */
struct cause {
	uint32_t event; /* EVENT_AUTHENTICATION_FAILED … */
	uint8_t rank; /* the higher, the more specific; 0: says nothing */
	bool detour; /* by itself no failure: negotiations go on after it */
	const char *why, *remedy; /* sentences for people, in plain words */
};

const struct cause *cause_of(unsigned cause); /* enum ike_cause; of none: CAUSE_UNKNOWN's */
/* As the side sees it that sent, or answered, the proposals. */
uint8_t cause_for_role(uint8_t cause, bool initiator);

struct piece {
	uint8_t said, cause; /* enum ike_evidence, ike_cause */
	uint64_t fact; /* its number; 0: of an observe that is gone */
	uint64_t heard_ns;
};

/* A negotiation of which somebody said that it failed, or may. */
struct attempt {
	struct negotiation n; /* all that is known together; cause: the most specific */
	uint64_t cookie; /* netns of the daemon */
	uint32_t score; /* of what gave the cause: see score() */
	uint8_t said; /* who gave it */
	bool was_up, went_down; /* its IKE SA had been established, and is gone */
	bool told;
	uint64_t time_us; /* of the first piece that said it is over; else of the first */
	uint64_t touched_ns, final_ns;
	struct piece pieces[ATTEMPT_PIECES];
	unsigned n_pieces;
	uint64_t n_more; /* pieces for which there was no room, or that repeat */
	struct attempt *next; /* of the same service and peer */
};

/* A row of the table: failures that are the same but for their time. */
struct failure {
	struct negotiation n; /* of the newest */
	uint64_t cookie;
	uint8_t daemon;
	uint32_t event;
	char evidence[128];
	uint64_t first_us, last_us, count;
	uint64_t window_ns; /* begin of the minute … */
	uint32_t told; /* … in which so many were told, and … */
	uint64_t folded; /* … so many not yet */
	struct failure *next; /* newer */
};

struct negotiations;

int negotiations_new(struct core *c); /* -ENOMEM */
void negotiations_free(struct core *c);
void negotiations_add(struct core *c, const struct fact *f); /* FACT_NEGOTIATION */
/* FACT_IKE_SA(_GONE), FACT_CHILD_SA(_GONE): what they say of a negotiation. */
void negotiations_sa(struct core *c, const struct fact *f);
/* Tells what is over; all: also what might still get evidence, but has its end. */
void negotiations_settle(struct core *c, bool all);
void negotiations_orphan(struct core *c); /* a new observe */
void negotiations_pending(const struct core *c, struct core_progress *p);

/* failures.c: the table */
struct failures {
	struct failure *first, *last; /* oldest first */
	unsigned n;
};

/* The row of this failure, counted; NULL: no memory. id: the event that it is. */
struct failure *failures_add(
	struct core *c, const struct attempt *a, uint32_t id, const char *evidence);
/* Is it one too many of the same to be told by itself? Then it is told with the rest. */
bool failures_fold(struct core *c, struct failure *row);
void failures_settle(struct core *c, bool all); /* rests whose minute is over */
void failures_free(struct core *c);
int failures_each(const struct core *c, core_each_fn *each, void *userdata);

/* ike_events.c: what an event says of a negotiation or SA */
void ike_event_negotiation(struct core *c, struct event *e, const struct negotiation *n);
void ike_events_sa(struct core *c, const struct fact *f); /* 541, 542, 543, 10301 */
