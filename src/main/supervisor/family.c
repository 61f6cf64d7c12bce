/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/log.h"
#include "main/supervisor/files.h"
#include "main/supervisor/sockets.h"
#include "main/supervisor/supervisor.h"

#define AUDIT_STATUS_NS (5 * NS_PER_S)
#define BUSY_NS \
	(3 * NS_PER_S) /* a core that lost its supervisor may still hold the state directory */
#define BUSY_RETRY_NS (500 * NS_PER_MS)
#define READY_NS (10 * NS_PER_S) /* then we are ready without observe */
#define MESSAGES_A_TURN 64u /* of one child: a signature takes its time, and others wait */
#define FRESH_NS (10 * NS_PER_S) /* how long a sign of life lets us pet systemd's watchdog */

static bool is_running(const struct child *c)
{
	return c->pid != 0 && c->control >= 0;
}

static void send_or_kill(struct child *c, const struct ipc_message *m, const int *fds, unsigned n)
{
	if (child_send(c, m, fds, n) == -ENOBUFS)
		child_kill(c, "reads no messages");
}

/* Adds a copy of fd to those of a message; they go by slot, in rising order. */
static void add_fd(struct ipc_message *m, int *fds, unsigned *n, unsigned slot, int fd)
{
	int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, IPC_CONTROL_FD + 1) : -1;

	if (copy < 0)
		return;
	m->flags |= IPC_HAS(slot);
	fds[(*n)++] = copy;
}

static void add_sinks(const struct supervisor *s, struct ipc_message *m, int *fds, unsigned *n)
{
	const struct ipc_config *c = &s->config.ipc;
	struct diag diag;
	int fd;

	if (c->journald) {
		fd = files_journal(&diag);
		if (fd < 0)
			log_line(LOG_WARNING, "no journal: %s", diag.text);
		add_fd(m, fds, n, IPC_SLOT_JOURNAL, fd);
		if (fd >= 0)
			close(fd);
	}
	if (c->syslog[0] != '\0') {
		fd = files_syslog(c->syslog, &diag);
		if (fd < 0)
			log_line(LOG_WARNING, "no syslog: %s", diag.text);
		add_fd(m, fds, n, IPC_SLOT_SYSLOG, fd);
		if (fd >= 0)
			close(fd);
	}
}

static void add_keys(const struct supervisor *s, struct ipc_message *m, int *fds, unsigned *n)
{
	int fd = s->signs ? signer_keys(&s->signer) : -1;

	add_fd(m, fds, n, IPC_SLOT_KEYS, fd);
	if (fd >= 0)
		close(fd);
}

static void send_config(struct supervisor *s, struct child *c, bool first)
{
	struct ipc_message m = { .type = IPC_CONFIG, .config = s->config.ipc };
	int fds[IPC_FDS_MAX];
	unsigned n = 0;

	m.config.epoch = s->epoch;
	m.config.hash_seed = s->hash_seed;
	if (c == &s->core) {
		memcpy(m.text, s->core_note, sizeof(m.text));
		if (first) {
			add_fd(&m, fds, &n, IPC_SLOT_STATE, s->state_dir);
			add_fd(&m, fds, &n, IPC_SLOT_API, s->listener);
			add_fd(&m, fds, &n, IPC_SLOT_RECORD, s->record);
			add_fd(&m, fds, &n, IPC_SLOT_REPLAY, s->replay);
		}
		if (!is_replaying(s)) {
			add_sinks(s, &m, fds, &n);
			add_keys(s, &m, fds, &n);
		}
	}
	send_or_kill(c, &m, fds, n);
}

/* A new facts channel, whenever one end is new. */
static void connect_peers(struct supervisor *s)
{
	struct ipc_message m = { .type = IPC_PEER };
	int pair[2];

	if (!is_running(&s->core) || !is_running(&s->observe))
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		log_line(LOG_ERR, "socketpair: %s", strerror(errno));
		return;
	}
	send_or_kill(&s->core, &m, &pair[0], 1);
	send_or_kill(&s->observe, &m, &pair[1], 1);
}

