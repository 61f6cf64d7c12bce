/* SPDX-License-Identifier: Apache-2.0 */
#include "main/observe/services.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/log.h"
#include "main/observe/netns.h"

static const uint8_t source_of[] = {
	[DAEMON_STRONGSWAN] = SOURCE_STRONGSWAN, [DAEMON_LIBRESWAN] = SOURCE_LIBRESWAN
};

static bool is_watched(const struct observe *o, uint8_t daemon)
{
	return daemon < ARRAY_LEN(source_of) && (o->config.ike & 1u << daemon);
}

static struct daemon *find(const struct observe *o, uint64_t id)
{
	for (size_t i = 0; i < o->n_daemons; i++) {
		if (o->daemons[i]->service.id == id)
			return o->daemons[i];
	}
	return NULL;
}

/* How many there are: of one kind (0: of all), in one netns (0: in all). */
static size_t count(const struct observe *o, uint8_t daemon, uint64_t netns)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_daemons; i++) {
		const struct daemon *d = o->daemons[i];

		n += (daemon == 0 || d->service.daemon == daemon) &&
		     (netns == 0 || d->netns == netns);
	}
	return n;
}

static void tell_source(
	struct observe *o, uint8_t id, uint8_t state, uint64_t netns, const char *reason)
{
	struct fact f = { .type = FACT_SOURCE, .source = id, .netns = netns };

	f.source_change.id = id;
	f.source_change.state = state;
	(void)snprintf(f.source_change.reason, sizeof(f.source_change.reason), "%s", reason);
	o->sink.emit(o->sink.userdata, &f);
}

/*
 * Without a daemon there is nothing that could tell this of itself. daemon 0: of the source of all.
 * Of a netns: the last one there has ended; of the whole host (netns 0): whether any runs.
 */
static void tell_presence(struct observe *o, uint8_t daemon, uint64_t netns)
{
	uint8_t id = daemon ? source_of[daemon] : SOURCE_SERVICE;
	bool wanted = daemon ? is_watched(o, daemon) : o->config.ike != 0;
	char reason[FACT_TEXT_SIZE];

	if (!wanted && netns == 0) {
		tell_source(o, id, SOURCE_OFF, 0, "excluded by `ike` in the configuration");
	} else if (count(o, daemon, netns) == 0) {
		(void)snprintf(reason, sizeof(reason), "no %s runs here%s%.200s",
			daemon ? ike_daemon_name(daemon) : "IKE daemon",
			o->services_why[0] ? "; " : "", o->services_why);
		/* Where we can't look everywhere, there may be one. */
		tell_source(o, id, o->services_why[0] ? SOURCE_LOST : SOURCE_ABSENT, netns, reason);
	} else if (netns == 0) {
		tell_source(o, id, SOURCE_IN_STEP, 0, o->services_why);
	}
}

static void tell_host(struct observe *o)
{
	for (uint8_t i = 0; i < ARRAY_LEN(source_of); i++)
		tell_presence(o, i, 0);
}

static void on_exits(uv_poll_t *poll, int status, int events)
{
	struct observe *o = poll->data;

	(void)status;
	(void)events;
	exits_ready(o->exits);
}

/* Without it how a daemon ended may stay unknown, and then the event says why. */
void services_begin(struct observe *o)
{
	int r = exits_new(&o->inbox, &o->exits);

	if (r < 0)
		log_line(LOG_NOTICE, "proc connector: %s", strerror(-r));
	else
		o->exits_poll = observe_watch(o, exits_fd(o->exits), on_exits, o);
}

static void watch_end(struct observe *o, uint32_t pid)
{
	int r = o->exits ? exits_watch(o->exits, pid) : 0;

	if (r < 0)
		log_line(LOG_NOTICE, "proc connector, process %u: %s", pid, strerror(-r));
}

static void free_one(struct daemon *d)
{
	if (d->observe->exits)
		exits_forget(d->observe->exits, d->service.pid);
	charon_done(d);
	pluto_done(d);
	d->source_poll = observe_unwatch(d->source_poll);
	service_source_free(d->source);
	free(d);
}

static void remove_at(struct observe *o, size_t at)
{
	struct daemon *d = o->daemons[at];
	uint64_t netns = d->netns, id = d->service.id;
	uint8_t daemon = d->service.daemon;

	free_one(d);
	o->daemons[at] = o->daemons[--o->n_daemons];
	if (o->confsource)
		confsource_gone(o->confsource, id);
	tell_presence(o, daemon, netns);
	tell_presence(o, 0, netns);
	tell_host(o);
}

