/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"

/*
 * What a child of the supervisor gives up once it has all its descriptors. To be called after
 * IPC_CONFIG has come and before the first octet from outside is read; for good, and for all
 * threads begun later. Capabilities and user were set by the supervisor before.
 *
 * A system call that is not on the list fails with EPERM and is logged by the kernel: a monitor
 * that dies because a library took a new path would be blind exactly when it is needed, and what
 * an attacker would want (execve, socket, ptrace, setns, mount, bpf …) fails either way.
 *
 * 0, also where the kernel lacks a part (then reterr names what is missing, else it is ""); -errno.
 */
int sandbox_observe(struct diag *reterr);
/* state_fd: the only directory that may be read and written; -1: none (replay). */
int sandbox_core(int state_fd, struct diag *reterr);
