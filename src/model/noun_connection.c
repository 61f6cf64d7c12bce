/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/ike_rows.h"

static void set_limit(struct value *v, uint64_t limit)
{
	set_number(v, limit != UINT64_MAX, limit);
}

static const char *version_text(uint8_t version)
{
	return version == 1 ? "1" : version == 2 ? "2" : "1 or 2";
}

#define CONN(name, body) GETTER(conn_##name, struct connection_row, body)
CONN(netns, set_text(ret, row->netns))
CONN(daemon, set_text(ret, row->daemon))
CONN(get_name, set_text(ret, row->conn->name))
CONN(origin, set_text(ret, row->origin))
CONN(version, set_text(ret, version_text(row->conn->version)))
CONN(local, set_text(ret, row->conn->local))
CONN(remote, set_text(ret, row->conn->remote))
CONN(local_id, set_text(ret, row->conn->local_id))
CONN(remote_id, set_text(ret, row->conn->remote_id))
CONN(local_auth, set_text(ret, row->conn->local_auth))
CONN(remote_auth, set_text(ret, row->conn->remote_auth))
CONN(unique, set_text(ret, row->conn->unique))
CONN(aggressive, set_number(ret, true, row->conn->aggressive))
CONN(mobike, set_number(ret, true, row->conn->mobike))
CONN(encap, set_number(ret, true, row->conn->encap))
CONN(children, set_number(ret, true, row->n_children))
CONN(ike, set_number(ret, row->conn->origin == ORIGIN_LOADED, row->n_ike))
CONN(file, set_text(ret, row->conn->file))
CONN(line, set_number(ret, row->conn->line != 0, row->conn->line))

static const struct field conn_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", conn_netns },
	{ "name", "CONNECTION", FIELD_TEXT, "", true, "its name", conn_get_name },
	{ "origin", "ORIGIN", FIELD_TEXT, "", true,
		"loaded: the daemon has it; file: it stands in a file", conn_origin },
	{ "version", "IKE", FIELD_TEXT, "", true, "1, 2, or 1 or 2", conn_version },
	{ "local", "LOCAL", FIELD_TEXT, "", true, "our addresses or names, as configured",
		conn_local },
	{ "remote", "REMOTE", FIELD_TEXT, "", true, "the peer's; %any: any", conn_remote },
	{ "local_id", "LOCAL-ID", FIELD_TEXT, "", FIELD_WIDE, "our identity", conn_local_id },
	{ "remote_id", "PEER", FIELD_TEXT, "", FIELD_WIDE, "the identity that the peer must have",
		conn_remote_id },
	{ "local_auth", "LOCAL-AUTH", FIELD_TEXT, "", FIELD_WIDE, "how we prove ourselves",
		conn_local_auth },
	{ "remote_auth", "PEER-AUTH", FIELD_TEXT, "", FIELD_WIDE, "how the peer does",
		conn_remote_auth },
	{ "unique", "UNIQUE", FIELD_TEXT, "", false, "what becomes of a second SA of a peer",
		conn_unique },
	{ "aggressive", "AGGRESSIVE", FIELD_BOOL, "", false, "IKEv1 aggressive mode",
		conn_aggressive },
	{ "mobike", "MOBIKE", FIELD_BOOL, "", false, "addresses may move", conn_mobike },
	{ "encap", "UDP", FIELD_BOOL, "", false, "always in UDP", conn_encap },
	{ "children", "CHILDREN", FIELD_NUMBER, "", true, "how many children it has",
		conn_children },
	{ "ike_sas", "IKE-SAS", FIELD_NUMBER, "", FIELD_WIDE,
		"established IKE SAs; null: a file has none", conn_ike },
	{ "file", "FILE", FIELD_TEXT, "", false, "where it stands", conn_file },
	{ "line", "LINE", FIELD_NUMBER, "", false, "the line there", conn_line },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "strongSwan or Libreswan", conn_daemon },
};
const struct noun noun_connection = { "connection", "Connections",
	"what the IKE daemons have loaded, and what their files say", conn_fields,
	ARRAY_LEN(conn_fields) };

#define MF(name, body) GETTER(mf_##name, struct mainmode_filter_row, body)
MF(netns, set_text(ret, row->netns))
MF(kind, set_text(ret, row->kind))
MF(conn, set_text(ret, row->conn))
MF(local, set_text(ret, row->local))
MF(remote, set_text(ret, row->remote))
MF(local_id, set_text(ret, row->local_id))
MF(remote_id, set_text(ret, row->remote_id))
MF(local_auth, set_text(ret, row->local_auth))
MF(remote_auth, set_text(ret, row->remote_auth))
MF(version, set_text(ret, version_text(row->version)))
MF(origin, set_text(ret, row->origin))
MF(daemon, set_text(ret, row->daemon))

