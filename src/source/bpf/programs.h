/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <bpf/libbpf.h>

#include "source/bpf/internal.h"

#include <drops.skel.h>

/* Private to load.c and maps.c. */
struct programs {
	struct drops_bpf *skeleton;
	struct bpf_link *links[HOOKED_N * 2];
	unsigned n_links;
	enum hook hooks[HOOKED_N];
	struct ring_buffer *ring;
	programs_sample_fn *each; /* during programs_samples() */
	void *userdata;
	unsigned n_cpus; /* possible ones */
};
