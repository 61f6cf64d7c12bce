/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "main/log.h"
#include "main/observe/netns.h"
#include "main/observe/services.h"
#include "main/sandbox.h"

#define BEAT_MS 1000
#define STOP_MS 5000 /* to read the last round and to send everything */
#define BUFFER_DEFAULT ((uint32_t)8 << 20)
#define BUFFER_MIN 4096u

static void close_fds(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void stop(struct observe *o)
{
	if (o->stop_by_ms)
		return;
	o->stop_by_ms = uv_now(&o->loop) + STOP_MS;
	if (o->configured && o->listed)
		round_last(o);
	else
		observe_end(o, 0);
}

static void take_config(struct observe *o, const struct ipc_message *m)
{
	uint64_t epoch = o->config.epoch;
	struct diag why = { "" };

	o->config = m->config;
	if (o->config.netlink_buffer < BUFFER_MIN)
		o->config.netlink_buffer = BUFFER_DEFAULT;
	if (o->configured) {
		/* The facts are numbered within the epoch that we began with. */
		o->config.epoch = epoch;
		services_config(o);
		round_soon(o, 0);
		return;
	}
	o->configured = true;
	o->interval_ms = o->config.poll_ms;
	services_begin(o);
	if (netns_bpf_load(o) < 0 || privilege_drop(false, &why) < 0)
		log_line(LOG_ERR, "%s", why.text[0] ? why.text : strerror(ENOMEM));
	if (sandbox_observe(&why)) {
		ipc_say(IPC_CONTROL_FD, IPC_FAILED, EPERM, why.text);
		observe_end(o, 1);
	} else if (why.text[0]) {
		log_line(LOG_NOTICE, "%s", why.text);
	}
}

static void take_netns(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	int slots[IPC_NETNS_SLOTS];

	for (unsigned i = 0; i < ARRAY_LEN(slots); i++) {
		slots[i] = ipc_slot(m, fds, n_fds, i);
		for (unsigned j = 0; j < n_fds; j++) {
			if (slots[i] >= 0 && fds[j] == slots[i])
				fds[j] = -1;
		}
	}
	netns_add(o, m, slots);
}

static void take_audit(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	if (n_fds > 0 || !o->audit) {
		netns_audit(o, n_fds > 0 ? fds[0] : -1, n_fds > 0 ? 0 : -m->error);
		if (n_fds > 0)
			fds[0] = -1;
	}
	if (o->audit && (m->flags & IPC_AUDIT_KNOWN))
		audit_enabled_is(o->audit, m->flags & IPC_AUDIT_ON);
}

/* Descriptors that are taken over become -1. */
static void take_message(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds)
{
	if (!o->configured && m->type != IPC_CONFIG && m->type != IPC_STOP)
		return;
	switch (m->type) {
	case IPC_CONFIG:
		take_config(o, m);
		break;
	case IPC_PEER:
		if (n_fds > 0) {
			channel_take_peer(o, fds[0]);
			fds[0] = -1;
		}
		break;
	case IPC_NETNS:
		take_netns(o, m, fds, n_fds);
		break;
	case IPC_NETNS_GONE:
		netns_gone(o, m->inode);
		break;
	case IPC_NETNS_UNWATCHED:
		netns_list(o, m);
		break;
	case IPC_NETNS_READY:
		o->listed = true;
		netns_bpf_begin(o);
		round_soon(o, 0);
		break;
	case IPC_AUDIT:
		take_audit(o, m, fds, n_fds);
		break;
	case IPC_SERVICE:
		services_add(o, m, fds, n_fds);
		break;
	case IPC_WHACK_DONE:
		services_whacked(o, m, fds, n_fds);
		break;
	case IPC_SERVICES_READY:
		services_ready(o, m);
		break;
	case IPC_STOP:
		stop(o);
		break;
	default:
		break;
	}
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct observe *o = poll->data;
	struct ipc_message m;
	int fds[IPC_FDS_MAX], r;
	unsigned n = 0;

	(void)status;
	(void)events;
	while ((r = ipc_receive(IPC_CONTROL_FD, &m, fds, &n)) == 1) {
		take_message(o, &m, fds, n);
		close_fds(fds, n);
	}
	if (r == -EAGAIN)
		return;
	if (r < 0)
		log_line(LOG_ERR, "control channel: %s", strerror(-r));
	/* Our supervisor is gone, and with it whoever would restart the core. */
	observe_end(o, r < 0);
}

/* Claims that had no room are losses of the source that made them. */
static void tell_claims_lost(struct observe *o)
{
	uint64_t lost = queue_claims_lost(o->queue);

	if (lost == o->claims_told || !o->audit)
		return;
	audit_count_losses(o->audit, lost - o->claims_told);
	audit_restate(o->audit);
	o->claims_told = lost;
}

static void on_second(uv_timer_t *timer)
{
	struct observe *o = timer->data;

	ipc_say(IPC_CONTROL_FD, IPC_ALIVE, 0, "");
	if (!o->configured)
		return;
	if (o->audit)
		audit_sweep(o->audit);
	services_second(o);
	netns_tick(o);
	tell_claims_lost(o);
	if (o->stop_by_ms && uv_now(&o->loop) > o->stop_by_ms) {
		log_line(LOG_WARNING, "not all could be sent before the end");
		observe_end(o, 0);
	}
}

static void on_terminate(uv_signal_t *signal, int number)
{
	(void)number;
	stop(signal->data);
}

/* A terminal's interrupt goes to all of us; the supervisor says who stops when. */
static void on_interrupt(uv_signal_t *signal, int number)
{
	(void)signal;
	(void)number;
}

int control_begin(struct observe *o)
{
	int r = uv_poll_init(&o->loop, &o->control, IPC_CONTROL_FD);

	if (r)
		return r;
	o->control.data = o->second.data = o->terminate.data = o;
	uv_poll_start(&o->control, UV_READABLE, on_control);
	uv_timer_init(&o->loop, &o->second);
	uv_timer_start(&o->second, on_second, BEAT_MS, BEAT_MS);
	uv_signal_init(&o->loop, &o->terminate);
	uv_signal_start(&o->terminate, on_terminate, SIGTERM);
	uv_signal_init(&o->loop, &o->interrupt);
	return uv_signal_start(&o->interrupt, on_interrupt, SIGINT);
}