static void on_source(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	service_source_ready(d->source, 0);
	if (d->observe->exits)
		exits_ended(d->observe->exits, d->service.pid, uv_hrtime());
	if (d->observe->confsource)
		confsource_ended(d->observe->confsource, d->service.id);
	/* It stays readable for good; what there is to be found out, the next seconds tell. */
	d->source_poll = observe_unwatch(d->source_poll);
}

static void on_confsource(uv_poll_t *poll, int status, int events)
{
	struct observe *o = poll->data;

	(void)status;
	(void)events;
	confsource_ready(o->confsource, 0);
}

static uint64_t init_netns(const struct observe *o)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		if (!strcmp(o->netns[i]->name, "init"))
			return o->netns[i]->cookie;
	}
	return 0;
}

/* The files of a daemon's root; service 0: of the host's, for daemons that do not run. */
static void read_files(
	struct observe *o, uint8_t daemon, uint64_t service, uint64_t netns, int root)
{
	if (!o->confsource && confsource_new(&o->sink, &o->confsource) < 0) {
		log_line(LOG_ERR, "no memory to read the configuration of IKE daemons");
		close(root);
		return;
	}
	if (!o->confsource_poll && confsource_fd(o->confsource, 0) >= 0)
		o->confsource_poll =
			observe_watch(o, confsource_fd(o->confsource, 0), on_confsource, o);
	confsource_daemon(o->confsource, daemon, service, netns, root);
}

static void read_host_files(struct observe *o)
{
	for (uint8_t i = DAEMON_STRONGSWAN; i < ARRAY_LEN(source_of); i++) {
		int root = is_watched(o, i) ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

		if (root >= 0)
			read_files(o, i, 0, init_netns(o), root);
	}
}

/* The cookie that the netns' own facts have; else as the supervisor found it. */
static uint64_t netns_of(const struct observe *o, const struct ipc_message *m)
{
	for (size_t i = 0; i < o->n_netns; i++) {
		if (o->netns[i]->inode == m->inode)
			return o->netns[i]->cookie;
	}
	return m->service.cookie ? m->service.cookie : m->inode;
}

/*
 * A daemon's sockets close a moment before its process is seen to have ended. That they are lost is
 * news only where it lives on.
 */
static void hold_back(void *userdata, struct fact *f)
{
	struct daemon *d = userdata;
	struct observe *o = d->observe;

	if (f->type == FACT_SOURCE)
		d->lost_for = 0;
	if (f->type == FACT_SOURCE && f->source_change.state == SOURCE_LOST) {
		d->lost = *f;
		d->lost_for = 1;
		return;
	}
	o->sink.emit(o->sink.userdata, f);
}

static void tell_lost(struct daemon *d)
{
	struct observe *o = d->observe;

	if (d->lost_for == 0 || service_source_ended(d->source) || d->lost_for++ < 2)
		return;
	d->lost_for = 0;
	o->sink.emit(o->sink.userdata, &d->lost);
}

static void introduce(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	struct daemon *d = o->n_daemons < DAEMONS_MAX ? calloc(1, sizeof(*d)) : NULL;
	struct service_mark mark = { .dir = ipc_take(m, fds, n_fds, IPC_SLOT_RUN) };
	struct service_files files;
	int root;
	char name[NAME_SIZE + sizeof(".pid")];

	if (!d) {
		log_line(LOG_ERR, "no room to watch %s (process %u)", m->name, m->service.pid);
		if (mark.dir >= 0)
			close(mark.dir);
		return;
	}
	d->observe = o;
	d->sink = (struct source_sink){ .userdata = d, .emit = hold_back };
	d->netns = netns_of(o, m);
	d->service = (struct service){ .id = m->service.id,
		.daemon = m->service.daemon,
		.pid = m->service.pid,
		.found = m->service.found,
		.started_us = m->service.started_us };
	memcpy(d->service.name, m->name, sizeof(d->service.name));
	(void)snprintf(name, sizeof(name), "%s.pid", m->name);
	mark.name = name;
	files = (struct service_files){ .pidfd = ipc_take(m, fds, n_fds, IPC_SLOT_PIDFD),
		.udp4 = ipc_take(m, fds, n_fds, IPC_SLOT_UDP),
		.udp6 = ipc_take(m, fds, n_fds, IPC_SLOT_UDP6),
		.own = ipc_take(m, fds, n_fds, IPC_SLOT_OWN) };
	if (service_source_new(&d->service, d->netns, &files, &mark, &o->sink, &d->source) < 0) {
		log_line(LOG_ERR, "no memory to watch %s (process %u)", m->name, m->service.pid);
		free(d);
		return;
	}
	d->log = -1;
	if (d->service.daemon == DAEMON_LIBRESWAN && pluto_begin(d) < 0)
		log_line(LOG_ERR, "no memory to speak to %s (process %u)", m->name, m->service.pid);
	o->daemons[o->n_daemons++] = d;
	d->source_poll = observe_watch(o, service_source_fd(d->source, 0), on_source, d);
	watch_end(o, d->service.pid);
	root = ipc_take(m, fds, n_fds, IPC_SLOT_ROOT);
	if (root >= 0)
		read_files(o, d->service.daemon, d->service.id, d->netns, root);
	if (o->services_listed)
		tell_host(o);
}

