/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "main/core/process.h"
#include "main/log.h"
#include "sink/journald/journald.h"
#include "sink/syslog/syslog.h"
#include "store/logline.h"

#define FILES_NS (10ull * 1000000000u) /* between looks at the segments */
#define SEAL_MS 5u /* between steps of sealing, each below a millisecond: others go first */
#define REMOVED_MAX 64u /* segments told of in one go */
#define SINK_MS 50u
#define SINKS_NS (30ull * 1000000000u) /* between requests for new sockets */

static void on_event(void *userdata, const struct event *e)
{
	struct process *p = userdata;

	if (p->log)
		eventlog_event(p->log, e);
}

static void on_reading(void *userdata, const struct core_reading *r)
{
	struct process *p = userdata;
	const struct eventlog_totals t = { .time_us = r->time_us,
		.cookie = r->cookie,
		.kernel = r->kernel,
		.attributed = r->attributed,
		.unattributed = r->unattributed,
		.suppressed = r->suppressed,
		.boot = r->boot,
		.netns = r->netns,
		.counter = r->counter };

	if (p->log)
		eventlog_reading(p->log, &t);
}

static void on_statistic(void *userdata, const struct core_statistic *s)
{
	struct process *p = userdata;
	const struct eventlog_statistic l = { .time_us = s->time_us,
		.cookie = s->cookie,
		.service = s->service,
		.total = s->total,
		.since = s->since,
		.base = s->base,
		.daemon = s->daemon,
		.before = s->before,
		.boot = s->boot,
		.netns = s->netns,
		.key = s->key };

	if (p->log)
		eventlog_statistic(p->log, &l);
}

struct core_sink commit_sink(struct process *p)
{
	return (struct core_sink){
		.userdata = p, .event = on_event, .reading = on_reading, .statistic = on_statistic
	};
}

void commit_pass_on(struct process *p, struct span line)
{
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };

	if ((!p->sinks[0] && !p->sinks[1]) || sink_event_parse(line, &e) < 0)
		return;
	for (unsigned i = 0; i < SINKS; i++) {
		if (p->sinks[i])
			sink_write(p->sinks[i], &e);
	}
}

/* One event is durable: from now on others may know it. */
static void on_line(void *userdata, struct span line)
{
	struct process *p = userdata;

	(void)logline_seq(line, &p->last_seq);
	if (p->api)
		api_event(p->api, line);
	commit_pass_on(p, line);
}

static void failed(struct process *p, int error)
{
	bool first = p->failing == 0;

	p->failing = error;
	if (!first)
		return;
	log_line(LOG_ERR, "the event log can't be written (trying again each second): %s",
		strerror(-error));
	feed_log(p, LOG_FAILED, (uint64_t)-error, strerror(-error));
}

static void worked(struct process *p, const struct core_progress *progress)
{
	bool resumed = p->failing != 0;
	uint64_t lost = eventlog_lost(p->log);

	p->failing = 0;
	p->settled = p->fed;
	facts_ack(p, progress);
	heads_committed(p);
	if (p->api)
		api_committed(p->api, p->settled);
	if (p->digest_due &&
		statefile_write(p->state_fd, CONFIG_DIGEST_FILE, span_text(p->config.digest)) == 0)
		p->digest_due = false;
	if (!resumed)
		return;
	facts_resume(p);
	log_line(LOG_NOTICE, "the event log is written again; %llu events were lost",
		(unsigned long long)(lost - p->lost_told));
	feed_log(p, LOG_RESUMED, lost - p->lost_told, "");
	p->lost_told = lost;
}

int commit(struct process *p)
{
	struct core_progress progress;
	struct eventlog_commit c;
	int r;

	(void)uv_timer_stop(&p->group_timer);
	if (!p->log)
		return 0;
	/* What is in the log shall be in the recording, whenever we are killed. */
	record_flush(p);
	core_progress(p->core, &progress);
	c = (struct eventlog_commit){ .time_us = clock_real_us(),
		.epoch = progress.epoch,
		.applied = progress.applied,
		.n_pending = progress.n_pending };
	memcpy(c.pending, progress.pending, sizeof(c.pending));
	r = eventlog_commit(p->log, &c, on_line, p);
	if (r < 0)
		failed(p, r);
	else
		worked(p, &progress);
	return r;
}

static void on_group(uv_timer_t *timer)
{
	(void)commit(timer->data);
}

/* Between facts only: what one fact causes is in one group. */
void commit_after_feed(struct process *p)
{
	if (!p->log || p->failing || !eventlog_group_open(p->log))
		return;
	if (eventlog_group_events(p->log) >= GROUP_EVENTS)
		(void)commit(p);
	else if (!uv_is_active((uv_handle_t *)&p->group_timer))
		(void)uv_timer_start(&p->group_timer, on_group, GROUP_MS, 0);
}

