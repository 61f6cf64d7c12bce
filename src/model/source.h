/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/sa.h"

/* What can feed the core. Numbers are in fact files: never change one. */
enum source_id {
	SOURCE_NONE =
		0, /* the core process itself: ticks, configuration, requests, restored state */
	SOURCE_XFRM = 1, /* NETLINK_XFRM dumps and notifications */
	SOURCE_XFRMSTAT = 2, /* /proc/net/xfrm_stat */
	SOURCE_AUDIT = 3, /* audit READLOG */
	SOURCE_LINK = 4, /* NETLINK_ROUTE */
	SOURCE_BPF = 5, /* programs of ours in the kernel */
	SOURCE_STRONGSWAN = 6, /* VICI, error-notify */
	SOURCE_LIBRESWAN = 7, /* whack, pluto's log */
	SOURCE_CONFIG = 8, /* the daemons' configuration files */
	SOURCE_SERVICE = 9, /* the daemons as processes, their sockets */
	SOURCE_N,
};

enum source_state {
	SOURCE_OFF = 0, /* excluded by the configuration */
	SOURCE_ABSENT = 1, /* not to be had here: the kernel lacks it, we may not, no such daemon */
	SOURCE_RESYNCING = 2, /* lost something, or has just begun: dumping */
	SOURCE_IN_STEP = 3,
	SOURCE_LOST = 4, /* worked before, or is to work, and does not */
};

const char *source_name(unsigned id); /* "xfrm", … ; NULL: unknown */
const char *source_state_name(unsigned state); /* "in step", … */
/*
 * What nobody sees while the source is in this state: a sentence; NULL: nothing is missed, as it is
 * in step, or there is no daemon to be seen. packets_seen: programs in the kernel see each drop.
 */
const char *source_blind(unsigned id, unsigned state, bool packets_seen);

struct source_row {
	uint8_t id, state;
	const char *netns; /* NULL: of the whole host */
	const char *reason; /* why it is not in step, what to do; "" */
	const char *serves; /* by which of its hooks it tells what; "" */
	bool packets_seen; /* as for source_blind() */
	uint64_t since_us, losses, facts;
	uint64_t resolution_ms; /* polled sources: the interval; 0: event by event */
};
