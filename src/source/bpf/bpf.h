/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/source.h"

/*
 * Each dropped packet, as programs of ours in the kernel see it (bpf/drops.bpf.c): which line of
 * xfrm_stat it moved, addresses, ports, SPI, sequence number, policy. The source loads them, hands
 * on what they sample and count, and says which hook serves which line. Of all netns at once.
 * Changes nothing in the kernel but that its programs run; they end with this process.
 */
struct bpf_source;

enum bpf_hooks { /* the best that may be used; what is not to be had is done without */
	BPF_HOOKS_BEST = 0, /* fentry and fexit */
	BPF_HOOKS_KPROBE = 1,
	BPF_HOOKS_TRACEPOINT = 2, /* no function of the kernel is touched */
};

struct bpf_source_options {
	uint8_t hooks; /* enum bpf_hooks */
	uint32_t first_packets; /* of a cause, source and SPI, told one by one */
};

/*
 * Loads and attaches; nothing is told before bpf_source_begin(). Needs CAP_BPF, CAP_PERFMON,
 * CAP_NET_ADMIN, and CAP_SYSLOG for where in the kernel a packet was freed; that it could not be
 * done is said by the source's state and is no error. To be called before a sandbox. -ENOMEM.
 */
int bpf_source_new(const struct bpf_source_options *o, const struct source_sink *sink,
	struct bpf_source **ret);
struct bpf_source *bpf_source_free(struct bpf_source *b); /* detaches; takes NULL */

int bpf_source_fd(const struct bpf_source *b, size_t i);
void bpf_source_readable(struct bpf_source *b, size_t i); /* samples */

/*
 * From now on drops of the netns of this socket are seen; what it has counted before is not for us
 * to tell. Others cost a look-up and are not counted.
 */
void bpf_source_watch(struct bpf_source *b, int socket_fd);
void bpf_source_unwatch(struct bpf_source *b, uint64_t netns); /* cookie; it went */
void bpf_source_begin(struct bpf_source *b); /* from now on every drop is told */
/* Tells what was counted since the last time. For the end of a round. */
void bpf_source_fold(struct bpf_source *b);
uint64_t bpf_source_seen(const struct bpf_source *b); /* drops sampled or folded so far */
void bpf_source_restate(struct bpf_source *b); /* says hooks and state again */
