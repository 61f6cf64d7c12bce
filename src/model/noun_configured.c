/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/ike_rows.h"

#define QF(name, body) GETTER(qf_##name, struct quickmode_filter_row, body)
#define QF_SPD(name, body) QF(name, if (row->policy) body)
QF(netns, set_text(ret, row->netns))
QF(kind, set_text(ret, row->kind))
QF(owner, set_text(ret, row->owner))
QF(tunnel, set_text(ret, row->tunnel))
QF(direction, set_text(ret, row->direction))
QF(action, set_text(ret, row->action))
QF(local_ts, set_text(ret, row->local_ts))
QF(remote_ts, set_text(ret, row->remote_ts))
QF_SPD(src, set_prefix(ret, &row->policy->selector.src))
QF_SPD(dst, set_prefix(ret, &row->policy->selector.dst))
QF_SPD(proto, set_text(ret, ipproto_name(row->policy->selector.proto)))
QF_SPD(sport, set_number(ret, row->policy->selector.sport_mask != 0, row->policy->selector.sport))
QF_SPD(dport, set_number(ret, row->policy->selector.dport_mask != 0, row->policy->selector.dport))
QF_SPD(priority, set_number(ret, true, row->policy->priority))
QF_SPD(index, set_number(ret, true, row->policy->index))

static const struct field qf_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", qf_netns },
	{ "owner", "OWNER", FIELD_TEXT, "", true,
		"connection it is of; of specific ones also manual or unowned", qf_owner },
	{ "tunnel", "TUNNEL", FIELD_TEXT, "", FIELD_WIDE, "the tunnel it is of; null: none",
		qf_tunnel },
	{ "kind", "KIND", FIELD_TEXT, "", false,
		"generic: as configured; specific: as installed in the kernel", qf_kind },
	{ "action", "ACTION", FIELD_TEXT, "", true, "protect, pass or drop", qf_action },
	{ "direction", "DIR", FIELD_TEXT, "", true, "of specific ones: in, out or fwd",
		qf_direction },
	{ "local_ts", "LOCAL-TS", FIELD_TEXT, "", true,
		"our side's traffic selectors; of a policy: as an IKE daemon would write them",
		qf_local_ts },
	{ "remote_ts", "REMOTE-TS", FIELD_TEXT, "", true, "the peer's, likewise", qf_remote_ts },
	{ "src", "SOURCE", FIELD_PREFIX, "", false, "of specific ones: source", qf_src },
	{ "dst", "DESTINATION", FIELD_PREFIX, "", false, "of specific ones: destination", qf_dst },
	{ "proto", "PROTO", FIELD_TEXT, "", false, "of specific ones: protocol; null: any",
		qf_proto },
	{ "sport", "SPORT", FIELD_NUMBER, "", false, "of specific ones: source port; null: any",
		qf_sport },
	{ "dport", "DPORT", FIELD_NUMBER, "", false,
		"of specific ones: destination port; null: any", qf_dport },
	{ "priority", "PRIORITY", FIELD_NUMBER, "", false,
		"of specific ones: the lowest number wins", qf_priority },
	{ "index", "INDEX", FIELD_NUMBER, "", false, "of specific ones: the kernel's number of it",
		qf_index },
};
const struct noun noun_quickmode_filter = { "quickmode-filter", "Quick mode filters",
	"which traffic IPsec SAs are for", qf_fields, ARRAY_LEN(qf_fields) };

#define AP(name, body) GETTER(ap_##name, struct active_policy_row, body)
AP(get_name, set_text(ret, row->name))
AP(description, set_text(ret, row->description))
AP(modified, set_number(ret, row->modified_us != 0, row->modified_us))
AP(store, set_text(ret, row->store))
AP(path, set_text(ret, row->path))
AP(unit, set_text(ret, row->unit))
AP(gpo, set_text(ret, row->gpo))
AP(assigned, set_number(ret, true, row->assigned))
AP(loaded_by, set_text(ret, row->loaded_by))
AP(digest, set_text(ret, row->digest))
AP(netns, set_text(ret, row->netns))
AP(daemon, set_text(ret, row->daemon))
AP(connections, set_number(ret, true, row->n_connections))
AP(error, set_text(ret, row->error))

