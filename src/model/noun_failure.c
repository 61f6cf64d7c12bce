/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/ike.h"
#include "model/rows.h"

#define FAILURE(name, body) GETTER(failure_##name, struct failure_row, body)
FAILURE(time, set_number(ret, true, row->last_us))
FAILURE(first, set_number(ret, true, row->first_us))
FAILURE(count, set_number(ret, true, row->count))
FAILURE(daemon, set_text(ret, row->daemon))
FAILURE(netns, set_text(ret, row->netns))
FAILURE(mode, set_text(ret, row->n->child ? "quick mode" : "main mode"))
FAILURE(connection, set_text(ret, row->n->conn))
FAILURE(child, set_text(ret, row->n->child_name))
FAILURE(local, set_addr(ret, &row->n->local))
FAILURE(peer, set_addr(ret, &row->n->remote))
FAILURE(local_id, set_text(ret, row->n->local_id))
FAILURE(remote_id, set_text(ret, row->n->remote_id))
FAILURE(role, set_text(ret, !row->n->role_known ? NULL
			    : row->n->initiator ? "initiator"
						: "responder"))
FAILURE(version, set_number(ret, row->n->version != 0, row->n->version))
FAILURE(cause, set_text(ret, ike_cause_name(row->n->cause)))
FAILURE(why, set_text(ret, row->why))
FAILURE(event, set_number(ret, true, row->event))
FAILURE(ours, set_text(ret, row->n->ours))
FAILURE(theirs, set_text(ret, row->n->theirs))
FAILURE(words, set_text(ret, row->n->words))
FAILURE(evidence, set_text(ret, row->evidence))
FAILURE(remedy, set_text(ret, row->remedy))

static const struct field failure_fields[] = {
	{ "time", "TIME", FIELD_TIME, "", true, "of the newest", failure_time },
	{ "first", "FIRST", FIELD_TIME, "", false, "of the first", failure_first },
	{ "count", "N", FIELD_NUMBER, "", true, "the same, so often", failure_count },
	{ "event", "ID", FIELD_NUMBER, "", false, "event that tells it: 544 to 547 or 5485",
		failure_event },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "strongSwan or Libreswan", failure_daemon },
	{ "netns", "NETNS", FIELD_TEXT, "", false, "network namespace of the daemon",
		failure_netns },
	{ "mode", "MODE", FIELD_TEXT, "", false, "main mode (IKE SA) or quick mode (IPsec SA)",
		failure_mode },
	{ "connection", "CONNECTION", FIELD_TEXT, "", true,
		"null: the daemon had not found one for the peer", failure_connection },
	{ "child", "CHILD", FIELD_TEXT, "", false, "which child of the connection", failure_child },
	{ "local", "LOCAL", FIELD_ADDR, "", false, "our address", failure_local },
	{ "peer", "PEER", FIELD_ADDR, "", true, "the peer's address", failure_peer },
	{ "local_id", "OUR ID", FIELD_TEXT, "", false, "our identity", failure_local_id },
	{ "remote_id", "PEER ID", FIELD_TEXT, "", false,
		"the peer's identity, as it says or as configured", failure_remote_id },
	{ "role", "ROLE", FIELD_TEXT, "", true, "we: initiator or responder", failure_role },
	{ "version", "IKE", FIELD_NUMBER, "", false, "of IKE: 1 or 2", failure_version },
	{ "cause", "CAUSE", FIELD_TEXT, "", true, "in a word that stays the same", failure_cause },
	{ "why", "WHY", FIELD_TEXT, "", false, "the same as a sentence", failure_why },
	{ "ours", "OURS", FIELD_TEXT, "", false, "our proposals or traffic selectors",
		failure_ours },
	{ "theirs", "THEIRS", FIELD_TEXT, "", false, "the peer's proposals or traffic selectors",
		failure_theirs },
	{ "words", "WORDS", FIELD_TEXT, "", false, "the daemon's own", failure_words },
	{ "evidence", "EVIDENCE", FIELD_TEXT, "", false, "what said so", failure_evidence },
	{ "remedy", "WHAT TO DO", FIELD_TEXT, "", FIELD_WIDE, "what to do", failure_remedy },
};
const struct noun noun_failure = { "failure", "Failures",
	"negotiations that failed, the last 256 kinds since the monitor started; the newest is "
	"last",
	failure_fields, ARRAY_LEN(failure_fields) };

static const char *control_name(unsigned control)
{
	static const char *const names[] = { NULL, "open", "refused", "lost" };

	return control < ARRAY_LEN(names) ? names[control] : NULL;
}

#define SERVICE(name, body) GETTER(service_##name, struct service_row, body)
SERVICE(daemon, set_text(ret, ike_daemon_name(row->service->daemon)))
SERVICE(name, set_text(ret, row->service->name))
SERVICE(pid, set_number(ret, row->service->pid != 0, row->service->pid))
SERVICE(netns, set_text(ret, row->netns))
SERVICE(version, set_text(ret, row->service->version))
SERVICE(state, set_text(ret, service_end_name(row->service->end)))
SERVICE(since, set_number(ret, row->since_us != 0, row->since_us))
SERVICE(started, set_number(ret, row->service->started_us != 0, row->service->started_us))
SERVICE(control,
	set_text(ret,
		row->service->end == SERVICE_RUNS ? control_name(row->service->control) : NULL))
SERVICE(sockets, set_text(ret, row->sockets))
SERVICE(queue, set_number(ret, row->sockets_known, row->queue))
SERVICE(drops, set_number(ret, row->sockets_known, row->drops))
SERVICE(why, set_text(ret, row->service->why))

static const struct field service_fields[] = {
	{ "daemon", "DAEMON", FIELD_TEXT, "", true, "strongSwan or Libreswan", service_daemon },
	{ "name", "PROCESS", FIELD_TEXT, "", true, "charon, charon-systemd or pluto",
		service_name },
	{ "pid", "PID", FIELD_NUMBER, "", true, "process id", service_pid },
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace that it runs in",
		service_netns },
	{ "version", "VERSION", FIELD_TEXT, "", true, "as it says", service_version },
	{ "state", "STATE", FIELD_TEXT, "", true,
		"runs, stopped (told to), failed, or ended (cause unknown)", service_state },
	{ "since", "SINCE", FIELD_TIME, "", true, "in this state since", service_since },
	{ "started", "STARTED", FIELD_TIME, "", false, "start of the process", service_started },
	{ "control", "CONTROL", FIELD_TEXT, "", true,
		"its control socket: open, refused or lost; null: not tried", service_control },
	{ "sockets", "SOCKETS", FIELD_TEXT, "", false, "UDP sockets that it serves IKE on",
		service_sockets },
	{ "queue", "QUEUE", FIELD_NUMBER, "octets", false, "that wait in these sockets",
		service_queue },
	{ "drops", "DROPS", FIELD_NUMBER, "packets", false,
		"that these sockets had no room for, since they were opened", service_drops },
	{ "why", "WHY", FIELD_TEXT, "", false, "of state or control, and what says so",
		service_why },
};
const struct noun noun_service = { "service", "Services", "IKE daemons, as processes",
	service_fields, ARRAY_LEN(service_fields) };
