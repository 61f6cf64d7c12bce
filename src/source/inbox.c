/* SPDX-License-Identifier: Apache-2.0 */
#include "source/inbox.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

int inbox_init(struct inbox *b)
{
	void *p =
		mmap(NULL, INBOX_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	/* Without these two, keys could outlive us in a core file or a child: then rather not. */
	if (madvise(p, INBOX_SIZE, MADV_DONTDUMP) || madvise(p, INBOX_SIZE, MADV_WIPEONFORK)) {
		int r = -errno;

		munmap(p, INBOX_SIZE);
		return r;
	}
	*b = (struct inbox){ .p = p, .size = INBOX_SIZE, .locked = !mlock(p, INBOX_SIZE) };
	return 0;
}

void inbox_done(struct inbox *b)
{
	if (!b->p)
		return;
	inbox_wipe(b, b->size);
	munmap(b->p, b->size);
	*b = (struct inbox){ 0 };
}

void inbox_wipe(struct inbox *b, size_t n)
{
	explicit_bzero(b->p, n < b->size ? n : b->size);
}

ssize_t inbox_receive(struct inbox *b, int fd)
{
	struct sockaddr_nl from = { 0 };
	struct iovec part = { .iov_base = b->p, .iov_len = b->size };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (m.msg_flags & MSG_TRUNC) {
		inbox_wipe(b, b->size);
		return -EMSGSIZE;
	}
	if (m.msg_namelen != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0) {
		inbox_wipe(b, (size_t)n);
		return -EPERM;
	}
	return n;
}
