/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/* IKE daemons as processes: 5478, 5479, 5483, 5484, 10302, and the rows of `show service`. */

int services_new(struct core *c)
{
	c->services = calloc(1, sizeof(*c->services));
	if (!c->services)
		return -ENOMEM;
	return map_new(sizeof(uint64_t), LIMIT_SERVICES, c->seed, &c->services->all);
}

void services_free(struct core *c)
{
	if (!c->services)
		return;
	map_free_all(c->services->all);
	link_changes_free(c);
	free(c->services);
	c->services = NULL;
}

static bool runs(const struct service_state *s)
{
	return s->service.end == SERVICE_RUNS;
}

static void event_init(struct core *c, struct event *e, uint32_t id, const struct service_state *s)
{
	core_event_init(c, e, id, ledger_netns(c, s->cookie));
	detail_text(e, "daemon", ike_daemon_name(s->service.daemon));
	detail_text(e, "service", s->service.name);
	detail_text(e, "version", s->service.version);
	detail_number(e, "pid", s->service.pid);
}

static void tell_end(struct core *c, struct service_state *s)
{
	static const uint32_t ids[] = { [SERVICE_ENDED] = EVENT_SERVICE_ENDED,
		[SERVICE_STOPPED] = EVENT_SERVICE_STOPPED,
		[SERVICE_FAILED] = EVENT_SERVICE_FAILED };
	struct event e;

	s->ended_ns = 0;
	event_init(c, &e, ids[s->service.end], s);
	e.time_us = s->since_us;
	detail_text(&e, "why", s->service.why);
	if (s->service.signal)
		detail_number(&e, "signal", s->service.signal);
	exposure_describe(c, &e, s);
	core_emit(c, &e);
}

/* Of the daemons that are gone, the one that began first; NULL: all run. */
static struct service_state *oldest_ended(const struct core *c)
{
	struct service_state *s, *found = NULL;

	for (size_t at = 0; (s = map_next(c->services->all, &at, NULL));) {
		if (!runs(s) && s->ended_ns == 0 &&
			(!found || s->service.started_us < found->service.started_us))
			found = s;
	}
	return found;
}

/* A daemon started where another one was: that one's end comes first, and is history. */
static void succeed(struct core *c, const struct service_state *new)
{
	struct service_state *s;

	for (size_t at = 0; (s = map_next(c->services->all, &at, NULL));) {
		if (s == new || runs(s) || s->cookie != new->cookie ||
			s->service.daemon != new->service.daemon)
			continue;
		if (s->ended_ns)
			tell_end(c, s);
		map_remove(c->services->all, &s->service.id);
		free(s);
	}
}

static struct service_state *get(struct core *c, const struct fact *f, bool *ret_fresh)
{
	struct service_state *s = map_get(c->services->all, &f->service.id), *old;

	*ret_fresh = !s;
	if (s)
		return s;
	if (map_count(c->services->all) == LIMIT_SERVICES && (old = oldest_ended(c))) {
		map_remove(c->services->all, &old->service.id);
		free(old);
	}
	s = calloc(1, sizeof(*s));
	if (!s || map_put(c->services->all, &f->service.id, s) < 0) {
		free(s);
		c->refused++;
		return NULL;
	}
	s->cookie = f->netns;
	s->since_us = f->service.started_us ? f->service.started_us : c->now_us;
	return s;
}

static void watch_control(struct core *c, struct service_state *s)
{
	/* A new observe has not tried it yet: that says nothing. */
	if (s->service.control == CONTROL_OPEN || s->service.control == CONTROL_LOST)
		s->refused_ns = 0;
	else if (s->service.control == CONTROL_REFUSED && s->refused_ns == 0)
		s->refused_ns = c->now_ns;
	/* Lost later is its source's event. */
	s->control_told = s->control_told || s->service.control == CONTROL_OPEN;
}

