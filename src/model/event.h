/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "model/sa.h"

enum evidence {
	EVIDENCE_NONE = 0,
	EVIDENCE_BPF = 1,
	EVIDENCE_AUDIT = 2,
	EVIDENCE_SA = 3,
	EVIDENCE_COUNTER = 4,
};

/* Bits of the configuration's `evidence`: which may attribute drops. */
#define EVIDENCE_BIT(e) (1u << (e))

#define EVENT_DETAIL_SIZE 3072
#define EVENT_TEXT_SIZE 512

/*
 * One event, before it is a line of the log. has_* / NULL / family 0 / "" mean unknown: null.
 * The texts from the catalogue (name, log, subcategory, outcome, level) are static.
 */
struct event {
	uint64_t seq; /* of this log, from 1, without holes; given by the core */
	uint64_t time_us; /* realtime of the occurrence, or of when we learnt it */
	uint32_t id;
	const char *name, *log, *subcategory, *outcome, *level;
	uint64_t count; /* increments of `counter`; 0 for what merely informs */
	const char *counter; /* xfrm_stat's name, or NULL: the kernel has none */
	uint64_t first_us, last_us; /* 0: null */
	const char *netns; /* name, NULL: unknown or none */
	uint8_t direction; /* enum direction */
	char iface[NAME_SIZE];
	struct addr src, dst;
	uint8_t proto; /* 0: unknown */
	bool has_ports;
	uint16_t sport, dport;
	bool has_spi, has_seqno, has_flowlabel, has_mark, has_if_id, has_reqid, has_policy;
	uint32_t spi, seqno, flowlabel, mark, if_id, reqid, policy;
	char tunnel[NAME_SIZE], peer[NAME_SIZE];
	uint8_t evidence;
	char message[EVENT_TEXT_SIZE];
	char detail[EVENT_DETAIL_SIZE]; /* a JSON object, "" for {} */
	const char *host, *boot; /* filled in by the core from its origin */
};

const char *evidence_name(unsigned evidence); /* "audit"; NULL for none */

/* The event as its line of the log without chain: JSON object text, without what is null. */
void event_json(const struct event *e, struct buf *out);
