/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ike_changes.h"
#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"
#include "core/tunnels.h"

/* Numbers of a daemon. Files of a daemon that does not run: service 0, n its kind. */
struct number_key {
	uint64_t service, n;
};

struct name_key {
	uint64_t service;
	char name[CONN_SIZE];
	uint8_t origin, daemon, zero[6];
};
_Static_assert(sizeof(struct name_key) == 144, "no padding");

static void name_key_of(
	struct name_key *ret, uint64_t service, uint8_t origin, uint8_t daemon, const char *name)
{
	memset(ret, 0, sizeof(*ret));
	ret->service = service;
	ret->origin = origin;
	ret->daemon = service ? 0 : daemon;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
}

int ike_new(struct core *c)
{
	struct ike *k = calloc(1, sizeof(*k));
	const struct {
		size_t key, limit;
		struct map **ret;
	} maps[] = {
		{ sizeof(struct number_key), LIMIT_SERVERS, k ? &k->servers : NULL },
		{ sizeof(struct number_key), LIMIT_IKE_SAS, k ? &k->ike_sas : NULL },
		{ sizeof(struct number_key), LIMIT_CHILD_SAS, k ? &k->child_sas : NULL },
		{ sizeof(struct name_key), LIMIT_CONNECTIONS, k ? &k->connections : NULL },
		{ sizeof(struct name_key), LIMIT_IKE_COUNTERS, k ? &k->counters : NULL },
	};
	int r = 0;

	if (!k)
		return -ENOMEM;
	c->ike = k;
	for (size_t i = 0; i < ARRAY_LEN(maps) && r == 0; i++)
		r = map_new(maps[i].key, maps[i].limit, c->seed, maps[i].ret);
	r = r < 0 ? r : ike_config_new(c);
	return r < 0 ? r : tunnels_new(c);
}

void ike_free(struct core *c)
{
	struct ike *k = c->ike;

	if (!k)
		return;
	tunnels_free(c);
	ike_config_free(c);
	map_free_all(k->servers);
	map_free_all(k->ike_sas);
	map_free_all(k->child_sas);
	map_free_all(k->connections);
	map_free_all(k->counters);
	free(k);
	c->ike = NULL;
}

struct ike_server *ike_server_find(const struct core *c, uint64_t service, uint8_t daemon)
{
	struct number_key key = { service, service ? 0 : daemon };

	return map_get(c->ike->servers, &key);
}

struct ledger_ike_sa *ike_sa_find(const struct core *c, uint64_t service, uint64_t unique)
{
	struct number_key key = { service, unique };

	return map_get(c->ike->ike_sas, &key);
}

struct ledger_child_sa *child_sa_find(const struct core *c, uint64_t service, uint64_t unique)
{
	struct number_key key = { service, unique };

	return map_get(c->ike->child_sas, &key);
}

struct ledger_connection *connection_of(
	const struct core *c, uint64_t service, uint8_t origin, uint8_t daemon, const char *name)
{
	struct name_key key;

	name_key_of(&key, service, origin, daemon, name);
	return map_get(c->ike->connections, &key);
}

struct ledger_connection *connection_find(const struct core *c, uint64_t service, const char *name)
{
	struct ledger_connection *l = connection_of(c, service, ORIGIN_LOADED, 0, name);

	return l ? l : connection_of(c, service, ORIGIN_FILE, 0, name);
}

bool ike_counter(const struct core *c, uint64_t service, const char *name, uint64_t *ret)
{
	struct ledger_ike_counter *l;
	struct name_key key;

	name_key_of(&key, service, 0, 0, name);
	l = map_get(c->ike->counters, &key);
	if (l)
		*ret = l->value;
	return l != NULL;
}

#define NEXT(type, function, map) \
	type *function(const struct core *c, size_t *at) \
	{ \
		return map_next(c->ike->map, at, NULL); \
	}
