/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kernel.h"

#include <asm/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "source/bpf/drops.h"

/*
 * Which packet moved which line of /proc/net/xfrm_stat?
 *
 * The kernel counts a drop and then frees the packet, on one processor and with nothing of its own
 * in between. So whenever a packet is freed as dropped (tracepoint kfree_skb), and when a policy
 * check or look-up refuses, we compare this processor's part of the netns' counters with what it
 * was the last time: the line that moved is the cause, in the kernel's own words, whatever the drop
 * reason says and wherever the code lies. All drops of the kernel pass through here; that most of
 * them moved no line of xfrm_stat is found out first.
 *
 * What the counters do not tell (duplicate or too old, integrity or malformed, which policy) is
 * noted shortly before by hooks on functions, where the kernel lets us have them, and by the SA's
 * own statistics where not.
 *
 * Counting never depends on room in the ring: each drop is counted by its key, without a free place
 * by netns and counter. A storm costs user space a constant: new keys and samples are rationed.
 */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

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
	volatile __u64 packet; /* … of the one at hand */
	__u64 offset; /* from a per-processor object's handle to this processor's copy */
	bool located, busy, missed;

	/* Notes for the drop that follows. */
	__u64 note_skb;
	__u8 note_kind;
	bool note_has_seqno, note_has_policy, checking;
	__u32 note_seqno;
	__u32 policy_index, policy_priority;
	__u64 args[6]; /* of a function whose return is awaited: kprobes only */

	__u64 now[DROPS_COUNTERS];
	__u64 moved; /* by how much the line did that moved() has found */
	struct seen fresh;
	struct drop_sample sample;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu);
} cpus SEC(".maps");

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

/* ---- what a packet says */

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

/* ---- counting */

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

/*
 * What is global is verified by itself, once, and not at every call: programs of this size load in
 * a fraction of the time. Such functions take memory and numbers only.
 */
