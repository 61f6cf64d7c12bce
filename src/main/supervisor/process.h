/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What /proc says of one process. Its directory is held open: once the process is gone every look
 * fails with -ESRCH, whoever has its number then.
 */
struct process {
	int dir; /* O_PATH of /proc/PID; -1: none */
	pid_t pid;
};

struct process_stat {
	char state; /* 'Z': it has ended */
	pid_t parent;
	uint64_t start_ticks; /* since boot */
};

int process_open(pid_t pid, struct process *ret); /* -errno */
void process_close(struct process *p);
int process_comm(const struct process *p, char ret[32]);
int process_stat(const struct process *p, struct process_stat *ret);
int process_uid(const struct process *p, uid_t *ret); /* real, as our user namespace counts */
/* The last part of its executable's path, as it is or was. -EACCES: needs CAP_SYS_PTRACE. */
int process_program(const struct process *p, char ret[NAME_MAX + 1]);
/* The value of --NAME VALUE or --NAME=VALUE on its command line; -ENOENT. */
int process_option(const struct process *p, const char *name, char *ret, size_t size);
int process_file(const struct process *p, const char *name, int flags); /* a descriptor */
/*
 * The inode numbers of its sockets; how many, or -errno. `size`: there may be more, in its first
 * 16 * size descriptors or behind them, where it is not looked; then *ret means nothing.
 */
int process_sockets(const struct process *p, uint64_t *ret, size_t size);
int process_netns(const struct process *p, uint64_t *ret_inode);
/* In its root, whatever symbolic links are there. A descriptor or -errno. */
int process_open_inside(const struct process *p, const char *path, int flags);
