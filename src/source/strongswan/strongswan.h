/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/source.h"

/*
 * One charon, by its VICI socket. Events come first: SAs up, rekeyed, updated, down, and the log's
 * lines; lists are asked for at the start, then seldom. Nothing is changed in the daemon, and it
 * never waits for us: the socket is read whenever it has something.
 *
 * Emits (all with fact.netns and the service's id): FACT_IKE_SA, _GONE, FACT_CHILD_SA, _GONE,
 * FACT_CONNECTION, FACT_CONNECTION_CHILD (ORIGIN_LOADED), FACT_SHUNT, FACT_CERTIFICATE,
 * FACT_IKE_COUNTER, FACT_NEGOTIATION, FACT_SOURCE, and FACT_IKE_DUMP around each whole list. A list
 * that has not changed is not emitted again, but for the SAs.
 *
 * An IKE SA that is rekeyed is FACT_IKE_SA with IKE_OP_REKEYED and `replaces`, then the old one's
 * FACT_IKE_SA_GONE with IKE_GONE_REPLACED; the children that move with it are told again
 * (IKE_OP_CHANGED). Children the same way.
 *
 * Evidence of a failure comes as the daemon tells it, often in several pieces for one failure: a
 * line of the log says more than an alert (charon's alert about a child's proposals, say, is the
 * same on both sides), and SAID_UPDOWN says only that it failed. A certificate without an issuer
 * whose issuer's name is that of a CA certificate which charon holds has a wrong signature:
 * CAUSE_CERT_SIGNATURE.
 */
struct strongswan;

/*
 * Requests that we make on one connection in any minute, at most; registrations count. The first
 * minute has the start in it, the later ones fewer. Whatever happens, the next request of the same
 * kind comes this many seconds after the last one was answered (ticks are a second, so one less
 * may be seen). test/netns/requests.sh reads both numbers here.
 */
#define STRONGSWAN_REQUESTS_PER_MINUTE 64
#define STRONGSWAN_GAP_S 10
#define STRONGSWAN_ANSWER_S 60 /* without an answer for so long, the socket counts as lost */
/* charon asks the kernel once for each SA that it lists: at most so often, by how many there are.
 */
#define STRONGSWAN_LIST_MS_PER_SA 20

/* Takes the connected socket over in any case and sends the first request. -ENOMEM. */
int strongswan_new(uint64_t service, uint64_t netns, int vici, const struct source_sink *sink,
	struct strongswan **ret);
struct strongswan *strongswan_free(struct strongswan *s);
DEFINE_FREEP(strongswan)

int strongswan_fd(const struct strongswan *s, size_t i); /* 0: the socket; -1: no more */
short strongswan_wants(const struct strongswan *s, size_t i); /* POLLIN, and POLLOUT at need */
void strongswan_ready(struct strongswan *s, size_t i); /* readable or writable */
void strongswan_tick(struct strongswan *s, uint64_t now_ns); /* once a second */
void strongswan_restate(struct strongswan *s); /* says all again */
/*
 * The socket ended, or what came was no VICI: free it and connect anew, with a growing delay. Its
 * FACT_SOURCE has said why.
 */
bool strongswan_lost(const struct strongswan *s);
const char *strongswan_version(const struct strongswan *s); /* "5.9.8"; "": not told yet */
/*
 * The line by which charon said that it was told to stop ("SIGTERM received, shutting down"); "":
 * none, which it may also be when it was told so, for its last lines are not always sent.
 */
const char *strongswan_words(const struct strongswan *s);

/*
 * The other channel, where the administrator has configured it: error-notify tells of alerts that
 * VICI has only from 6.0.3 on. charon writes to it while it holds a lock, so a thread of ours
 * drains it, come what may; the rest waits in a ring. Emits FACT_NEGOTIATION (SAID_ALERT).
 */
struct strongswan_notify;

#define STRONGSWAN_NOTIFY_RING 1024 /* records; further ones are dropped and counted */

/* Takes the connected socket over in any case. -ENOMEM, or why a thread or eventfd is refused. */
int strongswan_notify_new(uint64_t service, uint64_t netns, int fd, const struct source_sink *sink,
	struct strongswan_notify **ret);
struct strongswan_notify *strongswan_notify_free(struct strongswan_notify *n);
DEFINE_FREEP(strongswan_notify)

int strongswan_notify_fd(const struct strongswan_notify *n, size_t i); /* an eventfd; then -1 */
void strongswan_notify_ready(struct strongswan_notify *n, size_t i);
bool strongswan_notify_lost(const struct strongswan_notify *n); /* the socket ended */
uint64_t strongswan_notify_dropped(const struct strongswan_notify *n); /* records, so far */
