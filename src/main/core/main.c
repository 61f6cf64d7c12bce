/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/core/process.h"
#include "main/log.h"

#define ALIVE_NS 1000000000u

void process_alive(struct process *p)
{
	uint64_t now_ns = clock_boot_ns();

	if (now_ns - p->alive_ns < ALIVE_NS)
		return;
	p->alive_ns = now_ns;
	(void)ipc_say(IPC_CONTROL_FD, IPC_ALIVE, 0, NULL);
}

void process_end(struct process *p, int status)
{
	if (p->ending)
		return;
	p->ending = true;
	p->exit_status = status;
	uv_stop(&p->loop);
}

void process_fail(struct process *p, int error, const char *text)
{
	/* The supervisor says it, once, whatever it makes of it. */
	if (ipc_say(IPC_CONTROL_FD, IPC_FAILED, error, text) < 0)
		log_line(LOG_ERR, "%s", text);
	process_end(p, 1);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

uv_poll_t *process_watch(struct process *p, int fd, uv_poll_cb call)
{
	uv_poll_t *poll = malloc(sizeof(*poll));

	if (!poll || uv_poll_init(&p->loop, poll, fd)) {
		free(poll);
		process_fail(p, ENOMEM, "a descriptor can't be watched");
		return NULL;
	}
	poll->data = p;
	(void)uv_poll_start(poll, UV_READABLE, call);
	return poll;
}

uv_poll_t *process_unwatch(uv_poll_t *poll)
{
	if (poll)
		uv_close((uv_handle_t *)poll, on_poll_closed);
	return NULL;
}

static void on_second(uv_timer_t *timer)
{
	struct process *p = timer->data;
	struct fact f = { .type = FACT_TICK };

	process_alive(p);
	if (!p->log)
		return;
	(void)feed_own(p, &f);
	commit_tick(p);
	heads_tick(p);
	record_flush(p);
}

/* All that happened in this turn has been fed: what needs no commit is settled, clients are served.
 */
static void on_before_wait(uv_prepare_t *prepare)
{
	struct process *p = prepare->data;
	struct core_progress progress;

	serve_run(p);
	if (!p->log || p->failing || p->settled == p->fed || eventlog_group_open(p->log))
		return;
	p->settled = p->fed;
	record_flush(p); /* observe forgets what is acknowledged */
	core_progress(p->core, &progress);
	facts_ack(p, &progress);
	if (p->api) {
		api_committed(p->api, p->settled);
		serve_run(p);
	}
}

static int begin(struct process *p)
{
	int r = uv_loop_init(&p->loop);

	if (r)
		return r;
	(void)uv_timer_init(&p->loop, &p->second);
	(void)uv_timer_init(&p->loop, &p->group_timer);
	(void)uv_timer_init(&p->loop, &p->sink_timer);
	(void)uv_timer_init(&p->loop, &p->seal_timer);
	(void)uv_timer_init(&p->loop, &p->end_timer);
	(void)uv_timer_init(&p->loop, &p->api_timer);
	(void)uv_prepare_init(&p->loop, &p->before_wait);
	p->second.data = p->group_timer.data = p->sink_timer.data = p->end_timer.data = p;
	p->seal_timer.data = p->api_timer.data = p->before_wait.data = p;
	r = uv_timer_start(&p->second, on_second, 1000, 1000);
	if (r == 0)
		r = uv_prepare_start(&p->before_wait, on_before_wait);
	return r ? r : control_begin(p);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void done(struct process *p)
{
	serve_run(p); /* the last events to those who listen */
	if (p->log && eventlog_group_open(p->log))
		(void)commit(p);
	record_flush(p);
	serve_done(p);
	indexing_done(p);
	commit_done(p);
	heads_done(p);
	p->core = core_free(p->core);
	p->peer_poll = process_unwatch(p->peer_poll);
	uv_walk(&p->loop, close_handle, NULL);
	(void)uv_run(&p->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&p->loop);
	buf_done(&p->octets);
	buf_done(&p->record);
}

int main(void)
{
	struct process *p;
	int r, status;

	log_init("ipsecmond-core", false);
	if (fcntl(IPC_CONTROL_FD, F_GETFD) < 0) {
		log_line(LOG_ERR, "is a part of ipsecmond, which starts it");
		return 2;
	}
	/* The end comes over the control channel: observe goes first, whoever is signalled. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	p = calloc(1, sizeof(*p));
	if (!p)
		return 1;
	p->state_fd = p->record_fd = p->peer = -1;
	r = begin(p);
	if (r) {
		log_line(LOG_ERR, "event loop: %s", uv_strerror(r));
		(void)ipc_say(IPC_CONTROL_FD, IPC_FAILED, -r, uv_strerror(r));
		return 1;
	}
	(void)uv_run(&p->loop, UV_RUN_DEFAULT);
	status = p->exit_status;
	done(p);
	free(p);
	return status;
}
