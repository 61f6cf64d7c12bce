/* SPDX-License-Identifier: Apache-2.0 */
#include "main/observe/netns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/log.h"
#include "main/observe/services.h"
#include "model/event.h"
#include "source/socket.h"

static void fact_of(const struct netns *n, bool there, struct fact *ret)
{
	*ret = (struct fact){ .type = FACT_NETNS, .source = SOURCE_XFRM, .netns = n->cookie };
	ret->netns_change.there = there;
	ret->netns_change.watched = n->watched;
	ret->netns_change.inode = n->inode;
	memcpy(ret->netns_change.name, n->name, sizeof(n->name));
}

static void tell(struct netns *n, bool there)
{
	struct fact f;

	fact_of(n, there, &f);
	n->observe->sink.emit(n->observe->sink.userdata, &f);
}

static void on_xfrm(uv_poll_t *poll, int status, int events)
{
	struct netns *n = poll->data;

	(void)status; /* what is wrong with the socket is said by reading it */
	(void)events;
	for (size_t i = 0; i < XFRM_FDS; i++) {
		if (n->xfrm_polls[i] != poll)
			continue;
		if (i == XFRM_FD_REQUESTS)
			round_spends(n->observe, true);
		xfrm_readable(n->xfrm, i);
		if (i == XFRM_FD_REQUESTS)
			round_spends(n->observe, false);
	}
	round_progress(n->observe);
}

static void on_link(uv_poll_t *poll, int status, int events)
{
	struct netns *n = poll->data;

	(void)status;
	(void)events;
	link_source_readable(n->link, 0);
}

static struct netns *find(struct observe *o, uint64_t inode, size_t *ret_at)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		if (o->netns[i]->inode == inode) {
			*ret_at = i;
			return o->netns[i];
		}
	}
	return NULL;
}

static void free_one(struct netns *n)
{
	for (size_t i = 0; i < XFRM_FDS; i++)
		n->xfrm_polls[i] = observe_unwatch(n->xfrm_polls[i]);
	n->link_poll = observe_unwatch(n->link_poll);
	xfrm_free(n->xfrm);
	xfrmstat_free(n->xfrmstat);
	link_source_free(n->link);
	free(n);
}

static void remove_at(struct observe *o, size_t at)
{
	struct netns *n = o->netns[at];

	/* First of all the descriptors, which keep the netns alive. */
	tell(n, false);
	if (o->bpf)
		bpf_source_unwatch(o->bpf, n->cookie);
	free_one(n);
	o->netns[at] = o->netns[--o->n_netns];
}

/* An entry of the table; NULL when there is no room. */
static struct netns *enter(struct observe *o, const struct ipc_message *m)
{
	struct netns *n;
	size_t at;

	if (find(o, m->inode, &at))
		remove_at(o, at);
	n = o->n_netns < NETNS_LISTED_MAX ? calloc(1, sizeof(*n)) : NULL;
	if (!n) {
		o->netns_refused++;
		log_line(LOG_WARNING, "no room for network namespace %s", m->name);
		return NULL;
	}
	n->observe = o;
	n->inode = n->cookie = m->inode;
	memcpy(n->name, m->name, sizeof(n->name));
	o->netns[o->n_netns++] = n;
	return n;
}

static unsigned count_watched(const struct observe *o)
{
	unsigned n = 0;

	for (size_t i = 0; i < o->n_netns; i++)
		n += o->netns[i]->watched;
	return n;
}

/* The cookie from whichever socket is there; the inode where the kernel knows no cookies. */
static uint64_t cookie_of(const struct netns *n, const int fds[IPC_NETNS_SLOTS])
{
	for (size_t i = 0; i < IPC_SLOT_XFRM_STAT; i++) {
		uint64_t cookie = fds[i] >= 0 ? socket_netns(fds[i]) : 0;

		if (cookie)
			return cookie;
	}
	return n->inode;
}