/* The supervisor has opened something, or could not. */
static void contact(struct daemon *d, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	int vici = ipc_take(m, fds, n_fds, IPC_SLOT_VICI);
	int notify = ipc_take(m, fds, n_fds, IPC_SLOT_ERROR_NOTIFY);
	int log = ipc_take(m, fds, n_fds, IPC_SLOT_LOG);
	int own = ipc_take(m, fds, n_fds, IPC_SLOT_OWN);

	if (own >= 0)
		service_source_own(d->source, own);
	if (d->service.daemon == DAEMON_STRONGSWAN)
		service_source_control(d->source, m->service.control, m->text);
	if (vici >= 0)
		charon_vici(d, vici);
	if (notify >= 0)
		charon_notify(d, notify);
	if (log >= 0 && d->libreswan)
		pluto_log(d, log);
	else if (log >= 0)
		close(log);
}

void services_add(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	struct daemon *d = find(o, m->service.id);

	if (!is_watched(o, m->service.daemon))
		return;
	if (!d && (m->flags & IPC_HAS(IPC_SLOT_PIDFD)))
		introduce(o, m, fds, n_fds);
	else if (d)
		contact(d, m, fds, n_fds);
}

void services_whacked(
	struct observe *o, const struct ipc_message *m, const int *fds, unsigned n_fds)
{
	struct daemon *d = find(o, m->service.id);

	if (d && d->libreswan)
		pluto_whacked(d, m, n_fds > 0 ? fds[0] : -1);
}

void services_ready(struct observe *o, const struct ipc_message *m)
{
	if (!o->services_listed)
		read_host_files(o);
	o->services_listed = true;
	memcpy(o->services_why, m->text, sizeof(o->services_why));
	tell_host(o);
}

void services_config(struct observe *o)
{
	for (size_t i = o->n_daemons; i-- > 0;) {
		if (!is_watched(o, o->daemons[i]->service.daemon))
			remove_at(o, i);
	}
	if (o->services_listed)
		tell_host(o);
}

static void hear_end(struct daemon *d)
{
	const struct exits *e = d->observe->exits;
	int status;

	if (e && service_source_ended(d->source) && exits_status(e, d->service.pid, &status))
		service_source_exit(d->source, status);
}

void services_second(struct observe *o)
{
	uint64_t now = uv_hrtime();

	if (o->confsource)
		confsource_tick(o->confsource, now);
	for (size_t i = o->n_daemons; i-- > 0;) {
		charon_second(o->daemons[i], now);
		pluto_second(o->daemons[i], now);
		hear_end(o->daemons[i]);
		service_source_tick(o->daemons[i]->source, now);
		tell_lost(o->daemons[i]);
		if (service_source_over(o->daemons[i]->source))
			remove_at(o, i);
	}
}

void services_crashed(void *observe, uint32_t pid, uint32_t signal)
{
	struct observe *o = observe;

	for (size_t i = 0; i < o->n_daemons; i++) {
		if (o->daemons[i]->service.pid == pid)
			service_source_signal(o->daemons[i]->source, signal);
	}
}

void services_restate(struct observe *o)
{
	for (size_t i = 0; i < o->n_daemons; i++) {
		struct daemon *d = o->daemons[i];

		service_source_restate(d->source);
		if (d->strongswan)
			strongswan_restate(d->strongswan);
		if (d->libreswan)
			libreswan_restate(d->libreswan);
	}
	if (o->confsource)
		confsource_restate(o->confsource);
	if (o->services_listed)
		tell_host(o);
}

void services_free_all(struct observe *o)
{
	while (o->n_daemons > 0)
		free_one(o->daemons[--o->n_daemons]);
	o->confsource_poll = observe_unwatch(o->confsource_poll);
	o->confsource = confsource_free(o->confsource);
	o->exits_poll = observe_unwatch(o->exits_poll);
	o->exits = exits_free(o->exits);
}
