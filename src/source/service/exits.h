/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/span.h"
#include "source/inbox.h"

/*
 * How processes end, by the kernel's proc connector, which tells root in the initial namespaces of
 * every thread that ends. A filter on the socket lets only those of the processes pass that are
 * watched: nobody else's end wakes us. Nothing is asked of the kernel while none is.
 */
#define EXITS_MAX 64

struct exits;

/*
 * Opens the socket; to be called before the sandbox, in the initial netns, or nothing will be
 * heard. inbox is used by each exits_ready(). -EPROTONOSUPPORT: no connector; another -errno.
 */
int exits_new(struct inbox *inbox, struct exits **ret);
struct exits *exits_free(struct exits *e);
DEFINE_FREEP(exits)

int exits_fd(const struct exits *e);
/*
 * pid: of the process, in the initial pid namespace. -ENOSPC: EXITS_MAX are watched; -EPERM and the
 * like: the kernel lets us hear nothing. In a container the kernel says nothing, not even why.
 */
int exits_watch(struct exits *e, uint32_t pid);
/* It is seen to have ended; now_ns: CLOCK_MONOTONIC. From then on its number may be another's. */
void exits_ended(struct exits *e, uint32_t pid, uint64_t now_ns);
void exits_forget(struct exits *e, uint32_t pid);
void exits_ready(struct exits *e); /* the socket is readable */
/* *ret: as wait(2) gives it. Certain once the process is seen to have ended, and a moment later. */
bool exits_status(const struct exits *e, uint32_t pid, int *ret);

/* One thread's end. */
struct exit_report {
	uint32_t thread, process; /* the same: it is the process' first thread */
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	int status; /* as wait(2) gives it */
};
/* One datagram of the connector's; false: it tells of no end. */
bool exits_parse(struct span datagram, struct exit_report *ret);
