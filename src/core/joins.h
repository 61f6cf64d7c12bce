/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/tunnels.h"

struct policy;

/*
 * Which tunnel a policy belongs to, and which IKE SA a connection has: an index that is built when
 * somebody asks and something changed since. So a host without IKE daemons, and one whose state
 * nobody looks at, pays nothing.
 */
int joins_new(struct core *c);
void joins_free(struct core *c);
void joins_changed(const struct core *c); /* tunnels, reqids, IKE SAs or shunts did */
void joins_policies_changed(const struct core *c);

/* By reqid and selectors; a policy of a trap by selectors alone. NULL: of none. */
struct tunnel *joins_tunnel(const struct core *c, const struct policy *p);
struct ledger_shunt *joins_shunt(const struct core *c, const struct policy *p);
/* The tunnel of a drop: by reqid, inner addresses or the policy that was met; NULL: not known. */
struct tunnel *joins_reqid(const struct core *c, uint64_t netns, uint32_t reqid);
/* The IKE SA of a connection that is furthest; NULL: none. */
struct ledger_ike_sa *joins_ike(const struct core *c, uint64_t netns, const char *conn);
/* Brings the tunnels' n_policies up to date. */
void joins_count(const struct core *c);
