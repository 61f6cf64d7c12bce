/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/services.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/log.h"
#include "main/supervisor/contact.h"

#define SCAN_NS (2 * NS_PER_S)
/* Looking may take the 100th part of a processor: its own work, not the time others have it. */
#define SHARE 100
#define SCAN_MOST_NS (20 * NS_PER_S)
#define AGE_NS (1 * NS_PER_S) /* younger ones may be about to execute something else */
#define RUN_DIR_CHARON "/run"
#define RUN_DIR_PLUTO "/run/pluto"

static const struct {
	const char *name; /* of process and executable */
	uint8_t daemon;
} known[] = { { "charon", DAEMON_STRONGSWAN }, { "charon-systemd", DAEMON_STRONGSWAN },
	{ "pluto", DAEMON_LIBRESWAN } };

void services_init(struct services *s)
{
	*s = (struct services){ .began_ns = clock_boot_ns() };
}

static void forget(struct services *s, size_t at)
{
	services_whack_forget(&s->entries[at]);
	process_close(&s->entries[at].process);
	s->entries[at] = s->entries[--s->n];
}

void services_done(struct services *s)
{
	while (s->n > 0)
		forget(s, s->n - 1);
}

void services_forget_sent(struct services *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_entry *e = &s->entries[i];

		services_whack_forget(e);
		e->found = e->found || e->sent;
		e->sent = false;
		e->vici = e->error_notify = (struct service_link){ 0 };
		e->control = CONTROL_UNKNOWN;
		e->log_device = 0;
		e->log_inode = 0;
		e->sockets_ns = e->sockets_hash = 0;
		e->look_at_log = true;
	}
	s->told = false;
}

static bool is_alive(const struct service_entry *e)
{
	struct process_stat stat;

	return process_stat(&e->process, &stat) == 0 && stat.state != 'Z' && stat.state != 'X';
}

static bool is_listed(const struct services *s, pid_t pid)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->entries[i].process.pid == pid)
			return true;
	}
	return false;
}

/* 0: not a daemon. */
static uint8_t daemon_of(const struct process *p, char comm[32])
{
	if (process_comm(p, comm) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!strcmp(comm, known[i].name))
			return known[i].daemon;
	}
	return 0;
}

static uint64_t start_of(const struct process_stat *stat)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return stat->start_ticks * (NS_PER_S / (uint64_t)(ticks > 0 ? ticks : 100));
}

/*
 * Is it what it is called? Anybody may call a process charon: only root's counts. What a daemon
 * forks (for a script) has its name for a while.
 */
static bool is_genuine(struct services *s, const struct process *p, const char *comm,
	const struct process_stat *stat, bool *ret_young)
{
	char program[NAME_MAX + 1];
	uid_t uid;
	int r;

	if (stat->state == 'Z' || stat->state == 'X' || is_listed(s, stat->parent) ||
		process_uid(p, &uid) < 0 || uid != 0)
		return false;
	r = process_program(p, program);
	if (r == -EACCES || r == -EPERM)
		(void)snprintf(s->why, sizeof(s->why),
			"%s (process %d) may not be looked at: needs CAP_SYS_PTRACE", comm,
			(int)p->pid);
	if (r < 0 || strcmp(program, comm) != 0)
		return false;
	*ret_young = clock_boot_ns() < start_of(stat) + AGE_NS;
	return !*ret_young;
}

static void set_run_dir(struct service_entry *e)
{
	const char *usual = e->daemon == DAEMON_LIBRESWAN ? RUN_DIR_PLUTO : RUN_DIR_CHARON;

	if (e->daemon != DAEMON_LIBRESWAN ||
		process_option(&e->process, "rundir", e->run_dir, sizeof(e->run_dir)) < 0 ||
		e->run_dir[0] != '/')
		(void)snprintf(e->run_dir, sizeof(e->run_dir), "%s", usual);
}

static int set_netns(const struct netns_table *netns, struct service_entry *e, bool *ret_usable)
{
	int fd = process_file(&e->process, "ns/net", O_RDONLY);
	int r = 0;

	*ret_usable = process_netns(&e->process, &e->inode) == 0 && fd >= 0 &&
		      !netns_is_excluded(netns, e->inode);
	if (*ret_usable)
		r = netns_cookie(netns, fd, &e->cookie);
	if (fd >= 0)
		close(fd);
	return r;
}

static int examine(struct services *s, const struct config *config, const struct netns_table *netns,
	pid_t pid, bool *ret_again)
{
	struct service_entry e = { .whack_output = -1, .look_at_log = true };
	struct process_stat stat;
	char comm[32];
	bool young = false, usable = false;
	int r;

	if (process_open(pid, &e.process) < 0)
		return 0;
	e.daemon = daemon_of(&e.process, comm);
	if (e.daemon == 0 || !(config->ipc.ike & 1u << e.daemon) ||
		process_stat(&e.process, &stat) < 0 ||
		!is_genuine(s, &e.process, comm, &stat, &young)) {
		*ret_again = *ret_again || young;
		process_close(&e.process);
		return 0;
	}
	r = set_netns(netns, &e, &usable);
	if (r < 0 || !usable || s->n == SERVICES_MAX) {
		if (s->n == SERVICES_MAX)
			(void)snprintf(s->why, sizeof(s->why),
				"more than %d IKE daemons: the others are not watched",
				SERVICES_MAX);
		process_close(&e.process);
		return r;
	}
	e.id = stat.start_ticks << 22 | (uint64_t)pid;
	e.started_ns = start_of(&stat);
	e.started_us = clock_real_us() - (clock_boot_ns() - e.started_ns) / 1000;
	e.found = e.started_ns < s->began_ns;
	(void)snprintf(e.name, sizeof(e.name), "%s", comm);
	set_run_dir(&e);
	s->entries[s->n++] = e;
	return 0;
}