__noinline int count(struct cpu *c, struct seen *seen, __u64 n)
{
	__u32 number = *(volatile __u32 *)&generation;
	struct drop_sample *s, *out;
	struct drop_value fresh = { 0 }, *v;
	struct drop_sums *sum;
	struct drop_key key; /* on the stack: older verifiers want keys there */
	bool certain;
	void *map;
	__u64 now_ns, before;

	if (!c || !seen)
		return 0;
	s = &c->sample;
	sum = my_sums();
	if (!sum)
		return 0;
	sum->counted += n;
	map = number & 1 ? (void *)&drops_odd : (void *)&drops_even;
	now_ns = bpf_ktime_get_boot_ns();
	/* After something was missed a change may be due to another packet than this one. */
	certain = n == 1 && !c->missed;
	c->missed = false;
	if (!certain) {
		count_overflow(s, n, now_ns);
		return 0;
	}
	key = s->key;
	v = bpf_map_lookup_elem(map, &key);
	if (!v && may_spend(seen, now_ns)) {
		fresh.first_ns = now_ns;
		bpf_map_update_elem(map, &key, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(map, &key);
	}
	if (!v) {
		count_overflow(s, n, now_ns);
		return 0;
	}
	before = __sync_fetch_and_add(&v->count, n);
	v->last_ns = now_ns;
	if (before >= first_packets || !may_spend(seen, now_ns))
		return 0;
	out = bpf_ringbuf_reserve(&samples, sizeof(*out), 0);
	if (!out) {
		sum->ring++;
		return 0;
	}
	*out = *s;
	out->ordinal = before + 1;
	out->boot_ns = now_ns;
	out->generation = number;
	bpf_ringbuf_submit(out, 0);
	return 0;
}

static __always_inline void begin_sample(struct cpu *c, __u64 cookie, __u8 line)
{
	__builtin_memset(&c->sample, 0, sizeof(c->sample));
	c->sample.key.netns = cookie;
	c->sample.key.counter = line;
}

static __always_inline void forget_notes(struct cpu *c)
{
	c->note_skb = 0;
	c->note_kind = DROP_KIND_NONE;
	c->note_has_seqno = false;
	c->note_has_policy = false;
}

/* Without notes: which statistic of the SA has moved since it was last looked at? */
static __always_inline __u8 kind_by_statistics(struct xfrm_state *x, __u32 line)
{
	struct sa_seen now = { .replay = BPF_CORE_READ(x, stats.replay),
		.replay_window = BPF_CORE_READ(x, stats.replay_window),
		.integrity_failed = BPF_CORE_READ(x, stats.integrity_failed),
		.spi = BPF_CORE_READ(x, id.spi) };
	struct sa_seen before = { 0 }, *s;
	__u64 key = (__u64)x;
	bool known;

	s = bpf_map_lookup_elem(&sas_seen, &key);
	known = s && s->spi == now.spi;
	if (known)
		before = *s;
	bpf_map_update_elem(&sas_seen, &key, &now, BPF_ANY);
	/* The first time only a statistic that is at one is certain to have moved now. */
	if (!known && now.replay + now.replay_window + now.integrity_failed > 1)
		return DROP_KIND_NONE;
	if (line == line_proto)
		return now.integrity_failed != before.integrity_failed ? DROP_KIND_ICV
								       : DROP_KIND_MALFORMED;
	if (now.replay != before.replay && now.replay_window == before.replay_window)
		return DROP_KIND_DUPLICATE;
	if (now.replay_window != before.replay_window && now.replay == before.replay)
		return DROP_KIND_LATE;
	return now.replay == before.replay ? DROP_KIND_ZERO : DROP_KIND_NONE;
}

static __always_inline void note_policy(struct cpu *c, struct drop_sample *s)
{
	if (!c->note_has_policy)
		return;
	s->policy_index = c->policy_index;
	s->policy_priority = c->policy_priority;
	s->has |= DROP_HAS_POLICY;
}

/* A packet that has moved a line, on its way in. */
__noinline int sample_inbound(struct cpu *c, __u32 line, __u64 code, __u32 dir)
{
	struct sk_buff *skb;
	bool found, noted, checked;
	struct drop_sample *s;
	struct xfrm_state *x;
	struct cursor at;

	if (!c)
		return 0;
	skb = (struct sk_buff *)c->packet;
	s = &c->sample;
	x = secpath_sa(skb);
	noted = c->note_skb == c->packet;
	found = read_ip(skb, s, &at);
	checked = c->checking || line == line_template ||
		  (line == line_mismatch && !is_code(code, input_code));
	s->key.dir = (__u8)dir;
	s->mark = BPF_CORE_READ(skb, mark);
	s->ifindex = (__u32)BPF_CORE_READ(skb, skb_iif);
	if (found && (at.proto == PROTO_ESP || at.proto == PROTO_AH || at.proto == PROTO_COMP)) {
		s->key.proto = at.proto;
		read_ipsec(at.at, at.end, at.proto, s);
	} else if (found && at.proto == PROTO_UDP && !checked &&
		   (line == line_no_states || (x && BPF_CORE_READ(x, id.proto) == PROTO_ESP))) {
		/* ESP in UDP (RFC 3948): the kernel has set the transport header behind UDP's. */
		__u64 head = (__u64)BPF_CORE_READ(skb, head);

		s->key.proto = PROTO_ESP;
		read_ipsec(head + BPF_CORE_READ(skb, transport_header), at.end, PROTO_ESP, s);
	} else if (found) {
		s->key.proto = at.proto;
		s->inner_proto = at.proto;
		read_ports(&at, s);
	}
	if (x) {
		__u8 inner = s->key.proto;

		read_sa(x, s);
		if (checked)
			s->inner_proto = inner;
	}
	/* Behind the replay check the number is where the kernel has put it. */
	if (x && (line == line_proto || line == line_mode)) {
		struct xfrm_skb_cb *cb =
			(void *)((char *)skb + bpf_core_field_offset(struct sk_buff, cb));

		s->seqno = bpf_ntohl(BPF_CORE_READ(cb, seq.input.low));
		s->seqno_hi = bpf_ntohl(BPF_CORE_READ(cb, seq.input.hi));
		s->has |= DROP_HAS_SEQNO;
	}
	if (noted && c->note_has_seqno) {
		s->seqno = c->note_seqno;
		s->has |= DROP_HAS_SEQNO;
	}
	if (line == line_proto || line == line_seq) {
		if (noted)
			s->key.kind = c->note_kind;
		else if (has_notes)
			s->key.kind = line == line_proto ? DROP_KIND_MALFORMED : DROP_KIND_NONE;
		else if (x)
			s->key.kind = kind_by_statistics(x, line);
	} else if (line == line_template) {
		s->key.kind = x ? DROP_KIND_PROTECTED : DROP_KIND_CLEAR;
	} else if (line == line_mismatch) {
		s->key.kind = checked ? DROP_KIND_SELECTOR : DROP_KIND_ENCAPSULATION;
	}
	note_policy(c, s);
	return 0;
}

/* … on its way out, through the SA of its route. */
static __always_inline void sample_outbound(struct cpu *c, struct sk_buff *skb)
{
	struct dst_entry *dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~DST_NOREF);
	struct xfrm_state *x = dst ? BPF_CORE_READ(dst, xfrm) : NULL;
	struct drop_sample *s = &c->sample;

	s->key.dir = DIR_OUT;
	s->mark = BPF_CORE_READ(skb, mark);
	if (!x)
		return;
	read_sa(x, s);
	s->key.family = BPF_CORE_READ(x, props.family) == AF_INET6 ? AF_INET6 : AF_INET;
	bpf_probe_read_kernel(s->key.src, s->key.family == AF_INET6 ? 16 : 4,
		(char *)x + bpf_core_field_offset(struct xfrm_state, props.saddr));
	bpf_probe_read_kernel(s->key.dst, s->key.family == AF_INET6 ? 16 : 4,
		(char *)x + bpf_core_field_offset(struct xfrm_state, id.daddr));
}

