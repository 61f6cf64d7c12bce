/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "model/fact.h"

/*
 * What a source of facts is to the program that runs it. A source owns its descriptors (opened by
 * others, handed over at its birth), never blocks, and keeps no clock: the program calls it when
 * a descriptor is readable or a time has come, and takes its facts through emit().
 */
struct source_sink {
	void *userdata;
	/* Fills in epoch, seq and the two times; source and netns are the source's to set. */
	void (*emit)(void *userdata, struct fact *f);
};

/*
 * Every adapter has the same shape, with its own constructor:
 *   int x_new(…descriptors and limits…, const struct source_sink *, struct x **ret);
 *   struct x *x_free(struct x *);             closes the descriptors
 *   int x_fd(const struct x *, size_t i);     the i-th descriptor to watch for reading; -1 behind
 * the last void x_readable(struct x *, size_t i);    reads until EAGAIN (bounded: at most
 * SOURCE_BATCH messages) and what else it can be asked for. A source emits FACT_SOURCE whenever its
 * state changes.
 */
#define SOURCE_BATCH 4096 /* messages in one call, so that no source starves another */
