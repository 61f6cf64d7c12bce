/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "core/negotiations.h"
#include "core/tunnels.h"

/* What events say of IKE SAs, IPsec SAs and negotiations. */

#define TEXT_MAX 240 /* octets of an identity, proposals or selectors in an event */

/* At most size - 1 octets, cut between characters, with an ellipsis where something is missing. */
static void cut(char *ret, size_t size, const char *text)
{
	static const char ellipsis[] = "…";
	size_t n = strlen(text);

	if (n >= size) {
		n = size - sizeof(ellipsis);
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		memcpy(ret, text, n);
		memcpy(ret + n, ellipsis, sizeof(ellipsis));
	} else {
		memcpy(ret, text, n + 1);
	}
}

static void detail_cut(struct event *e, const char *key, const char *text)
{
	char part[TEXT_MAX];

	cut(part, sizeof(part), text);
	detail_text(e, key, part);
}

static void detail_hex(struct event *e, const char *key, uint64_t v, int digits)
{
	char text[24];

	if (v == 0)
		return;
	(void)snprintf(text, sizeof(text), "0x%0*llx", digits, (unsigned long long)v);
	detail_text(e, key, text);
}

static void describe_peer(struct event *e, const struct addr *local, uint16_t local_port,
	const struct addr *remote, uint16_t remote_port, const char *remote_id)
{
	e->src = *local;
	e->dst = *remote;
	e->has_ports = local_port != 0 && remote_port != 0;
	e->sport = local_port;
	e->dport = remote_port;
	cut(e->peer, sizeof(e->peer), remote_id);
}

/* Its connection, and which of its tunnels it is about. */
static void describe_name(struct event *e, const char *conn, const char *child)
{
	char tunnel[2 * CONN_SIZE];

	detail_text(e, "connection", conn[0] ? conn : child);
	if (conn[0] && strcmp(conn, child) != 0)
		detail_text(e, "child", child);
	if (!child[0])
		return;
	(void)snprintf(tunnel, sizeof(tunnel), "%s%s%s", conn, conn[0] ? "/" : "", child);
	cut(e->tunnel, sizeof(e->tunnel), strcmp(conn, child) == 0 ? conn : tunnel);
}

static void describe_ids(struct event *e, const char *local_id, const char *remote_id)
{
	detail_cut(e, "remote_id", remote_id);
	detail_cut(e, "local_id", local_id);
}

/* IKE SAs are main mode's, IPsec SAs quick mode's, and so is whether they are told. */
static void describe_kind(struct event *e, bool child)
{
	unsigned subcategory = child ? SUBCATEGORY_QUICK_MODE : SUBCATEGORY_MAIN_MODE;

	if (e->id != EVENT_INTERFACE_UNCOVERED)
		e->subcategory = catalog_subcategories[subcategory].name;
	detail_text(e, "what", child ? "IPsec SA" : "IKE SA");
	detail_text(e, "mode", child ? "quick mode" : "main mode");
}

static void describe_role(struct event *e, bool known, bool initiator)
{
	if (known)
		detail_text(e, "role", initiator ? "initiator" : "responder");
}

static void describe_daemon(const struct core *c, struct event *e, uint64_t service)
{
	const struct ike_server *server = ike_server_find(c, service, 0);

	if (server)
		detail_text(e, "daemon", ike_daemon_name(server->daemon));
}

void ike_event_negotiation(struct core *c, struct event *e, const struct negotiation *n)
{
	describe_kind(e, n->child);
	describe_peer(e, &n->local, n->local_port, &n->remote, n->remote_port, n->remote_id);
	describe_name(e, n->conn, n->child_name);
	describe_role(e, n->role_known, n->initiator);
	detail_text(e, "fate", n->cause == CAUSE_DPD ? "lost" : "not established");
	detail_text(e, "cause", ike_cause_name(n->cause));
	detail_text(e, "why", cause_of(n->cause)->why);
	detail_cut(e, "words", n->words);
	describe_ids(e, n->local_id, n->remote_id);
	detail_cut(e, "ours", n->ours);
	detail_cut(e, "theirs", n->theirs);
	describe_daemon(c, e, n->service);
	if (n->version)
		detail_number(e, "version", n->version);
	if (n->unique)
		detail_number(e, "unique", n->unique);
	detail_hex(e, "spi_i", n->spi_i, 16);
	detail_hex(e, "spi_r", n->spi_r, 16);
	detail_text(e, "remedy", cause_of(n->cause)->remedy);
}

/* "aes-cbc-256/hmac-sha2-256/modp2048" of those that are known */
static void describe_algorithms(struct event *e, const char *encryption, uint16_t bits,
	const char *const *others, size_t n_others)
{
	CLEANUP_BUF struct buf out = { .limit = 256 };

	buf_text(&out, encryption);
	if (bits && encryption[0])
		buf_printf(&out, "-%u", bits);
	for (size_t i = 0; i < n_others; i++) {
		if (others[i][0])
			buf_printf(&out, "%s%s", out.n ? "/" : "", others[i]);
	}
	if (out.n && !out.failed)
		detail_text(e, "algorithms", out.p);
}

