/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

/* sd_notify(3), which is one datagram; without NOTIFY_SOCKET nothing happens. */
struct notify {
	int fd; /* -1: nobody listens */
	uint64_t watchdog_ns; /* between signs of life; 0: not wanted */
};

void notify_init(struct notify *n);
void notify_done(struct notify *n);
void notify_send(const struct notify *n, const char *format, ...) PRINTF_LIKE(2, 3);
