/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/inbox.h"
#include "source/source.h"

/*
 * The SAs and policies of one netns: dumped once, then followed by notifications; dumped again
 * after a loss, and when asked. A dump runs in slices between the notifications, so that a million
 * policies hold nobody up; each notification that overtakes a slice wins over it. Subscribes to
 * SA, EXPIRE, POLICY, MIGRATE and MAPPING, never to AEVENTS, and to ACQUIRE only while a key
 * manager does: either would change what the kernel does. Key octets are wiped before anything is
 * read.
 */
struct xfrm;

enum xfrm_fd {
	XFRM_FD_SA = 0, /* notifications of SAs and expiries */
	XFRM_FD_POLICY = 1, /* of policies: a storm here must not push out those of SAs */
	XFRM_FD_REQUESTS = 2,
	XFRM_FDS = 3,
};

/* What to ask the kernel for. */
enum xfrm_want {
	XFRM_WANT_DEFAULT = 1, /* the default actions */
	XFRM_WANT_SA = 2,
	XFRM_WANT_POLICY = 4,
	XFRM_WANT_COUNTS =
		8, /* compare the kernel's counts with what was followed: see xfrm_stale() */
	XFRM_WANT_ALL = XFRM_WANT_DEFAULT | XFRM_WANT_SA | XFRM_WANT_POLICY,
};

struct xfrm_options {
	uint64_t netns; /* cookie */
	uint32_t room; /* octets of receive buffer for notifications */
	struct inbox *inbox; /* shared by all, outlives us */
	const char *why; /* a descriptor is missing (-1), for this reason */
};

/*
 * Subscribes and emits the source's state; the first dumps begin with xfrm_ask(). Takes the
 * descriptors over in any case. -ENOMEM. A refused subscription is a state, not an error.
 */
int xfrm_new(const int fds[XFRM_FDS], const struct xfrm_options *options,
	const struct source_sink *sink, struct xfrm **ret);
struct xfrm *xfrm_free(struct xfrm *x);
DEFINE_FREEP(xfrm)

int xfrm_fd(const struct xfrm *x, size_t i);
void xfrm_readable(struct xfrm *x, size_t i);

/* Begins at once or behind what is under way; each question at most once in the queue. */
void xfrm_ask(struct xfrm *x, unsigned want);
bool xfrm_busy(const struct xfrm *x); /* an answer is outstanding */
/* What no longer agrees with the kernel's counts and should be dumped (WANT_SA, WANT_POLICY). */
unsigned xfrm_stale(const struct xfrm *x);
/*
 * /proc/net/netlink of its netns, which tells who listens; taken over, replaces an earlier one.
 * Without it ACQUIRE is never heard.
 */
void xfrm_listeners(struct xfrm *x, int fd);
/* Once a second: begins to hear ACQUIRE when a key manager does, and stops when none does. */
void xfrm_tick(struct xfrm *x);

/* A core that knows nothing listens now: says the state again and dumps everything. */
void xfrm_restate(struct xfrm *x);
