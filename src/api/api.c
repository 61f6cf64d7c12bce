/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/request.h"
#include "store/logline.h"

#define TIMEOUT_S 30u
#define POOL_OCTETS ((size_t)64 << 10) /* of a connection: head, and parts of its answer */

static void connection_changed(void *userdata, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode how)
{
	const union MHD_ConnectionInfo *info;
	struct api *a = userdata;
	struct api_peer *p;
	int r;

	if (how == MHD_CONNECTION_NOTIFY_CLOSED) {
		free(*context);
		*context = NULL;
		a->counts.connections--;
		return;
	}
	a->counts.connections++;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	p = calloc(1, sizeof(*p));
	if (!info || !p) {
		free(p);
		return;
	}
	r = a->calls.peer ? a->calls.peer(a->calls.userdata, info->connect_fd, p)
			  : access_peer(&a->options, info->connect_fd, p);
	if (r < 0)
		*p = (struct api_peer){ .uid = UINT32_MAX, .pid = 0, .auid = UINT32_MAX };
	*context = p;
}

static int daemon_start(struct api *a, const struct api_options *o, struct diag *reterr)
{
	const union MHD_DaemonInfo *info;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

	if (o->listen_fd < 0)
		flags |= MHD_USE_NO_LISTEN_SOCKET;
	a->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_handle, a,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)API_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_s ? o->timeout_s : TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_OCTETS, MHD_OPTION_NOTIFY_COMPLETED,
		request_completed, a, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, a,
		o->listen_fd < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, o->listen_fd,
		MHD_OPTION_END);
	if (!a->daemon)
		return diag_set(reterr, -EIO, "the HTTP server does not start on the API socket");
	info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	a->fd = info ? info->epoll_fd : -1;
	return a->fd < 0 ? diag_set(reterr, -EIO, "the HTTP server has no epoll descriptor") : 0;
}

int api_new(const struct api_options *o, struct api **ret, struct diag *reterr)
{
	struct api *a = calloc(1, sizeof(*a));
	int r = -ENOMEM;

	if (a) {
		a->options = *o;
		a->calls = o->calls;
		a->last_seq = o->last_seq;
		a->runs_as = strdup(o->runs_as ? o->runs_as : "");
		if (a->runs_as)
			r = ring_init(&a->ring, o->last_seq + 1);
	}
	if (r < 0) {
		if (o->listen_fd >= 0)
			close(o->listen_fd);
		api_free(a);
		return diag_set(reterr, r, "out of memory");
	}
	if (o->listen_fd >= 0) { /* accepting must not wait */
		int flags = fcntl(o->listen_fd, F_GETFL);

		(void)fcntl(o->listen_fd, F_SETFL, flags | O_NONBLOCK);
	}
	r = daemon_start(a, o, reterr);
	if (r < 0) {
		api_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct api *api_free(struct api *a)
{
	if (!a)
		return NULL;
	a->ending = true;
	if (a->daemon) {
		/* MHD does not stop with suspended connections. */
		for (struct request *q = a->requests; q; q = q->next)
			request_wake(q);
		(void)MHD_run(a->daemon);
		MHD_stop_daemon(a->daemon);
	}
	ring_done(&a->ring);
	free(a->runs_as);
	free(a);
	return NULL;
}

int api_fd(const struct api *a)
{
	return a->fd;
}

int api_timeout_ms(struct api *a)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t now_ns = a->calls.boot_ns(a->calls.userdata);
	int wait_ms = -1;

	if (MHD_get_timeout(a->daemon, &ms) == MHD_YES)
		wait_ms = ms > 60000 ? 60000 : (int)ms;
	for (const struct request *q = a->requests; q; q = q->next) {
		uint64_t left;

		if (q->wait == WAIT_NONE || q->deadline_ns == 0)
			continue;
		left = q->deadline_ns > now_ns ? (q->deadline_ns - now_ns) / 1000000u + 1 : 0;
		if (left > 60000)
			left = 60000;
		if (wait_ms < 0 || left < (uint64_t)wait_ms)
			wait_ms = (int)left;
	}
	return wait_ms;
}

void api_run(struct api *a)
{
	uint64_t now_ns = a->calls.boot_ns(a->calls.userdata);

	for (struct request *q = a->requests; q; q = q->next) {
		if (q->wait == WAIT_NONE || q->deadline_ns == 0 || now_ns < q->deadline_ns)
			continue;
		q->late = true;
		request_wake(q);
	}
	(void)MHD_run(a->daemon);
}

int api_adopt(struct api *a, int fd)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX };

	/* MHD closes it also when it refuses. */
	if (MHD_add_connection(a->daemon, fd, (const struct sockaddr *)&name, sizeof(name)) !=
		MHD_YES)
		return -errno;
	return 0;
}

void api_event(struct api *a, struct span line)
{
	uint64_t seq;

	if (!logline_seq(line, &seq))
		return;
	ring_push(&a->ring, seq, line);
	a->last_seq = seq;
	a->news = true;
}

void api_committed(struct api *a, uint64_t ticket)
{
	a->ticket = ticket;
	for (struct request *q = a->requests; q; q = q->next) {
		if (q->wait == WAIT_COMMIT && q->ticket <= ticket)
			request_wake(q);
		else if (q->wait == WAIT_STREAM && a->news)
			request_wake(q);
	}
	a->news = false;
}

void api_polled(struct api *a, uint64_t ticket)
{
	a->polled = ticket;
	for (struct request *q = a->requests; q; q = q->next) {
		if (q->wait == WAIT_POLL)
			request_wake(q);
	}
}

void api_counts(const struct api *a, struct api_counts *ret)
{
	*ret = a->counts;
}
