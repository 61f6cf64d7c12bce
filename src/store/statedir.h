/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/diag.h"

#define STATE_VERSION 1

/*
 * Takes the state directory: the flock on `lock`, the check (or first writing) of `version`, and
 * `log`, made if missing. Both descriptors are the caller's; errors as eventlog_open() has them.
 */
int statedir_take(int dir_fd, int *ret_lock_fd, int *ret_log_fd, struct diag *reterr);