/* The first of these lines that has moved, or 0; the others stay as they were seen. */
__noinline int moved(struct cpu *c, struct seen *seen, __u64 lines)
{
	if (!c || !seen)
		return 0;
	for (__u32 i = 1; i < DROPS_COUNTERS; i++) {
		if (i >= n_counters)
			break;
		if (!(lines >> i & 1) || c->now[i] == seen->lines[i])
			continue;
		c->moved = c->now[i] - seen->lines[i];
		seen->lines[i] = c->now[i];
		return (int)i;
	}
	return 0;
}

static __always_inline bool enter(struct cpu *c)
{
	if (!c || !*(volatile bool *)&enabled)
		return false;
	if (c->busy) {
		struct drop_sums *sum = my_sums();

		c->missed = true;
		if (sum)
			sum->nested++;
		return false;
	}
	c->busy = true;
	return true;
}

/* A packet is freed, or refused, here and now: did it move a line? */
static __noinline void witness(struct sk_buff *skb, __u64 code, __u32 dir)
{
	struct cpu *c = this_cpu();
	struct seen *seen;
	struct net *net;
	__u64 cookie;
	int line;

	if (!enter(c))
		return;
	c->packet = (__u64)skb;
	net = net_of_skb(skb);
	if (!net)
		goto out;
	cookie = cookie_of(net);
	seen = seen_of(net, cookie);
	if (!seen || !read_lines(c, net, c->now))
		goto out;
	/* Twice, for the rare case that something else was counted here meanwhile. */
	for (int i = 0; i < 2; i++) {
		line = moved(c, seen, inbound | outbound);
		if (line <= 0 || line >= DROPS_COUNTERS)
			break;
		begin_sample(c, cookie, (__u8)line);
		if (c->moved == 1 && inbound >> line & 1)
			sample_inbound(c, (__u32)line, code, dir);
		else if (c->moved == 1)
			sample_outbound(c, skb);
		count(c, seen, c->moved);
	}
	/* What failed look-ups count has no packet; theirs is told where they return. */
	if (!has_lookups) {
		for (int i = 0; i < 2; i++) {
			if (!moved(c, seen, lookups))
				break;
		}
	}
	forget_notes(c);
out:
	c->busy = false;
}

static __always_inline void freed(struct sk_buff *skb, __u64 code)
{
	__u32 dir =
		is_code(code, forward_code[0]) || is_code(code, forward_code[1]) ? DIR_FWD : DIR_IN;

	witness(skb, code, dir);
}

/* ---- where packets are freed as dropped */

SEC("tp_btf/kfree_skb")
int free_btf(__u64 *ctx)
{
	freed((struct sk_buff *)ctx[0], ctx[1]);
	return 0;
}

