/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ike_changes.h"
#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"
#include "core/tunnels.h"

/* What daemons are configured to do: children, shunts, certificates, files; and their sockets. */

struct child_key {
	uint64_t service;
	char conn[CONN_SIZE], name[CONN_SIZE];
	uint8_t origin, daemon, zero[6];
};
_Static_assert(sizeof(struct child_key) == 272, "no padding");

struct shunt_key {
	uint64_t service;
	char name[CONN_SIZE], local_ts[TS_SIZE], remote_ts[TS_SIZE];
	uint8_t action, negotiated, zero[6];
};
_Static_assert(sizeof(struct shunt_key) == 8 + CONN_SIZE + 2 * TS_SIZE + 8, "no padding");

struct certificate_key {
	uint64_t service;
	char kind[NAME_SIZE], subject[IDENTITY_SIZE], issuer[IDENTITY_SIZE], serial[NAME_SIZE];
};

struct file_key {
	uint64_t service;
	char path[PATH_SIZE];
	uint8_t daemon, zero[7];
};

struct socket_key {
	uint64_t service;
	struct addr local;
	uint8_t zero;
	uint16_t port;
	uint8_t more[4];
};
_Static_assert(sizeof(struct socket_key) == 32, "no padding");

#define KEY_TEXT(key, from) ((void)snprintf(key, sizeof(key), "%s", from))

static void child_key_of(struct child_key *ret, uint64_t service, uint8_t origin, uint8_t daemon,
	const char *conn, const char *name)
{
	memset(ret, 0, sizeof(*ret));
	ret->service = service;
	ret->origin = origin;
	ret->daemon = service ? 0 : daemon;
	KEY_TEXT(ret->conn, conn);
	KEY_TEXT(ret->name, name);
}

static void shunt_key_of(struct shunt_key *ret, const struct shunt *s)
{
	memset(ret, 0, sizeof(*ret));
	ret->service = s->service;
	ret->action = s->action;
	ret->negotiated = s->negotiated;
	KEY_TEXT(ret->name, s->name);
	KEY_TEXT(ret->local_ts, s->local_ts);
	KEY_TEXT(ret->remote_ts, s->remote_ts);
}

static void certificate_key_of(struct certificate_key *ret, const struct certificate *cert)
{
	memset(ret, 0, sizeof(*ret));
	ret->service = cert->service;
	KEY_TEXT(ret->kind, cert->kind);
	KEY_TEXT(ret->subject, cert->subject);
	KEY_TEXT(ret->issuer, cert->issuer);
	KEY_TEXT(ret->serial, cert->serial);
}

static void file_key_of(struct file_key *ret, const struct config_file *file)
{
	memset(ret, 0, sizeof(*ret));
	ret->service = file->service;
	ret->daemon = file->service ? 0 : file->daemon;
	KEY_TEXT(ret->path, file->path);
}

static void socket_key_of(struct socket_key *ret, const struct ike_socket *s)
{
	memset(ret, 0, sizeof(*ret));
	ret->service = s->service;
	ret->local = s->local;
	ret->port = s->port;
}

int ike_config_new(struct core *c)
{
	struct ike *k = c->ike;
	const struct {
		size_t key, limit;
		struct map **ret;
	} maps[] = {
		{ sizeof(struct child_key), LIMIT_CONNECTION_CHILDREN, &k->children },
		{ sizeof(struct shunt_key), LIMIT_SHUNTS, &k->shunts },
		{ sizeof(struct certificate_key), LIMIT_CERTIFICATES, &k->certificates },
		{ sizeof(struct file_key), LIMIT_CONFIG_FILES, &k->files },
		{ sizeof(struct socket_key), LIMIT_IKE_SOCKETS, &k->sockets },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(maps) && r == 0; i++)
		r = map_new(maps[i].key, maps[i].limit, c->seed, maps[i].ret);
	return r;
}

