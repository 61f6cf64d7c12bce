/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once

#include "kernel.h"

#include <asm/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "source/bpf/drops.h"

/* What is set before loading or at any time, the maps, and what is this processor's own. */

#define AF_INET 2
#define AF_INET6 10
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ESP 50
#define PROTO_AH 51
#define PROTO_ICMP 1
#define PROTO_ICMPV6 58
#define PROTO_COMP 108
#define PROTO_DCCP 33
#define PROTO_SCTP 132
#define DIR_IN 0
#define DIR_OUT 1
#define DIR_FWD 2
#define SECOND 1000000000ull

#define DST_NOREF 1ul
#define ERR_MAX 4095

/* Set before loading. */
const volatile __u32 n_counters = 0; /* lines of this kernel's MIB, the unused first included */
const volatile __u64 inbound = 0; /* bit 1 << line: a packet is freed for it on its way in … */
const volatile __u64 outbound = 0; /* … or on its way out, with an SA */
const volatile __u64 lookups = 0; /* … or none is: a look-up failed */
const volatile __u8 line_no_states = 0, line_proto = 0, line_mode = 0, line_seq = 0,
		    line_mismatch = 0, line_template = 0;
const volatile bool has_notes = false; /* hooks on xfrm_audit_state_… are there */
const volatile bool has_lookups = false; /* … and on xfrm_lookup_with_ifid */
const volatile __u32 rate = 200; /* samples, and new keys, a second, netns and processor */
/* Where in the kernel's code a packet was freed: begin and end; 0: not known. */
const volatile __u64 input_code[2] = { 0 }, forward_code[2][2] = { 0 };

/* Set by user space at any time. */
bool enabled = false;
__u32 generation = 0; /* its lowest bit: which of the two maps of keys is in use */
__u32 first_packets = 10; /* of each key as samples */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DROPS_KEYS);
	__type(key, struct drop_key);
	__type(value, struct drop_value);
} drops_even SEC(".maps"), drops_odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DROPS_OVERFLOW);
	__type(key, struct drop_key);
	__type(value, struct drop_value);
} overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DROPS_RING);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_sums);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DROPS_NETNS * 8);
	__type(key, struct sad_key);
	__type(value, __u64);
} sad_results SEC(".maps");

/* An update of this one waits until no program runs that had begun before (synchronize_rcu). */
struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} grace_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} grace SEC(".maps") = { .values = { [0] = &grace_inner } };

/*
 * The lines of one netns as this processor last saw its part of them. Of netns that are watched
 * only: the storms of others cost us a look-up, and nobody's place.
 */
struct seen {
	__u64 cookie; /* 0: not primed on this processor yet */
	__u64 lines[DROPS_COUNTERS];
	__u64 ration,
		ration_ns; /* samples and new keys that this second still has, and its begin */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, DROPS_NETNS);
	__type(key, __u64); /* address of the struct net */
	__type(value, struct seen);
} netns_seen SEC(".maps");

/* Statistics of an SA as last seen; only used without notes. */
struct sa_seen {
	__u32 replay, replay_window, integrity_failed, spi;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DROPS_SAS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the SA */
	__type(value, struct sa_seen);
} sas_seen SEC(".maps");

/* One processor's own. */
struct cpu {
	volatile __u64 self, map; /* addresses: by way of memory they become numbers */
	__u64 offset; /* from a per-processor object's handle to this processor's copy */
	bool located;
	__u32 depth; /* how many programs are at work here: an interrupt may bring another drop */
	__u32 freeing; /* of these on kfree_skb */

	/* Notes for the drop that follows. */
	__u64 note_skb;
	__u8 note_kind;
	bool note_has_seqno, note_has_policy;
	__u32 checking; /* policy checks under way */
	__u32 note_seqno;
	__u32 policy_index, policy_priority;
	__u64 args[6]; /* of a function whose return is awaited: kprobes only */

	struct seen fresh;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu);
} cpus SEC(".maps");

/* Where a program works. Interrupts end before what they interrupt goes on: one for each depth. */
#define DEPTH_MAX 4

