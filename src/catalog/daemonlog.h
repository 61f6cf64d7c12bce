/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"

/*
 * What a line of an IKE daemon's log says, by catalog/daemon-log.toml. Knows text only: whose line
 * it is, and whether that IKE SA was up already, is the reader's to know.
 */
enum daemonlog_means {
	DAEMONLOG_FAILURE = 0, /* of a negotiation: evidence */
	DAEMONLOG_CONTEXT = 1, /* told about what the next failure is, by its captures */
	DAEMONLOG_LOADED = 2, /* the daemon's configuration changed */
	DAEMONLOG_STOPPING = 3, /* it ends because it was told to */
};

enum daemonlog_side { /* of the negotiation that fails: who writes the line */
	DAEMONLOG_EITHER = 0,
	DAEMONLOG_INITIATOR = 1,
	DAEMONLOG_RESPONDER = 2,
};

enum daemonlog_capture {
	DAEMONLOG_PEER, /* address */
	DAEMONLOG_LOCAL, /* address */
	DAEMONLOG_ID, /* the peer's identity */
	DAEMONLOG_LOCAL_ID,
	DAEMONLOG_OURS, /* proposals or traffic selectors */
	DAEMONLOG_THEIRS,
	DAEMONLOG_CONN,
	DAEMONLOG_CHILD,
	DAEMONLOG_CERT, /* its subject */
	DAEMONLOG_ISSUER,
	DAEMONLOG_CAPTURES_N,
	DAEMONLOG_ANY = DAEMONLOG_CAPTURES_N, /* in a pattern: text that nobody wants */
	DAEMONLOG_END, /* … the literal text that ends it */
};

#define DAEMONLOG_PARTS_MAX 8

struct daemonlog_entry {
	uint8_t daemon; /* enum ike_daemon */
	uint8_t means; /* enum daemonlog_means */
	uint8_t who; /* enum daemonlog_side */
	uint8_t cause; /* enum ike_cause */
	uint8_t up_cause; /* instead, when the IKE SA was up */
	bool child; /* about a child SA */
	bool up_child;
	bool final; /* the negotiation is over; else it may go on */
	bool fallback; /* says less than a line before it: counts only when there was none */
	uint8_t n_parts;
	struct daemonlog_part {
		const char *text;
		uint16_t n;
		uint8_t capture; /* enum daemonlog_capture: what stands behind the text */
	} parts[DAEMONLOG_PARTS_MAX];
	const char *since, *until; /* versions that write it: from, before; "": all that we know */
	const char *seen; /* which version wrote the example; "source" */
	const char *example;
};

extern const struct daemonlog_entry daemonlog_entries[];
extern const size_t daemonlog_n_entries;

/* Borrowed from the line; n 0: the pattern has no such capture. */
struct daemonlog_captures {
	struct span v[DAEMONLOG_CAPTURES_N];
};

/* Blanks at either end of the line are left out. NULL: nothing that we know. ret may be NULL. */
const struct daemonlog_entry *daemonlog_match(
	enum ike_daemon daemon, struct span line, struct daemonlog_captures *ret);
/* The same for one entry: *ret is written on true only. */
bool daemonlog_is(
	const struct daemonlog_entry *e, struct span line, struct daemonlog_captures *ret);