_Static_assert(IPC_SLOT_ALL_XFRM + LINK_ALL_XFRM == IPC_SLOT_ALL_XFRM &&
		       IPC_SLOT_ALL_XFRM + LINK_ALL_POLICY == IPC_SLOT_ALL_POLICY &&
		       IPC_SLOT_ALL_XFRM + LINK_ALL_POLICY6 == IPC_SLOT_ALL_POLICY6 &&
		       IPC_SLOT_ALL_XFRM + LINK_SETTINGS == IPC_NETNS_SLOTS,
	"slots in the order of enum link_setting_file");

static int begin_sources(
	struct netns *n, const struct ipc_message *m, const int fds[IPC_NETNS_SLOTS])
{
	struct observe *o = n->observe;
	const char *why = m->text[0] ? m->text : strerror(m->error);
	struct xfrm_options xfrm = {
		.netns = n->cookie,
		.room = o->config.netlink_buffer,
		.inbox = &o->inbox,
		.why = why,
	};
	struct link_options link = {
		.netns = n->cookie,
		.room = o->config.netlink_buffer / 8, /* links change seldom */
		.inbox = &o->inbox,
		.why = why,
	};
	int r = xfrm_new(&fds[IPC_SLOT_SA_EVENTS], &xfrm, &o->sink, &n->xfrm);
	int r2 = link_source_new(&fds[IPC_SLOT_ROUTE_EVENTS], &link, &o->sink, &n->link);
	int r3 = xfrmstat_new(fds[IPC_SLOT_XFRM_STAT], why, n->cookie, &o->sink, &n->xfrmstat);

	if (r == 0)
		xfrm_listeners(n->xfrm, fds[IPC_SLOT_NETLINK_LIST]);
	else if (fds[IPC_SLOT_NETLINK_LIST] >= 0)
		close(fds[IPC_SLOT_NETLINK_LIST]);
	if (r2 == 0)
		link_source_settings(n->link, &fds[IPC_SLOT_ALL_XFRM]);
	for (unsigned i = IPC_SLOT_ALL_XFRM; r2 != 0 && i < IPC_NETNS_SLOTS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return r ? r : r2 ? r2 : r3;
}

static void watch(struct netns *n)
{
	for (size_t i = 0; i < XFRM_FDS; i++) {
		int fd = xfrm_fd(n->xfrm, i);

		if (fd >= 0)
			n->xfrm_polls[i] = observe_watch(n->observe, fd, on_xfrm, n);
	}
	if (link_source_fd(n->link, 0) >= 0)
		n->link_poll = observe_watch(n->observe, link_source_fd(n->link, 0), on_link, n);
}

void netns_add(struct observe *o, const struct ipc_message *m, const int fds[IPC_NETNS_SLOTS])
{
	struct netns *n = enter(o, m);
	size_t at;

	if (!n || count_watched(o) >= NETNS_WATCHED_MAX) {
		for (size_t i = 0; i < IPC_NETNS_SLOTS; i++) {
			if (fds[i] >= 0)
				close(fds[i]);
		}
		if (n)
			tell(n, true);
		return;
	}
	n->watched = true;
	n->cookie = cookie_of(n, fds);
	tell(n, true);
	if (begin_sources(n, m, fds)) {
		log_line(LOG_ERR, "no memory to watch network namespace %s", n->name);
		if (find(o, n->inode, &at))
			remove_at(o, at);
		return;
	}
	xfrmstat_resolution_is(n->xfrmstat, o->interval_ms);
	if (o->bpf && xfrm_fd(n->xfrm, XFRM_FD_REQUESTS) >= 0)
		bpf_source_watch(o->bpf, xfrm_fd(n->xfrm, XFRM_FD_REQUESTS));
	watch(n);
	link_source_dump(n->link);
	xfrm_ask(n->xfrm, XFRM_WANT_ALL);
	netns_hold(o);
	round_soon(o, 0);
}

void netns_tick(struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		if (o->netns[i]->xfrm)
			xfrm_tick(o->netns[i]->xfrm);
	}
}

