/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "main/core/process.h"
#include "main/log.h"
#include "main/sandbox.h"

#define ORPHAN_MS 3000u /* for observe's last facts, when the supervisor is gone */

/* What the supervisor says. */

static void sandbox(struct process *p)
{
	struct diag why = { "" };
	int r = sandbox_core(p->state_fd, &why);

	if (r < 0 || why.text[0])
		log_line(LOG_WARNING, "sandbox: %s", why.text[0] ? why.text : strerror(-r));
}

static int begin_live(struct process *p, const struct ipc_message *m, int *fds, unsigned n_fds,
	struct diag *reterr)
{
	int record = ipc_take(m, fds, n_fds, IPC_SLOT_RECORD),
	    listener = ipc_take(m, fds, n_fds, IPC_SLOT_API);
	const struct core_sink sink = commit_sink(p);
	int r = core_new(&sink, &p->core);

	if (r < 0)
		return diag_set(reterr, r, "out of memory");
	if (record >= 0)
		(void)record_begin(p, record);
	heads_take_keys(p, ipc_slot(m, fds, n_fds, IPC_SLOT_KEYS));
	r = restore(p, reterr);
	if (r == 0)
		indexing_begin(p);
	if (r == 0 && listener >= 0)
		r = serve_begin(p, listener, m->text, reterr);
	sandbox(p);
	return r;
}

/* Prints, then serves what there is, or ends. */
static int begin_replay(struct process *p, const struct ipc_message *m, int file, int *fds,
	unsigned n_fds, struct diag *reterr)
{
	int listener = ipc_take(m, fds, n_fds, IPC_SLOT_API);
	int r = 0;

	sandbox(p);
	r = replay(p, file, reterr);
	close(file);
	if (r == 0 && listener >= 0)
		return serve_begin(p, listener, m->text, reterr);
	if (r == 0)
		process_end(p, 0);
	return r;
}

static void configure_first(
	struct process *p, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	struct diag why = { "" };
	int file, r;

	p->config = m->config;
	p->state_fd = ipc_take(m, fds, n_fds, IPC_SLOT_STATE);
	file = ipc_take(m, fds, n_fds, IPC_SLOT_REPLAY);
	if (file < 0 && p->state_fd < 0) {
		process_fail(p, EINVAL, "no state directory was given");
		return;
	}
	commit_sinks(p, m, fds, n_fds);
	p->configured = true;
	r = file >= 0 ? begin_replay(p, m, file, fds, n_fds, &why)
		      : begin_live(p, m, fds, n_fds, &why);
	if (r < 0)
		process_fail(p, -r, why.text);
	else if (!p->ending)
		(void)ipc_say(IPC_CONTROL_FD, IPC_READY, 0, NULL);
}

/* Of a later one only that counts which can change while we run. */
static void configure_again(
	struct process *p, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	bool changed = strcmp(p->config.digest, m->config.digest) != 0;

	if (p->state_fd < 0)
		return;
	commit_sinks(p, m, fds, n_fds);
	heads_take_keys(p, ipc_slot(m, fds, n_fds, IPC_SLOT_KEYS));
	p->config = m->config;
	p->digest_due = p->digest_due || changed;
	eventlog_set_limits(
		p->log, m->config.segment_size, m->config.keep_size, m->config.keep_age_s);
	if (changed)
		feed_config(p, changed);
}

static void feed_process(struct process *p, const struct ipc_message *m)
{
	struct fact f = { .type = FACT_PROCESS };

	f.process.op = (uint8_t)m->flags;
	(void)snprintf(f.process.name, sizeof(f.process.name), "%s", m->name);
	f.process.pid = m->pid;
	f.process.status = m->status;
	(void)feed_own(p, &f);
}

static void stop(struct process *p)
{
	struct fact f = { .type = FACT_STOP };

	facts_drain(p); /* observe has ended: its last facts are all there */
	if (p->ending)
		return;
	if (p->log) {
		(void)feed_own(p, &f);
		(void)commit(p);
		heads_stop(p);
	}
	(void)ipc_say(IPC_CONTROL_FD, IPC_DONE, 0, NULL);
	process_end(p, 0);
}

static void handle(struct process *p, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	bool live = p->configured && p->state_fd >= 0;

	switch (m->type) {
	case IPC_CONFIG:
		if (p->configured)
			configure_again(p, m, fds, n_fds);
		else
			configure_first(p, m, fds, n_fds);
		break;
	case IPC_PEER:
		if (live && n_fds == 1) {
			facts_take_peer(p, fds[0]);
			fds[0] = -1;
		}
		break;
	case IPC_PROCESS:
		if (live)
			feed_process(p, m);
		break;
	case IPC_SIGNED:
		if (live)
			heads_signed(p, m);
		break;
	case IPC_STOP:
		stop(p);
		break;
	default:
		log_line(LOG_WARNING, "the supervisor sent a message of type %u", m->type);
		break;
	}
}

static void on_end_timer(uv_timer_t *timer)
{
	process_end(timer->data, 0);
}

/*
 * The supervisor is gone, and so will observe be. What it still says goes into the log; but this
 * is no stop in order, and the next run shall say so.
 */
static void orphaned(struct process *p)
{
	(void)uv_poll_stop(&p->control);
	log_line(LOG_ERR, "ipsecmond is gone: ending");
	p->orphaned = true;
	if (p->peer < 0)
		process_end(p, 0);
	else
		(void)uv_timer_start(&p->end_timer, on_end_timer, ORPHAN_MS, 0);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct process *p = poll->data;
	struct ipc_message m;
	int fds[IPC_FDS_MAX];
	unsigned n_fds = 0;
	int r;

	(void)events;
	r = status < 0 ? 0 : ipc_receive(IPC_CONTROL_FD, &m, fds, &n_fds);
	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		orphaned(p);
		return;
	}
	handle(p, &m, fds, n_fds);
	for (unsigned i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

int control_begin(struct process *p)
{
	int r = uv_poll_init(&p->loop, &p->control, IPC_CONTROL_FD);

	p->control.data = p;
	return r ? r : uv_poll_start(&p->control, UV_READABLE, on_control);
}
