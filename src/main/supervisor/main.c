/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main/log.h"
#include "main/supervisor/supervisor.h"

#define DESCRIPTORS 65536 /* ten of each netns, and the API's clients */

static void read_line(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* Who we are goes with every configuration. */
static void fill_in_host(struct ipc_config *c)
{
	struct utsname host;

	if (uname(&host) == 0) {
		(void)snprintf(c->host, sizeof(c->host), "%.63s", host.nodename);
		(void)snprintf(c->release, sizeof(c->release), "%.63s", host.release);
	}
	read_line("/proc/sys/kernel/random/boot_id", c->boot, sizeof(c->boot));
	(void)snprintf(c->version, sizeof(c->version), "%s", IPSECMON_VERSION);
}

static int load_config(struct supervisor *s, struct diag *reterr)
{
	struct config c;
	int r = config_load(s->options.config, !s->options.config_given, &c, reterr);

	if (r < 0)
		return r;
	fill_in_host(&c.ipc);
	s->config = c;
	return 0;
}

static void reload(struct supervisor *s)
{
	struct diag diag = { "" };

	notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)(monotonic_ns() / 1000));
	if (load_config(s, &diag) < 0) {
		log_line(LOG_ERR, "%s; the earlier configuration stays", diag.text);
	} else {
		log_line(LOG_INFO, "%s read again", s->options.config);
		family_configure(s);
	}
	notify_send(&s->notify, "READY=1");
}

static void reap(struct supervisor *s, struct child *c)
{
	int status;

	if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid)
		family_ended(s, c, status);
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP && s->phase == PHASE_RUNNING)
			reload(s);
		else if (info.ssi_signo == SIGUSR1 && !is_replaying(s))
			family_rotate_key(s);
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			family_stop(s);
	}
	/* Signals of several children become one. */
	reap(s, &s->observe);
	reap(s, &s->core);
	family_reaped(s);
}

static int open_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* Whoever started us may have ignored these, and ignored signals never reach a signalfd. */
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGUSR1, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static short child_events(const struct child *c)
{
	return (short)(c->n_queued > 0 ? POLLIN | POLLOUT : POLLIN);
}

static void serve_child(struct supervisor *s, struct child *c, short events)
{
	if ((events & POLLOUT) && c->control >= 0)
		(void)child_flush(c);
	if (events & (POLLIN | POLLHUP | POLLERR))
		(void)family_message(s, c);
}

static void run(struct supervisor *s)
{
	while (s->phase != PHASE_STOPPED) {
		struct pollfd fds[] = { { .fd = s->signals, .events = POLLIN },
			{ .fd = s->core.control, .events = child_events(&s->core) },
			{ .fd = s->observe.control, .events = child_events(&s->observe) },
			{ .fd = s->netns.inotify, .events = POLLIN },
			{ .fd = s->audit_status, .events = POLLIN } };
		uint64_t now = monotonic_ns();
		uint64_t at = family_deadline(s);

		if (poll(fds, ARRAY_LEN(fds), at > now ? (int)((at - now) / NS_PER_MS) + 1 : 0) <
				0 &&
			errno != EINTR) {
			log_line(LOG_CRIT, "poll: %s", strerror(errno));
			abort();
		}
		serve_child(s, &s->core, fds[1].revents);
		serve_child(s, &s->observe, fds[2].revents);
		if (fds[3].revents)
			s->netns.scan_ns = 0;
		if (fds[4].revents && s->audit_status == fds[4].fd)
			family_audit_status(s);
		if (fds[0].revents)
			take_signals(s);
		if (s->phase != PHASE_STOPPED)
			family_tick(s, monotonic_ns());
	}
}

/*
 * Goes on as a process of its own; the caller's waits until that is ready and tells by its exit
 * status how it went. Returns the descriptor to tell it with, or -errno.
 */
static int go_to_background(void)
{
	int ends[2], null;
	pid_t pid;
	char octet;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(ends[1]);
		_exit(read(ends[0], &octet, 1) == 1 ? 0 : 1);
	}
	close(ends[0]);
	(void)setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		close(null);
	}
	return ends[1];
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start(struct supervisor *s, struct diag *reterr)
{
	int r = load_config(s, reterr);

	if (r == 0)
		r = setup_identities(s, reterr);
	if (r == 0)
		r = setup_files(s, reterr);
	if (r == 0 && !is_replaying(s))
		r = netns_init(&s->netns, NETNS_DIR, reterr);
	if (r == 0)
		services_init(&s->services);
	if (r < 0)
		return r;
	if (!s->options.foreground && !is_replaying(s)) {
		s->ready_pipe = go_to_background();
	}
	raise_descriptors();
	s->signals = open_signals();
	if (s->signals < 0)
		return diag_set(reterr, -errno, "signalfd: %s", strerror(errno));
	if (!is_replaying(s))
		setup_signer(s); /* only now: its lock tells our final process id */
	s->started_ns = s->watchdog_ns = monotonic_ns();
	family_start(s, &s->core);
	if (!is_replaying(s) && s->phase == PHASE_RUNNING)
		family_start(s, &s->observe);
	return 0;
}

int main(int argc, char **argv)
{
	static struct supervisor s = { .signals = -1,
		.state_dir = -1,
		.listener = -1,
		.record = -1,
		.replay = -1,
		.audit_status = -1,
		.ready_pipe = -1,
		.notify.fd = -1,
		.signer = { .dir = -1, .lock = -1 },
		.core.control = -1,
		.observe.control = -1,
		.netns = { .home = -1, .inotify = -1, .watch = -1 } };
	struct diag diag = { "" };
	int r = options_parse(argc, argv, &s.options);

	if (r >= 0)
		return r;
	log_init("ipsecmond", false);
	if (secret_memory() < 0)
		log_line(LOG_WARNING, "no memory that core dumps leave out");
	if (s.options.rotate_key)
		return rotate_key(&s.options);
	notify_init(&s.notify);
	r = start(&s, &diag);
	if (r < 0) {
		log_line(LOG_ERR, "%s", diag.text);
		s.exit_status = 1;
	} else {
		run(&s);
	}
	setup_undo(&s);
	return s.exit_status;
}
