/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/internal.h"

/*
 * 5480: the list of interfaces or addresses stays incomplete, or a daemon does not listen where its
 * connections want it to. Both are judged after a while in which nothing changed.
 */

#define IKE_PORT 500

static struct list_failure *list_of(struct core *c, uint64_t cookie, uint8_t kind)
{
	struct services *v = c->services;

	for (unsigned i = 0; i < v->n_lists; i++) {
		if (v->lists[i].cookie == cookie && v->lists[i].kind == kind)
			return &v->lists[i];
	}
	return NULL;
}

void listening_list(struct core *c, const struct fact *f)
{
	struct services *v = c->services;
	struct list_failure *l;

	if (f->dump.kind != DUMP_LINK && f->dump.kind != DUMP_ADDR)
		return;
	l = list_of(c, f->netns, f->dump.kind);
	if (f->dump.phase == DUMP_END && l) {
		*l = v->lists[--v->n_lists];
	} else if (f->dump.phase == DUMP_FAILED && !l) {
		if (v->n_lists == ARRAY_LEN(v->lists)) {
			c->refused++;
			return;
		}
		v->lists[v->n_lists++] = (struct list_failure){
			.cookie = f->netns, .kind = f->dump.kind, .since_ns = c->now_ns
		};
	}
}

void listening_changed(struct core *c)
{
	c->services->listen_ns = c->now_ns;
	if (c->services->listen_first_ns == 0)
		c->services->listen_first_ns = c->now_ns;
}

/* Does the service, or (foreign) another process in its netns? */
static bool listens(const struct core *c, uint64_t service, const struct addr *a, bool foreign)
{
	static const struct addr any;
	struct ledger_ike_socket *l;

	for (size_t at = 0; (l = ike_socket_next(c, &at));) {
		struct addr whole = any;

		whole.family = l->socket.local.family;
		/* By 4500 alone no negotiation begins. */
		if (l->socket.service != service || l->socket.foreign != foreign ||
			l->socket.port != IKE_PORT)
			continue;
		if (addr_equal(&l->socket.local, a))
			return true;
		/* One for any address; IPv6's serves IPv4, too, unless told otherwise: not asked.
		 */
		if (addr_equal(&l->socket.local, &whole) && whole.family == a->family)
			return true;
	}
	return false;
}

static bool is_local(const struct core *c, const struct addr *a, uint64_t cookie)
{
	uint64_t where[LIMIT_LOCAL];
	unsigned n = ledger_holds(c, a, where, LIMIT_LOCAL);

	for (unsigned i = 0; i < n; i++) {
		if (where[i] == cookie)
			return true;
	}
	return false;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; at && (at = strstr(at, word)); at += n) {
		if ((at == words || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' '))
			return true;
	}
	return false;
}

/*
 * Addresses of this list of a connection's own ends that the service does not listen on, each once;
 * taken: those of them where another process does.
 */
static void collect(const struct core *c, const struct service_state *s, const char *hosts,
	struct buf *out, struct buf *taken)
{
	char word[ADDR_TEXT_SIZE];

	while (*hosts) {
		size_t n = strcspn(hosts, " ");
		struct addr a;

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, hosts);
		hosts += n + (hosts[n] == ' ');
		if (n >= sizeof(word) || addr_parse(word, &a) < 0 || !is_local(c, &a, s->cookie) ||
			listens(c, s->service.id, &a, false) || has_word(out->p, word))
			continue;
		buf_printf(out, "%s%s", out->n ? " " : "", word);
		if (listens(c, s->service.id, &a, true))
			buf_printf(taken, "%s%s", taken->n ? " " : "", word);
	}
}

static void check(struct core *c, struct service_state *s)
{
	const struct ike_server *server = ike_server_find(c, s->service.id, 0);
	CLEANUP_BUF struct buf out = { .limit = sizeof(s->unserved) - 1 };
	CLEANUP_BUF struct buf taken = { .limit = sizeof(s->unserved) - 1 };
	const struct ledger_connection *l;
	char reason[2 * sizeof(s->unserved) + NAME_SIZE + 64];
	struct event e;

	if (s->service.end != SERVICE_RUNS || !server || !server->known[IKE_LIST_SOCKETS])
		return;
	for (size_t at = 0; (l = connection_next(c, &at)) && !out.failed;) {
		if (l->conn.service == s->service.id && l->conn.origin == ORIGIN_LOADED)
			collect(c, s, l->conn.local, &out, &taken);
	}
	if (strcmp(out.p ? out.p : "", s->unserved) == 0)
		return;
	(void)snprintf(s->unserved, sizeof(s->unserved), "%s", out.p ? out.p : "");
	if (!s->unserved[0])
		return;
	core_event_init(c, &e, EVENT_INTERFACES_INCOMPLETE, ledger_netns(c, s->cookie));
	(void)snprintf(reason, sizeof(reason), "%s does not listen on %s%s%s", s->service.name,
		s->unserved, taken.n ? "; another process has port 500 of " : "",
		taken.n ? taken.p : "");
	detail_text(&e, "reason", reason);
	detail_text(&e, "daemon", ike_daemon_name(s->service.daemon));
	detail_number(&e, "pid", s->service.pid);
	core_emit(c, &e);
}

static void tell_list(struct core *c, struct list_failure *l)
{
	struct event e;

	l->told = true;
	core_event_init(c, &e, EVENT_INTERFACES_INCOMPLETE, ledger_netns(c, l->cookie));
	detail_text(&e, "reason",
		l->kind == DUMP_LINK ? "the list of interfaces could not be read whole"
				     : "the list of addresses could not be read whole");
	core_emit(c, &e);
}

void listening_settle(struct core *c)
{
	struct services *v = c->services;
	const uint64_t grace_ns = LISTEN_GRACE_S * 1000000000ull;
	struct service_state *s;

	for (unsigned i = 0; i < v->n_lists; i++) {
		if (!v->lists[i].told && c->now_ns - v->lists[i].since_ns >= grace_ns)
			tell_list(c, &v->lists[i]);
	}
	if (v->listen_ns == 0 || (c->now_ns - v->listen_ns < grace_ns &&
					 c->now_ns - v->listen_first_ns < 6 * grace_ns))
		return;
	v->listen_ns = v->listen_first_ns = 0;
	for (size_t at = 0; (s = map_next(v->all, &at, NULL));)
		check(c, s);
}
