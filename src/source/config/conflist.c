/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/conflist.h"

#include <errno.h>
#include <string.h>

#include "model/fact.h"
#include "source/config/beneath.h"
#include "source/config/ipsecconf.h"
#include "source/config/swanctlconf.h"

#define LIST_MAX ((size_t)64 << 20) /* octets of one list */

static const char *const swanctl_files[] = { "/etc/swanctl/swanctl.conf",
	"/etc/strongswan/swanctl/swanctl.conf" };
static const char *const ipsec_files[] = { "/etc/ipsec.conf", "/etc/strongswan/ipsec.conf" };
static const char *const starter_pids[] = { "/run/starter.charon.pid",
	"/var/run/starter.charon.pid", "/run/strongswan/starter.charon.pid" };
static const char *const strongswan_files[] = { "/etc/strongswan.conf",
	"/etc/strongswan/strongswan.conf" };

struct list {
	struct conffiles *files;
	const struct conf_owner *owner;
	struct conf_sink sink;
	struct buf found; /* connections and children, encoded */
	size_t connections, children;
	bool no_memory;
	struct fact fact;
};

static void put(struct list *l, struct buf *out)
{
	l->fact.source = SOURCE_CONFIG;
	l->fact.netns = l->owner->netns;
	fact_encode(&l->fact, out);
}

static void put_bracket(struct list *l, uint8_t phase, struct buf *out)
{
	l->fact = (struct fact){ .type = FACT_IKE_DUMP };
	l->fact.ike_dump.service = l->owner->service;
	l->fact.ike_dump.list = IKE_LIST_FILES;
	l->fact.ike_dump.phase = phase;
	l->fact.ike_dump.daemon = l->owner->daemon;
	put(l, out);
}

static void take_error(void *userdata, const char *path, uint32_t line, const char *why)
{
	struct list *l = userdata;

	conffiles_error(l->files, path, line, why);
}

static void take_connection(void *userdata, const struct connection *c)
{
	struct list *l = userdata;

	if (l->connections++ >= CONF_CONNECTIONS_MAX) {
		take_error(
			l, c->file, c->line, "more than 4,096 connections: the rest is not shown");
		return;
	}
	l->fact = (struct fact){ .type = FACT_CONNECTION };
	l->fact.connection = *c;
	l->fact.connection.service = l->owner->service;
	l->fact.connection.origin = ORIGIN_FILE;
	l->fact.connection.daemon = l->owner->daemon;
	put(l, &l->found);
}

static void take_child(void *userdata, const struct connection_child *c)
{
	struct list *l = userdata;

	if (l->connections > CONF_CONNECTIONS_MAX)
		return;
	if (l->children++ >= CONF_CHILDREN_MAX) {
		take_error(l, c->file, c->line, "more than 16,384 children: the rest is not shown");
		return;
	}
	l->fact = (struct fact){ .type = FACT_CONNECTION_CHILD };
	l->fact.connection_child = *c;
	l->fact.connection_child.service = l->owner->service;
	l->fact.connection_child.origin = ORIGIN_FILE;
	l->fact.connection_child.daemon = l->owner->daemon;
	put(l, &l->found);
}

static void read_swanctl(void *userdata, const char *path, struct span text)
{
	struct list *l = userdata;

	l->no_memory |= swanctlconf_parse(path, text, &l->files->files, &l->sink) != 0;
}

static bool there(const struct list *l, const char *const *paths, size_t n)
{
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		if (!beneath_stat(l->files->root, paths[i], &st))
			return true;
	}
	return false;
}

/* When the keys do not tell whose file it is. */
static bool is_ours(const struct list *l, enum ipsec_dialect dialect)
{
	bool strongswan = l->owner->daemon == DAEMON_STRONGSWAN;

	if (dialect != DIALECT_EITHER)
		return strongswan == (dialect == DIALECT_STROKE);
	if (l->owner->service != 0)
		return true;
	return strongswan == there(l, strongswan_files, ARRAY_LEN(strongswan_files));
}

/* Of a file that turns out to be the other daemon's, nothing stays. */
static void read_ipsec(void *userdata, const char *path, struct span text)
{
	struct list *l = userdata;
	size_t files = l->files->n - 1, connections = l->connections, children = l->children;
	size_t found = l->found.n;
	enum ipsec_dialect dialect = DIALECT_EITHER;

	if (ipsecconf_parse(path, text, l->owner->daemon, &l->files->files, &l->sink, &dialect)) {
		l->no_memory = true;
		return;
	}
	if (is_ours(l, dialect))
		return;
	l->files->n = files;
	l->connections = connections;
	l->children = children;
	if (!l->found.failed)
		l->found.n = found;
}

static void read_files(struct list *l)
{
	bool strongswan = l->owner->daemon == DAEMON_STRONGSWAN;

	for (size_t i = 0; strongswan && i < ARRAY_LEN(swanctl_files); i++)
		(void)conffiles_read(l->files, swanctl_files[i], read_swanctl, l);
	if (strongswan && l->owner->service != 0 &&
		!there(l, starter_pids, ARRAY_LEN(starter_pids)))
		return;
	for (size_t i = 0; i < (strongswan ? ARRAY_LEN(ipsec_files) : 1); i++)
		(void)conffiles_read(l->files, ipsec_files[i], read_ipsec, l);
}

int conflist_empty(const struct conf_owner *owner, struct buf *out)
{
	struct list l = { .owner = owner };

	put_bracket(&l, DUMP_BEGIN, out);
	put_bracket(&l, DUMP_END, out);
	return out->failed ? -ENOMEM : 0;
}

int conflist_read(struct conffiles *files, const struct conf_owner *owner, struct buf *out)
{
	struct list l = { .files = files,
		.owner = owner,
		.sink = { .connection = take_connection, .child = take_child, .error = take_error },
		.found = { .limit = LIST_MAX } };
	bool failed;

	l.sink.userdata = &l;
	read_files(&l);
	put_bracket(&l, DUMP_BEGIN, out);
	for (size_t i = 0; i < files->n; i++) {
		l.fact = (struct fact){ .type = FACT_CONFIG_FILE };
		l.fact.config_file = files->v[i];
		l.fact.config_file.service = owner->service;
		l.fact.config_file.daemon = owner->daemon;
		put(&l, out);
	}
	if (l.found.n > 0)
		buf_append(out, l.found.p, l.found.n);
	put_bracket(&l, DUMP_END, out);
	failed = l.no_memory || l.found.failed || files->no_memory || out->failed;
	buf_done(&l.found);
	return failed ? -ENOMEM : 0;
}