static const struct field ap_fields[] = {
	{ "name", "NAME", FIELD_TEXT, "", true,
		"by the key of a comment at the file's head, else the file's name", ap_get_name },
	{ "description", "DESCRIPTION", FIELD_TEXT, "", FIELD_WIDE,
		"by a key there; null: it has none", ap_description },
	{ "last_modified", "MODIFIED", FIELD_TIME, "", true, "of the file", ap_modified },
	{ "store", "STORE", FIELD_TEXT, "", true,
		"swanctl.conf, ipsec.conf …; loaded: no file is known; kernel only: no daemon",
		ap_store },
	{ "path", "PATH", FIELD_TEXT, "", FIELD_WIDE, "of the file, as the daemon sees it",
		ap_path },
	{ "organizational_unit", "UNIT", FIELD_TEXT, "", FIELD_WIDE,
		"by a key there; null: it has none", ap_unit },
	{ "gpo_name", "GPO", FIELD_TEXT, "", FIELD_WIDE, "group policy object, by a key there",
		ap_gpo },
	{ "assigned", "ASSIGNED", FIELD_BOOL, "", true,
		"a daemon that runs has it loaded, or the kernel has the policies", ap_assigned },
	{ "loaded_by", "LOADED-BY", FIELD_TEXT, "", FIELD_WIDE,
		"who installed its first policy, by the kernel's audit; null: not recorded",
		ap_loaded_by },
	{ "digest", "DIGEST", FIELD_TEXT, "", false, "SHA-256 of the file", ap_digest },
	{ "connections", "CONNECTIONS", FIELD_NUMBER, "", true,
		"loaded; of a file that is not: those in it", ap_connections },
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", ap_netns },
	{ "daemon", "DAEMON", FIELD_TEXT, "", FIELD_WIDE, "the process; null: none runs",
		ap_daemon },
	{ "error", "ERROR", FIELD_TEXT, "", false, "what kept us from reading the file", ap_error },
};
const struct noun noun_active_policy = { "active-policy", "Active policy",
	"which IPsec configurations are there, and which is in force", ap_fields,
	ARRAY_LEN(ap_fields) };

#define CERT(name, body) GETTER(cert_##name, struct certificate_row, body)
CERT(netns, set_text(ret, row->netns))
CERT(daemon, set_text(ret, row->daemon))
CERT(kind, set_text(ret, row->cert->kind))
CERT(subject, set_text(ret, row->cert->subject))
CERT(issuer, set_text(ret, row->cert->issuer))
CERT(serial, set_text(ret, row->cert->serial))
CERT(has_key, set_number(ret, true, row->cert->has_key))
CERT(not_before, set_number(ret, row->cert->not_before_us != 0, row->cert->not_before_us))
CERT(not_after, set_number(ret, row->cert->not_after_us != 0, row->cert->not_after_us))
CERT(left, set_seconds(ret, row->now_us, row->cert->not_after_us))

static const struct field cert_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", cert_netns },
	{ "kind", "KIND", FIELD_TEXT, "", true, "x509, ca, crl, …", cert_kind },
	{ "subject", "SUBJECT", FIELD_TEXT, "", true, "whose it is", cert_subject },
	{ "issuer", "ISSUER", FIELD_TEXT, "", FIELD_WIDE, "who signed it", cert_issuer },
	{ "serial", "SERIAL", FIELD_TEXT, "", false, "its number", cert_serial },
	{ "has_key", "OURS", FIELD_BOOL, "", true, "its private key is here", cert_has_key },
	{ "not_before", "FROM", FIELD_TIME, "", false, "valid from", cert_not_before },
	{ "not_after", "UNTIL", FIELD_TIME, "", FIELD_WIDE, "valid until", cert_not_after },
	{ "left_s", "LEFT", FIELD_NUMBER, "s", true, "how long it is still valid; null: no more",
		cert_left },
	{ "daemon", "DAEMON", FIELD_TEXT, "", FIELD_WIDE, "the process that has it", cert_daemon },
};
const struct noun noun_certificate = { "certificate", "Certificates",
	"certificates that the IKE daemons have loaded", cert_fields, ARRAY_LEN(cert_fields) };

#define SHUNT(name, body) GETTER(shunt_##name, struct shunt_row, body)
SHUNT(netns, set_text(ret, row->netns))
SHUNT(daemon, set_text(ret, row->daemon))
SHUNT(get_name, set_text(ret, row->shunt->name))
SHUNT(action, set_text(ret, child_action_name(row->shunt->action)))
SHUNT(origin, set_text(ret, row->shunt->negotiated ? "negotiation" : "configuration"))
SHUNT(local_ts, set_text(ret, row->shunt->local_ts))
SHUNT(remote_ts, set_text(ret, row->shunt->remote_ts))

static const struct field shunt_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", shunt_netns },
	{ "name", "SHUNT", FIELD_TEXT, "", true, "its name in the configuration", shunt_get_name },
	{ "action", "ACTION", FIELD_TEXT, "", true, "pass: in the clear; drop", shunt_action },
	{ "origin", "ORIGIN", FIELD_TEXT, "", true,
		"configuration, or negotiation: left behind by one that failed", shunt_origin },
	{ "local_ts", "LOCAL-TS", FIELD_TEXT, "", true, "our side's traffic selectors",
		shunt_local_ts },
	{ "remote_ts", "REMOTE-TS", FIELD_TEXT, "", true, "the other side's", shunt_remote_ts },
	{ "daemon", "DAEMON", FIELD_TEXT, "", FIELD_WIDE, "the process that has it", shunt_daemon },
};
const struct noun noun_shunt = { "shunt", "Shunts",
	"traffic that IKE daemons let pass in the clear, or have dropped", shunt_fields,
	ARRAY_LEN(shunt_fields) };
