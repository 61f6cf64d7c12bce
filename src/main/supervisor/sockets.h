/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "main/ipc.h"

/* The descriptors that observe works with, opened where it cannot go itself. */

/*
 * Opens in the present netns what enum ipc_netns_slot names; sets flags, error and text of m and
 * writes the descriptors, in order. Returns how many. What cannot be had is left out and told.
 */
unsigned sockets_open(uint32_t receive_buffer, struct ipc_message *m, int ret_fds[IPC_FDS_MAX]);
/* A socket that receives all audit records; -errno. In the initial netns only. */
int sockets_open_audit(uint32_t receive_buffer, struct diag *reterr);

/* Is the kernel's audit on? A socket to ask with; asking; the answer: 1 on, 0 off, -errno. */
int sockets_open_audit_status(void);
int sockets_ask_audit_status(int fd);
int sockets_read_audit_status(int fd); /* -EAGAIN: no answer yet */
