/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/ike.h"
#include "core/tunnels.h"

/* Between ike.c, ike_config.c, tunnels.c and kernel_sas.c. */

#define SERVER_KEPT_US (60ull * 1000000) /* an ended one, at the least */

/* What the key has, or a new one of zeroes. NULL: no memory or no room, counted. */
void *ike_put(struct core *c, struct map *m, const void *key, size_t size, bool *ret_fresh);
/* A server that is not known yet begins to be with the first fact that names it. */
struct ike_server *ike_server_of(
	struct core *c, const struct fact *f, uint64_t service, uint8_t daemon);

/* daemon counts for service 0 only. NULL: none. */
struct ledger_connection_child *connection_child_of(const struct core *c, uint64_t service,
	uint8_t origin, uint8_t daemon, const char *conn, const char *name);

int ike_config_new(struct core *c);
void ike_config_free(struct core *c);
void ike_config_fact(struct core *c, const struct fact *f);
void ike_config_sweep(struct core *c, const struct ike_server *s, uint8_t list, bool ended);

/* The index of SPIs that child SAs have. */
int child_spis_new(struct core *c);
void child_spis_free(struct core *c);
void child_spis_set(struct core *c, struct ledger_child_sa *l); /* and joins what the kernel has */
void child_spis_remove(struct core *c, struct ledger_child_sa *l);

/* Failures of connections, by name. */
int tunnels_failed_new(struct core *c);
void tunnels_failed_free(struct core *c);
void tunnel_recall_failure(const struct core *c, struct tunnel *t); /* of its connection */

void totals_add(struct flow_totals *to, const struct flow_totals *more);
