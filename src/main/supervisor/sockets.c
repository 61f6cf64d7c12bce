/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP(n) (1u << ((n)-1))

static int open_netlink(int protocol, uint32_t groups, uint32_t receive_buffer)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int size = (int)receive_buffer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int r;

	if (fd < 0)
		return -errno;
	/* Before joining, so that no burst meets the small buffer. */
	if (size > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* What to do about an error, for the few that people meet. */
static const char *remedy(int error)
{
	return error == EPERM || error == EACCES ? "; needs CAP_NET_ADMIN"
	       : error == EPROTONOSUPPORT        ? "; the kernel has no XFRM (xfrm_user)"
						 : "";
}

/* What is missing is no failure: something is known less of, and says so. */
static unsigned open_files(struct ipc_message *m, int *ret_fds)
{
	/* thread-self: the netns of this very moment. So is /proc/sys/net, by its only name. */
	static const struct {
		int slot;
		const char *path;
	} files[] = {
		{ IPC_SLOT_NETLINK_LIST, "/proc/thread-self/net/netlink" },
		{ IPC_SLOT_ALL_XFRM, "/proc/sys/net/ipv4/conf/all/disable_xfrm" },
		{ IPC_SLOT_ALL_POLICY, "/proc/sys/net/ipv4/conf/all/disable_policy" },
		{ IPC_SLOT_ALL_POLICY6, "/proc/sys/net/ipv6/conf/all/disable_policy" },
	};
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int fd = open(files[i].path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

		if (fd < 0)
			continue;
		m->flags |= IPC_HAS(files[i].slot);
		ret_fds[n++] = fd;
	}
	return n;
}

unsigned sockets_open(uint32_t receive_buffer, struct ipc_message *m, int ret_fds[IPC_FDS_MAX])
{
	/* Not ACQUIRE: a listener there changes what the kernel does with unmatched flows. The
	 * source joins it while a key manager listens. */
	static const struct {
		int slot, protocol;
		uint32_t groups;
		const char *what;
	} wanted[] = {
		{ IPC_SLOT_SA_EVENTS, NETLINK_XFRM,
			GROUP(XFRMNLGRP_SA) | GROUP(XFRMNLGRP_EXPIRE) | GROUP(XFRMNLGRP_MIGRATE) |
				GROUP(XFRMNLGRP_MAPPING),
			"notifications of SAs" },
		{ IPC_SLOT_POLICY_EVENTS, NETLINK_XFRM, GROUP(XFRMNLGRP_POLICY),
			"notifications of policies" },
		{ IPC_SLOT_XFRM_REQUESTS, NETLINK_XFRM, 0, "requests to XFRM" },
		{ IPC_SLOT_ROUTE_EVENTS, NETLINK_ROUTE,
			GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) |
				GROUP(RTNLGRP_IPV6_IFADDR),
			"notifications of links and addresses" },
		{ IPC_SLOT_ROUTE_REQUESTS, NETLINK_ROUTE, 0, "requests for links and addresses" },
	};
	unsigned n = 0;
	int fd;

	m->flags = 0;
	m->error = 0;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		fd = open_netlink(wanted[i].protocol, wanted[i].groups, receive_buffer);
		if (fd >= 0) {
			m->flags |= IPC_HAS(wanted[i].slot);
			ret_fds[n++] = fd;
		} else if (m->error == 0) {
			m->error = -fd;
			(void)snprintf(m->text, sizeof(m->text), "%s: %s%s", wanted[i].what,
				strerror(-fd), remedy(-fd));
		}
	}
	/* thread-self: the netns of this very moment; /proc/net is the same, by another name. */
	fd = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0) {
		m->flags |= IPC_HAS(IPC_SLOT_XFRM_STAT);
		ret_fds[n++] = fd;
	} else if (m->error == 0) {
		m->error = errno;
		(void)snprintf(m->text, sizeof(m->text), "/proc/net/xfrm_stat: %s%s",
			strerror(errno),
			errno == ENOENT ? "; the kernel has no CONFIG_XFRM_STATISTICS" : "");
	}
	return n + open_files(m, ret_fds + n);
}

int sockets_open_audit(uint32_t receive_buffer, struct diag *reterr)
{
	int fd = open_netlink(NETLINK_AUDIT, GROUP(AUDIT_NLGRP_READLOG), receive_buffer);

	if (fd == -EPERM)
		return diag_set(reterr, fd,
			"joining READLOG: %s; needs CAP_AUDIT_READ in the "
			"initial network namespace",
			strerror(-fd));
	if (fd < 0)
		return diag_set(reterr, fd, "audit socket: %s", strerror(-fd));
	return fd;
}

int sockets_open_audit_status(void)
{
	return open_netlink(NETLINK_AUDIT, 0, 0);
}

int sockets_ask_audit_status(int fd)
{
	struct nlmsghdr request = {
		.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = AUDIT_GET, .nlmsg_flags = NLM_F_REQUEST
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel,
		       sizeof(kernel)) < 0
		       ? -errno
		       : 0;
}

int sockets_read_audit_status(int fd)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_size = sizeof(from);
	struct {
		struct nlmsghdr head;
		char body[sizeof(struct audit_status) + 256];
	} answer;
	ssize_t n = recvfrom(
		fd, &answer, sizeof(answer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
	struct audit_status status;
	struct nlmsgerr error;

	if (n < 0)
		return -errno;
	/* Only the kernel's own answer; older kernels' status is shorter, but has these two words.
	 */
	if (from.nl_pid != 0 || n < (ssize_t)(NLMSG_HDRLEN + 2 * sizeof(uint32_t)))
		return -EAGAIN;
	if (answer.head.nlmsg_type == AUDIT_GET) {
		memcpy(&status, answer.body, 2 * sizeof(uint32_t));
		return status.enabled != 0;
	}
	if (answer.head.nlmsg_type == NLMSG_ERROR) {
		memcpy(&error.error, answer.body, sizeof(error.error));
		return error.error < 0 ? error.error : -EAGAIN;
	}
	return -EAGAIN;
}