static void ask_audit_status(struct supervisor *s, uint64_t now_ns)
{
	s->audit_ns = now_ns + AUDIT_STATUS_NS;
	if (s->audit_status >= 0 && sockets_ask_audit_status(s->audit_status) < 0) {
		close(s->audit_status);
		s->audit_status = -1;
	}
}

static void send_audit_status(struct supervisor *s)
{
	struct ipc_message m = { .type = IPC_AUDIT, .flags = s->audit_flags };

	if (is_running(&s->observe))
		send_or_kill(&s->observe, &m, NULL, 0);
}

void family_audit_status(struct supervisor *s)
{
	int on = sockets_read_audit_status(s->audit_status);
	unsigned flags;

	if (on == -EAGAIN)
		return;
	if (on < 0) { /* without CAP_AUDIT_CONTROL nobody may ask */
		close(s->audit_status);
		s->audit_status = -1;
		return;
	}
	flags = IPC_AUDIT_KNOWN | (on ? IPC_AUDIT_ON : 0u);
	if (flags == s->audit_flags)
		return;
	s->audit_flags = flags;
	send_audit_status(s);
}

/* Records of all netns reach the initial one, and only that. */
static void send_audit(struct supervisor *s)
{
	struct ipc_message m = { .type = IPC_AUDIT, .flags = s->audit_flags };
	struct diag diag = { "" };
	int entered = netns_enter_init(&s->netns);
	int fd;

	if (entered < 0)
		fd = diag_set(&diag, entered, "entering the initial network namespace: %s",
			strerror(-entered));
	else
		fd = sockets_open_audit(s->config.ipc.netlink_buffer, &diag);
	if (s->audit_status < 0 && entered >= 0)
		s->audit_status = sockets_open_audit_status();
	if (entered == 1 && netns_return(&s->netns) < 0) {
		log_line(LOG_CRIT, "cannot return to our network namespace");
		abort();
	}
	if (fd < 0) {
		m.error = -fd;
		(void)snprintf(m.text, sizeof(m.text), "%.200s", diag.text);
		log_line(LOG_WARNING, "audit: %s", m.text);
	}
	send_or_kill(&s->observe, &m, &fd, fd >= 0 ? 1 : 0);
	ask_audit_status(s, monotonic_ns());
}

static void push_netns(struct supervisor *s)
{
	if (is_replaying(s))
		return;
	if (netns_push(&s->netns, &s->config, &s->observe) < 0) {
		/* Anything opened from here on would be somebody else's. */
		log_line(LOG_CRIT, "cannot return to our network namespace");
		abort();
	}
}

/* Behind the netns that they may be in. */
static void push_services(struct supervisor *s, uint64_t now_ns)
{
	if (now_ns >= s->services.scan_ns &&
		services_scan(&s->services, &s->config, &s->netns, now_ns) < 0) {
		log_line(LOG_CRIT, "cannot return to our network namespace");
		abort();
	}
	if (s->netns.ready_sent)
		services_push(&s->services, &s->config, &s->observe, now_ns);
}

void family_reaped(struct supervisor *s)
{
	services_reap(&s->services, &s->observe);
}

static void flush_processes(struct supervisor *s)
{
	if (!is_running(&s->core))
		return;
	for (unsigned i = 0; i < s->n_processes; i++)
		send_or_kill(&s->core, &s->processes[i], NULL, 0);
	s->n_processes = 0;
}

static void tell_process(
	struct supervisor *s, const struct child *c, enum fact_process_op op, pid_t pid, int status)
{
	struct ipc_message m = {
		.type = IPC_PROCESS, .flags = op, .pid = (uint32_t)pid, .status = (uint32_t)status
	};

	(void)snprintf(m.name, sizeof(m.name), "%s", c->name);
	if (is_replaying(s))
		return;
	if (s->n_processes == PROCESSES_WAITING)
		s->processes_lost++;
	else
		s->processes[s->n_processes++] = m;
	flush_processes(s);
}

