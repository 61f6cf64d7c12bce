/* SPDX-License-Identifier: Apache-2.0 */
#include "source/socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

void socket_room(int fd, uint32_t octets)
{
	int n = (int)(octets > INT32_MAX / 2 ? INT32_MAX / 2 : octets);

	/* The plain option stops at net.core.rmem_max, which is what an unprivileged run gets. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
}

int socket_join(int fd, int group)
{
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return -errno;
	return 0;
}

int socket_leave(int fd, int group)
{
	if (setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)))
		return -errno;
	return 0;
}

uint64_t socket_drops(int fd)
{
	uint32_t v[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, v, &n))
		return 0;
	return v[SK_MEMINFO_DROPS];
}

uint64_t socket_netns(int fd)
{
	uint64_t v = 0;
	socklen_t n = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &v, &n))
		return 0;
	return v;
}
