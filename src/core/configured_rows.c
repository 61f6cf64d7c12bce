/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/ike_private.h"
#include "core/internal.h"
#include "core/owners.h"
#include "core/rows.h"
#include "core/verdict.h"
#include "model/ike_rows.h"

/* What is configured, as rows of the nouns. A loaded connection stands for its twin in a file. */

static const char *netns_name(const struct core *c, uint64_t cookie)
{
	const struct netns *ns = ledger_netns(c, cookie);

	return ns ? ns->name : NULL;
}

static const char *origin_name(uint8_t origin)
{
	return origin == ORIGIN_LOADED ? "loaded" : "file";
}

/* Of a file, and of the daemon loaded as well? */
static bool is_twin(const struct core *c, const struct connection *conn)
{
	return conn->origin == ORIGIN_FILE && conn->service &&
	       connection_of(c, conn->service, ORIGIN_LOADED, 0, conn->name);
}

static bool is_child_twin(const struct core *c, const struct connection_child *child)
{
	return child->origin == ORIGIN_FILE && child->service &&
	       connection_child_of(c, child->service, ORIGIN_LOADED, 0, child->conn, child->name);
}

static const struct connection *file_of(const struct core *c, const struct connection *conn)
{
	const struct ledger_connection *l;

	if (conn->origin == ORIGIN_FILE)
		return conn;
	l = connection_of(c, conn->service, ORIGIN_FILE, 0, conn->name);
	return l ? &l->conn : NULL;
}

static const struct connection_child *child_file_of(
	const struct core *c, const struct connection_child *child)
{
	const struct ledger_connection_child *l;

	if (child->origin == ORIGIN_FILE)
		return child;
	l = connection_child_of(c, child->service, ORIGIN_FILE, 0, child->conn, child->name);
	return l ? &l->child : NULL;
}

static void count(const struct core *c)
{
	struct ledger_connection_child *child;
	struct ledger_connection *l;
	struct ledger_ike_sa *ike;

	for (size_t at = 0; (l = connection_next(c, &at));)
		l->n_children = l->n_ike = 0;
	for (size_t at = 0; (child = connection_child_next(c, &at));) {
		l = connection_of(c, child->child.service, child->child.origin, child->child.daemon,
			child->child.conn);
		if (l)
			l->n_children++;
	}
	for (size_t at = 0; (ike = ike_sa_next(c, &at));) {
		l = connection_of(c, ike->sa.service, ORIGIN_LOADED, 0, ike->sa.name);
		if (l)
			l->n_ike +=
				ike->sa.state == IKE_ESTABLISHED || ike->sa.state == IKE_REKEYING;
	}
}

static int each_connection(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_connection *l;

	count(c);
	for (size_t at = 0; (l = connection_next(c, &at));) {
		struct connection_row row = { .conn = &l->conn,
			.netns = netns_name(c, l->netns),
			.daemon = ike_daemon_name(l->conn.daemon),
			.origin = origin_name(l->conn.origin),
			.n_children = l->n_children,
			.n_ike = l->n_ike };

		if (!each(userdata, &row))
			break;
	}
	return 0;
}

static bool tell_resolved(
	const struct core *c, const struct ledger_ike_sa *l, core_each_fn *each, void *userdata)
{
	const struct ike_server *s = ike_server_find(c, l->sa.service, 0);
	char local[ADDR_TEXT_SIZE], remote[ADDR_TEXT_SIZE];
	struct mainmode_filter_row row = { .kind = "specific",
		.netns = netns_name(c, l->netns),
		.daemon = s ? ike_daemon_name(s->daemon) : NULL,
		.conn = l->sa.name,
		.local = addr_format(&l->sa.local, local),
		.remote = addr_format(&l->sa.remote, remote),
		.local_id = l->sa.local_id,
		.remote_id = l->sa.remote_id,
		.origin = "IKE SA",
		.version = l->sa.version };

	return each(userdata, &row);
}

static int each_mainmode_filter(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_connection *l;
	struct ledger_ike_sa *ike;

	for (size_t at = 0; (l = connection_next(c, &at));) {
		const struct connection *conn = &l->conn;
		struct mainmode_filter_row row = { .kind = "generic",
			.netns = netns_name(c, l->netns),
			.daemon = ike_daemon_name(conn->daemon),
			.conn = conn->name,
			.local = conn->local,
			.remote = conn->remote,
			.local_id = conn->local_id,
			.remote_id = conn->remote_id,
			.local_auth = conn->local_auth,
			.remote_auth = conn->remote_auth,
			.origin = origin_name(conn->origin),
			.version = conn->version };

		if (!is_twin(c, conn) && !each(userdata, &row))
			return 0;
	}
	for (size_t at = 0; (ike = ike_sa_next(c, &at));) {
		if (!tell_resolved(c, ike, each, userdata))
			return 0;
	}
	return 0;
}