static void start_observe(struct supervisor *s)
{
	uint64_t now = clock_boot_ns();

	s->epoch = now > s->epoch ? now : s->epoch + 1;
	netns_forget_sent(&s->netns);
	services_forget_sent(&s->services);
	send_config(s, &s->observe, true);
	connect_peers(s);
	send_audit(s);
	s->netns.scan_ns = s->services.scan_ns = 0;
}

static void start_core(struct supervisor *s)
{
	if (getrandom(&s->hash_seed, sizeof(s->hash_seed), 0) < 0)
		s->hash_seed = clock_boot_ns();
	send_config(s, &s->core, true);
	connect_peers(s);
}

void family_start(struct supervisor *s, struct child *c)
{
	struct diag diag = { "" };
	int r = child_start(c, &diag);

	if (r < 0) {
		log_line(LOG_ERR, "%s does not start: %s", c->name, diag.text);
		c->started_ns = monotonic_ns();
		child_ended(c, c->started_ns);
		if (c == &s->core && !s->core_was_ready) {
			s->exit_status = 1;
			family_stop(s);
		}
		return;
	}
	if (c == &s->core)
		start_core(s);
	else
		start_observe(s);
	tell_process(s, c, PROCESS_STARTED, c->pid, 0);
}

static void announce_ready(struct supervisor *s, uint64_t now_ns)
{
	if (s->said_ready || !s->core.ready ||
		(!s->observe.ready && !is_replaying(s) && now_ns < s->started_ns + READY_NS))
		return;
	s->said_ready = true;
	notify_send(&s->notify, "READY=1\nMAINPID=%d", (int)getpid());
	if (s->ready_pipe >= 0) {
		log_init("ipsecmond", true); /* up to here the terminal saw what went wrong */
		(void)!write(s->ready_pipe, "", 1);
		close(s->ready_pipe);
		s->ready_pipe = -1;
	}
	if (!is_replaying(s))
		log_line(LOG_INFO, "ready: state in %s, socket %s%s%s", s->options.state_dir,
			s->options.socket, s->core_note[0] ? "; " : "", s->core_note);
}

static void tell_status(struct supervisor *s)
{
	notify_send(&s->notify, "STATUS=%zu network namespaces watched; observe %s, core %s%s%s",
		netns_watched(&s->netns), s->observe.ready ? "works" : "is not ready",
		s->core.ready ? "works" : "is not ready", s->core_note[0] ? "; " : "",
		s->core_note);
}

/* Signing may have been impossible at start, as on a full disk. */
static void sign(struct supervisor *s, const struct ipc_place *place)
{
	struct ipc_message m = { .type = IPC_SIGNED, .place = *place };
	struct diag diag = { "" };
	int r;

	if (!s->signs) {
		setup_signer(s);
		if (s->signs)
			send_config(s, &s->core, false);
	}
	if (s->signs)
		r = signer_sign(&s->signer, place, m.signed_head, &diag);
	else
		r = diag_set(&diag, -ENOKEY, "%s", s->unsigned_why.text);
	m.error = -r;
	if (r < 0)
		(void)snprintf(m.text, sizeof(m.text), "%.250s", diag.text);
	send_or_kill(&s->core, &m, NULL, 0);
}

void family_rotate_key(struct supervisor *s)
{
	struct diag diag = { "" };

	if (!s->signs)
		setup_signer(s);
	if (!s->signs)
		return;
	if (signer_rotate(&s->signer, &diag) < 0) {
		log_line(LOG_ERR, "the key stays: %s", diag.text);
		return;
	}
	log_line(LOG_NOTICE, "the log is signed with a new key, SHA-256 %s",
		s->signer.key.fingerprint);
	if (is_running(&s->core))
		send_config(s, &s->core, false);
}