SEC("raw_tp/kfree_skb")
int free_raw(struct bpf_raw_tracepoint_args *ctx)
{
	freed((struct sk_buff *)ctx->args[0], ctx->args[1]);
	return 0;
}

/* ---- notes: what the counters don't tell */

static __always_inline void note_icv(struct sk_buff *skb)
{
	struct cpu *c = this_cpu();

	if (!c)
		return;
	c->note_skb = (__u64)skb;
	c->note_kind = DROP_KIND_ICV;
	c->note_has_seqno = false;
}

/*
 * xfrm_replay.c has just decided, under the SA's lock, so that the window is still as it was. With
 * extended sequence numbers only duplicates and zero come here (kernel: xfrm_replay_check_esn).
 */
static __always_inline void note_replay(struct xfrm_state *x, struct sk_buff *skb, __be32 net_seq)
{
	struct xfrm_replay_state_esn *esn = BPF_CORE_READ(x, replay_esn);
	__u32 seqno = bpf_ntohl(net_seq), top, window;
	struct cpu *c = this_cpu();

	if (!c)
		return;
	top = esn ? BPF_CORE_READ(esn, seq) : BPF_CORE_READ(x, replay.seq);
	window = esn ? BPF_CORE_READ(esn, replay_window) : BPF_CORE_READ(x, props.replay_window);
	c->note_skb = (__u64)skb;
	c->note_kind = seqno == 0                              ? DROP_KIND_ZERO
		       : seqno <= top && top - seqno >= window ? DROP_KIND_LATE
							       : DROP_KIND_DUPLICATE;
	c->note_has_seqno = true;
	c->note_seqno = seqno;
}

SEC("fentry/xfrm_audit_state_icvfail")
int BPF_PROG(icv_fentry, struct xfrm_state *x, struct sk_buff *skb)
{
	note_icv(skb);
	return 0;
}

SEC("kprobe/xfrm_audit_state_icvfail")
int BPF_KPROBE(icv_kprobe, struct xfrm_state *x, struct sk_buff *skb)
{
	note_icv(skb);
	return 0;
}

SEC("fentry/xfrm_audit_state_replay")
int BPF_PROG(replay_fentry, struct xfrm_state *x, struct sk_buff *skb, __be32 net_seq)
{
	note_replay(x, skb, net_seq);
	return 0;
}

SEC("kprobe/xfrm_audit_state_replay")
int BPF_KPROBE(replay_kprobe, struct xfrm_state *x, struct sk_buff *skb, __be32 net_seq)
{
	note_replay(x, skb, net_seq);
	return 0;
}

static __always_inline void note_match(struct xfrm_policy *policy)
{
	struct cpu *c = this_cpu();

	if (!c || !policy || (unsigned long)policy >= (unsigned long)-ERR_MAX)
		return;
	c->policy_index = BPF_CORE_READ(policy, index);
	c->policy_priority = BPF_CORE_READ(policy, priority);
	c->note_has_policy = true;
}

/* (net, type, fl, family, dir, if_id), the same since 5.0; the result stands behind the arguments.
 */
SEC("fexit/xfrm_policy_lookup_bytype")
int match_fexit(__u64 *ctx)
{
	note_match((struct xfrm_policy *)ctx[6]);
	return 0;
}

SEC("kretprobe/xfrm_policy_lookup_bytype")
int BPF_KRETPROBE(match_kretprobe, struct xfrm_policy *policy)
{
	note_match(policy);
	return 0;
}

/* ---- policy checks: (sk, dir, skb, family) */

static __always_inline void check_begins(void)
{
	struct cpu *c = this_cpu();

	if (!c)
		return;
	c->checking = true;
	c->note_has_policy = false;
}

static __always_inline void check_ends(struct sk_buff *skb, int dir, bool passed)
{
	struct cpu *c = this_cpu();

	if (!passed)
		witness(skb, 0, (__u32)dir & 3);
	if (c)
		c->checking = false;
}

SEC("fentry/__xfrm_policy_check")
int check_fentry(__u64 *ctx)
{
	check_begins();
	return 0;
}

SEC("fexit/__xfrm_policy_check")
int BPF_PROG(
	check_fexit, struct sock *sk, int dir, struct sk_buff *skb, unsigned short family, int ret)
{
	check_ends(skb, dir, ret != 0);
	return 0;
}

