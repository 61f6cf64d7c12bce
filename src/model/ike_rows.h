/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/ike.h"
#include "model/policy.h"

/* Rows of the nouns about IKE daemons. NULL and "" are null; now_us: for ages. */

struct ike_sa_row {
	const struct ike_sa *sa;
	const char *netns, *daemon;
	uint64_t now_us;
	unsigned n_children; /* installed */
	const char *spi_i, *spi_r; /* hex */
};

/* The daemon's words beside the kernel's. */
struct child_sa_row {
	const struct child_sa *sa;
	const char *netns, *daemon, *tunnel;
	const struct sa *in, *out; /* the kernel's; NULL: it has none */
	const char *installed; /* in and out, in, out, none; NULL: the kernel is not read */
	const char *stale;
	struct addr local, remote; /* of its IKE SA */
	uint64_t now_us;
};

struct connection_row {
	const struct connection *conn;
	const char *netns, *daemon, *origin;
	unsigned n_children, n_ike;
};

struct tunnel_row {
	const char *name, *conn, *child, *netns, *daemon, *local_ts, *remote_ts, *peer;
	struct addr local, remote;
	const char *verdict, *reason;
	const char *configured, *ike, *installed, *policies, *traffic;
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
	const char *counted_by; /* kernel or daemon; NULL: nothing was counted */
	bool rate_known;
	uint64_t rate_in, rate_out;
	uint64_t uncertain, drops, duplicates, pairs;
	uint64_t since_us, in_us, out_us, up_us, failed_us, now_us; /* up: of the newest pair */
	const char *failed;
};

struct lineage_row {
	const char *tunnel, *netns, *begin, *end;
	uint64_t n, replaced, unique, ike_unique;
	uint32_t spi_in, spi_out;
	uint64_t started_us, ended_us, gap_us, now_us;
	bool gap_known, exact;
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
};

/* Main mode: whom a connection is for. Generic: as configured; specific: as resolved. */
struct mainmode_filter_row {
	const char *kind, *netns, *daemon, *conn;
	const char *local, *remote; /* generic: may be names, prefixes, %any */
	const char *local_id, *remote_id, *local_auth, *remote_auth;
	const char *origin;
	uint8_t version;
};

/* Main mode: how IKE SAs are negotiated. */
struct mainmode_policy_row {
	const struct connection *conn; /* what the daemon loaded, else the file */
	const struct connection *file; /* NULL: in none that we read */
	const char *netns, *daemon;
};

/* Quick mode: which traffic. Generic: as configured; specific: as installed in the SPD. */
struct quickmode_filter_row {
	const char *kind, *netns, *owner, *tunnel, *action, *direction;
	const char *local_ts, *remote_ts; /* generic */
	const struct policy *policy; /* specific; else NULL */
};

/* Quick mode: how IPsec SAs are negotiated. */
struct quickmode_policy_row {
	const struct connection_child *child;
	const struct connection_child *file;
	const char *netns, *daemon;
};

struct active_policy_row {
	const char *name, *description, *store, *path, *unit, *gpo, *loaded_by, *digest;
	const char *netns, *daemon, *error;
	bool assigned;
	uint64_t modified_us, n_connections;
};

struct certificate_row {
	const struct certificate *cert;
	const char *netns, *daemon;
	uint64_t now_us;
};

struct shunt_row {
	const struct shunt *shunt;
	const char *netns, *daemon;
};
