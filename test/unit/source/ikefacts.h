/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/fact.h"

/* A fact about IKE as one line, for tests to compare and to show. */

static inline const char *said_text(unsigned said)
{
	static const char *const names[] = { "", "updown", "log", "alert", "status", "audit" };

	return said < sizeof(names) / sizeof(names[0]) ? names[said] : "?";
}

static inline void write_negotiation(const struct negotiation *n, struct buf *out)
{
	char remote[ADDR_TEXT_SIZE];

	buf_printf(out, "failed %s by %s: %s%s", n->child ? "child" : "ike", said_text(n->said),
		ike_cause_name(n->cause), n->final ? ", final" : "");
	if (n->role_known)
		buf_printf(out, ", %s", n->initiator ? "initiator" : "responder");
	if (n->unique)
		buf_printf(out, ", %s#%llu", n->conn, (unsigned long long)n->unique);
	else if (n->conn[0])
		buf_printf(out, ", %s", n->conn);
	if (n->child_name[0])
		buf_printf(out, ", child %s", n->child_name);
	if (n->remote.family)
		buf_printf(out, ", to %s", addr_format(&n->remote, remote));
	if (n->remote_id[0])
		buf_printf(out, " %s", n->remote_id);
	if (n->ours[0])
		buf_printf(out, ", ours %s", n->ours);
	if (n->theirs[0])
		buf_printf(out, ", theirs %s", n->theirs);
}

static inline void write_ike(const struct ike_sa *sa, struct buf *out)
{
	buf_printf(out, "%s#%llu %s v%u %s", sa->name, (unsigned long long)sa->unique,
		ike_state_name(sa->state), sa->version, sa->initiator ? "initiator" : "responder");
}

static inline void write_child(const struct child_sa *sa, struct buf *out)
{
	buf_printf(out, "%s#%llu of %s#%llu %s %08x %08x %s === %s", sa->name,
		(unsigned long long)sa->unique, sa->ike_name, (unsigned long long)sa->ike_unique,
		child_state_name(sa->state), sa->spi_in, sa->spi_out, sa->local_ts, sa->remote_ts);
}

/* Appends the line, without its end; false: a fact that is not about IKE. */
static inline bool write_fact(const struct fact *f, struct buf *out)
{
	static const char *const ops[] = { "listed", "up", "rekeyed", "changed" };
	static const char *const hows[] = { "down", "replaced", "failed" };
	static const char *const lists[] = { "", "sas", "connections", "certificates", "shunts",
		"files", "sockets", "counters" };
	static const char *const phases[] = { "begin", "end", "failed" };

	switch (f->type) {
	case FACT_SOURCE:
		buf_printf(out, "source %s", source_state_name(f->source_change.state));
		break;
	case FACT_IKE_DUMP:
		buf_printf(out, "%s %s", lists[f->ike_dump.list], phases[f->ike_dump.phase]);
		break;
	case FACT_IKE_SA:
		buf_printf(out, "ike %s ", ops[f->ike_sa.op]);
		write_ike(&f->ike_sa.sa, out);
		if (f->ike_sa.replaces)
			buf_printf(out, " for #%llu", (unsigned long long)f->ike_sa.replaces);
		break;
	case FACT_IKE_SA_GONE:
		buf_printf(out, "ike %s ", hows[f->ike_sa_gone.how]);
		write_ike(&f->ike_sa_gone.sa, out);
		break;
	case FACT_CHILD_SA:
		buf_printf(out, "child %s ", ops[f->child_sa.op]);
		write_child(&f->child_sa.sa, out);
		if (f->child_sa.replaces)
			buf_printf(out, " for #%llu", (unsigned long long)f->child_sa.replaces);
		break;
	case FACT_CHILD_SA_GONE:
		buf_printf(out, "child %s ", hows[f->child_sa_gone.how]);
		write_child(&f->child_sa_gone.sa, out);
		break;
	case FACT_NEGOTIATION:
		write_negotiation(&f->negotiation, out);
		break;
	case FACT_CONNECTION:
		buf_printf(out, "connection %s v%u %s...%s %s(%s)...%s(%s)", f->connection.name,
			f->connection.version, f->connection.local, f->connection.remote,
			f->connection.local_id, f->connection.local_auth, f->connection.remote_id,
			f->connection.remote_auth);
		break;
	case FACT_CONNECTION_CHILD:
		buf_printf(out, "connection child %s of %s %s %s %s === %s",
			f->connection_child.name, f->connection_child.conn,
			ipsec_mode_name(f->connection_child.mode),
			child_intent_name(f->connection_child.intent), f->connection_child.local_ts,
			f->connection_child.remote_ts);
		break;
	case FACT_SHUNT:
		buf_printf(out, "shunt %s %s %s === %s", f->shunt.name,
			child_action_name(f->shunt.action), f->shunt.local_ts, f->shunt.remote_ts);
		break;
	case FACT_CERTIFICATE:
		buf_printf(out, "certificate %s%s %s by %s, %s, %llu to %llu", f->certificate.kind,
			f->certificate.has_key ? " with key" : "", f->certificate.subject,
			f->certificate.issuer, f->certificate.serial,
			(unsigned long long)f->certificate.not_before_us / 1000000,
			(unsigned long long)f->certificate.not_after_us / 1000000);
		break;
	case FACT_IKE_COUNTER:
		buf_printf(out, "counter %s %llu", f->ike_counter.name,
			(unsigned long long)f->ike_counter.value);
		break;
	default:
		return false;
	}
	return true;
}
