/* SPDX-License-Identifier: Apache-2.0 */
#include "api/internal.h"

/* Held against doc/openapi.json by test/unit/api/openapi.c. */

static const char *const none[] = { NULL };
static const char *const rows[] = { "where", "sort", "limit", "offset", NULL };
static const char *const events[] = { "id", "since", "until", "text", "where", "sort", "limit",
	"offset", "order", NULL };
static const char *const heads[] = { "since", NULL };
static const char *const find[] = { "src", "dst", "proto", "sport", "dport", "dir", "netns",
	"interface", "if_id", "mark", "losers", NULL };
static const char *const stream[] = { "since_seq", "id", "text", "where", NULL };

#define BASE "/api/v1/"

const struct route api_routes[] = {
	{ "GET", BASE "status", none, handle_status, NULL, "The monitor itself" },
	{ "GET", BASE "schema", none, handle_schema, NULL, "The nouns and their fields" },
	{ "GET", BASE "sa", rows, handle_rows, &noun_sa, "Security associations" },
	{ "GET", BASE "policy", rows, handle_rows, &noun_policy, "IPsec policies" },
	{ "GET", BASE "find", find, handle_find, NULL, "Which policies a packet would meet" },
	{ "GET", BASE "lint", rows, handle_rows, &noun_lint, "What is wrong with policies" },
	{ "GET", BASE "link", rows, handle_rows, &noun_link, "Network interfaces" },
	{ "GET", BASE "ike-sa", rows, handle_rows, &noun_ike_sa, "Main mode SAs" },
	{ "GET", BASE "child-sa", rows, handle_rows, &noun_child_sa, "Quick mode SAs" },
	{ "GET", BASE "connection", rows, handle_rows, &noun_connection, "Connections" },
	{ "GET", BASE "tunnel", rows, handle_rows, &noun_tunnel, "Tunnels" },
	{ "GET", BASE "lineage", rows, handle_rows, &noun_lineage,
		"Pairs of SAs that tunnels have had" },
	{ "GET", BASE "mainmode-filter", rows, handle_rows, &noun_mainmode_filter,
		"Main mode filters" },
	{ "GET", BASE "mainmode-policy", rows, handle_rows, &noun_mainmode_policy,
		"Main mode policies" },
	{ "GET", BASE "quickmode-filter", rows, handle_rows, &noun_quickmode_filter,
		"Quick mode filters" },
	{ "GET", BASE "quickmode-policy", rows, handle_rows, &noun_quickmode_policy,
		"Quick mode negotiation policies" },
	{ "GET", BASE "active-policy", rows, handle_rows, &noun_active_policy, "Active policy" },
	{ "GET", BASE "certificate", rows, handle_rows, &noun_certificate, "Certificates" },
	{ "GET", BASE "shunt", rows, handle_rows, &noun_shunt, "Shunts" },
	{ "GET", BASE "source", rows, handle_rows, &noun_source, "Sources of facts" },
	{ "GET", BASE "statistic", rows, handle_rows, &noun_statistic, "Statistics" },
	{ "GET", BASE "mainmode-statistic", rows, handle_rows, &noun_mainmode_statistic,
		"Main Mode statistics" },
	{ "GET", BASE "quickmode-statistic", rows, handle_rows, &noun_quickmode_statistic,
		"Quick Mode statistics" },
	{ "GET", BASE "reconcile", rows, handle_rows, &noun_reconcile, "Proof of completeness" },
	{ "GET", BASE "audit-setting", rows, handle_rows, &noun_audit_setting, "Audit policy" },
	{ "PUT", BASE "audit-setting", none, handle_audit_setting, NULL,
		"Change the audit policy" },
	{ "POST", BASE "refresh", none, handle_refresh, NULL, "Read everything now" },
	{ "GET", BASE "events", events, handle_events, &noun_event, "Events of the log" },
	{ "GET", BASE "stream", stream, handle_stream, NULL, "Events as they are committed" },
	{ "POST", BASE "log/reindex", none, handle_reindex, NULL, "Build the log's index anew" },
	{ "GET", BASE "log/segments", none, handle_segments, NULL, "Segments of the event log" },
	{ "GET", BASE "log/segments/", none, handle_segment, NULL, "One segment, as it is" },
	{ "GET", BASE "log/heads", heads, handle_heads, NULL, "Signed heads of the event log" },
	{ "GET", BASE "log/keys", none, handle_keys, NULL, "Public keys of the signed heads" },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