struct work {
	volatile __u64 packet; /* address, as a number */
	__u64 now[DROPS_COUNTERS];
	__u64 moved; /* by how much the line did that moved() has found */
	struct drop_sample sample;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DEPTH_MAX);
	__type(key, __u32);
	__type(value, struct work);
} works SEC(".maps");

static __always_inline struct drop_sums *my_sums(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sums, &zero);
}

/*
 * Where this processor's part of a per-processor object lies is not for us to know. But our own map
 * is such an object: its handle is in the kernel's struct bpf_array, its address here is what a
 * look-up gives, and the difference is the same for all. So no symbol of the kernel is needed,
 * which many kernels don't tell.
 */
static __always_inline struct cpu *this_cpu(void)
{
	__u32 zero = 0;
	struct cpu *c = bpf_map_lookup_elem(&cpus, &zero);
	__u64 handle = 0;

	if (!c || c->located)
		return c;
	c->self = (__u64)c;
	c->map = (__u64)&cpus;
	if (bpf_probe_read_kernel(&handle, sizeof(handle),
		    (void *)(c->map + bpf_core_field_offset(struct bpf_array, pptrs))) < 0 ||
		!handle)
		return NULL;
	c->offset = c->self - handle;
	c->located = true;
	return c;
}

static __always_inline __u64 cookie_of(struct net *net)
{
	return BPF_CORE_READ(net, net_cookie);
}

static __always_inline bool read_lines(struct cpu *c, struct net *net, __u64 *into)
{
	__u64 at = (__u64)BPF_CORE_READ(net, mib.xfrm_statistics);
	__u32 n = n_counters < DROPS_COUNTERS ? n_counters : DROPS_COUNTERS;

	return at && bpf_probe_read_kernel(into, n * sizeof(__u64), (void *)(at + c->offset)) == 0;
}

/* What this processor saw of a netns; NULL: it is not watched. */
static __always_inline struct seen *seen_of(struct net *net, __u64 cookie)
{
	__u64 key = (__u64)net;
	struct seen *s = bpf_map_lookup_elem(&netns_seen, &key);

	/* Another netns may have come to lie at the same place. */
	return s && s->cookie == cookie ? s : NULL;
}

static __always_inline struct net *net_of_skb(struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct dst_entry *dst;
	struct sock *sk;

	if (dev)
		return BPF_CORE_READ(dev, nd_net.net);
	sk = BPF_CORE_READ(skb, sk);
	if (sk)
		return BPF_CORE_READ(sk, __sk_common.skc_net.net);
	dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~DST_NOREF);
	return dst ? BPF_CORE_READ(dst, dev, nd_net.net) : NULL;
}

/* The newest SA of the packet's security path. */
static __always_inline struct xfrm_state *secpath_sa(struct sk_buff *skb)
{
	__u32 id = bpf_core_enum_value(enum skb_ext_id, SKB_EXT_SEC_PATH);
	struct xfrm_state *x = NULL;
	struct skb_ext *ext;
	struct sec_path *sp;
	__u8 offset = 0;
	int len;

	if (!(BPF_CORE_READ(skb, active_extensions) & (1 << id)))
		return NULL;
	ext = BPF_CORE_READ(skb, extensions);
	if (!ext || bpf_probe_read_kernel(&offset, sizeof(offset),
			    (char *)ext + bpf_core_field_offset(struct skb_ext, offset) + id) < 0)
		return NULL;
	sp = (struct sec_path *)((char *)ext + ((__u32)offset << 3));
	len = BPF_CORE_READ(sp, len);
	if (len < 1 || len > 6)
		return NULL;
	bpf_probe_read_kernel(&x, sizeof(x),
		(char *)sp + bpf_core_field_offset(struct sec_path, xvec) +
			(__u32)(len - 1) * sizeof(x));
	return x;
}

static __always_inline bool is_code(__u64 at, const volatile __u64 range[2])
{
	return at >= range[0] && at < range[1];
}
