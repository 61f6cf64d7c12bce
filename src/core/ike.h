/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/map.h"
#include "core/core.h"

/*
 * What IKE daemons have, as their lists and events told last: servers (processes), IKE SAs, child
 * SAs, connections, shunts, certificates, files, counters; and tunnels, which outlive all of them.
 * All is found by the daemon's own numbers and names; walks are in the order of first sight.
 * Pointers are borrowed until the next fact.
 */

#define LIMIT_SERVERS 256
#define LIMIT_IKE_SAS 100000
#define LIMIT_CHILD_SAS 200000
#define LIMIT_CONNECTIONS 100000
#define LIMIT_CONNECTION_CHILDREN 100000
#define LIMIT_SHUNTS 65536
#define LIMIT_CERTIFICATES 65536
#define LIMIT_CONFIG_FILES 4096
#define LIMIT_IKE_COUNTERS 262144
#define LIMIT_IKE_SOCKETS 4096
#define LIMIT_TUNNELS 100000

#define IKE_LISTS (IKE_LIST_COUNTERS + 1)

/* A daemon's process as far as its lists need it; service 0: the files of a kind of daemon that
 * does not run. */
struct ike_server {
	uint64_t service, netns;
	uint8_t daemon; /* enum ike_daemon; 0: not told yet */
	uint8_t end; /* enum service_end */
	uint8_t control; /* enum service_control */
	uint32_t pid;
	uint64_t started_us, ended_us; /* 0: not known, still runs */
	char name[NAME_SIZE];
	uint32_t generation[IKE_LISTS]; /* of the list that runs or ran last */
	bool listing[IKE_LISTS], known[IKE_LISTS]; /* one is whole */
	/* Who installed its first policy, of the kernel's audit; loaded_us 0: not known. */
	uint64_t loaded_us;
	uint32_t loaded_auid, loaded_uid;
};

struct ledger_ike_sa {
	struct ike_sa sa;
	uint64_t netns;
	uint64_t replaces; /* unique number of the one before; 0: none */
	uint64_t seen_us; /* first */
	uint32_t generation;
	unsigned n_children; /* installed, when they were counted last */
};

/* A kernel SA that a child SA has, in the index of SPIs. */
struct child_spi {
	struct ledger_child_sa *child;
	struct child_spi *next; /* of the same netns and SPI */
	uint32_t spi; /* 0: not in the index */
	bool in;
};

struct ledger_child_sa {
	struct child_sa sa;
	uint64_t netns;
	uint64_t replaces;
	uint64_t seen_us;
	uint32_t generation;
	bool alone; /* its IKE SA is not known */
	struct tunnel *tunnel;
	uint32_t pair; /* its number among the tunnel's; 0: not installed yet */
	struct child_spi spi_in, spi_out;
	struct ledger_child_sa *next_of_tunnel;
	/* What the daemon counted, and when that rose: for ESP outside the kernel. */
	uint64_t counted_in_us, counted_out_us;
};

struct ledger_connection {
	struct connection conn;
	uint64_t netns;
	uint32_t generation;
	unsigned n_children, n_ike; /* when they were counted last */
};

struct ledger_connection_child {
	struct connection_child child;
	uint64_t netns;
	uint32_t generation;
};

struct ledger_shunt {
	struct shunt shunt;
	uint64_t netns;
	uint32_t generation;
};

struct ledger_certificate {
	struct certificate cert;
	uint64_t netns;
	uint32_t generation;
};

struct ledger_config_file {
	struct config_file file;
	uint64_t netns;
	uint32_t generation;
};

struct ledger_ike_counter {
	uint64_t service, value;
	bool gauge;
	char name[CONN_SIZE];
};

struct ledger_ike_socket {
	struct ike_socket socket;
	uint64_t netns;
	uint32_t generation;
};

struct ike {
	struct map *servers, *ike_sas, *child_sas, *child_spis, *connections, *children, *shunts,
		*certificates, *files, *counters, *sockets, *tunnels;
	size_t n_tunnels;
	size_t n_alone; /* child SAs whose IKE SA is not known */
	struct joins *joins;
};

int ike_new(struct core *c);
void ike_free(struct core *c);
void ike_fact(struct core *c, const struct fact *f);
void ike_age(struct core *c); /* what is long gone is forgotten */
/* A daemon's process came, changed or ended: with it ends what it had. */
void ike_service(struct core *c, const struct fact *f);

/* NULL: none. daemon counts for service 0 only. */
struct ike_server *ike_server_find(const struct core *c, uint64_t service, uint8_t daemon);
struct ledger_ike_sa *ike_sa_find(const struct core *c, uint64_t service, uint64_t unique);
struct ledger_child_sa *child_sa_find(const struct core *c, uint64_t service, uint64_t unique);
/* What the daemon has loaded; else what its file says. */
struct ledger_connection *connection_find(const struct core *c, uint64_t service, const char *name);
struct ledger_connection *connection_of(
	const struct core *c, uint64_t service, uint8_t origin, uint8_t daemon, const char *name);
struct ledger_connection_child *connection_child_find(
	const struct core *c, uint64_t service, const char *conn, const char *name);
/* False: never told. */
bool ike_counter(const struct core *c, uint64_t service, const char *name, uint64_t *ret);

/* for (size_t at = 0; (x = ike_sa_next(c, &at));) — as map_next() */
struct ike_server *ike_server_next(const struct core *c, size_t *at);
struct ledger_ike_sa *ike_sa_next(const struct core *c, size_t *at);
struct ledger_child_sa *child_sa_next(const struct core *c, size_t *at);
struct ledger_connection *connection_next(const struct core *c, size_t *at);
struct ledger_connection_child *connection_child_next(const struct core *c, size_t *at);
struct ledger_shunt *shunt_next(const struct core *c, size_t *at);
struct ledger_certificate *certificate_next(const struct core *c, size_t *at);
struct ledger_config_file *config_file_next(const struct core *c, size_t *at);
struct ledger_ike_counter *ike_counter_next(const struct core *c, size_t *at);
struct ledger_ike_socket *ike_socket_next(const struct core *c, size_t *at);
