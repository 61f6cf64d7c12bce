/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once

#include "maps.h"

/* Counting a drop by its key, and sampling the first ones. */

static __always_inline bool may_spend(struct seen *seen, __u64 now_ns)
{
	if (now_ns - seen->ration_ns >= SECOND) {
		seen->ration_ns = now_ns;
		seen->ration = rate;
	}
	if (seen->ration == 0)
		return false;
	seen->ration--;
	return true;
}

static __always_inline void count_overflow(struct drop_sample *s, __u64 n, __u64 now_ns)
{
	struct drop_value fresh = { .first_ns = now_ns }, *v;
	struct drop_key key = { .netns = s->key.netns, .counter = s->key.counter };
	struct drop_sums *sum;

	v = bpf_map_lookup_elem(&overflow, &key);
	if (!v) {
		bpf_map_update_elem(&overflow, &key, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&overflow, &key);
	}
	if (v) {
		__sync_fetch_and_add(&v->count, n);
		v->last_ns = now_ns;
		return;
	}
	sum = my_sums();
	if (sum)
		sum->keyless += n;
}

/* By its key, and the first ones with a sample. */
static __always_inline void count_by_key(
	struct work *w, struct seen *seen, struct drop_sums *sum, __u64 now_ns)
{
	__u32 number = *(volatile __u32 *)&generation;
	struct drop_sample *s = &w->sample, *out;
	struct drop_value fresh = { .first_ns = now_ns }, *v;
	struct drop_key key = s->key; /* on the stack: older verifiers want keys there */
	void *map = number & 1 ? (void *)&drops_odd : (void *)&drops_even;
	__u64 before;

	v = bpf_map_lookup_elem(map, &key);
	if (!v && may_spend(seen, now_ns)) {
		bpf_map_update_elem(map, &key, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(map, &key);
	}
	if (!v) {
		count_overflow(s, 1, now_ns);
		return;
	}
	before = __sync_fetch_and_add(&v->count, 1);
	v->last_ns = now_ns;
	if (before >= first_packets || !may_spend(seen, now_ns))
		return;
	out = bpf_ringbuf_reserve(&samples, sizeof(*out), 0);
	if (!out) {
		sum->ring++;
		return;
	}
	*out = *s;
	out->ordinal = before + 1;
	out->boot_ns = now_ns;
	out->generation = number;
	bpf_ringbuf_submit(out, 0);
}

/*
 * What is global is verified by itself, once, and not at every call: programs of this size load in
 * a fraction of the time. Such functions take memory and numbers only.
 */
__noinline int count(struct work *w, struct seen *seen, __u64 n)
{
	struct drop_sums *sum = my_sums();
	__u64 now_ns;

	if (!w || !seen || !sum)
		return 0;
	now_ns = bpf_ktime_get_boot_ns();
	if (n == 1)
		count_by_key(w, seen, sum, now_ns);
	else /* one is of this packet, but who is the other? */
		count_overflow(&w->sample, n, now_ns);
	/* Last: whoever reads that it rose finds in the maps why. */
	sum->counted += n;
	return 0;
}

static __always_inline void begin_sample(struct work *w, __u64 cookie, __u8 line)
{
	__builtin_memset(&w->sample, 0, sizeof(w->sample));
	w->sample.key.netns = cookie;
	w->sample.key.counter = line;
}