static void take_message(struct supervisor *s, struct child *c, const struct ipc_message *m)
{
	switch (m->type) {
	case IPC_READY:
		c->ready = true;
		if (c == &s->core)
			s->core_was_ready = true;
		announce_ready(s, monotonic_ns());
		tell_status(s);
		break;
	case IPC_FAILED:
		c->failure = m->error > 0 ? -m->error : m->error;
		(void)snprintf(c->failure_text, sizeof(c->failure_text), "%s", m->text);
		break;
	case IPC_SINKS:
		if (c == &s->core)
			send_config(s, c, false);
		break;
	case IPC_SIGN:
		if (c == &s->core && !is_replaying(s))
			sign(s, &m->place);
		break;
	case IPC_SERVICE_LOST:
		services_lost(&s->services, m->service.id, m->flags, monotonic_ns());
		break;
	case IPC_WHACK:
		services_whack(&s->services, &s->config, &s->observe, m->service.id, m->status);
		break;
	case IPC_DONE:
	case IPC_ALIVE:
		break;
	default:
		log_line(LOG_WARNING, "%s sent a message of type %u", c->name, m->type);
		break;
	}
	c->alive_ns = monotonic_ns();
}

bool family_message(struct supervisor *s, struct child *c)
{
	struct ipc_message m;
	int fds[IPC_FDS_MAX];
	unsigned n;
	int r;

	for (unsigned turn = 0; turn < MESSAGES_A_TURN; turn++) {
		r = c->control < 0 ? -EAGAIN : ipc_receive(c->control, &m, fds, &n);
		if (r == -EAGAIN)
			return false;
		if (r <= 0) {
			/* Its process is about to end, or should. */
			close(c->control);
			c->control = -1;
			c->kill_ns = monotonic_ns() + CHILD_STOP_NS;
			return false;
		}
		for (unsigned i = 0; i < n; i++)
			close(fds[i]); /* children have nothing to give us */
		take_message(s, c, &m);
	}
	return true;
}