void services_fact(struct core *c, const struct fact *f)
{
	struct service_state *s;
	struct event e;
	bool fresh, ran;

	if (f->service.end > SERVICE_FAILED || f->service.control > CONTROL_LOST) {
		c->refused++;
		return;
	}
	s = get(c, f, &fresh);
	if (!s)
		return;
	ran = fresh || runs(s);
	s->service = f->service;
	if (runs(s)) {
		watch_control(c, s);
		if (!fresh)
			return;
		succeed(c, s);
		listening_changed(c);
		if (f->service.found)
			return;
		event_init(c, &e, EVENT_SERVICE_STARTED, s);
		if (f->service.started_us)
			e.time_us = f->service.started_us;
		core_emit(c, &e);
	} else if (ran) {
		s->refused_ns = 0;
		s->since_us = f->service.ended_us ? f->service.ended_us : c->now_us;
		/* What the kernel still has is certain a moment later. */
		s->ended_ns = c->muted ? 0 : c->now_ns;
		s->ended_fact = f->seq;
	}
}

/* Of a daemon that an earlier core knew for long, that one has told. */
static bool told_before(const struct core *c, const struct service_state *s)
{
	return c->epoch == c->told_epoch && s->service.found &&
	       s->service.started_us + 30000000u < c->last_run_us;
}

static void settle_control(struct core *c, struct service_state *s)
{
	struct event e;
	char what[NAME_SIZE + 32];

	if (s->control_told || s->refused_ns == 0 || s->service.control != CONTROL_REFUSED ||
		c->now_ns - s->refused_ns < CONTROL_GRACE_S * 1000000000ull)
		return;
	s->control_told = true;
	if (told_before(c, s))
		return;
	event_init(c, &e, EVENT_CONTROL_FAILED, s);
	(void)snprintf(what, sizeof(what), "the control socket of %s", s->service.name);
	detail_text(&e, "what", what);
	detail_text(&e, "reason", s->service.why);
	core_emit(c, &e);
}

void services_no_xfrm(struct core *c, struct netns *ns, const char *reason)
{
	struct event e;

	core_event_init(c, &e, EVENT_CONTROL_FAILED, ns);
	detail_text(&e, "what", "the kernel's interface for IPsec, NETLINK_XFRM,");
	detail_text(&e, "reason", reason);
	core_emit(c, &e);
}

void services_settle(struct core *c, bool all)
{
	struct service_state *s;

	for (size_t at = 0; (s = map_next(c->services->all, &at, NULL));) {
		if (s->ended_ns && (all || c->now_ns - s->ended_ns >= c->config.settle_ns))
			tell_end(c, s);
		settle_control(c, s);
	}
	listening_settle(c);
	link_changes_settle(c, all);
}

void services_orphan(struct core *c)
{
	struct service_state *s;

	for (size_t at = 0; (s = map_next(c->services->all, &at, NULL));)
		s->ended_fact = 0;
}

void services_pending(const struct core *c, struct core_progress *p)
{
	struct service_state *s;

	for (size_t at = 0; (s = map_next(c->services->all, &at, NULL));) {
		if (s->ended_ns)
			progress_add(p, s->ended_fact, s->ended_fact);
	}
}

static void describe_sockets(const struct core *c, struct service_row *row, struct buf *out)
{
	const struct ike_server *server = ike_server_find(c, row->service->id, 0);
	struct ledger_ike_socket *l;
	char text[ADDR_TEXT_SIZE];

	row->sockets_known = server && server->known[IKE_LIST_SOCKETS];
	for (size_t at = 0; (l = ike_socket_next(c, &at));) {
		bool v6 = l->socket.local.family == AF_INET6;

		if (l->socket.service != row->service->id || l->socket.foreign)
			continue;
		addr_format(&l->socket.local, text);
		buf_printf(out, "%s%s%s%s:%u", out->n ? " " : "", v6 ? "[" : "", text,
			v6 ? "]" : "", l->socket.port);
		row->queue += l->socket.queue;
		row->drops += l->socket.drops;
	}
	row->sockets = out->p;
}

int services_each(const struct core *c, core_each_fn *each, void *userdata)
{
	struct service_state *s;
	bool more = true;

	for (size_t at = 0; more && (s = map_next(c->services->all, &at, NULL));) {
		CLEANUP_BUF struct buf sockets = { .limit = 4096 };
		const struct netns *ns = ledger_netns(c, s->cookie);
		struct service_row row = { .service = &s->service,
			.netns = ns ? ns->name : NULL,
			.since_us = s->since_us };

		describe_sockets(c, &row, &sockets);
		more = each(userdata, &row);
	}
	return 0;
}
