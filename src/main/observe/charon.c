/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <unistd.h>

#include "main/log.h"
#include "main/observe/services.h"

/* What speaks to one charon: its VICI socket, and error-notify where that is wanted. */

static void wants(struct daemon *d, uv_poll_cb call)
{
	short events = strongswan_wants(d->strongswan, 0);

	if (d->vici_poll && events != d->vici_events)
		uv_poll_start(d->vici_poll,
			(events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0),
			call);
	d->vici_events = events;
}

static void drop_vici(struct daemon *d)
{
	d->vici_poll = observe_unwatch(d->vici_poll);
	d->strongswan = strongswan_free(d->strongswan);
	d->vici_events = 0;
}

static void drop_notify(struct daemon *d)
{
	d->notify_poll = observe_unwatch(d->notify_poll);
	d->notify = strongswan_notify_free(d->notify);
}

static void say_lost(const struct daemon *d, unsigned slot)
{
	const struct ipc_message m = {
		.type = IPC_SERVICE_LOST, .flags = IPC_HAS(slot), .service.id = d->service.id
	};

	(void)ipc_send(IPC_CONTROL_FD, &m, NULL, 0);
}

/* After each time that it worked. */
static void review(struct daemon *d, uv_poll_cb call)
{
	if (strongswan_version(d->strongswan)[0] != '\0')
		service_source_version(d->source, strongswan_version(d->strongswan));
	if (strongswan_words(d->strongswan)[0] != '\0')
		service_source_words(d->source, SERVICE_STOPPED, strongswan_words(d->strongswan));
	if (!strongswan_lost(d->strongswan)) {
		wants(d, call);
		return;
	}
	drop_vici(d);
	service_source_control(d->source, CONTROL_LOST, "its VICI socket was closed");
	say_lost(d, IPC_SLOT_VICI);
}

static void on_vici(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	strongswan_ready(d->strongswan, 0);
	review(d, on_vici);
}

static void on_notify(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	strongswan_notify_ready(d->notify, 0);
	if (!strongswan_notify_lost(d->notify))
		return;
	drop_notify(d);
	say_lost(d, IPC_SLOT_ERROR_NOTIFY);
}

void charon_vici(struct daemon *d, int fd)
{
	struct observe *o = d->observe;

	drop_vici(d);
	if (strongswan_new(d->service.id, d->netns, fd, &d->sink, &d->strongswan) < 0) {
		log_line(LOG_ERR, "no memory to speak to %s (process %u)", d->service.name,
			d->service.pid);
		say_lost(d, IPC_SLOT_VICI);
		return;
	}
	d->vici_poll = observe_watch(o, strongswan_fd(d->strongswan, 0), on_vici, d);
	d->vici_events = POLLIN;
	review(d, on_vici);
}

void charon_notify(struct daemon *d, int fd)
{
	struct observe *o = d->observe;

	drop_notify(d);
	if (strongswan_notify_new(d->service.id, d->netns, fd, &d->sink, &d->notify) < 0) {
		log_line(LOG_ERR, "no thread to read alerts of %s (process %u)", d->service.name,
			d->service.pid);
		say_lost(d, IPC_SLOT_ERROR_NOTIFY);
		return;
	}
	d->notify_poll = observe_watch(o, strongswan_notify_fd(d->notify, 0), on_notify, d);
}

void charon_second(struct daemon *d, uint64_t now_ns)
{
	if (!d->strongswan)
		return;
	strongswan_tick(d->strongswan, now_ns);
	review(d, on_vici);
}

void charon_done(struct daemon *d)
{
	drop_vici(d);
	drop_notify(d);
}
