/* SPDX-License-Identifier: Apache-2.0 */
/* What a fact tells of an SA: its lines, and what its connection has. */
#include <string.h>

#include "source/libreswan/internal.h"

static uint8_t state_of(const struct libreswan *l, const struct pluto_sa *sa)
{
	if (!sas_is_established(sa) || sas_newest(l, sa) == sa)
		return sa->state.state;
	return sa->state.sa == WHACK_SA_IKE ? IKE_REKEYED : CHILD_REKEYED;
}

void sas_build_ike(const struct libreswan *l, const struct pluto_sa *sa, struct ike_sa *ret)
{
	const struct pluto_conn *conn = conns_find(l, &sa->state.conn);

	memset(ret, 0, sizeof(*ret)); /* padding too: it is compared */
	ret->service = l->service;
	ret->unique = sa->state.number;
	ret->version = sa->state.version;
	ret->state = state_of(l, sa);
	ret->role_known = sa->role_known;
	ret->initiator = sa->initiator;
	ret->remote = sa->state.peer;
	ret->remote_port = sa->state.peer_port;
	ret->established_us = sa->established_us;
	ret->rekey_us = sa->rekey_us;
	ret->tasks_queued = sa->pending;
	ret->children_queued = sa->pending;
	memcpy(ret->name, sa->state.conn.name, sizeof(ret->name));
	memcpy(ret->remote_user, sa->traffic.user, sizeof(ret->remote_user));
	memcpy(ret->vips, sa->traffic.lease, sizeof(ret->vips));
	pluto_ike_algorithms(sa->algorithm, ret);
	if (!conn)
		return;
	ret->local = conn->local;
	if (!ret->remote.family)
		ret->remote = conn->remote;
	memcpy(ret->local_id, conn->connection.local_id, sizeof(ret->local_id));
	memcpy(ret->remote_id, conn->connection.remote_id, sizeof(ret->remote_id));
	ret->if_id_in = conn->child.if_id_in;
	ret->if_id_out = conn->child.if_id_out;
}

void sas_build_child(const struct libreswan *l, const struct pluto_sa *sa, struct child_sa *ret)
{
	const struct pluto_conn *conn = conns_find(l, &sa->state.conn);

	memset(ret, 0, sizeof(*ret)); /* padding too: it is compared */
	ret->service = l->service;
	ret->unique = sa->state.number;
	ret->ike_unique = sa->state.ike;
	ret->state = state_of(l, sa);
	ret->mode = sa->spis.tunnel ? IPSEC_TUNNEL : IPSEC_TRANSPORT;
	ret->proto = sa->spis.proto;
	ret->encap = sa->encap;
	ret->spi_in = sa->spis.spi_in;
	ret->spi_out = sa->spis.spi_out;
	ret->installed_us = sa->traffic.added_s * 1000000;
	ret->rekey_us = sa->rekey_us;
	ret->expires_us = sa->expires_us;
	ret->counted = sa->traffic.counted;
	ret->octets_only = true;
	ret->bytes_in = sa->traffic.bytes_in;
	ret->bytes_out = sa->traffic.bytes_out;
	memcpy(ret->name, sa->state.conn.name, sizeof(ret->name));
	/* Its connection; the IKE SA may be one that another connection began. */
	memcpy(ret->ike_name, ret->name, sizeof(ret->ike_name));
	pluto_child_algorithms(sa->algorithm, ret);
	if (!conn)
		return;
	if (!sa->spis.proto) {
		ret->mode = conn->child.mode;
		ret->proto = conn->child.proto;
	}
	ret->reqid = conn->child.reqid;
	ret->mark_in = conn->child.mark_in;
	ret->mark_out = conn->child.mark_out;
	ret->if_id_in = conn->child.if_id_in;
	ret->if_id_out = conn->child.if_id_out;
	memcpy(ret->local_ts, conn->child.local_ts, sizeof(ret->local_ts));
	memcpy(ret->remote_ts, conn->child.remote_ts, sizeof(ret->remote_ts));
}

/* Of the newest SA of a connection its status has the algorithms. */
void sas_learn_algorithms(const struct libreswan *l, struct pluto_sa *sa)
{
	const struct pluto_conn *conn = conns_find(l, &sa->state.conn);
	bool ike = sa->state.sa == WHACK_SA_IKE;
	const char *known = !conn ? "" : ike ? conn->ike_algorithm : conn->child_algorithm;

	if (known[0] && sa->state.number == (ike ? conn->newest_ike : conn->newest_child))
		memcpy(sa->algorithm, known, sizeof(sa->algorithm));
}
