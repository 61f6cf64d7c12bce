/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "main/ipc.h"
#include "main/sandbox.h"

/*
 * Stands in for ipsecmond-core and ipsecmond-observe in supervisor.sh: it says in a file what it is
 * told, and does what files in the same directory ask for. The directory is in STANDIN_DIR.
 */
static const char *const type_names[] = { "?", "config", "peer", "netns", "netns-gone", "audit",
	"process", "stop", "ready", "done", "alive", "failed", "netns-ready", "netns-unwatched",
	"sinks", "sign", "signed", "service", "service-lost", "services-ready", "whack",
	"whack-done" };

static const char *dir, *self;
static FILE *journal;

PRINTF_LIKE(1, 2)
static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vfprintf(journal, format, args);
	va_end(args);
	(void)fflush(journal);
}

static bool asked(const char *what)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s.%s", dir, self, what);
	return access(path, F_OK) == 0;
}

static void say_who(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Uid:", 4) == 0 || strncmp(line, "Cap", 3) == 0 ||
			strncmp(line, "NoNewPrivs:", 11) == 0)
			say("%s", line);
	}
	if (f)
		(void)fclose(f);
	say("pid %d\n", (int)getpid());
}

static int replay(int fd)
{
	char octets[4096];
	ssize_t n;

	while ((n = read(fd, octets, sizeof(octets))) > 0)
		(void)!write(STDOUT_FILENO, octets, (size_t)n);
	return 7;
}

static void enter_sandbox(const struct ipc_message *m, const int *fds, unsigned n)
{
	int state = ipc_slot(m, fds, n, IPC_SLOT_STATE);
	struct diag diag;
	int r = strcmp(self, "core") == 0 ? sandbox_core(state, &diag) : sandbox_observe(&diag);

	say("sandbox %d '%s' socket %d exec %d outside %d state %d\n", r, diag.text,
		socket(AF_INET, SOCK_DGRAM, 0) < 0 ? -errno : 0,
		execl("/bin/true", "true", NULL) < 0 ? -errno : 0,
		access("/etc/passwd", R_OK) < 0 ? -errno : 0,
		state >= 0 && access("/proc/self", F_OK) == 0);
}

/* In a file: "SEGMENT LINE SEQ OCTET", the digest being of that octet. */
static void ask_signature(void)
{
	struct ipc_message m = { .type = IPC_SIGN };
	char path[512], line[128] = "";
	char *p = line;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.sign", dir, self);
	f = fopen(path, "re");
	if (!f)
		return;
	(void)!fgets(line, sizeof(line), f);
	(void)fclose(f);
	m.place.segment = strtoull(p, &p, 10);
	m.place.line = strtoull(p, &p, 10);
	m.place.seq = strtoull(p, &p, 10);
	memset(m.place.digest, (int)strtoul(p, &p, 10), sizeof(m.place.digest));
	(void)ipc_send(IPC_CONTROL_FD, &m, NULL, 0);
}

static void say_keys(int fd)
{
	char text[8192];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	say("keys\n%.*s\n", n > 0 ? (int)n : 0, text);
}

/* -1: go on; else the exit status. */
static int take(const struct ipc_message *m, const int *fds, unsigned n, int *peer)
{
	say("%s name=%s inode=%llu flags=%u error=%d fds=%u text=%s\n", type_names[m->type],
		m->name, (unsigned long long)m->inode, m->flags, m->error, n, m->text);
	if (m->type == IPC_CONFIG) {
		say("poll_ms %u epoch %llu\n", m->config.poll_ms,
			(unsigned long long)m->config.epoch);
		if (ipc_slot(m, fds, n, IPC_SLOT_REPLAY) >= 0)
			return replay(ipc_slot(m, fds, n, IPC_SLOT_REPLAY));
		if (asked("sandbox"))
			enter_sandbox(m, fds, n);
		(void)ipc_say(IPC_CONTROL_FD, IPC_READY, 0, NULL);
		if (ipc_slot(m, fds, n, IPC_SLOT_KEYS) >= 0)
			say_keys(ipc_slot(m, fds, n, IPC_SLOT_KEYS));
		ask_signature();
	}
	if (m->type == IPC_SIGNED)
		say("%s\n", m->signed_head);
	if (m->type == IPC_PEER && n == 1) {
		*peer = dup(fds[0]);
		if (strcmp(self, "observe") == 0)
			(void)!write(*peer, "hello", 5);
	}
	if (m->type == IPC_STOP && !asked("stubborn")) {
		(void)ipc_say(IPC_CONTROL_FD, IPC_DONE, 0, NULL);
		return 0;
	}
	return -1;
}

static int serve(void)
{
	int peer = -1;

	for (;;) {
		struct pollfd fds[] = { { .fd = IPC_CONTROL_FD, .events = POLLIN },
			{ .fd = peer, .events = POLLIN } };
		int given[IPC_FDS_MAX], r, status = -1;
		struct ipc_message m;
		char octets[16] = "";
		unsigned n = 0;

		if (poll(fds, 2, 500) == 0 && !asked("silent"))
			(void)ipc_say(IPC_CONTROL_FD, IPC_ALIVE, 0, NULL);
		r = ipc_receive(IPC_CONTROL_FD, &m, given, &n);
		if (r == 0) {
			say("supervisor gone\n");
			return 0;
		}
		if (r == 1)
			status = take(&m, given, n, &peer);
		for (unsigned i = 0; r == 1 && i < n && !asked("hold"); i++)
			close(given[i]);
		if (status >= 0)
			return status;
		if (fds[1].revents && read(peer, octets, sizeof(octets) - 1) > 0)
			say("peer says %s\n", octets);
		else if (fds[1].revents)
			peer = -1;
	}
}

int main(int argc, char **argv)
{
	const char *program = strrchr(argv[0], '/');
	char path[512];

	(void)argc;
	program = program ? program + 1 : argv[0];
	self = strstr(program, "core") ? "core" : "observe";
	dir = getenv("STANDIN_DIR");
	if (!dir)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/%s.told", dir, self);
	journal = fopen(path, "ae");
	if (!journal)
		return 1;
	say_who();
	if (asked("busy")) {
		(void)ipc_say(IPC_CONTROL_FD, IPC_FAILED, EBUSY, "another monitor is there");
		return 1;
	}
	return serve();
}
