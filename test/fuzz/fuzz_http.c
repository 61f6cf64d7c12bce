/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "core/core.h"
#include "store/eventlog.h"

/*
 * What a client may send: octets of a connection, through the real server and the real handlers,
 * on a core and a log that have something to show. The first octet says who it is.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	char folder[64];
	int state_fd;
	struct core *core;
	uint64_t now_ns, ticket;
	struct api_peer peer;
	struct api *api;
} f = { .state_fd = -1 };

static void remove_folder(void)
{
	f.core = core_free(f.core);
	(void)unlinkat(f.state_fd, "log/00000000000000000001.jsonl", 0);
	(void)unlinkat(f.state_fd, "log", AT_REMOVEDIR);
	(void)unlinkat(f.state_fd, "version", 0);
	(void)unlinkat(f.state_fd, "lock", 0);
	(void)rmdir(f.folder);
	close(f.state_fd);
}

static void ignore_event(void *userdata, const struct event *e)
{
	(void)userdata;
	(void)e;
}

static void ignore_reading(void *userdata, const struct core_reading *r)
{
	(void)userdata;
	(void)r;
}

static void ignore_line(void *userdata, struct span line)
{
	(void)userdata;
	(void)line;
}

static void log_make(void)
{
	struct eventlog_options o = { .host = "h", .boot = "b", .segment_size = 1 << 20 };
	const struct eventlog_restore restore = { 0 };
	const struct eventlog_commit c = { .time_us = 1 };
	struct eventlog_end end;
	struct eventlog *log;

	(void)snprintf(f.folder, sizeof(f.folder), "%s/ipsecmon-http-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(f.folder))
		abort();
	f.state_fd = open(f.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	o.dir_fd = f.state_fd;
	if (eventlog_open(&o, &restore, &end, &log, NULL) < 0)
		abort();
	for (uint64_t seq = 1; seq <= 20; seq++) {
		const struct event e = { .seq = seq, .id = 4960, .time_us = seq, .count = seq };

		eventlog_event(log, &e);
	}
	if (eventlog_commit(log, &c, ignore_line, NULL) < 0)
		abort();
	eventlog_free(log);
}

static void prepare(void)
{
	const struct core_sink sink = { .event = ignore_event, .reading = ignore_reading };
	struct fact origin = { .type = FACT_ORIGIN };

	if (f.core)
		return;
	log_make();
	if (core_new(&sink, &f.core) < 0)
		abort();
	core_feed(f.core, &origin);
	(void)atexit(remove_folder);
}

static uint64_t boot_ns(void *userdata)
{
	(void)userdata;
	return f.now_ns;
}

static uint64_t real_us(void *userdata)
{
	(void)userdata;
	return 1800000000000000u;
}

static uint64_t feed(void *userdata, struct fact *fact)
{
	(void)userdata;
	(void)fact;
	return ++f.ticket;
}

static int set_audit(void *userdata, const struct api_peer *who, const uint8_t *subcategories,
	size_t n, uint8_t setting, uint64_t *ret_ticket, struct diag *reterr)
{
	(void)userdata;
	(void)reterr;
	if (!who->may_change || n == 0 || setting > AUDIT_BOTH || subcategories[0] >= 64)
		abort();
	*ret_ticket = ++f.ticket;
	return 0;
}

static bool refresh(void *userdata)
{
	(void)userdata;
	if (!f.peer.may_change)
		abort();
	return true;
}

static int peer(void *userdata, int fd, struct api_peer *ret)
{
	(void)userdata;
	(void)fd;
	*ret = f.peer;
	return 0;
}

static void begin(void)
{
	struct api_options o = {
		.core = f.core, .listen_fd = -1, .state_fd = f.state_fd, .last_seq = 20
	};

	o.calls = (struct api_calls){ .boot_ns = boot_ns,
		.real_us = real_us,
		.feed = feed,
		.set_audit = set_audit,
		.refresh = refresh,
		.peer = peer };
	f.now_ns = 1;
	f.ticket = 0;
	if (api_new(&o, &f.api, NULL) < 0)
		abort();
}

/* Reads what is answered; nothing but HTTP ever is. */
static bool answered(int fd, bool *first)
{
	char part[65536];
	ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

	if (n <= 0)
		return false;
	if (*first && (n < 9 || memcmp(part, "HTTP/1.", 7) != 0))
		abort();
	if (*first && !f.peer.may_read && memcmp(part + 9, "2", 1) == 0)
		abort();
	*first = false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool first = true;
	int fds[2];

	if (size < 2)
		return 0;
	prepare();
	f.peer = (struct api_peer){ .uid = data[0],
		.pid = 1,
		.auid = UINT32_MAX,
		.may_read = (data[0] & 3) != 0,
		.may_change = (data[0] & 3) > 1 };
	begin();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0 ||
		api_adopt(f.api, fds[1]) < 0)
		abort();
	(void)!send(fds[0], data + 1, size - 1, MSG_NOSIGNAL);
	for (unsigned i = 0; i < 24; i++) {
		api_run(f.api);
		while (answered(fds[0], &first))
			api_run(f.api);
		if (i % 4 == 3)
			api_committed(f.api, f.ticket);
		if (i == 12)
			(void)shutdown(fds[0], SHUT_WR);
		if (i == 16)
			f.now_ns += 20ull * 1000000000u;
	}
	close(fds[0]);
	f.api = api_free(f.api);
	return 0;
}