struct removed {
	size_t n;
	struct {
		char name[32];
		uint64_t events;
	} v[REMOVED_MAX];
};

static void on_removed(void *userdata, const char *segment, uint64_t events)
{
	struct removed *r = userdata;

	if (r->n == REMOVED_MAX)
		return;
	(void)snprintf(r->v[r->n].name, sizeof(r->v[r->n].name), "%s", segment);
	r->v[r->n++].events = events;
}

static void retain(struct process *p)
{
	struct removed removed = { 0 };
	int r = eventlog_retain(p->log, clock_real_us(), on_removed, &removed);

	if (r < 0)
		log_line(LOG_WARNING, "old segments can't be removed: %s", strerror(-r));
	/* Feeding appends to the log: not while it is at its files. */
	for (size_t i = 0; i < removed.n; i++)
		feed_log(p, LOG_SEGMENT_REMOVED, removed.v[i].events, removed.v[i].name);
}

static void on_seal(uv_timer_t *timer)
{
	struct process *p = timer->data;
	int r = eventlog_seal(p->log);

	if (r > 0)
		return;
	(void)uv_timer_stop(timer); /* until the next look */
	if (r < 0 && p->seal_failing != r)
		log_line(LOG_WARNING,
			"a segment of the event log can't be sealed and stays as it "
			"is (trying again): %s",
			strerror(-r));
	p->seal_failing = r;
}

static void on_sinks(uv_timer_t *timer)
{
	struct process *p = timer->data;
	struct sink_stats stats;
	size_t waiting = 0;

	for (unsigned i = 0; i < SINKS; i++) {
		if (!p->sinks[i])
			continue;
		sink_flush(p->sinks[i]);
		sink_stats(p->sinks[i], &stats);
		waiting += stats.waiting;
	}
	if (waiting == 0)
		(void)uv_timer_stop(timer);
}

void commit_tick(struct process *p)
{
	uint64_t now_ns = clock_boot_ns();

	if (!p->log)
		return;
	if (p->failing || p->digest_due)
		(void)commit(p);
	if (now_ns >= p->files_ns) { /* also while the disk is full: both make room */
		p->files_ns = now_ns + FILES_NS;
		retain(p);
		if (!uv_is_active((uv_handle_t *)&p->seal_timer))
			(void)uv_timer_start(&p->seal_timer, on_seal, SEAL_MS, SEAL_MS);
	}
	for (unsigned i = 0; i < SINKS; i++) {
		if (p->sinks[i] && sink_wants_fd(p->sinks[i]) && now_ns >= p->sinks_ns) {
			p->sinks_ns = now_ns + SINKS_NS;
			(void)ipc_say(IPC_CONTROL_FD, IPC_SINKS, 0, NULL);
		}
	}
	if (!uv_is_active((uv_handle_t *)&p->sink_timer))
		(void)uv_timer_start(&p->sink_timer, on_sinks, SINK_MS, SINK_MS);
}

/* A new socket for a sink that is wanted; none: what is there stays, unless it is switched off. */
static void sink_set(struct process *p, unsigned at, bool wanted, int fd, enum sink_peer peer)
{
	int r = 0;

	if (!wanted)
		p->sinks[at] = sink_free(p->sinks[at]);
	else if (p->sinks[at] && fd >= 0)
		sink_connect(p->sinks[at], fd);
	else if (!p->sinks[at])
		r = at == 0 ? journald_new(fd, &p->sinks[at]) : syslog_new(peer, fd, &p->sinks[at]);
	if (r < 0)
		log_line(LOG_ERR, "%s: %s", at == 0 ? "journald" : "syslog", strerror(-r));
}

static int own_copy(const struct ipc_message *m, const int *fds, unsigned n_fds, unsigned slot)
{
	int fd = ipc_slot(m, fds, n_fds, slot);

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, IPC_CONTROL_FD + 1);
}

void commit_sinks(struct process *p, const struct ipc_message *m, const int *fds, unsigned n_fds)
{
	const char *syslog = m->config.syslog;

	if (p->state_fd < 0)
		return;
	sink_set(p, 0, m->config.journald, own_copy(m, fds, n_fds, IPC_SLOT_JOURNAL), SINK_LOCAL);
	/* Another receiver is another sink: what waits is for the old one. */
	if (p->configured && strcmp(p->config.syslog, syslog) != 0)
		p->sinks[1] = sink_free(p->sinks[1]);
	sink_set(p, 1, syslog[0] != '\0', own_copy(m, fds, n_fds, IPC_SLOT_SYSLOG),
		strncmp(syslog, "udp", 3) == 0 ? SINK_REMOTE : SINK_LOCAL);
}

void commit_done(struct process *p)
{
	for (unsigned i = 0; i < SINKS; i++) {
		if (p->sinks[i])
			sink_flush(p->sinks[i]);
		p->sinks[i] = sink_free(p->sinks[i]);
	}
	p->log = eventlog_free(p->log);
}