NEXT(struct ike_server, ike_server_next, servers)
NEXT(struct ledger_ike_sa, ike_sa_next, ike_sas)
NEXT(struct ledger_child_sa, child_sa_next, child_sas)
NEXT(struct ledger_connection, connection_next, connections)
NEXT(struct ledger_connection_child, connection_child_next, children)
NEXT(struct ledger_shunt, shunt_next, shunts)
NEXT(struct ledger_certificate, certificate_next, certificates)
NEXT(struct ledger_config_file, config_file_next, files)
NEXT(struct ledger_ike_counter, ike_counter_next, counters)
NEXT(struct ledger_ike_socket, ike_socket_next, sockets)

/* Files that no daemon has are of the netns that the host itself is in. */
static uint64_t netns_of(const struct core *c, const struct fact *f)
{
	struct netns *ns;

	if (f->netns)
		return f->netns;
	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		if (strcmp(ns->name, "init") == 0)
			return ns->cookie;
	}
	return 0;
}

void *ike_put(struct core *c, struct map *m, const void *key, size_t size, bool *ret_fresh)
{
	void *l = map_get(m, key);

	*ret_fresh = !l;
	if (l)
		return l;
	l = calloc(1, size);
	if (!l || map_put(m, key, l) < 0) {
		free(l);
		c->refused++;
		return NULL;
	}
	return l;
}

struct ike_server *ike_server_of(
	struct core *c, const struct fact *f, uint64_t service, uint8_t daemon)
{
	struct number_key key = { service, service ? 0 : daemon };
	struct ike_server *s;
	bool fresh;

	s = ike_put(c, c->ike->servers, &key, sizeof(*s), &fresh);
	if (!s)
		return NULL;
	s->service = service;
	if (daemon)
		s->daemon = daemon;
	if (fresh || f->netns)
		s->netns = netns_of(c, f);
	return s;
}

static void forget_ike_sa(struct core *c, struct ledger_ike_sa *l)
{
	struct number_key key = { l->sa.service, l->sa.unique };

	free(map_remove(c->ike->ike_sas, &key));
	joins_changed(c);
}

static void forget_child_sa(struct core *c, struct ledger_child_sa *l, enum pair_end how)
{
	struct number_key key = { l->sa.service, l->sa.unique };

	tunnels_child_gone(c, l, how);
	free(map_remove(c->ike->child_sas, &key));
}

