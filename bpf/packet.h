/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once

#include "maps.h"

/* What a packet says: its own octets, to the end of the layer-4 header, and not one behind its end.
 */

struct cursor { /* behind the IP header, its extensions included */
	__u64 at, end; /* what lies behind the end is no part of the packet */
	__u8 proto;
	bool fragment; /* not the first: no ports here */
};

static __always_inline void read_ipv4(__u64 ip, struct drop_sample *s, struct cursor *ret)
{
	__u8 h[20];

	if (bpf_probe_read_kernel(h, sizeof(h), (void *)ip) < 0)
		return;
	s->key.family = AF_INET;
	__builtin_memcpy(s->key.src, h + 12, 4);
	__builtin_memcpy(s->key.dst, h + 16, 4);
	ret->proto = h[9];
	ret->at = ip + (h[0] & 15) * 4;
	ret->fragment = (h[6] & 0x1f) || h[7];
}

static __always_inline void read_ipv6(__u64 ip, struct drop_sample *s, struct cursor *ret)
{
	__u8 h[40], extension[2];
	__u8 next;

	if (bpf_probe_read_kernel(h, sizeof(h), (void *)ip) < 0)
		return;
	s->key.family = AF_INET6;
	__builtin_memcpy(s->key.src, h + 8, 16);
	__builtin_memcpy(s->key.dst, h + 24, 16);
	s->flowlabel = (__u32)(h[1] & 15) << 16 | (__u32)h[2] << 8 | h[3];
	s->has |= DROP_HAS_FLOWLABEL;
	next = h[6];
	ret->at = ip + sizeof(h);
	for (int i = 0; i < 6; i++) {
		/* Hop-by-hop, routing, fragment, destination options: RFC 8200, section 4. */
		if (next != 0 && next != 43 && next != 44 && next != 60)
			break;
		if (bpf_probe_read_kernel(extension, sizeof(extension), (void *)ret->at) < 0)
			break;
		if (next == 44) {
			__u8 offset[2] = { 0 };

			bpf_probe_read_kernel(offset, sizeof(offset), (void *)(ret->at + 2));
			ret->fragment = offset[0] || (offset[1] & 0xf8);
		}
		ret->at += next == 44 ? 8 : ((__u64)extension[1] + 1) * 8;
		next = extension[0];
	}
	ret->proto = next;
}

/* Network order to ours. False: the packet ends before. */
static __always_inline bool read_u32(__u64 at, __u64 end, __u32 *ret)
{
	__be32 word;

	if (at + sizeof(word) > end || bpf_probe_read_kernel(&word, sizeof(word), (void *)at) < 0)
		return false;
	*ret = bpf_ntohl(word);
	return true;
}

/* SPI and sequence number of an ESP, AH or IPComp header: RFC 4303, 2; RFC 4302, 2; RFC 3173, 3. */
static __always_inline void read_ipsec(__u64 at, __u64 end, __u8 proto, struct drop_sample *s)
{
	__u32 word = 0;

	if (proto == PROTO_COMP) {
		if (read_u32(at, end, &word))
			s->key.spi = word & 0xffff;
		return;
	}
	if (proto == PROTO_AH)
		at += 4;
	if (read_u32(at, end, &word))
		s->key.spi = word;
	if (read_u32(at + 4, end, &word)) {
		s->seqno = word;
		s->has |= DROP_HAS_SEQNO;
	}
}

static __always_inline bool has_ports(__u8 proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP ||
	       proto == PROTO_DCCP;
}

static __always_inline void read_ports(struct cursor *at, struct drop_sample *s)
{
	__u32 word = 0;

	if (at->fragment || !read_u32(at->at, at->end, &word))
		return;
	if (has_ports(at->proto)) {
		s->sport = (__u16)(word >> 16);
		s->dport = (__u16)word;
		s->has |= DROP_HAS_PORTS;
	} else if (at->proto == PROTO_ICMP || at->proto == PROTO_ICMPV6) {
		s->sport = (__u8)(word >> 24);
		s->dport = (__u8)(word >> 16);
		s->has |= DROP_HAS_PORTS;
	}
}

/* Addresses, and where what follows them begins. False: no IP header. */
static __always_inline bool read_ip(struct sk_buff *skb, struct drop_sample *s, struct cursor *ret)
{
	__u64 head = (__u64)BPF_CORE_READ(skb, head);
	__u16 network = BPF_CORE_READ(skb, network_header);
	__u8 version = 0;

	*ret = (struct cursor){ .end = head + BPF_CORE_READ(skb, tail) };
	if (!head || network == 0xffff ||
		bpf_probe_read_kernel(&version, sizeof(version), (void *)(head + network)) < 0)
		return false;
	if (version >> 4 == 4)
		read_ipv4(head + network, s, ret);
	else if (version >> 4 == 6)
		read_ipv6(head + network, s, ret);
	return ret->at != 0;
}

static __always_inline void read_sa(struct xfrm_state *x, struct drop_sample *s)
{
	s->key.spi = bpf_ntohl(BPF_CORE_READ(x, id.spi));
	s->key.proto = BPF_CORE_READ(x, id.proto);
	s->reqid = BPF_CORE_READ(x, props.reqid);
	s->if_id = BPF_CORE_READ(x, if_id);
	s->has |= DROP_HAS_SA;
}
