/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/net/netlink, line by line, and as the file that it comes in. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/xfrm/listeners.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool any_line(const uint8_t *p, size_t n)
{
	bool found = false;

	/* The kernel ends each line; what is left behind the last is no line yet. */
	for (const uint8_t *end; (end = memchr(p, '\n', n));) {
		found = listeners_is_key_manager(span_of(p, (size_t)(end - p))) || found;
		n -= (size_t)(end - p) + 1;
		p = end + 1;
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Its own allocation, so that a sanitizer sees a read one octet too far. */
	uint8_t *copy = malloc(size ? size : 1);
	int fd = memfd_create("netlink", MFD_CLOEXEC);
	bool lines, file = false;

	if (!copy || fd < 0) {
		free(copy);
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	if (size) {
		memcpy(copy, data, size);
		if (write(fd, data, size) != (ssize_t)size)
			abort();
	}
	lines = any_line(copy, size);
	if (listeners_read(fd, &file) == 0 && file != lines)
		abort();
	(void)close(fd);
	free(copy);
	return 0;
}
