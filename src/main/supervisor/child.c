/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "main/log.h"

#define BACKOFF_FIRST_NS (1 * NS_PER_S)
#define BACKOFF_MOST_NS (30 * NS_PER_S)
#define BACKOFF_RESET_NS (60 * NS_PER_S) /* it ran so long: its end is a new matter */
#define CONTROL_BUFFER (1 << 20) /* octets; the list of 256 netns at once */

uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int child_init(struct child *c, const char *name, const char *file)
{
	*c = (struct child){ .name = name, .file = file, .control = -1 };
	c->queue = calloc(CHILD_QUEUE, sizeof(*c->queue));
	return c->queue ? 0 : -ENOMEM;
}

static void close_fds(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static void close_channel(struct child *c)
{
	for (unsigned i = 0; i < c->n_queued; i++)
		close_fds(c->queue[i].fds, c->queue[i].n_fds);
	c->n_queued = 0;
	if (c->control >= 0)
		close(c->control);
	c->control = -1;
}

void child_done(struct child *c)
{
	close_channel(c);
	free(c->queue);
	c->queue = NULL;
}

/* Beside our own executable (a build directory), else where it is installed. */
static int find_program(const char *file, char ret[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			if (snprintf(ret, PATH_MAX, "%s/%s", self, file) < PATH_MAX &&
				access(ret, X_OK) == 0)
				return 0;
		}
	}
	(void)snprintf(ret, PATH_MAX, "%s/%s", IPSECMON_LIBEXECDIR, file);
	return access(ret, X_OK) == 0 ? 0 : -errno;
}

int child_drop_capabilities(const struct child_identity *id)
{
	cap_t set = cap_init();
	int r = 0;

	if (!set)
		return -ENOMEM;
	for (cap_value_t cap = 0; cap <= CAP_LAST_CAP || cap_get_bound(cap) >= 0; cap++) {
		bool keep = false;

		for (unsigned i = 0; i < id->n_capabilities; i++)
			keep = keep || id->capabilities[i] == cap;
		if (cap_get_bound(cap) == 1 && !keep && cap_drop_bound(cap) < 0)
			r = -errno;
	}
	if (r < 0) {
		cap_free(set);
		return r;
	}
	if (id->uid != getuid() || id->gid != getgid()) {
		if (setgroups(0, NULL) < 0 || setresgid(id->gid, id->gid, id->gid) < 0 ||
			setresuid(id->uid, id->uid, id->uid) < 0)
			r = -errno;
	} else {
		cap_t have = cap_get_proc();

		for (unsigned i = 0; have && i < id->n_capabilities; i++) {
			cap_value_t cap = id->capabilities[i];
			cap_flag_value_t got = CAP_CLEAR;

			/* What we lack ourselves cannot be kept; its user will say so. */
			if (cap_get_flag(have, cap, CAP_PERMITTED, &got) == 0 && got == CAP_SET) {
				(void)cap_set_flag(set, CAP_PERMITTED, 1, &cap, CAP_SET);
				(void)cap_set_flag(set, CAP_EFFECTIVE, 1, &cap, CAP_SET);
			}
		}
		cap_free(have);
		if (cap_set_proc(set) < 0)
			r = -errno;
	}
	cap_free(set);
	return r;
}

/* In the new process, up to the other executable. Returns only when that fails. */
static int become(const struct child *c, const char *path, int program, int control)
{
	char *const argv[] = { (char *)(uintptr_t)c->file, NULL };
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);
	int r;

	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	if (control == IPC_CONTROL_FD)
		r = fcntl(control, F_SETFD, 0);
	else
		r = dup2(control, IPC_CONTROL_FD);
	if (r < 0)
		return -errno;
	(void)close_range(IPC_CONTROL_FD + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	(void)setpgid(0, 0); /* Ctrl-C is for the supervisor, which stops us in order */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(077);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	if (c->identity.change) {
		r = child_drop_capabilities(&c->identity);
		if (r < 0)
			return r;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	execv(path, argv);
	/* The other user may not reach our build directory: run what we opened as ourselves. */
	if (errno == EACCES)
		fexecve(program, argv, environ);
	return -errno;
}

int child_start(struct child *c, struct diag *reterr)
{
	char path[PATH_MAX];
	int size = CONTROL_BUFFER;
	int pair[2], program;
	pid_t pid;
	int r;

	r = find_program(c->file, path);
	if (r < 0)
		return diag_set(reterr, r, "%s: %s", path, strerror(-r));
	program = open(path, O_PATH | O_CLOEXEC);
	if (program < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = -errno;
		close(program);
		return diag_set(reterr, r, "socketpair: %s", strerror(-r));
	}
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid = fork();
	if (pid == 0) {
		r = become(c, path, program, pair[1]);
		log_line(LOG_ERR, "%s: %s", path, strerror(-r));
		_exit(127);
	}
	r = pid < 0 ? -errno : 0;
	close(program);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return diag_set(reterr, r, "fork: %s", strerror(-r));
	}
	c->pid = pid;
	c->control = pair[0];
	c->ready = c->killed = false;
	c->started_ns = c->alive_ns = monotonic_ns();
	c->restart_ns = c->kill_ns = 0;
	c->failure = 0;
	c->failure_text[0] = '\0';
	return 0;
}

void child_ended(struct child *c, uint64_t now_ns)
{
	close_channel(c);
	c->pid = 0;
	c->ready = false;
	c->kill_ns = 0;
	if (now_ns - c->started_ns >= BACKOFF_RESET_NS)
		c->backoff_ns = 0;
	c->restart_ns = now_ns + c->backoff_ns;
	c->backoff_ns = c->backoff_ns == 0                    ? BACKOFF_FIRST_NS
			: c->backoff_ns * 2 < BACKOFF_MOST_NS ? c->backoff_ns * 2
							      : BACKOFF_MOST_NS;
}

int child_flush(struct child *c)
{
	unsigned n = 0;
	int r = 0;

	for (; n < c->n_queued; n++) {
		const struct child_queued *q = &c->queue[n];

		r = ipc_send(c->control, &q->m, q->fds, q->n_fds);
		if (r < 0)
			break;
		close_fds(q->fds, q->n_fds);
	}
	memmove(c->queue, c->queue + n, (c->n_queued - n) * sizeof(*c->queue));
	c->n_queued -= n;
	return r == -EAGAIN ? 0 : r;
}

int child_send(struct child *c, const struct ipc_message *m, const int *fds, unsigned n_fds)
{
	int r = c->control < 0 ? -ENOTCONN : 0;

	if (r == 0 && c->n_queued == 0) {
		r = ipc_send(c->control, m, fds, n_fds);
		if (r == 0) {
			close_fds(fds, n_fds);
			return 0;
		}
		if (r == -EAGAIN)
			r = 0;
	}
	if (r == 0 && c->n_queued == CHILD_QUEUE)
		r = -ENOBUFS;
	if (r < 0) {
		close_fds(fds, n_fds);
		return r;
	}
	c->queue[c->n_queued].m = *m;
	if (n_fds > 0)
		memcpy(c->queue[c->n_queued].fds, fds, n_fds * sizeof(int));
	c->queue[c->n_queued].n_fds = n_fds;
	c->n_queued++;
	return 0;
}

void child_kill(struct child *c, const char *why)
{
	if (c->pid == 0 || c->killed)
		return;
	log_line(LOG_WARNING, "%s (process %d) %s: killed", c->name, (int)c->pid, why);
	c->killed = true;
	(void)kill(c->pid, SIGKILL);
}
