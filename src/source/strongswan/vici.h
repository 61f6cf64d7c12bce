/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "source/parse.h"

/*
 * VICI, the protocol of charon's control socket (src/libcharon/plugins/vici/README.md of
 * strongSwan). A frame is a length (u32, big-endian) and a packet; a packet is a type, for some
 * types a name, and for some a message; a message is a tree of sections, values and lists.
 */
#define VICI_FRAME_MAX (512u << 10) /* octets of a packet; charon sends no longer ones */
#define VICI_DEPTH_MAX 16 /* sections within sections; charon's own messages have 5 */

enum vici_type {
	VICI_CMD_REQUEST = 0, /* name, message */
	VICI_CMD_RESPONSE = 1, /* message */
	VICI_CMD_UNKNOWN = 2,
	VICI_EVENT_REGISTER = 3, /* name */
	VICI_EVENT_UNREGISTER = 4, /* name */
	VICI_EVENT_CONFIRM = 5,
	VICI_EVENT_UNKNOWN = 6,
	VICI_EVENT = 7, /* name, message */
};

struct vici_packet {
	uint8_t type; /* enum vici_type */
	struct span name;
	struct span message; /* whole and well-formed: fit for vici_next() */
};

/*
 * Takes the first frame off *octets; *ret borrows from them. PARSE_TRUNCATED: more octets are
 * needed, *octets is untouched. PARSE_MALFORMED: this is no VICI, and what follows is lost.
 */
enum parse_result vici_take(struct span *octets, struct vici_packet *ret);

enum vici_kind { VICI_VALUE, VICI_SECTION, VICI_LIST };

struct vici_item {
	uint8_t kind; /* enum vici_kind */
	struct span name;
	struct span body; /* the value; what is in the section; the list, for vici_next_value() */
};

/* The next item of a message or of a section's body, in order; false: there is none left. */
bool vici_next(struct span *body, struct vici_item *ret);
bool vici_next_value(struct span *list, struct span *ret);
/* The first item of that name and kind; an empty span when there is none. */
struct span vici_get(struct span body, enum vici_kind kind, const char *name);
bool vici_is(struct span text, const char *expected);

/* A whole frame appended to out. The message is what vici_put_value() wrote; empty: none. */
void vici_put(struct buf *out, enum vici_type type, const char *name, struct span message);
void vici_put_value(struct buf *message, const char *name, const char *value);
