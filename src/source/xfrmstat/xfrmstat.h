/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "source/source.h"

/*
 * The drop counters of one netns: /proc/net/xfrm_stat, read when asked. Has no descriptor to wait
 * for. Reading makes the kernel walk every SA, so not more often than needed.
 */
struct xfrmstat;

/*
 * Takes fd over; -1: there is none, and `why` says why (its file is absent without
 * CONFIG_XFRM_STATISTICS). Emits the source's state. -ENOMEM.
 */
int xfrmstat_new(int fd, const char *why, uint64_t netns, const struct source_sink *sink,
	struct xfrmstat **ret);
struct xfrmstat *xfrmstat_free(struct xfrmstat *x);
DEFINE_FREEP(xfrmstat)

enum xfrmstat_moved {
	XFRMSTAT_SAME = 0,
	XFRMSTAT_MOVED = 1, /* some counter did */
	XFRMSTAT_SA_MOVED = 2, /* one that the statistics of single SAs explain */
};

/* Emits the reading when a counter moved since the last one, or `always`. Bits of xfrmstat_moved.
 */
unsigned xfrmstat_read(struct xfrmstat *x, bool always);
/* The interval at which we are read: part of the state. */
void xfrmstat_resolution_is(struct xfrmstat *x, uint64_t resolution_ms);
/* Says the state again; the next reading is emitted whatever it holds. */
void xfrmstat_restate(struct xfrmstat *x);
