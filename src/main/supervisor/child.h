/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "main/ipc.h"

/*
 * One child process: its start, its control channel with a bounded queue of what it has not taken
 * yet, and when it is to be started again or killed. What its messages mean is not known here.
 */

#define CHILD_QUEUE 64 /* messages; a child that leaves more unread is stuck */
#define CHILD_SILENCE_NS (30 * NS_PER_S) /* without IPC_ALIVE: stuck */
#define CHILD_START_NS \
	(120 * NS_PER_S) /* the same before it is ready: core may read a large log \
			  */
#define CHILD_STOP_NS (10 * NS_PER_S) /* from IPC_STOP to SIGKILL */
#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

/* Who a child runs as. */
struct child_identity {
	bool change; /* false: as we run; the rest means nothing */
	uid_t uid;
	gid_t gid;
	const int *capabilities; /* kept; all others are given up, also for what it executes */
	unsigned n_capabilities;
};

struct child_queued {
	struct ipc_message m;
	int fds[IPC_FDS_MAX];
	unsigned n_fds;
};

struct child {
	const char *name; /* as events say it */
	const char *file; /* executable, beside ours */
	struct child_identity identity;
	pid_t pid; /* 0: not running */
	int control; /* -1: none */
	bool ready, killed;
	uint64_t started_ns, alive_ns;
	uint64_t restart_ns; /* when to start it again; 0: never */
	uint64_t backoff_ns; /* the next delay */
	uint64_t kill_ns; /* 0: not to be killed */
	int failure; /* errno of IPC_FAILED, negative, with its text */
	char failure_text[FACT_TEXT_SIZE];
	struct child_queued *queue; /* CHILD_QUEUE of them */
	unsigned n_queued;
};

uint64_t monotonic_ns(void);

int child_init(struct child *c, const char *name, const char *file); /* -ENOMEM */
void child_done(struct child *c);
/*
 * In a new process: becomes who `id` says. Only what is kept stays in the bounding set, so that
 * executing as root gives no more; a step to another user clears the rest by itself. -errno.
 */
int child_drop_capabilities(const struct child_identity *id);
/* Starts the executable; it lies beside ours, or in the installation's libexec directory. */
int child_start(struct child *c, struct diag *reterr);
/* Its process has ended: closes the channel and sets when to start it again. */
void child_ended(struct child *c, uint64_t now_ns);
/* Takes over the descriptors in any case. -ENOTCONN: not running; -ENOBUFS: queue full, it is
 * stuck. */
int child_send(struct child *c, const struct ipc_message *m, const int *fds, unsigned n_fds);
int child_flush(struct child *c); /* sends what is queued as far as it goes */
void child_kill(struct child *c, const char *why); /* SIGKILL, said once */
