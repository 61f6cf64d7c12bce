/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <syslog.h>

#include "base/cleanup.h"

/* Where a program of ours says what concerns itself. Only programs log; libraries return errors. */
void log_init(const char *program, bool to_syslog);
/*
 * One line, without newline; priority as syslog's. On standard error it has the program's name in
 * front, or systemd's <N> where standard error is the journal.
 */
void log_line(int priority, const char *format, ...) PRINTF_LIKE(2, 3);