static const struct field mf_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", mf_netns },
	{ "connection", "CONNECTION", FIELD_TEXT, "", true, "that it chooses", mf_conn },
	{ "kind", "KIND", FIELD_TEXT, "", false,
		"generic: as configured; specific: as an IKE SA resolved it", mf_kind },
	{ "version", "IKE", FIELD_TEXT, "", true, "1, 2, or 1 or 2", mf_version },
	{ "local", "LOCAL", FIELD_TEXT, "", true, "our addresses or names", mf_local },
	{ "remote", "REMOTE", FIELD_TEXT, "", true, "the peer's; %any: any", mf_remote },
	{ "local_id", "LOCAL-ID", FIELD_TEXT, "", FIELD_WIDE, "our identity", mf_local_id },
	{ "remote_id", "PEER", FIELD_TEXT, "", true, "the peer's identity", mf_remote_id },
	{ "local_auth", "LOCAL-AUTH", FIELD_TEXT, "", FIELD_WIDE,
		"how we prove ourselves; null: specific ones do not tell", mf_local_auth },
	{ "remote_auth", "PEER-AUTH", FIELD_TEXT, "", FIELD_WIDE, "how the peer does, likewise",
		mf_remote_auth },
	{ "origin", "ORIGIN", FIELD_TEXT, "", FIELD_WIDE, "loaded, file, or IKE SA", mf_origin },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "strongSwan or Libreswan", mf_daemon },
};
const struct noun noun_mainmode_filter = { "mainmode-filter", "Main mode filters",
	"between whom IKE SAs are made", mf_fields, ARRAY_LEN(mf_fields) };

#define MP(name, body) GETTER(mp_##name, struct mainmode_policy_row, body)
/* Daemons do not tell all that their files say. */
#define MP_FILE(name, body) MP(name, if (row->file) body)
MP(netns, set_text(ret, row->netns))
MP(conn, set_text(ret, row->conn->name))
MP(version, set_text(ret, version_text(row->conn->version)))
MP(rekey, set_limit(ret, row->conn->rekey_s))
MP(reauth, set_limit(ret, row->conn->reauth_s))
MP(over, set_limit(ret, row->conn->over_s))
MP(dpd, set_limit(ret, row->conn->dpd_s))
MP_FILE(file, set_text(ret, row->file->file))
MP_FILE(line, set_number(ret, row->file->line != 0, row->file->line))
MP(daemon, set_text(ret, row->daemon))

static void mp_proposals(const void *opaque, struct value *ret)
{
	const struct mainmode_policy_row *row = opaque;

	set_text(ret, row->conn->proposals[0] || !row->file ? row->conn->proposals
							    : row->file->proposals);
}

static void mp_unknown(const void *opaque, struct value *ret)
{
	const struct mainmode_policy_row *row = opaque;

	if (row->conn->proposals[0] || (row->file && row->file->proposals[0]))
		return;
	set_text(ret, row->file ? "its file names no proposals: the daemon's own defaults are used"
				: "the daemon does not tell proposals, and no file that we read "
				  "has this connection");
}

static const struct field mp_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", mp_netns },
	{ "connection", "CONNECTION", FIELD_TEXT, "", true, "whose policy it is", mp_conn },
	{ "version", "IKE", FIELD_TEXT, "", true, "1, 2, or 1 or 2", mp_version },
	{ "proposals", "PROPOSALS", FIELD_TEXT, "", true,
		"for IKE, the best first, as the daemon writes them", mp_proposals },
	{ "rekey_s", "REKEY", FIELD_NUMBER, "s", true, "an IKE SA's time to rekey; 0: never",
		mp_rekey },
	{ "reauth_s", "REAUTH", FIELD_NUMBER, "s", true, "… to authenticate anew; 0: never",
		mp_reauth },
	{ "over_s", "OVER", FIELD_NUMBER, "s", false, "after that it ends", mp_over },
	{ "dpd_s", "DPD", FIELD_NUMBER, "s", true, "a silent peer is asked after it; 0: never",
		mp_dpd },
	{ "unknown", "UNKNOWN", FIELD_TEXT, "", FIELD_WIDE, "why proposals are not known",
		mp_unknown },
	{ "file", "FILE", FIELD_TEXT, "", false, "where it stands", mp_file },
	{ "line", "LINE", FIELD_NUMBER, "", false, "the line there", mp_line },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "strongSwan or Libreswan", mp_daemon },
};
const struct noun noun_mainmode_policy = { "mainmode-policy", "Main mode policies",
	"how IKE SAs are negotiated", mp_fields, ARRAY_LEN(mp_fields) };

