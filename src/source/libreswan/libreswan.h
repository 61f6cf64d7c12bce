/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/span.h"
#include "source/source.h"

/*
 * What pluto has and says, from the texts of `whack` (Libreswan 4.10 and later) and from its log.
 * Runs nothing and has no descriptor: libreswan_due() says which list to ask for, the program has
 * it asked in a helper with a time limit, and hands the text back.
 *
 * IKE SAs and child SAs are told when they change; connections and shunts, of which no line says
 * that one is gone, all together when one is. pluto's IKE SPIs and, before 5.x, its reqids are in
 * no list. Of an instance of a template ("road"[3]) an SA has the template's name.
 */
struct libreswan;

enum whack_list {
	WHACK_STATUS = 0, /* all of the below but counters and octets */
	WHACK_GLOBALSTATUS = 1, /* counters */
	WHACK_TRAFFICSTATUS = 2, /* octets of child SAs */
	WHACK_SHOWSTATES = 3, /* IKE SAs and child SAs */
	WHACK_CONNECTIONSTATUS = 4, /* 5.x; 4.x has them in the status only */
	WHACK_SHUNTSTATUS = 5,
	WHACK_LISTS_N,
};

const char *whack_option(enum whack_list list); /* "--globalstatus" */

/*
 * For the sake of pluto, which does nothing else while it answers, and asks the kernel for each SA:
 * no more requests than this in any minute, and no more SAs listed in a second. While pluto
 * answers, the same list is asked for again after OFTEN (SAs, octets) or SOMETIMES (all else;
 * connections when something about them is new, else more seldom). test/netns/requests_pluto.sh
 * reads the numbers here.
 */
#define LIBRESWAN_REQUESTS_PER_MINUTE 20
#define LIBRESWAN_OFTEN_S 10
#define LIBRESWAN_SOMETIMES_S 30
#define LIBRESWAN_STATES_PER_SECOND 100

/* What more there is, is left out and counted as a loss. */
#define LIBRESWAN_STATES_MAX 65536
#define LIBRESWAN_CONNECTIONS_MAX 32768
#define LIBRESWAN_COUNTERS_MAX 4096
#define LIBRESWAN_SHUNTS_MAX 4096

/* Emits the source's state. -ENOMEM. */
int libreswan_new(
	uint64_t service, uint64_t netns, const struct source_sink *sink, struct libreswan **ret);
struct libreswan *libreswan_free(struct libreswan *l);
DEFINE_FREEP(libreswan)

/*
 * Which list to ask for now; false: none. One at a time: none is due until the answer to the last
 * was handed over, or a minute has passed. now_ns: any clock that only rises.
 */
bool libreswan_due(struct libreswan *l, uint64_t now_ns, enum whack_list *ret);
/*
 * The answer. status: of the process, as wait(2) gives it, or -errno (-ETIMEDOUT: it was ended;
 * its text is not used).
 */
void libreswan_output(struct libreswan *l, enum whack_list list, struct span text, int status);
/* What pluto's log has anew; a line may come in pieces. */
void libreswan_log(struct libreswan *l, struct span text);
/* The line by which pluto said that it ends because it was told to; "": none. */
const char *libreswan_words(const struct libreswan *l);
void libreswan_restate(struct libreswan *l); /* says all again that it knows */
