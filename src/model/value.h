/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/span.h"

/* What a field is to a person and to a filter; how it is stored is the getter's business. */
enum field_type {
	FIELD_TEXT,
	FIELD_NUMBER, /* an unsigned count or quantity */
	FIELD_BOOL,
	FIELD_SPI, /* unsigned; people see 0x%08x */
	FIELD_ADDR,
	FIELD_PREFIX,
	FIELD_TIME, /* microseconds since 1970; JSON and people see RFC 3339 */
	FIELD_JSON, /* an object or array */
};

/* One value of one field of one row. Texts are borrowed from the row. */
struct value {
	bool known; /* false: null */
	union {
		uint64_t number; /* NUMBER, BOOL, SPI, TIME */
		struct addr addr;
		struct prefix prefix;
		struct span text; /* TEXT; JSON: the JSON text */
	};
};

struct field {
	const char *key; /* JSON key and column name */
	const char *title; /* column head for people */
	enum field_type type;
	const char *unit; /* "", "octets", "packets", "s", … */
	uint8_t brief; /* true: shown when no columns are asked for; FIELD_WIDE; false */
	const char *help; /* one sentence for the manual */
	void (*get)(const void *row, struct value *ret);
};

#define FIELD_WIDE 2 /* … on a wide terminal */

struct noun {
	const char *name; /* as in `show sa` and /api/v1/sa */
	const char *title;
	const char *help;
	const struct field *fields;
	size_t n_fields;
};

extern const struct noun noun_sa, noun_policy, noun_link, noun_source, noun_statistic, noun_event,
	noun_reconcile, noun_audit_setting, noun_lint, noun_ike_sa, noun_child_sa, noun_connection,
	noun_tunnel, noun_lineage, noun_mainmode_filter, noun_mainmode_policy,
	noun_quickmode_filter, noun_quickmode_policy, noun_active_policy, noun_certificate,
	noun_shunt, noun_mainmode_statistic, noun_quickmode_statistic;
extern const struct noun *const nouns[]; /* all, NULL-terminated */

const struct noun *noun_find(const char *name); /* NULL: none */
const struct field *noun_field(const struct noun *n, const char *key); /* NULL: none */

/* One row as a JSON object with every field, in the table's order; no newline. */
void noun_json(const struct noun *n, const void *row, struct buf *out);
/* The same without what is null. */
void noun_json_lean(const struct noun *n, const void *row, struct buf *out);
void value_json(const struct field *f, const struct value *v, struct json *out);