static void say_end(const struct child *c, pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_line(LOG_ERR, "%s (process %d) was ended by signal %d (%s)", c->name, (int)pid,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_line(LOG_ERR, "%s (process %d) ended with status %d%s%s", c->name, (int)pid,
			WEXITSTATUS(status), c->failure_text[0] ? ": " : "", c->failure_text);
}

/* Before core ever worked its end is ours, unless it waits for a predecessor's lock. */
static void core_failed_at_start(struct supervisor *s, int status, uint64_t now_ns)
{
	pid_t pid = s->core.pid;

	child_ended(&s->core, now_ns);
	if (s->core.failure == -EBUSY) {
		if (s->busy_until_ns == 0)
			s->busy_until_ns = now_ns + BUSY_NS;
		if (now_ns < s->busy_until_ns) {
			s->core.restart_ns = now_ns + BUSY_RETRY_NS;
			s->core.backoff_ns = 0;
			return;
		}
	}
	say_end(&s->core, pid, status);
	s->exit_status = 1;
	family_stop(s);
}

void family_ended(struct supervisor *s, struct child *c, int status)
{
	uint64_t now = monotonic_ns();
	pid_t pid = c->pid;

	while (family_message(s, c)) /* its last words */
		;
	if (s->phase != PHASE_RUNNING || is_replaying(s)) {
		if (status != 0)
			say_end(c, pid, status);
		child_ended(c, now);
		if (is_replaying(s)) {
			s->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
			s->phase = PHASE_STOPPED;
		} else {
			family_stop(s);
		}
		return;
	}
	if (c == &s->core && !s->core_was_ready) {
		core_failed_at_start(s, status, now);
		return;
	}
	say_end(c, pid, status);
	tell_process(s, c, PROCESS_ENDED, pid, status);
	child_ended(c, now);
	tell_status(s);
}

void family_configure(struct supervisor *s)
{
	if (is_running(&s->core))
		send_config(s, &s->core, false);
	if (is_running(&s->observe))
		send_config(s, &s->observe, false);
	s->netns.scan_ns = s->services.scan_ns = 0;
}

static void stop_one(struct child *c)
{
	struct ipc_message m = { .type = IPC_STOP };

	if (c->kill_ns == 0)
		c->kill_ns = monotonic_ns() + CHILD_STOP_NS;
	if (is_running(c))
		send_or_kill(c, &m, NULL, 0);
}

/* Goes on with stopping: called at first, and when a child has ended. */
void family_stop(struct supervisor *s)
{
	if (s->phase == PHASE_RUNNING) {
		notify_send(&s->notify, "STOPPING=1");
		s->phase = PHASE_STOP_OBSERVE;
		if (s->observe.pid != 0)
			stop_one(&s->observe);
	}
	if (s->phase == PHASE_STOP_OBSERVE && s->observe.pid == 0) {
		s->phase = PHASE_STOP_CORE;
		if (s->core.pid != 0)
			stop_one(&s->core);
	}
	if (s->phase == PHASE_STOP_CORE && s->core.pid == 0)
		s->phase = PHASE_STOPPED;
}

static void tick_child(struct supervisor *s, struct child *c, uint64_t now_ns)
{
	if (c->pid == 0) {
		if (s->phase == PHASE_RUNNING && c->restart_ns != 0 && now_ns >= c->restart_ns)
			family_start(s, c);
		return;
	}
	if (c->kill_ns != 0 && now_ns >= c->kill_ns)
		child_kill(c, "does not end");
	if (c->kill_ns == 0 && !is_replaying(s) &&
		now_ns >= c->alive_ns + (c->ready ? CHILD_SILENCE_NS : CHILD_START_NS))
		child_kill(c, "gives no sign of life");
}

static void tick_watchdog(struct supervisor *s, uint64_t now_ns)
{
	if (s->notify.watchdog_ns == 0 || now_ns < s->watchdog_ns)
		return;
	s->watchdog_ns = now_ns + s->notify.watchdog_ns;
	if (s->phase != PHASE_RUNNING ||
		(now_ns < s->core.alive_ns + FRESH_NS && now_ns < s->observe.alive_ns + FRESH_NS))
		notify_send(&s->notify, "WATCHDOG=1");
}

void family_tick(struct supervisor *s, uint64_t now_ns)
{
	tick_child(s, &s->core, now_ns);
	if (!is_replaying(s)) {
		tick_child(s, &s->observe, now_ns);
		if (now_ns >= s->netns.scan_ns)
			netns_scan(&s->netns, &s->config, now_ns);
		if (s->phase == PHASE_RUNNING)
			push_netns(s);
		if (s->phase == PHASE_RUNNING)
			push_services(s, now_ns);
		if (s->audit_status >= 0 && now_ns >= s->audit_ns)
			ask_audit_status(s, now_ns);
	}
	if (s->phase == PHASE_RUNNING)
		announce_ready(s, now_ns);
	tick_watchdog(s, now_ns);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b != 0 && b < a ? b : a;
}

static uint64_t child_deadline(const struct child *c)
{
	if (c->pid == 0)
		return c->restart_ns;
	if (c->kill_ns != 0)
		return c->killed ? 0 : c->kill_ns;
	return c->killed ? 0 : c->alive_ns + (c->ready ? CHILD_SILENCE_NS : CHILD_START_NS);
}

uint64_t family_deadline(const struct supervisor *s)
{
	uint64_t at = monotonic_ns() + NS_PER_S;

	if (s->phase != PHASE_RUNNING)
		return earlier(earlier(at, s->core.kill_ns), s->observe.kill_ns);
	at = earlier(at, child_deadline(&s->core));
	if (!is_replaying(s)) {
		at = earlier(at, child_deadline(&s->observe));
		at = s->netns.scan_ns < at ? s->netns.scan_ns : at;
		at = s->services.scan_ns < at ? s->services.scan_ns : at;
	}
	return s->notify.watchdog_ns ? earlier(at, s->watchdog_ns) : at;
}
