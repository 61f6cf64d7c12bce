/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/json.h"
#include "model/fact.h"

/* Facts of configuration files as JSON lines, for tests: every member that says something. */
static inline void put_some_text(struct json *j, const char *key, const char *value)
{
	if (value[0] != '\0')
		json_text(j, key, value);
}

static inline void put_some_number(struct json *j, const char *key, uint64_t value)
{
	if (value == UINT64_MAX)
		json_none(j, key);
	else if (value != 0)
		json_u64(j, key, value);
}

static inline void put_some_bool(struct json *j, const char *key, bool value)
{
	if (value)
		json_bool(j, key, value);
}

static inline void put_connection(struct json *j, const struct connection *c)
{
	json_text(j, "connection", c->name);
	put_some_text(j, "file", c->file);
	put_some_number(j, "line", c->line);
	put_some_number(j, "version", c->version);
	put_some_text(j, "local", c->local);
	put_some_text(j, "remote", c->remote);
	put_some_text(j, "local_id", c->local_id);
	put_some_text(j, "remote_id", c->remote_id);
	put_some_text(j, "local_auth", c->local_auth);
	put_some_text(j, "remote_auth", c->remote_auth);
	put_some_text(j, "proposals", c->proposals);
	put_some_text(j, "unique", c->unique);
	put_some_bool(j, "aggressive", c->aggressive);
	put_some_bool(j, "mobike", c->mobike);
	put_some_bool(j, "encap", c->encap);
	put_some_number(j, "rekey_s", c->rekey_s);
	put_some_number(j, "reauth_s", c->reauth_s);
	put_some_number(j, "over_s", c->over_s);
	put_some_number(j, "dpd_s", c->dpd_s);
}

static inline void put_child(struct json *j, const struct connection_child *c)
{
	json_text(j, "child", c->name);
	json_text(j, "of", c->conn);
	put_some_text(j, "file", c->file);
	put_some_number(j, "line", c->line);
	json_u64(j, "mode", c->mode);
	json_text(j, "action", child_action_name(c->action));
	json_text(j, "intent", child_intent_name(c->intent));
	json_u64(j, "proto", c->proto);
	put_some_text(j, "local_ts", c->local_ts);
	put_some_text(j, "remote_ts", c->remote_ts);
	put_some_text(j, "proposals", c->proposals);
	put_some_text(j, "dpd_action", c->dpd_action);
	put_some_text(j, "close_action", c->close_action);
	put_some_number(j, "rekey_s", c->rekey_s);
	put_some_number(j, "life_s", c->life_s);
	put_some_number(j, "rekey_bytes", c->rekey_bytes);
	put_some_number(j, "life_bytes", c->life_bytes);
	put_some_number(j, "rekey_packets", c->rekey_packets);
	put_some_number(j, "life_packets", c->life_packets);
	put_some_number(j, "reqid", c->reqid);
	put_some_number(j, "priority", c->priority);
	put_some_number(j, "if_id_in", c->if_id_in);
	put_some_number(j, "if_id_out", c->if_id_out);
	put_some_number(j, "mark_in", c->mark_in);
	put_some_number(j, "mark_out", c->mark_out);
}

static inline void put_config_file(struct json *j, const struct config_file *f)
{
	json_text(j, "config_file", f->path);
	json_bool(j, "main", f->main);
	put_some_text(j, "digest", f->digest);
	put_some_text(j, "name", f->name);
	put_some_text(j, "description", f->description);
	put_some_text(j, "unit", f->unit);
	put_some_text(j, "gpo", f->gpo);
	put_some_text(j, "error", f->error);
}

/* Appends the fact as a line. */
static inline void put_fact(struct buf *out, const struct fact *f)
{
	struct json j;

	json_init(&j, out);
	json_open(&j, NULL, '{');
	if (f->type == FACT_CONNECTION) {
		put_connection(&j, &f->connection);
	} else if (f->type == FACT_CONNECTION_CHILD) {
		put_child(&j, &f->connection_child);
	} else if (f->type == FACT_CONFIG_FILE) {
		put_config_file(&j, &f->config_file);
	} else if (f->type == FACT_IKE_DUMP) {
		json_u64(&j, "dump", f->ike_dump.list);
		json_u64(&j, "phase", f->ike_dump.phase);
		json_u64(&j, "service", f->ike_dump.service);
		json_text(&j, "daemon", ike_daemon_name(f->ike_dump.daemon));
	} else {
		json_text(&j, "type", fact_type_name(f->type));
	}
	json_close(&j, '}');
	buf_char(out, '\n');
}