void netns_list(struct observe *o, const struct ipc_message *m)
{
	struct netns *n = enter(o, m);

	if (n)
		tell(n, true);
}

void netns_gone(struct observe *o, uint64_t inode)
{
	size_t at;

	if (find(o, inode, &at))
		remove_at(o, at);
	round_progress(o);
}

void netns_free_all(struct observe *o)
{
	while (o->n_netns > 0)
		free_one(o->netns[--o->n_netns]);
	o->audit_poll = observe_unwatch(o->audit_poll);
	o->audit = audit_free(o->audit);
	o->bpf_poll = observe_unwatch(o->bpf_poll);
	o->bpf = bpf_source_free(o->bpf);
}

void netns_greet(struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		struct fact f;

		fact_of(o->netns[i], true, &f);
		channel_greet(o, &f);
	}
}

void netns_restate(struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		struct netns *n = o->netns[i];

		if (!n->watched)
			continue;
		tell(n, true);
		link_source_restate(n->link);
		xfrm_restate(n->xfrm);
		xfrmstat_restate(n->xfrmstat);
	}
	if (o->audit)
		audit_restate(o->audit);
	if (o->bpf)
		bpf_source_restate(o->bpf);
	services_restate(o);
	round_soon(o, 0);
}

static void hold_one(uv_poll_t *poll, bool held)
{
	if (!poll)
		return;
	if (held)
		uv_poll_stop(poll);
	else if (!uv_is_active((uv_handle_t *)poll))
		uv_poll_start(poll, UV_READABLE, on_xfrm);
}

void netns_hold(struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		struct netns *n = o->netns[i];

		hold_one(n->xfrm_polls[XFRM_FD_REQUESTS], o->hold >= HOLD_DUMPS);
		hold_one(n->xfrm_polls[XFRM_FD_SA], o->hold >= HOLD_EVENTS);
		hold_one(n->xfrm_polls[XFRM_FD_POLICY], o->hold >= HOLD_EVENTS);
	}
}

static void on_audit(uv_poll_t *poll, int status, int events)
{
	struct observe *o = poll->data;

	(void)status;
	(void)events;
	audit_readable(o->audit, 0);
	round_heard_drops(o);
}

void netns_audit(struct observe *o, int fd, int error)
{
	o->audit_poll = observe_unwatch(o->audit_poll);
	o->audit = audit_free(o->audit);
	if (audit_new(fd, error, o->config.netlink_buffer, &o->inbox, &o->sink, &o->audit)) {
		log_line(LOG_ERR, "no memory to read audit records");
		return;
	}
	audit_on_crash(o->audit, services_crashed, o);
	if (audit_fd(o->audit, 0) >= 0)
		o->audit_poll = observe_watch(o, audit_fd(o->audit, 0), on_audit, o);
}

int netns_bpf_load(struct observe *o)
{
	const struct bpf_source_options options = { .hooks = o->config.bpf_hooks,
		.first_packets = o->config.first_packets };

	if (!(o->config.evidence & EVIDENCE_BIT(EVIDENCE_BPF)))
		return 0;
	return bpf_source_new(&options, &o->sink, &o->bpf);
}

static void on_bpf(uv_poll_t *poll, int status, int events)
{
	struct observe *o = poll->data;

	(void)status;
	(void)events;
	bpf_source_readable(o->bpf, 0);
	round_heard_drops(o);
}

void netns_bpf_begin(struct observe *o)
{
	if (!o->bpf || o->bpf_poll)
		return;
	bpf_source_begin(o->bpf);
	if (bpf_source_fd(o->bpf, 0) >= 0)
		o->bpf_poll = observe_watch(o, bpf_source_fd(o->bpf, 0), on_bpf, o);
}