int services_scan(struct services *s, const struct config *config, const struct netns_table *netns,
	uint64_t now_ns)
{
	DIR *dir = opendir("/proc");
	char before[FACT_TEXT_SIZE];
	const struct dirent *d;
	bool again = false;
	uint64_t began = clock_cpu_ns(), cost;
	int r = 0;

	memcpy(before, s->why, sizeof(before));
	s->why[0] = '\0';
	for (size_t i = s->n; i-- > 0;) {
		if (!is_alive(&s->entries[i]) || !(config->ipc.ike & 1u << s->entries[i].daemon))
			forget(s, i);
		else
			s->entries[i].look_at_log = true;
	}
	while (r == 0 && config->ipc.ike != 0 && dir && (d = readdir(dir))) {
		pid_t pid = isdigit((unsigned char)d->d_name[0])
				    ? (pid_t)strtol(d->d_name, NULL, 10)
				    : 0;

		if (pid > 0 && !is_listed(s, pid))
			r = examine(s, config, netns, pid, &again);
	}
	if (dir)
		(void)closedir(dir);
	if (strcmp(before, s->why) != 0) {
		s->told = false;
		if (s->why[0] != '\0')
			log_line(LOG_WARNING, "%s", s->why);
	}
	s->scanned = true;
	cost = (clock_cpu_ns() - began) * SHARE;
	cost = cost < SCAN_NS ? SCAN_NS : cost > SCAN_MOST_NS ? SCAN_MOST_NS : cost;
	s->scan_ns = now_ns + (again ? AGE_NS : cost);
	return r;
}

/* Adds a descriptor to those of a message, in rising order of slots; -1 is left out. */
static void add(struct ipc_message *m, int *fds, unsigned *n, unsigned slot, int fd)
{
	if (fd < 0)
		return;
	m->flags |= IPC_HAS(slot);
	fds[(*n)++] = fd;
}

void contact_message(const struct service_entry *e, struct ipc_message *ret)
{
	*ret = (struct ipc_message){ .type = IPC_SERVICE, .inode = e->inode };
	ret->service = (struct ipc_service){ .id = e->id,
		.started_us = e->started_us,
		.cookie = e->cookie,
		.pid = (uint32_t)e->process.pid,
		.daemon = e->daemon,
		.control = e->control,
		.found = e->found };
	memcpy(ret->name, e->name, sizeof(ret->name));
	memcpy(ret->text, e->why, sizeof(ret->text));
}

static void introduce(struct service_entry *e, struct child *observe, uint64_t now_ns)
{
	const struct process *p = &e->process;
	struct ipc_message m;
	int fds[IPC_FDS_MAX];
	unsigned n = 0;
	int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);

	contact_message(e, &m);
	/* Is it still the same that the number means? Its directory knows no other. */
	if (pidfd < 0 || !is_alive(e)) {
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	add(&m, fds, &n, IPC_SLOT_PIDFD, pidfd);
	add(&m, fds, &n, IPC_SLOT_ROOT, process_file(p, "root", O_PATH | O_DIRECTORY));
	add(&m, fds, &n, IPC_SLOT_UDP, process_file(p, "net/udp", O_RDONLY));
	add(&m, fds, &n, IPC_SLOT_UDP6, process_file(p, "net/udp6", O_RDONLY));
	/* charon-systemd keeps no PID file. */
	if (strcmp(e->name, "charon-systemd") != 0)
		add(&m, fds, &n, IPC_SLOT_RUN,
			process_open_inside(p, e->run_dir, O_PATH | O_DIRECTORY));
	add(&m, fds, &n, IPC_SLOT_OWN, contact_own_sockets(e, now_ns));
	e->sent = true;
	(void)child_send(observe, &m, fds, n);
}

void services_push(
	struct services *s, const struct config *config, struct child *observe, uint64_t now_ns)
{
	struct ipc_message ready = { .type = IPC_SERVICES_READY };

	if (!s->scanned)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct service_entry *e = &s->entries[i];

		if (observe->control < 0 || observe->n_queued > 0)
			return;
		if (!e->sent)
			introduce(e, observe, now_ns);
		if (e->sent)
			contact_push(e, config, observe, now_ns);
	}
	if (s->told || observe->control < 0 || observe->n_queued > 0)
		return;
	memcpy(ready.text, s->why, sizeof(ready.text));
	s->told = child_send(observe, &ready, NULL, 0) == 0;
}

void services_lost(struct services *s, uint64_t id, unsigned slots, uint64_t now_ns)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_entry *e = &s->entries[i];

		if (e->id == id && (slots & IPC_HAS(IPC_SLOT_VICI)))
			contact_lost(&e->vici, now_ns);
		if (e->id == id && (slots & IPC_HAS(IPC_SLOT_ERROR_NOTIFY)))
			contact_lost(&e->error_notify, now_ns);
	}
}