SEC("kprobe/__xfrm_policy_check")
int BPF_KPROBE(check_kprobe, struct sock *sk, int dir, struct sk_buff *skb)
{
	struct cpu *c = this_cpu();

	check_begins();
	if (c) {
		c->args[0] = (__u64)skb;
		c->args[1] = (__u64)dir;
	}
	return 0;
}

SEC("kretprobe/__xfrm_policy_check")
int BPF_KRETPROBE(check_kretprobe, int ret)
{
	struct cpu *c = this_cpu();

	if (c && c->checking)
		check_ends((struct sk_buff *)c->args[0], (int)c->args[1], ret != 0);
	return 0;
}

/* ---- look-ups on the way out: (net, dst_orig, fl, sk, flags, if_id) */

static __always_inline void flow_ports(union flowi_uli *uli, __u8 proto, struct drop_sample *s)
{
	s->inner_proto = s->key.proto = proto;
	if (!has_ports(proto))
		return;
	s->sport = s->key.sport = bpf_ntohs(BPF_CORE_READ(uli, ports.sport));
	s->dport = s->key.dport = bpf_ntohs(BPF_CORE_READ(uli, ports.dport));
	s->has |= DROP_HAS_PORTS;
}

static __always_inline void sample_flow(
	struct cpu *c, struct dst_entry *dst, struct flowi *fl, __u32 if_id)
{
	bool v6 = BPF_CORE_READ(dst, ops, family) == AF_INET6;
	struct flowi4 *f4 = (struct flowi4 *)fl;
	struct flowi6 *f6 = (struct flowi6 *)fl;
	struct drop_sample *s = &c->sample;

	s->key.dir = DIR_OUT;
	s->key.family = v6 ? AF_INET6 : AF_INET;
	s->if_id = if_id;
	if (v6) {
		BPF_CORE_READ_INTO(&s->key.src, f6, saddr);
		BPF_CORE_READ_INTO(&s->key.dst, f6, daddr);
		s->mark = BPF_CORE_READ(f6, __fl_common.flowic_mark);
		s->ifindex = (__u32)BPF_CORE_READ(f6, __fl_common.flowic_oif);
		flow_ports((void *)((char *)f6 + bpf_core_field_offset(struct flowi6, uli)),
			BPF_CORE_READ(f6, __fl_common.flowic_proto), s);
	} else {
		bpf_core_read(s->key.src, 4, &f4->saddr);
		bpf_core_read(s->key.dst, 4, &f4->daddr);
		s->mark = BPF_CORE_READ(f4, __fl_common.flowic_mark);
		s->ifindex = (__u32)BPF_CORE_READ(f4, __fl_common.flowic_oif);
		flow_ports((void *)((char *)f4 + bpf_core_field_offset(struct flowi4, uli)),
			BPF_CORE_READ(f4, __fl_common.flowic_proto), s);
	}
	note_policy(c, s);
}

static __noinline void lookup_failed(
	struct net *net, struct dst_entry *dst, struct flowi *fl, __u32 if_id)
{
	struct cpu *c = this_cpu();
	struct seen *seen;
	__u64 cookie;
	int line;

	if (!enter(c))
		return;
	cookie = cookie_of(net);
	seen = seen_of(net, cookie);
	if (!seen || !read_lines(c, net, c->now))
		goto out;
	line = moved(c, seen, lookups);
	if (line > 0) {
		begin_sample(c, cookie, (__u8)line);
		sample_flow(c, dst, fl, if_id);
		count(c, seen, c->moved);
	}
	forget_notes(c);
out:
	c->busy = false;
}

static __always_inline bool is_error(__u64 pointer)
{
	return pointer >= (__u64)-ERR_MAX;
}

static __always_inline void lookup_begins(void)
{
	struct cpu *c = this_cpu();

	if (c)
		c->note_has_policy = false;
}

SEC("fentry/xfrm_lookup_with_ifid")
int lookup_fentry(__u64 *ctx)
{
	lookup_begins();
	return 0;
}

SEC("fexit/xfrm_lookup_with_ifid")
int lookup_fexit(__u64 *ctx)
{
	if (is_error(ctx[6]))
		lookup_failed((struct net *)ctx[0], (struct dst_entry *)ctx[1],
			(struct flowi *)ctx[2], (__u32)ctx[5]);
	return 0;
}