static int each_mainmode_policy(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_connection *l;

	for (size_t at = 0; (l = connection_next(c, &at));) {
		struct mainmode_policy_row row = { .conn = &l->conn,
			.file = file_of(c, &l->conn),
			.netns = netns_name(c, l->netns),
			.daemon = ike_daemon_name(l->conn.daemon) };

		if (!is_twin(c, &l->conn) && !each(userdata, &row))
			break;
	}
	return 0;
}

/* "10.1.0.0/16[tcp/443]" */
static void selector_text(
	const struct prefix *p, uint8_t proto, bool has_port, uint16_t port, char *ret, size_t size)
{
	const char *name = ipproto_name(proto);
	char prefix[PREFIX_TEXT_SIZE];
	int n = snprintf(ret, size, "%s", prefix_format(p, prefix));

	if (proto && n > 0 && (size_t)n < size) {
		if (name)
			n += snprintf(ret + n, size - (size_t)n, "[%s", name);
		else
			n += snprintf(ret + n, size - (size_t)n, "[%u", proto);
		if (has_port && (size_t)n < size)
			n += snprintf(ret + n, size - (size_t)n, "/%u", port);
		if ((size_t)n < size)
			(void)snprintf(ret + n, size - (size_t)n, "]");
	}
}

static bool tell_installed(
	const struct core *c, struct ledger_policy *l, core_each_fn *each, void *userdata)
{
	char src[PREFIX_TEXT_SIZE + 24], dst[PREFIX_TEXT_SIZE + 24];
	struct owner owner;
	struct policy p;
	struct quickmode_filter_row row = { .kind = "specific",
		.netns = netns_name(c, l->netns),
		.policy = &p,
		.direction = policy_direction_name(l->direction),
		.action = l->block         ? "drop"
			  : l->n_templates ? "protect"
					   : "pass" };

	spd_get(l, &p);
	owner_of_policy(c, &p, l->manual, &owner);
	row.owner = owner.name;
	row.tunnel = owner.tunnel ? owner.tunnel->name : NULL;
	selector_text(&p.selector.src, p.selector.proto, p.selector.sport_mask != 0,
		p.selector.sport, src, sizeof(src));
	selector_text(&p.selector.dst, p.selector.proto, p.selector.dport_mask != 0,
		p.selector.dport, dst, sizeof(dst));
	row.local_ts = l->direction == POLICY_OUT ? src : dst;
	row.remote_ts = l->direction == POLICY_OUT ? dst : src;
	return each(userdata, &row);
}

static int each_quickmode_filter(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_connection_child *l;
	struct ledger_policy *p;

	for (size_t at = 0; (l = connection_child_next(c, &at));) {
		const struct connection_child *child = &l->child;
		const struct tunnel *t =
			tunnel_find(c, l->netns, child->daemon, child->conn, child->name);
		struct quickmode_filter_row row = { .kind = "generic",
			.netns = netns_name(c, l->netns),
			.owner = child->conn,
			.tunnel = t ? t->name : NULL,
			.action = child_action_name(child->action),
			.local_ts = child->local_ts,
			.remote_ts = child->remote_ts };

		if (!is_child_twin(c, child) && !each(userdata, &row))
			return 0;
	}
	for (struct spd_cursor at = { 0 }; (p = spd_next(c, &at));) {
		if (p->direction <= POLICY_FWD && !tell_installed(c, p, each, userdata))
			return 0;
	}
	return 0;
}

static int each_quickmode_policy(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_connection_child *l;

	for (size_t at = 0; (l = connection_child_next(c, &at));) {
		struct quickmode_policy_row row = { .child = &l->child,
			.file = child_file_of(c, &l->child),
			.netns = netns_name(c, l->netns),
			.daemon = ike_daemon_name(l->child.daemon) };

		if (!is_child_twin(c, &l->child) && !each(userdata, &row))
			break;
	}
	return 0;
}

int configured_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata)
{
	if (n == &noun_connection)
		return each_connection(c, each, userdata);
	if (n == &noun_mainmode_filter)
		return each_mainmode_filter(c, each, userdata);
	if (n == &noun_mainmode_policy)
		return each_mainmode_policy(c, each, userdata);
	if (n == &noun_quickmode_filter)
		return each_quickmode_filter(c, each, userdata);
	if (n == &noun_quickmode_policy)
		return each_quickmode_policy(c, each, userdata);
	if (n == &noun_active_policy)
		return active_policy_each(c, each, userdata);
	return -ENOENT;
}
