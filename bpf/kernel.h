/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once

/*
 * The parts of the kernel's types that the programs read, by name: where the members lie is settled
 * when the programs are loaded (CO-RE), by the running kernel's own description (BTF). Written by
 * hand, so that no machine's description is needed to build.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct linux_xfrm_mib {
	unsigned long mibs[1];
};

struct netns_mib {
	struct linux_xfrm_mib *xfrm_statistics;
};

struct net {
	__u64 net_cookie; /* 5.12 */
	struct netns_mib mib;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
};

struct sock_common {
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	struct sock *sk;
};

struct file {
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	struct files_struct *files;
};

struct skb_ext {
	__u8 offset[1];
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	char cb[48];
	__u8 active_extensions;
	__u16 transport_header, network_header;
	unsigned char *head;
	__u32 tail; /* from head: of 64-bit kernels */
	struct skb_ext *extensions;
	int skb_iif;
	__u32 mark;
};

typedef union {
	__be32 a4;
	__be32 a6[4];
} xfrm_address_t;

struct xfrm_id {
	xfrm_address_t daddr;
	__be32 spi;
	__u8 proto;
};

struct xfrm_replay_state {
	__u32 seq;
};

struct xfrm_replay_state_esn {
	__u32 seq, replay_window;
};

struct xfrm_stats {
	__u32 replay_window, replay, integrity_failed;
};

struct xfrm_encap_tmpl {
	__u16 encap_type;
};

struct xfrm_state {
	possible_net_t xs_net;
	struct xfrm_id id;
	__u32 if_id;
	struct {
		__u32 reqid;
		__u8 replay_window;
		__u16 family;
		xfrm_address_t saddr;
	} props;
	struct xfrm_encap_tmpl *encap;
	struct xfrm_replay_state replay;
	struct xfrm_replay_state_esn *replay_esn;
	struct xfrm_stats stats;
};

struct sec_path {
	int len;
	struct xfrm_state *xvec[6];
};

struct dst_ops {
	unsigned short family;
};

struct dst_entry {
	struct dst_ops *ops;
	struct xfrm_state *xfrm;
	struct net_device *dev;
};

struct xfrm_policy {
	__u32 index, priority;
};

struct xfrm_skb_cb {
	union {
		struct {
			__u32 low, hi;
		} output;
		struct {
			__be32 low, hi;
		} input;
	} seq;
};

struct flowi_common {
	int flowic_oif;
	__u32 flowic_mark;
	__u8 flowic_proto;
};

union flowi_uli {
	struct {
		__be16 dport, sport;
	} ports;
};

struct flowi4 {
	struct flowi_common __fl_common;
	__be32 saddr, daddr;
	union flowi_uli uli;
};

struct in6_addr_ {
	__u8 octets[16];
};

struct flowi6 {
	struct flowi_common __fl_common;
	struct in6_addr_ daddr, saddr;
	union flowi_uli uli;
};

struct flowi {
	union {
		struct flowi4 ip4;
		struct flowi6 ip6;
	} u;
};

struct bpf_array {
	void *pptrs[1];
};

#pragma clang attribute pop

enum skb_ext_id { SKB_EXT_SEC_PATH = 1 };
enum skb_drop_reason { SKB_DROP_REASON_XFRM_POLICY = 1 };
