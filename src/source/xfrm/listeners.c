/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrm/listeners.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define GROUP(n) (UINT64_C(1) << ((n)-1))
#define CHUNK 16384u /* octets */
#define FILE_MAX ((off_t)16 << 20) /* a line has 110 octets: 150,000 sockets */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The next word of the line, as a number to this base. */
static bool take_number(struct span *line, unsigned base, uint64_t *ret)
{
	while (line->n > 0 && is_blank(line->p[0]))
		*line = span_of(line->p + 1, line->n - 1);
	return span_number(line, base, UINT64_MAX, ret) && (line->n == 0 || is_blank(line->p[0]));
}

/* sk Eth Pid Groups …: the socket's address, its protocol, its port, the first 32 groups. */
bool listeners_is_key_manager(struct span line)
{
	uint64_t protocol, port, groups;
	size_t i = 0;

	while (i < line.n && !is_blank(line.p[i]))
		i++;
	line = span_of(line.p + i, line.n - i);
	return take_number(&line, 10, &protocol) && take_number(&line, 10, &port) &&
	       take_number(&line, 16, &groups) && protocol == NETLINK_XFRM &&
	       (groups & GROUP(XFRMNLGRP_ACQUIRE)) && !(groups & GROUP(XFRMNLGRP_SA));
}

int listeners_read(int fd, bool *ret)
{
	uint8_t text[CHUNK];
	size_t n = 0;
	off_t at = 0;
	ssize_t r;

	while (at < FILE_MAX && (r = pread(fd, text + n, sizeof(text) - n, at)) != 0) {
		const uint8_t *newline;
		size_t done = 0;

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		at += r;
		n += (size_t)r;
		while ((newline = memchr(text + done, '\n', n - done))) {
			size_t end = (size_t)(newline - text);

			if (listeners_is_key_manager(span_of(text + done, end - done))) {
				*ret = true;
				return 0;
			}
			done = end + 1;
		}
		if (done == 0 && n == sizeof(text))
			return -EPROTO; /* no line of the kernel's is that long */
		memmove(text, text + done, n - done);
		n -= done;
	}
	*ret = false;
	return 0;
}