void ike_config_free(struct core *c)
{
	struct ike *k = c->ike;
	struct map *const maps[] = { k->children, k->shunts, k->certificates, k->files,
		k->sockets };

	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		map_free_all(maps[i]);
}

struct ledger_connection_child *connection_child_of(const struct core *c, uint64_t service,
	uint8_t origin, uint8_t daemon, const char *conn, const char *name)
{
	struct child_key key;

	child_key_of(&key, service, origin, daemon, conn, name);
	return map_get(c->ike->children, &key);
}

struct ledger_connection_child *connection_child_find(
	const struct core *c, uint64_t service, const char *conn, const char *name)
{
	struct ledger_connection_child *l =
		connection_child_of(c, service, ORIGIN_LOADED, 0, conn, name);

	return l ? l : connection_child_of(c, service, ORIGIN_FILE, 0, conn, name);
}

static void child_there(struct core *c, const struct fact *f)
{
	const struct connection_child *child = &f->connection_child;
	struct ike_server *s = ike_server_of(c, f, child->service, child->daemon);
	struct ledger_connection_child *l;
	struct child_key key;
	bool fresh;

	child_key_of(&key, child->service, child->origin, child->daemon, child->conn, child->name);
	l = s ? ike_put(c, c->ike->children, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	ike_changes_child(c, s, fresh ? NULL : &l->child, child);
	l->child = *child;
	l->netns = s->netns;
	l->generation =
		s->generation[child->origin == ORIGIN_FILE ? IKE_LIST_FILES : IKE_LIST_CONNECTIONS];
	tunnels_configured(c, l);
}

static void shunt_there(struct core *c, const struct fact *f)
{
	struct ike_server *s = ike_server_of(c, f, f->shunt.service, 0);
	struct ledger_shunt *l;
	struct shunt_key key;
	bool fresh;

	shunt_key_of(&key, &f->shunt);
	l = s ? ike_put(c, c->ike->shunts, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	l->shunt = f->shunt;
	l->netns = s->netns;
	l->generation = s->generation[IKE_LIST_SHUNTS];
	if (fresh)
		joins_changed(c);
}

static void certificate_there(struct core *c, const struct fact *f)
{
	struct ike_server *s = ike_server_of(c, f, f->certificate.service, 0);
	struct ledger_certificate *l;
	struct certificate_key key;
	bool fresh;

	certificate_key_of(&key, &f->certificate);
	l = s ? ike_put(c, c->ike->certificates, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	l->cert = f->certificate;
	l->netns = s->netns;
	l->generation = s->generation[IKE_LIST_CERTIFICATES];
}

static void file_there(struct core *c, const struct fact *f)
{
	struct ike_server *s = ike_server_of(c, f, f->config_file.service, f->config_file.daemon);
	struct ledger_config_file *l;
	struct file_key key;
	bool fresh;

	file_key_of(&key, &f->config_file);
	l = s ? ike_put(c, c->ike->files, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	l->netns = s->netns;
	ike_changes_file(c, s, fresh ? NULL : &l->file, &f->config_file);
	l->file = f->config_file;
	l->generation = s->generation[IKE_LIST_FILES];
}

static void socket_there(struct core *c, const struct fact *f)
{
	struct ike_server *s = ike_server_of(c, f, f->ike_socket.service, 0);
	struct ledger_ike_socket *l;
	struct socket_key key;
	bool fresh;

	socket_key_of(&key, &f->ike_socket);
	l = s ? ike_put(c, c->ike->sockets, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	l->socket = f->ike_socket;
	l->netns = s->netns;
	l->generation = s->generation[IKE_LIST_SOCKETS];
}

void ike_config_fact(struct core *c, const struct fact *f)
{
	switch (f->type) {
	case FACT_CONNECTION_CHILD:
		child_there(c, f);
		break;
	case FACT_SHUNT:
		shunt_there(c, f);
		break;
	case FACT_CERTIFICATE:
		certificate_there(c, f);
		break;
	case FACT_CONFIG_FILE:
		file_there(c, f);
		break;
	case FACT_IKE_SOCKET:
		socket_there(c, f);
		break;
	default:
		break;
	}
}

/* Is it of this list, and was it not repeated? */
static bool is_past(const struct ike_server *s, uint8_t list, bool ended, uint64_t service,
	uint8_t daemon, uint32_t generation)
{
	return service == s->service && (service || daemon == s->daemon) &&
	       (ended || generation != s->generation[list]);
}

static void sweep_children(struct core *c, const struct ike_server *s, uint8_t list, bool ended)
{
	uint8_t origin = list == IKE_LIST_FILES ? ORIGIN_FILE : ORIGIN_LOADED;
	struct ledger_connection_child *l;

	for (size_t at = 0; (l = connection_child_next(c, &at));) {
		const struct connection_child *child = &l->child;
		struct child_key key;

		if (child->origin != origin ||
			!is_past(s, list, ended, child->service, child->daemon, l->generation))
			continue;
		child_key_of(&key, child->service, child->origin, child->daemon, child->conn,
			child->name);
		map_remove(c->ike->children, &key);
		if (!ended)
			ike_changes_child(c, s, child, NULL);
		tunnels_unconfigured(c, l);
		free(l);
	}
}

static void sweep_files(struct core *c, const struct ike_server *s, bool ended)
{
	struct ledger_config_file *l;

	for (size_t at = 0; (l = config_file_next(c, &at));) {
		struct file_key key;

		if (!is_past(s, IKE_LIST_FILES, ended, l->file.service, l->file.daemon,
			    l->generation))
			continue;
		file_key_of(&key, &l->file);
		map_remove(c->ike->files, &key);
		if (!ended)
			ike_changes_file(c, s, &l->file, NULL);
		free(l);
	}
}

static void sweep_shunts(struct core *c, const struct ike_server *s, bool ended)
{
	struct ledger_shunt *l;

	for (size_t at = 0; (l = shunt_next(c, &at));) {
		struct shunt_key key;

		if (!is_past(s, IKE_LIST_SHUNTS, ended, l->shunt.service, s->daemon, l->generation))
			continue;
		shunt_key_of(&key, &l->shunt);
		free(map_remove(c->ike->shunts, &key));
		joins_changed(c);
	}
}

static void sweep_certificates(struct core *c, const struct ike_server *s, bool ended)
{
	struct ledger_certificate *l;

	for (size_t at = 0; (l = certificate_next(c, &at));) {
		struct certificate_key key;

		if (!is_past(s, IKE_LIST_CERTIFICATES, ended, l->cert.service, s->daemon,
			    l->generation))
			continue;
		certificate_key_of(&key, &l->cert);
		free(map_remove(c->ike->certificates, &key));
	}
}

static void sweep_sockets(struct core *c, const struct ike_server *s, bool ended)
{
	struct ledger_ike_socket *l;

	for (size_t at = 0; (l = ike_socket_next(c, &at));) {
		struct socket_key key;

		if (!is_past(s, IKE_LIST_SOCKETS, ended, l->socket.service, s->daemon,
			    l->generation))
			continue;
		socket_key_of(&key, &l->socket);
		free(map_remove(c->ike->sockets, &key));
	}
}

void ike_config_sweep(struct core *c, const struct ike_server *s, uint8_t list, bool ended)
{
	switch (list) {
	case IKE_LIST_CONNECTIONS:
		sweep_children(c, s, list, ended);
		break;
	case IKE_LIST_FILES:
		sweep_children(c, s, list, ended);
		sweep_files(c, s, ended);
		break;
	case IKE_LIST_SHUNTS:
		sweep_shunts(c, s, ended);
		break;
	case IKE_LIST_CERTIFICATES:
		sweep_certificates(c, s, ended);
		break;
	case IKE_LIST_SOCKETS:
		sweep_sockets(c, s, ended);
		break;
	default:
		break;
	}
}
