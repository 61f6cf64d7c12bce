/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main/supervisor/services.h"
/*
 * pluto is asked by this host's own whack, with arguments that are all in this file. It writes into
 * a file of its own: were that a pipe and its reader stopped, whack would wait, and pluto for it.
 */
#define TIME_S 5
#define OUTPUT_MAX ((rlim_t)32 << 20)
#define SOCKET "pluto.ctl"

/* By enum whack_list. */
static const char *const options[] = { "--status", "--globalstatus", "--trafficstatus",
	"--showstates", "--connectionstatus", "--shuntstatus" };

static const char *find_whack(const struct config *config)
{
	static const char *const places[] = { "/usr/libexec/ipsec/whack", "/usr/lib/ipsec/whack" };

	if (config->whack[0] != '\0')
		return access(config->whack, X_OK) == 0 ? config->whack : NULL;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

/*
 * In the new process. The socket's directory, which may be a container's, is the working directory:
 * so whack needs neither a path to it nor a right to look into other processes.
 */
static void become_whack(const char *path, int dir, int output, const char *option)
{
	const struct child_identity nobody = { .change = true, .uid = getuid(), .gid = getgid() };
	const struct rlimit size = { OUTPUT_MAX, OUTPUT_MAX }, no_core = { 0, 0 };
	const char *const argv[] = { "whack", "--ctlsocket", SOCKET, option, NULL };
	const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
		dup2(output, STDERR_FILENO) < 0 || fchdir(dir) < 0 ||
		close_range(STDERR_FILENO + 1, UINT_MAX, 0) < 0)
		return;
	(void)setpgid(0, 0);
	(void)setrlimit(RLIMIT_FSIZE, &size);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGALRM, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)alarm(TIME_S); /* whoever is stopped or killed meanwhile */
	if (child_drop_capabilities(&nobody) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	(void)execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
}

static void answer(
	struct child *observe, uint64_t id, int output, int status, int error, const char *why)
{
	struct ipc_message m = {
		.type = IPC_WHACK_DONE, .service.id = id, .status = (uint32_t)status, .error = error
	};

	(void)snprintf(m.text, sizeof(m.text), "%s", why);
	(void)child_send(observe, &m, &output, output >= 0 ? 1 : 0);
}

static int start(struct service_entry *e, const char *path, const char *option, int dir)
{
	int output = memfd_create("whack", MFD_CLOEXEC);
	pid_t pid = output < 0 ? -1 : fork();

	if (pid == 0) {
		become_whack(path, dir, output, option);
		_exit(127);
	}
	if (pid < 0) {
		int r = -errno;

		if (output >= 0)
			close(output);
		return r;
	}
	e->whack = pid;
	e->whack_output = output;
	return 0;
}

static void ask(struct service_entry *e, const struct config *config, struct child *observe,
	const char *option)
{
	const char *path = find_whack(config);
	int dir = path ? process_open_inside(&e->process, e->run_dir, O_PATH | O_DIRECTORY) : -1;
	char why[FACT_TEXT_SIZE];
	int r;

	if (!path) {
		(void)snprintf(why, sizeof(why),
			"this host has no whack%s%s; see `whack` in ipsecmond.conf(5)",
			config->whack[0] ? " at " : "", config->whack);
		answer(observe, e->id, -1, 0, ENOENT, why);
		return;
	}
	r = dir < 0 ? dir : start(e, path, option, dir);
	if (dir >= 0)
		close(dir);
	if (r < 0) {
		(void)snprintf(
			why, sizeof(why), "%s: %s", dir < 0 ? e->run_dir : path, strerror(-r));
		answer(observe, e->id, -1, 0, -r, why);
	}
}

void services_whack(struct services *s, const struct config *config, struct child *observe,
	uint64_t id, unsigned list)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_entry *e = &s->entries[i];

		/* One at a time; observe asks for the next when it has the answer. */
		if (e->id != id || e->daemon != DAEMON_LIBRESWAN || e->whack != 0)
			continue;
		if (list < ARRAY_LEN(options))
			ask(e, config, observe, options[list]);
		return;
	}
	answer(observe, id, -1, 0, ESRCH, "is not running");
}

void services_reap(struct services *s, struct child *observe)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_entry *e = &s->entries[i];
		int status, output = e->whack_output;
		bool late;

		if (e->whack == 0 || waitpid(e->whack, &status, WNOHANG) != e->whack)
			continue;
		late = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
		e->whack = 0;
		e->whack_output = -1;
		answer(observe, e->id, output, status, late ? ETIMEDOUT : 0,
			late ? "whack had no answer within 5 s" : "");
	}
}

void services_whack_forget(struct service_entry *e)
{
	if (e->whack != 0) {
		(void)kill(e->whack, SIGKILL);
		(void)waitpid(e->whack, NULL, 0);
		close(e->whack_output);
	}
	e->whack = 0;
	e->whack_output = -1;
}
