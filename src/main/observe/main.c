/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/log.h"
#include "main/observe/netns.h"
#include "main/observe/services.h"

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

uv_poll_t *observe_watch(struct observe *o, int fd, uv_poll_cb call, void *data)
{
	uv_poll_t *poll = malloc(sizeof(*poll));

	if (!poll || uv_poll_init(&o->loop, poll, fd)) {
		/* Without it we would be deaf and not know it. */
		log_line(LOG_ERR, "cannot watch a descriptor");
		free(poll);
		observe_end(o, 1);
		return NULL;
	}
	poll->data = data;
	uv_poll_start(poll, UV_READABLE, call);
	return poll;
}

uv_poll_t *observe_unwatch(uv_poll_t *poll)
{
	if (poll)
		uv_close((uv_handle_t *)poll, on_closed);
	return NULL;
}

void observe_end(struct observe *o, int status)
{
	o->exit_status = status;
	uv_stop(&o->loop);
}

static int begin(struct observe *o, struct diag *reterr)
{
	int r = inbox_init(&o->inbox);

	if (r)
		return diag_set(reterr, r, "memory for netlink messages: %s", strerror(-r));
	if (!o->inbox.locked)
		log_line(LOG_WARNING,
			"memory for netlink messages could not be locked (RLIMIT_MEMLOCK)");
	r = privilege_drop(true, reterr);
	if (r)
		return r;
	r = uv_loop_init(&o->loop);
	if (!r)
		r = round_begin(o);
	if (!r)
		r = channel_begin(o);
	if (!r)
		r = control_begin(o);
	return r ? diag_set(reterr, r, "event loop: %s", uv_strerror(r)) : 0;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void done(struct observe *o)
{
	services_free_all(o);
	netns_free_all(o);
	channel_done(o);
	uv_walk(&o->loop, close_handle, NULL);
	uv_run(&o->loop, UV_RUN_DEFAULT);
	uv_loop_close(&o->loop);
	inbox_done(&o->inbox);
}

int main(void)
{
	struct diag why = { "" };
	struct observe *o;
	int status;

	log_init("ipsecmond-observe", false);
	if (fcntl(IPC_CONTROL_FD, F_GETFD) < 0) {
		log_line(LOG_ERR, "is a part of ipsecmond, which starts it");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	o = calloc(1, sizeof(*o));
	if (!o || begin(o, &why)) {
		log_line(LOG_ERR, "%s", o ? why.text : strerror(ENOMEM));
		ipc_say(IPC_CONTROL_FD, IPC_FAILED, ENOMEM, why.text);
		return 1;
	}
	uv_run(&o->loop, UV_RUN_DEFAULT);
	status = o->exit_status;
	done(o);
	free(o);
	return status;
}