#define QP(name, body) GETTER(qp_##name, struct quickmode_policy_row, body)
#define QP_FILE(name, body) QP(name, if (row->file) body)
QP(netns, set_text(ret, row->netns))
QP(conn, set_text(ret, row->child->conn))
QP(child, set_text(ret, row->child->name))
QP(mode, set_text(ret, ipsec_mode_name(row->child->mode)))
QP(action, set_text(ret, child_action_name(row->child->action)))
QP(rekey, set_limit(ret, row->child->rekey_s))
QP(life, set_limit(ret, row->child->life_s))
QP(rekey_bytes, set_limit(ret, row->child->rekey_bytes))
QP(life_bytes, set_limit(ret, row->child->life_bytes))
QP(rekey_packets, set_limit(ret, row->child->rekey_packets))
QP(life_packets, set_limit(ret, row->child->life_packets))
QP(dpd_action, set_text(ret, row->child->dpd_action))
QP(close_action, set_text(ret, row->child->close_action))
QP_FILE(file, set_text(ret, row->file->file))
QP_FILE(line, set_number(ret, row->file->line != 0, row->file->line))
QP(daemon, set_text(ret, row->daemon))

static void qp_start(const void *opaque, struct value *ret)
{
	const struct quickmode_policy_row *row = opaque;
	uint8_t intent = row->child->intent;

	set_text(ret, child_intent_name(intent || !row->file ? intent : row->file->intent));
}

static void qp_proposals(const void *opaque, struct value *ret)
{
	const struct quickmode_policy_row *row = opaque;

	set_text(ret, row->child->proposals[0] || !row->file ? row->child->proposals
							     : row->file->proposals);
}

static void qp_unknown(const void *opaque, struct value *ret)
{
	const struct quickmode_policy_row *row = opaque;

	if (row->child->proposals[0] || (row->file && row->file->proposals[0]))
		return;
	set_text(ret, row->file ? "its file names no proposals: the daemon's own defaults are used"
				: "the daemon does not tell proposals, and no file that we read "
				  "has this child");
}

static const struct field qp_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", qp_netns },
	{ "connection", "CONNECTION", FIELD_TEXT, "", true, "whose child it is", qp_conn },
	{ "child", "CHILD", FIELD_TEXT, "", true, "whose policy it is", qp_child },
	{ "mode", "MODE", FIELD_TEXT, "", true, "transport, tunnel or beet", qp_mode },
	{ "action", "ACTION", FIELD_TEXT, "", FIELD_WIDE, "protect, pass or drop", qp_action },
	{ "start", "START", FIELD_TEXT, "", true,
		"when it is made: none (by the peer or by hand), on demand, always or disabled",
		qp_start },
	{ "proposals", "PROPOSALS", FIELD_TEXT, "", true,
		"for ESP or AH, the best first, as the daemon writes them", qp_proposals },
	{ "rekey_s", "REKEY", FIELD_NUMBER, "s", true, "an SA's time to rekey; 0: never",
		qp_rekey },
	{ "life_s", "LIFE", FIELD_NUMBER, "s", FIELD_WIDE, "its hard time limit; 0: none",
		qp_life },
	{ "rekey_bytes", "REKEY-BYTES", FIELD_NUMBER, "octets", false, "octets to rekey; 0: none",
		qp_rekey_bytes },
	{ "life_bytes", "LIFE-BYTES", FIELD_NUMBER, "octets", false, "hard limit; 0: none",
		qp_life_bytes },
	{ "rekey_packets", "REKEY-PKTS", FIELD_NUMBER, "packets", false,
		"packets to rekey; 0: none", qp_rekey_packets },
	{ "life_packets", "LIFE-PKTS", FIELD_NUMBER, "packets", false, "hard limit; 0: none",
		qp_life_packets },
	{ "dpd_action", "DPD-ACTION", FIELD_TEXT, "", FIELD_WIDE, "when the peer is dead",
		qp_dpd_action },
	{ "close_action", "CLOSE-ACTION", FIELD_TEXT, "", false, "when the peer ends it",
		qp_close_action },
	{ "unknown", "UNKNOWN", FIELD_TEXT, "", FIELD_WIDE, "why proposals are not known",
		qp_unknown },
	{ "file", "FILE", FIELD_TEXT, "", false, "where it stands", qp_file },
	{ "line", "LINE", FIELD_NUMBER, "", false, "the line there", qp_line },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "strongSwan or Libreswan", qp_daemon },
};
const struct noun noun_quickmode_policy = { "quickmode-policy", "Quick mode negotiation policies",
	"how IPsec SAs are negotiated", qp_fields, ARRAY_LEN(qp_fields) };
