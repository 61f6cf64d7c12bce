/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/*
 * What the kernel-side programs (bpf/drops.bpf.c) and their loader share: the layout of
 * the maps. Numbers are in host byte order unless said otherwise.
 */

#define DROPS_COUNTERS 64 /* lines of xfrm_stat, at most */
#define DROPS_KEYS 16384 /* of one generation */
#define DROPS_OVERFLOW 8192 /* netns times counters */
#define DROPS_NETNS 1024
#define DROPS_RING (1 << 20) /* octets */
#define DROPS_SAS 65536 /* whose statistics are followed where no better hook is there */

/* What is known of a drop beyond its counter. */
enum drop_kind {
	DROP_KIND_NONE = 0, /* the counter says it all, or nobody knows more */
	DROP_KIND_ICV = 1, /* of XfrmInStateProtoError: the integrity check failed */
	DROP_KIND_MALFORMED = 2, /* … something else did */
	DROP_KIND_DUPLICATE = 3, /* of XfrmInStateSeqError: received before */
	DROP_KIND_LATE = 4, /* … left of the window */
	DROP_KIND_ZERO = 5, /* … sequence number 0 */
	DROP_KIND_CLEAR = 6, /* of XfrmInTmplMismatch: no secpath */
	DROP_KIND_PROTECTED = 7, /* … by another SA than the policy wants */
	DROP_KIND_ENCAPSULATION = 8, /* of XfrmInStateMismatch: UDP or not */
	DROP_KIND_SELECTOR = 9, /* … outside the SA's selector */
	DROP_KIND_N,
};

/* By what drops are counted. Padding is part of it: all zero. */
struct drop_key {
	__u64 netns; /* cookie; 0: the kernel knows none */
	__u8 src[16], dst[16]; /* IPv4: the first four */
	__u32 spi; /* 0: none */
	__u16 sport, dport; /* of look-ups without a packet only; else 0 */
	__u8 counter; /* index into the kernel's MIB */
	__u8 kind; /* enum drop_kind */
	__u8 family; /* AF_INET, AF_INET6; 0: addresses are not known */
	__u8 proto; /* ESP, AH, or of a packet in the clear its own; 0: not known */
	__u8 dir; /* XFRM_POLICY_IN, _OUT, _FWD */
	__u8 zero[3];
};

struct drop_value {
	__u64 count; /* only rises */
	__u64 first_ns, last_ns; /* CLOCK_BOOTTIME */
};

enum drop_has {
	DROP_HAS_SEQNO = 1,
	DROP_HAS_PORTS = 2,
	DROP_HAS_FLOWLABEL = 4,
	DROP_HAS_POLICY = 8,
	DROP_HAS_SA = 16, /* reqid */
};

/* One packet, as one record of the ring. */
struct drop_sample {
	struct drop_key key;
	__u64 ordinal; /* the how manieth of its key and generation, from 1 */
	__u64 boot_ns;
	__u32 generation;
	__u32 has; /* enum drop_has */
	__u32 seqno, seqno_hi;
	__u32 flowlabel, ifindex, mark, if_id, reqid;
	__u32 policy_index, policy_priority;
	__u16 sport, dport; /* ICMP: type, code */
	__u32 inner_proto; /* of the flow that a look-up was for */
};

enum sad_op { SAD_GETSPI = 1, SAD_ADD = 2, SAD_UPDATE = 3 };

/* Results of what key managers ask of the SAD. */
struct sad_key {
	__u64 netns;
	__s32 error; /* 0 or -errno */
	__u32 op; /* enum sad_op */
};

/* Sums, by processor. */
struct drop_sums {
	__u64 counted; /* increments, whatever became of them: nothing new while it stands still */
	__u64 ring; /* samples without room; their counts are kept */
	__u64 nested; /* drops in an interrupt of an interrupt … too deep to be looked at */
	__u64 keyless; /* increments that not even the overflow had room for */
};

/* What a primer is asked to do: learn the netns behind a descriptor of the caller's. */
struct drop_prime {
	__u64 fd; /* in */
	__u64 net, cookie; /* out; 0: not found */
};
