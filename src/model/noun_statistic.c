/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/rows.h"

/* Three nouns of the same rows: all statistics, and those of one mode, as people read them. */

#define STATISTIC(name, body) GETTER(statistic_##name, struct statistic_row, body)
STATISTIC(key, set_text(ret, row->key))
STATISTIC(title, set_text(ret, row->title))
STATISTIC(netns, set_text(ret, row->netns))
STATISTIC(daemon, set_text(ret, row->daemon))
STATISTIC(value, set_number(ret, row->known, row->value))
STATISTIC(since, set_number(ret, row->has_since, row->since))
STATISTIC(before, set_number(ret, row->has_since, row->before_unknown))
STATISTIC(unit, set_text(ret, row->unit))
STATISTIC(kind, set_text(ret, row->kind))
STATISTIC(reason, set_text(ret, row->reason))
STATISTIC(parts, set_text(ret, row->parts))
STATISTIC(note, set_text(ret, row->note))
STATISTIC(definition, set_text(ret, row->definition))
STATISTIC(from, set_text(ret, row->source))
STATISTIC(cause, set_text(ret, row->cause))
STATISTIC(action, set_text(ret, row->action))
STATISTIC(events, set_text(ret, row->events))

#define KEY(brief) \
	{ \
		"key", "STATISTIC", FIELD_TEXT, "", brief, "its stable name", statistic_key \
	}
#define TITLE(brief) \
	{ \
		"title", "TITLE", FIELD_TEXT, "", brief, "what people call it", statistic_title \
	}
#define NETNS \
	{ \
		"netns", "NETNS", FIELD_TEXT, "", true, "network namespace", statistic_netns \
	}
#define DAEMON(brief) \
	{ \
		"daemon", "DAEMON", FIELD_TEXT, "", brief, \
			"of this IKE daemon, where there are several; null: of all", \
			statistic_daemon \
	}
#define VALUE \
	{ \
		"value", "VALUE", FIELD_NUMBER, "", true, \
			"counters over all runs; null: not known here, see reason", \
			statistic_value \
	}
#define SINCE(brief) \
	{ \
		"since_start", "SINCE", FIELD_NUMBER, "", brief, \
			"of that since the IKE service started; of Quick Mode since boot", \
			statistic_since \
	}
#define BEFORE(brief) \
	{ \
		"before_unknown", "PARTIAL", FIELD_BOOL, "", brief, \
			"of since_start: what was before the monitor's first sight is not in it", \
			statistic_before \
	}
#define UNIT(brief) \
	{ \
		"unit", "UNIT", FIELD_TEXT, "", brief, "packets, octets, lookups, SAs …", \
			statistic_unit \
	}
#define KIND \
	{ \
		"kind", "KIND", FIELD_TEXT, "", false, "counter (only rises) or gauge", \
			statistic_kind \
	}
#define NOTE \
	{ \
		"note", "NOTE", FIELD_TEXT, "", true, "of which daemon, and reason or parts", \
			statistic_note \
	}
#define REST \
	{ "reason", "REASON", FIELD_TEXT, "", false, "why the value is not known", \
		statistic_reason }, \
		{ "parts", "PARTS", FIELD_TEXT, "", false, \
			"what it is made of, or what stands beside it", statistic_parts }, \
		{ "definition", "DEFINITION", FIELD_TEXT, "", false, "what exactly is counted", \
			statistic_definition }, \
		{ "source", "FROM", FIELD_TEXT, "", false, "where the number comes from", \
			statistic_from }, \
		{ "cause", "CAUSE", FIELD_TEXT, "", false, "what usually moves it", \
			statistic_cause }, \
		{ "action", "ACTION", FIELD_TEXT, "", false, "what to do about it", \
			statistic_action }, \
	{ \
		"events", "EVENTS", FIELD_TEXT, "", false, "IDs of events that tell single cases", \
			statistic_events \
	}

static const struct field statistic_fields[] = { KEY(true), NETNS, DAEMON(false), VALUE,
	SINCE(false), BEFORE(false), UNIT(true), TITLE(FIELD_WIDE), KIND, REST };
const struct noun noun_statistic = { "statistic", "Statistics",
	"what is counted, and its definition", statistic_fields, ARRAY_LEN(statistic_fields) };

static const struct field mode_fields[] = { TITLE(true), VALUE, SINCE(true), BEFORE(FIELD_WIDE),
	UNIT(FIELD_WIDE), NETNS, DAEMON(FIELD_WIDE), NOTE, KEY(false), KIND, REST };
const struct noun noun_mainmode_statistic = { "mainmode-statistic", "Main Mode statistics",
	"IKE: what was asked, negotiated and refused", mode_fields, ARRAY_LEN(mode_fields) };
const struct noun noun_quickmode_statistic = { "quickmode-statistic", "Quick Mode statistics",
	"IPsec SAs: what they carried and what failed", mode_fields, ARRAY_LEN(mode_fields) };
