/* SPDX-License-Identifier: Apache-2.0 */
#include "main/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char octets[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
};

int ipc_send(int fd, const struct ipc_message *m, const int *fds, unsigned n_fds)
{
	struct ipc_message copy = *m;
	struct iovec iov = { .iov_base = &copy, .iov_len = sizeof(copy) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };
	struct cmsghdr *c;
	ssize_t n;

	if (n_fds > IPC_FDS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static unsigned take_fds(struct msghdr *msg, int fds[IPC_FDS_MAX])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t here;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here && n < IPC_FDS_MAX; i++)
			memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return n;
}

static void terminate(struct ipc_message *m)
{
	struct ipc_config *c = &m->config;

	m->name[sizeof(m->name) - 1] = '\0';
	m->text[sizeof(m->text) - 1] = '\0';
	m->signed_head[sizeof(m->signed_head) - 1] = '\0';
	c->syslog[sizeof(c->syslog) - 1] = '\0';
	c->digest[sizeof(c->digest) - 1] = '\0';
	c->host[sizeof(c->host) - 1] = '\0';
	c->boot[sizeof(c->boot) - 1] = '\0';
	c->release[sizeof(c->release) - 1] = '\0';
	c->version[sizeof(c->version) - 1] = '\0';
}

int ipc_receive(int fd, struct ipc_message *ret, int ret_fds[IPC_FDS_MAX], unsigned *ret_n)
{
	struct ipc_message m;
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fds[IPC_FDS_MAX];
	unsigned n_fds;
	ssize_t n;

	/*
	 * A side that ended without reading all it was sent makes one ECONNRESET, ahead of the last
	 * messages that it sent itself: those come behind it.
	 */
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	n_fds = take_fds(&msg, fds);
	if (n != (ssize_t)sizeof(m) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (unsigned i = 0; i < n_fds; i++)
			close(fds[i]);
		return n == 0 ? 0 : -EPROTO;
	}
	terminate(&m);
	*ret = m;
	memcpy(ret_fds, fds, n_fds * sizeof(int));
	*ret_n = n_fds;
	return 1;
}

int ipc_slot(const struct ipc_message *m, const int *fds, unsigned n_fds, unsigned slot)
{
	unsigned before = (unsigned)__builtin_popcount(m->flags & (IPC_HAS(slot) - 1));

	return (m->flags & IPC_HAS(slot)) && before < n_fds ? fds[before] : -1;
}

int ipc_take(const struct ipc_message *m, int *fds, unsigned n_fds, unsigned slot)
{
	int fd = ipc_slot(m, fds, n_fds, slot);

	for (unsigned i = 0; fd >= 0 && i < n_fds; i++) {
		if (fds[i] == fd)
			fds[i] = -1;
	}
	return fd;
}

int ipc_say(int fd, enum ipc_type type, int error, const char *text)
{
	struct ipc_message m = { .type = type, .error = error };

	(void)snprintf(m.text, sizeof(m.text), "%s", text ? text : "");
	return ipc_send(fd, &m, NULL, 0);
}
