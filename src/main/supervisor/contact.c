/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/contact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "source/service/udp.h"

#define DELAY_FIRST_NS (1 * NS_PER_S)
#define DELAY_MOST_NS (30 * NS_PER_S)
#define SOCKETS_NS (2 * NS_PER_S)
#define STEADY_NS (60 * NS_PER_S) /* what held so long was no failed attempt */
#define PATIENCE_NS (10 * NS_PER_S) /* a daemon that starts opens its socket some time later */

/* A connected socket, or -errno. No call here waits: one whose queue is full refuses. */
static int connect_path(const struct service_entry *e, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int place = process_open_inside(&e->process, path, O_PATH);
	struct ucred peer = { .pid = 0 };
	socklen_t n = sizeof(peer);
	struct stat st;
	int fd, r = 0;

	if (place < 0)
		return place;
	if (fstat(place, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		close(place);
		return -ENOTSOCK;
	}
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", place);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		r = -errno;
	else if (peer.pid != e->process.pid)
		r = -EADDRINUSE;
	close(place);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static const char *words_for(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "another process answers";
	case -ENOTSOCK:
		return "is no socket";
	case -ECONNREFUSED:
		return "nobody answers";
	default:
		return strerror(-error);
	}
}

/* The first that answers, or why the last that there is does not. */
static int connect_any(const struct service_entry *e, const struct config_sockets *sockets,
	char why[FACT_TEXT_SIZE])
{
	int worst = -ENOENT;

	(void)snprintf(why, FACT_TEXT_SIZE, "%s", "no socket is configured");
	for (size_t i = 0; i < sockets->n; i++) {
		int fd = connect_path(e, sockets->path[i]);

		if (fd >= 0)
			return fd;
		if (i > 0 && (fd == -ENOENT || worst != -ENOENT))
			continue;
		worst = fd;
		(void)snprintf(why, FACT_TEXT_SIZE, "%s: %s", sockets->path[i], words_for(fd));
	}
	return worst;
}

static void try_later(struct service_link *l, uint64_t now_ns)
{
	l->delay_ns = l->delay_ns == 0                  ? DELAY_FIRST_NS
		      : l->delay_ns * 2 < DELAY_MOST_NS ? l->delay_ns * 2
							: DELAY_MOST_NS;
	l->at_ns = now_ns + l->delay_ns;
}

void contact_lost(struct service_link *l, uint64_t now_ns)
{
	l->open = false;
	if (now_ns >= l->opened_ns + STEADY_NS)
		l->delay_ns = 0;
	try_later(l, now_ns);
}

static void hand_over(const struct service_entry *e, struct child *observe, unsigned slot, int fd)
{
	struct ipc_message m;

	contact_message(e, &m);
	if (fd >= 0)
		m.flags = IPC_HAS(slot);
	(void)child_send(observe, &m, &fd, fd >= 0 ? 1 : 0);
}

/* The control socket: what it is like is told, once it should be there. */
static void push_vici(struct service_entry *e, const struct config *config, struct child *observe,
	uint64_t now_ns)
{
	char why[FACT_TEXT_SIZE];
	int fd;

	if (e->vici.open || now_ns < e->vici.at_ns)
		return;
	fd = connect_any(e, &config->vici, why);
	if (fd < 0) {
		try_later(&e->vici, now_ns);
		if ((e->control == CONTROL_REFUSED && !strcmp(e->why, why)) ||
			clock_boot_ns() < e->started_ns + PATIENCE_NS)
			return;
	}
	e->vici.open = fd >= 0;
	e->vici.opened_ns = now_ns;
	e->control = fd >= 0 ? CONTROL_OPEN : CONTROL_REFUSED;
	(void)snprintf(e->why, sizeof(e->why), "%s", fd >= 0 ? "" : why);
	hand_over(e, observe, IPC_SLOT_VICI, fd);
}

static void push_error_notify(struct service_entry *e, const struct config *config,
	struct child *observe, uint64_t now_ns)
{
	char why[FACT_TEXT_SIZE];
	int fd;

	if (config->error_notify.n == 0 || e->error_notify.open || now_ns < e->error_notify.at_ns)
		return;
	fd = connect_any(e, &config->error_notify, why);
	e->error_notify.open = fd >= 0;
	e->error_notify.opened_ns = now_ns;
	if (fd >= 0)
		hand_over(e, observe, IPC_SLOT_ERROR_NOTIFY, fd);
	else
		try_later(&e->error_notify, now_ns);
}

/* A log that was rotated is another file under the same name. */
static void push_log(struct service_entry *e, const struct config *config, struct child *observe)
{
	struct stat st;
	int fd;

	if (config->libreswan_log[0] == '\0' || !e->look_at_log)
		return;
	e->look_at_log = false;
	fd = process_open_inside(
		&e->process, config->libreswan_log, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		(st.st_dev == e->log_device && st.st_ino == e->log_inode)) {
		close(fd);
		return;
	}
	e->log_device = st.st_dev;
	e->log_inode = st.st_ino;
	hand_over(e, observe, IPC_SLOT_LOG, fd);
}

int contact_own_sockets(struct service_entry *e, uint64_t now_ns)
{
	uint64_t sockets[UDP_OWN_MAX], hash;
	size_t size;
	int n, fd;

	if (now_ns < e->sockets_ns)
		return -1;
	e->sockets_ns = now_ns + SOCKETS_NS;
	n = process_sockets(&e->process, sockets, ARRAY_LEN(sockets));
	if (n < 0)
		return -1;
	size = (size_t)n * sizeof(sockets[0]);
	hash = hash_octets(sockets, size, 0) | 1;
	if (hash == e->sockets_hash)
		return -1;
	fd = memfd_create("sockets", MFD_CLOEXEC);
	if (fd < 0 || write(fd, sockets, size) != (ssize_t)size) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	e->sockets_hash = hash;
	return fd;
}

void contact_push(struct service_entry *e, const struct config *config, struct child *observe,
	uint64_t now_ns)
{
	int own = contact_own_sockets(e, now_ns);

	if (own >= 0)
		hand_over(e, observe, IPC_SLOT_OWN, own);
	if (e->daemon == DAEMON_STRONGSWAN) {
		push_vici(e, config, observe, now_ns);
		push_error_notify(e, config, observe, now_ns);
	} else {
		push_log(e, config, observe);
	}
}