static void ike_sa_there(struct core *c, const struct fact *f)
{
	const struct ike_sa *sa = &f->ike_sa.sa;
	struct number_key key = { sa->service, sa->unique };
	struct ike_server *s = ike_server_of(c, f, sa->service, 0);
	struct ledger_ike_sa *l;
	bool fresh, moved;

	l = s ? ike_put(c, c->ike->ike_sas, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	/* A new one has no children yet, unless they were told first. */
	moved = fresh ? c->ike->n_alone > 0
		      : !addr_equal(&l->sa.local, &sa->local) ||
				!addr_equal(&l->sa.remote, &sa->remote);
	l->sa = *sa;
	l->netns = s->netns;
	l->generation = s->generation[IKE_LIST_SAS];
	if (f->ike_sa.replaces)
		l->replaces = f->ike_sa.replaces;
	if (fresh)
		l->seen_us = c->now_us;
	tunnels_ike_there(c, l, moved);
}

static void child_sa_there(struct core *c, const struct fact *f)
{
	const struct child_sa *sa = &f->child_sa.sa;
	struct number_key key = { sa->service, sa->unique };
	struct ike_server *s = ike_server_of(c, f, sa->service, 0);
	struct ledger_child_sa *l;
	bool fresh;

	l = s ? ike_put(c, c->ike->child_sas, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	l->netns = s->netns;
	l->generation = s->generation[IKE_LIST_SAS];
	if (f->child_sa.replaces)
		l->replaces = f->child_sa.replaces;
	if (fresh)
		l->seen_us = c->now_us;
	tunnels_child_there(c, s, l, sa, f->child_sa.op == IKE_OP_REKEYED);
}

static void connection_there(struct core *c, const struct fact *f)
{
	const struct connection *conn = &f->connection;
	struct ike_server *s = ike_server_of(c, f, conn->service, conn->daemon);
	struct ledger_connection *l;
	struct name_key key;
	bool fresh;

	name_key_of(&key, conn->service, conn->origin, conn->daemon, conn->name);
	l = s ? ike_put(c, c->ike->connections, &key, sizeof(*l), &fresh) : NULL;
	if (!l)
		return;
	ike_changes_connection(c, s, fresh ? NULL : &l->conn, conn);
	l->conn = *conn;
	l->netns = s->netns;
	l->generation =
		s->generation[conn->origin == ORIGIN_FILE ? IKE_LIST_FILES : IKE_LIST_CONNECTIONS];
}

static void counter_there(struct core *c, const struct fact *f)
{
	struct ledger_ike_counter *l;
	struct name_key key;
	bool fresh;

	name_key_of(&key, f->ike_counter.service, 0, 0, f->ike_counter.name);
	l = ike_put(c, c->ike->counters, &key, sizeof(*l), &fresh);
	if (!l)
		return;
	l->service = f->ike_counter.service;
	l->value = f->ike_counter.value;
	l->gauge = f->ike_counter.gauge;
	memcpy(l->name, f->ike_counter.name, sizeof(l->name));
}

static void remove_connection(struct core *c, const struct ledger_connection *l)
{
	struct name_key key;

	name_key_of(&key, l->conn.service, l->conn.origin, l->conn.daemon, l->conn.name);
	free(map_remove(c->ike->connections, &key));
}

/* Of a list that is whole: what it did not have. Of a server that ended (whole false): all. */
static void sweep_sas(struct core *c, const struct ike_server *s, bool ended)
{
	struct ledger_child_sa *child;
	struct ledger_ike_sa *l;

	for (size_t at = 0; (child = child_sa_next(c, &at));) {
		if (child->sa.service == s->service &&
			(ended || child->generation != s->generation[IKE_LIST_SAS]))
			forget_child_sa(c, child, ended ? PAIR_END_SERVICE : PAIR_END_MISSING);
	}
	for (size_t at = 0; (l = ike_sa_next(c, &at));) {
		if (l->sa.service == s->service &&
			(ended || l->generation != s->generation[IKE_LIST_SAS]))
			forget_ike_sa(c, l);
	}
}

static void sweep_connections(struct core *c, const struct ike_server *s, uint8_t list, bool ended)
{
	uint8_t origin = list == IKE_LIST_FILES ? ORIGIN_FILE : ORIGIN_LOADED;
	struct ledger_connection *l;

	for (size_t at = 0; (l = connection_next(c, &at));) {
		if (l->conn.service == s->service && l->conn.origin == origin &&
			(s->service || l->conn.daemon == s->daemon) &&
			(ended || l->generation != s->generation[list])) {
			if (!ended)
				ike_changes_connection(c, s, &l->conn, NULL);
			remove_connection(c, l);
		}
	}
}

static void sweep(struct core *c, const struct ike_server *s, uint8_t list, bool ended)
{
	if (list == IKE_LIST_SAS)
		sweep_sas(c, s, ended);
	if (list == IKE_LIST_CONNECTIONS || list == IKE_LIST_FILES)
		sweep_connections(c, s, list, ended);
	ike_config_sweep(c, s, list, ended);
}

static void list_dump(struct core *c, const struct fact *f)
{
	uint8_t list = f->ike_dump.list;
	struct ike_server *s = ike_server_of(c, f, f->ike_dump.service, f->ike_dump.daemon);

	if (!s || list >= IKE_LISTS) {
		c->refused += s != NULL;
		return;
	}
	if (f->ike_dump.phase == DUMP_BEGIN) {
		s->generation[list]++;
		s->listing[list] = true;
		return;
	}
	/* A restarted core may be told the end of a list whose begin it has not seen. */
	if (f->ike_dump.phase == DUMP_END && s->listing[list]) {
		sweep(c, s, list, false);
		s->known[list] = true;
	}
	s->listing[list] = false;
}

void ike_service(struct core *c, const struct fact *f)
{
	const struct service *v = &f->service;
	struct ike_server *s = ike_server_of(c, f, v->id, v->daemon);
	bool ran;

	if (!s)
		return;
	ran = s->end == SERVICE_RUNS;
	if (s->pid == 0 && v->end == SERVICE_RUNS)
		tunnels_server_began(c, s);
	s->end = v->end;
	s->control = v->control;
	s->pid = v->pid;
	s->started_us = v->started_us;
	memcpy(s->name, v->name, sizeof(s->name));
	if (v->end == SERVICE_RUNS || !ran)
		return;
	s->ended_us = c->now_us;
	for (uint8_t list = 1; list < IKE_LISTS; list++) {
		/* Files stay as they are; its counters are its last ones. */
		if (list != IKE_LIST_FILES && list != IKE_LIST_COUNTERS)
			sweep(c, s, list, true);
		s->known[list] = s->listing[list] = false;
	}
}

void ike_fact(struct core *c, const struct fact *f)
{
	struct ledger_child_sa *child;
	struct ledger_ike_sa *l;

	switch (f->type) {
	case FACT_IKE_SA:
		ike_sa_there(c, f);
		break;
	case FACT_IKE_SA_GONE:
		l = ike_sa_find(c, f->ike_sa_gone.sa.service, f->ike_sa_gone.sa.unique);
		if (l)
			forget_ike_sa(c, l);
		break;
	case FACT_CHILD_SA:
		child_sa_there(c, f);
		break;
	case FACT_CHILD_SA_GONE:
		child = child_sa_find(c, f->child_sa_gone.sa.service, f->child_sa_gone.sa.unique);
		if (child) {
			tunnels_child_counts(c, child, &f->child_sa_gone.sa);
			forget_child_sa(c, child,
				f->child_sa_gone.how == IKE_GONE_REPLACED ? PAIR_END_REPLACED
				: f->child_sa_gone.how == IKE_GONE_FAILED ? PAIR_END_FAILED
									  : PAIR_END_DOWN);
		}
		break;
	case FACT_CONNECTION:
		connection_there(c, f);
		break;
	case FACT_IKE_DUMP:
		list_dump(c, f);
		break;
	case FACT_IKE_COUNTER:
		counter_there(c, f);
		break;
	default:
		ike_config_fact(c, f);
		break;
	}
}

/* Ended servers are kept while a later one of the same kind and netns has not taken their place. */
void ike_age(struct core *c)
{
	struct ike_server *s, *other;

	for (size_t at = 0; (s = ike_server_next(c, &at));) {
		struct number_key key = { s->service, s->service ? 0 : s->daemon };
		struct ledger_ike_counter *counter;
		bool succeeded = false;

		if (s->end == SERVICE_RUNS || since_us(c, s->ended_us) < SERVER_KEPT_US)
			continue;
		for (size_t i = 0; (other = ike_server_next(c, &i)) && !succeeded;)
			succeeded = other->netns == s->netns && other->daemon == s->daemon &&
				    other->started_us > s->started_us;
		if (!succeeded && map_count(c->ike->servers) < LIMIT_SERVERS * 3 / 4)
			continue;
		for (size_t i = 0; (counter = ike_counter_next(c, &i));) {
			struct name_key name;

			name_key_of(&name, counter->service, 0, 0, counter->name);
			if (counter->service == s->service)
				free(map_remove(c->ike->counters, &name));
		}
		for (uint8_t list = 1; list < IKE_LISTS; list++)
			sweep(c, s, list, true);
		free(map_remove(c->ike->servers, &key));
	}
	tunnels_poll(c);
	tunnels_age(c);
}