static void describe_ike_sa(const struct core *c, struct event *e, const struct ike_sa *sa)
{
	const char *const others[] = { sa->integrity, sa->prf, sa->dh };

	describe_kind(e, false);
	describe_peer(e, &sa->local, sa->local_port, &sa->remote, sa->remote_port,
		sa->remote_user[0] ? sa->remote_user : sa->remote_id);
	describe_name(e, sa->name, "");
	describe_role(e, sa->role_known, sa->initiator);
	describe_ids(e, sa->local_id, sa->remote_id);
	detail_cut(e, "remote_user", sa->remote_user);
	detail_cut(e, "virtual", sa->vips);
	describe_algorithms(e, sa->encryption, sa->encryption_bits, others, ARRAY_LEN(others));
	describe_daemon(c, e, sa->service);
	if (sa->version)
		detail_number(e, "version", sa->version);
	detail_number(e, "unique", sa->unique);
	detail_hex(e, "spi_i", sa->spi_i, 16);
	detail_hex(e, "spi_r", sa->spi_r, 16);
}

static void describe_child(const struct core *c, struct event *e, const struct child_sa *sa)
{
	const struct ledger_ike_sa *ike = ike_sa_find(c, sa->service, sa->ike_unique);
	const struct ledger_child_sa *child = child_sa_find(c, sa->service, sa->unique);
	const struct tunnel *tunnel = child ? tunnel_of(child) : NULL;
	const char *const others[] = { sa->integrity, sa->dh };
	struct addr local = { 0 }, remote = { 0 };
	const char *peer = "";

	/* An IKE SA may be gone before its children are told to be. */
	if (ike) {
		local = ike->sa.local;
		remote = ike->sa.remote;
		peer = ike->sa.remote_user[0] ? ike->sa.remote_user : ike->sa.remote_id;
	} else if (tunnel) {
		local = tunnel->local;
		remote = tunnel->remote;
		peer = tunnel->peer;
	}
	describe_kind(e, true);
	describe_peer(e, &local, 0, &remote, 0, peer);
	describe_name(e, sa->ike_name, sa->name);
	e->proto = sa->proto;
	e->has_spi = sa->spi_in != 0;
	e->spi = sa->spi_in;
	e->has_reqid = sa->reqid != 0;
	e->reqid = sa->reqid;
	e->has_if_id = sa->if_id_in != 0;
	e->if_id = sa->if_id_in;
	detail_hex(e, "spi_in", sa->spi_in, 8);
	detail_hex(e, "spi_out", sa->spi_out, 8);
	detail_cut(e, "local_ts", sa->local_ts);
	detail_cut(e, "remote_ts", sa->remote_ts);
	detail_cut(e, "remote_id", peer);
	detail_text(e, "encapsulation", ipsec_mode_name(sa->mode));
	describe_algorithms(e, sa->encryption, sa->encryption_bits, others, ARRAY_LEN(others));
	describe_daemon(c, e, sa->service);
	detail_number(e, "unique", sa->unique);
}

static void tell_ike_sa(struct core *c, const struct fact *f, uint32_t id)
{
	const struct ike_sa *sa = f->type == FACT_IKE_SA ? &f->ike_sa.sa : &f->ike_sa_gone.sa;
	struct event e;

	core_event_init(c, &e, id, ledger_netns(c, f->netns));
	describe_ike_sa(c, &e, sa);
	if (id == EVENT_SA_REKEYED && f->ike_sa.replaces)
		detail_number(&e, "replaces", f->ike_sa.replaces);
	core_emit(c, &e);
}

static void tell_child(struct core *c, const struct fact *f, uint32_t id)
{
	const struct child_sa *sa =
		f->type == FACT_CHILD_SA ? &f->child_sa.sa : &f->child_sa_gone.sa;
	struct event e;

	core_event_init(c, &e, id, ledger_netns(c, f->netns));
	describe_child(c, &e, sa);
	if (id == EVENT_SA_REKEYED && f->child_sa.replaces)
		detail_number(&e, "replaces", f->child_sa.replaces);
	if (id == EVENT_IPSEC_SA_DELETED && sa->counted) {
		detail_number(&e, "bytes_in", sa->bytes_in);
		detail_number(&e, "bytes_out", sa->bytes_out);
	}
	core_emit(c, &e);
}

void ike_events_sa(struct core *c, const struct fact *f)
{
	static const uint32_t there[] = { [IKE_OP_UP] = EVENT_SA_ESTABLISHED,
		[IKE_OP_REKEYED] = EVENT_SA_REKEYED,
		[IKE_OP_CHANGED] = 0 };
	uint8_t op = f->type == FACT_IKE_SA ? f->ike_sa.op : f->child_sa.op;

	switch (f->type) {
	case FACT_IKE_SA:
	case FACT_CHILD_SA:
		if (op >= ARRAY_LEN(there) || there[op] == 0)
			break;
		if (f->type == FACT_IKE_SA)
			tell_ike_sa(c, f, there[op]);
		else
			tell_child(c, f, there[op]);
		break;
	case FACT_IKE_SA_GONE:
		if (f->ike_sa_gone.how == IKE_GONE_DOWN)
			tell_ike_sa(c, f, EVENT_IKE_SA_DELETED);
		break;
	default:
		if (f->child_sa_gone.how == IKE_GONE_DOWN)
			tell_child(c, f, EVENT_IPSEC_SA_DELETED);
		break;
	}
}
