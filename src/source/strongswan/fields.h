/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"

/*
 * The keys of VICI's sections, each described once: what kind of value it has and where in our
 * structs it belongs. A key that is not there leaves its member; a value that is not what it should
 * be counts as not there, so that a daemon newer than we costs one field and not the SA.
 */
enum field_kind {
	FIELD_TEXT, /* char[]; control characters and what is no UTF-8 become '?' */
	FIELD_ADDR, /* struct addr */
	FIELD_NUMBER, /* decimal, into an unsigned of `size` octets */
	FIELD_HEX, /* the same, hexadecimal */
	FIELD_YES, /* bool: true when it is there and not "no" */
	FIELD_WORDS, /* list or value: appended to char[], by single blanks */
	FIELD_COUNT, /* list: how many items */
	FIELD_AGO, /* seconds before now: a point in time, uint64_t microseconds */
	FIELD_AHEAD, /* seconds from now on (may be negative): the same */
	FIELD_STATE, /* uint8_t: by its name, see `names` */
};

struct field_name {
	const char *text;
	uint8_t value;
};

struct field {
	const char *key;
	uint8_t kind; /* enum field_kind */
	uint16_t at, size; /* of the member */
	const struct field_name *names; /* FIELD_STATE; ends with NULL */
};

/* Copies as FIELD_TEXT does; what does not fit is cut between characters. */
void field_text(struct span s, char *ret, size_t size);
bool field_number(struct span s, unsigned base, uint64_t *ret); /* all digits, fits */

/* Adds to *ret; zero it first. now_us: CLOCK_REALTIME. */
void ike_sa_read(struct span section, uint64_t now_us, struct ike_sa *ret);
void child_sa_read(struct span section, uint64_t now_us, struct child_sa *ret);
void connection_read(struct span section, struct connection *ret);
void connection_child_read(struct span section, struct connection_child *ret);
void shunt_read(struct span section, struct shunt *ret);