/* A look-up may sleep and wake elsewhere: its arguments are kept by task. */
struct lookup_args {
	__u64 net, dst, fl;
	__u32 if_id;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct lookup_args);
} lookups_begun SEC(".maps");

SEC("kprobe/xfrm_lookup_with_ifid")
int BPF_KPROBE(lookup_kprobe, struct net *net, struct dst_entry *dst, struct flowi *fl,
	struct sock *sk, int flags)
{
	struct lookup_args args = { .net = (__u64)net, .dst = (__u64)dst, .fl = (__u64)fl };
	__u64 task = bpf_get_current_pid_tgid();

	lookup_begins();
	bpf_map_update_elem(&lookups_begun, &task, &args, BPF_ANY);
	return 0;
}

SEC("kretprobe/xfrm_lookup_with_ifid")
int BPF_KRETPROBE(lookup_kretprobe, __u64 ret)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lookup_args *args = bpf_map_lookup_elem(&lookups_begun, &task);

	if (args && is_error(ret))
		lookup_failed((struct net *)args->net, (struct dst_entry *)args->dst,
			(struct flowi *)args->fl, args->if_id);
	if (args)
		bpf_map_delete_elem(&lookups_begun, &task);
	return 0;
}

/* ---- the SAD's answers to key managers */

static __noinline void sad_result(struct xfrm_state *x, __u32 op, int error)
{
	struct net *net = BPF_CORE_READ(x, xs_net.net);
	struct sad_key key = { .error = error, .op = op };
	__u64 one = 1, *n;

	if (!*(volatile bool *)&enabled || !net)
		return;
	key.netns = cookie_of(net);
	n = bpf_map_lookup_elem(&sad_results, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else if (bpf_map_update_elem(&sad_results, &key, &one, BPF_NOEXIST) < 0) {
		n = bpf_map_lookup_elem(&sad_results, &key); /* another processor was first */
		if (n)
			__sync_fetch_and_add(n, 1);
	}
}

/* How many arguments they take differs from kernel to kernel. */
static __always_inline int result_of(void *ctx)
{
	__u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return (int)ret;
}

SEC("fexit/xfrm_alloc_spi")
int getspi_fexit(__u64 *ctx)
{
	sad_result((struct xfrm_state *)ctx[0], SAD_GETSPI, result_of(ctx));
	return 0;
}

SEC("fexit/xfrm_state_add")
int add_fexit(__u64 *ctx)
{
	sad_result((struct xfrm_state *)ctx[0], SAD_ADD, result_of(ctx));
	return 0;
}

SEC("fexit/xfrm_state_update")
int update_fexit(__u64 *ctx)
{
	sad_result((struct xfrm_state *)ctx[0], SAD_UPDATE, result_of(ctx));
	return 0;
}

/* ---- run by the loader itself: what a netns had counted before we looked */

struct drop_prime prime = { 0 };

/* In the loader's own context: the netns of a socket of its own. */
SEC("raw_tp/prime_find")
int prime_find(void *unused)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	struct socket *socket;
	struct net *net;

	prime.net = prime.cookie = 0;
	if (prime.fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), &files[prime.fd]);
	socket = BPF_CORE_READ(file, private_data);
	net = BPF_CORE_READ(socket, sk, __sk_common.skc_net.net);
	if (!net)
		return 0;
	prime.net = (__u64)net;
	prime.cookie = cookie_of(net);
	return 0;
}

/* On each processor. */
SEC("raw_tp/prime_seen")
int prime_seen(void *unused)
{
	__u64 key = prime.net, cookie = prime.cookie;
	struct cpu *c = this_cpu();
	struct seen *seen;

	if (!c || !key)
		return 0;
	seen = bpf_map_lookup_elem(&netns_seen, &key);
	if (!seen) {
		/* All zero, and so for the other processors: there it is not primed yet. */
		bpf_map_update_elem(&netns_seen, &key, &c->fresh, BPF_NOEXIST);
		seen = bpf_map_lookup_elem(&netns_seen, &key);
	}
	if (!seen || seen->cookie == cookie)
		return 0;
	if (read_lines(c, (struct net *)key, seen->lines))
		seen->cookie = cookie;
	return 0;
}
