/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "main/core/process.h"

int statefile_read(int dir_fd, const char *name, size_t limit, struct buf *ret)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char part[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) > 0 && ret->n <= limit)
		buf_append(ret, part, (size_t)n);
	close(fd);
	if (n < 0)
		return -EIO;
	return ret->n > limit ? -EFBIG : ret->failed ? -ENOMEM : 0;
}

static int write_all(int fd, struct span octets)
{
	while (octets.n > 0) {
		ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		octets.p += n;
		octets.n -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int statefile_write(int dir_fd, const char *name, struct span octets)
{
	char next[64];
	int fd, r;

	(void)snprintf(next, sizeof(next), "%s.new", name);
	fd = openat(dir_fd, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	r = write_all(fd, octets);
	close(fd);
	if (r == 0 && renameat(dir_fd, next, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, next, 0);
		return r;
	}
	return fsync(dir_fd) < 0 ? -errno : 0;
}
