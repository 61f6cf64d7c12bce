/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the strongSwan source makes of a running charon, a line a fact, until charon ends;
 * then the words by which it went. usage: vicidump VICI-SOCKET [ERROR-NOTIFY-SOCKET]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/strongswan/strongswan.h"

#include "../unit/source/ikefacts.h"

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		exit(2);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a))) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void print(void *userdata, struct fact *f)
{
	struct buf line = { 0 };

	(void)userdata;
	if (write_fact(f, &line))
		puts(line.p);
	buf_done(&line);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct source_sink sink = { .emit = print };
	struct strongswan *s = NULL;
	struct strongswan_notify *n = NULL;

	if (argc < 2)
		return 2;
	if (strongswan_new(1, 1, connect_to(argv[1]), &sink, &s))
		return 1;
	if (argc > 2 && strongswan_notify_new(1, 1, connect_to(argv[2]), &sink, &n))
		return 1;
	while (!strongswan_lost(s)) {
		struct pollfd p[2] = {
			{ .fd = strongswan_fd(s, 0), .events = strongswan_wants(s, 0) },
			{ .fd = n ? strongswan_notify_fd(n, 0) : -1, .events = POLLIN },
		};

		(void)poll(p, 2, 1000);
		if (p[0].revents)
			strongswan_ready(s, 0);
		if (p[1].revents)
			strongswan_notify_ready(n, 0);
		strongswan_tick(s, clock_boot_ns());
	}
	printf("%s ended: %s\n", strongswan_version(s), strongswan_words(s));
	strongswan_free(s);
	strongswan_notify_free(n);
	return 0;
}
