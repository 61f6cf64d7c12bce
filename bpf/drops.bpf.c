/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "count.h"
#include "maps.h"
#include "packet.h"

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
__noinline int sample_inbound(struct cpu *c, struct work *w, __u32 line, __u64 code, __u32 dir)
{
	struct sk_buff *skb;
	bool found, noted, checked;
	struct drop_sample *s;
	struct xfrm_state *x;
	struct cursor at;

	if (!c || !w)
		return 0;
	skb = (struct sk_buff *)w->packet;
	s = &w->sample;
	x = secpath_sa(skb);
	noted = c->note_skb == w->packet;
	found = read_ip(skb, s, &at);
	checked = c->checking > 0 || line == line_template ||
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
static __always_inline void sample_outbound(struct work *w, struct sk_buff *skb)
{
	struct dst_entry *dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~DST_NOREF);
	struct xfrm_state *x = dst ? BPF_CORE_READ(dst, xfrm) : NULL;
	struct drop_sample *s = &w->sample;

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

/*
 * The first of these lines that has moved, or 0; the others stay as they were seen. A line that has
 * been seen further on was told by an interrupt between our reading and this.
 */
__noinline int moved(struct work *w, struct seen *seen, __u64 lines)
{
	if (!w || !seen)
		return 0;
	for (__u32 i = 1; i < DROPS_COUNTERS; i++) {
		if (i >= n_counters)
			break;
		if (!(lines >> i & 1) || w->now[i] <= seen->lines[i])
			continue;
		w->moved = w->now[i] - seen->lines[i];
		seen->lines[i] = w->now[i];
		return (int)i;
	}
	return 0;
}

static __always_inline struct work *enter(struct cpu *c)
{
	struct drop_sums *sum;
	struct work *w;
	__u32 depth;

	if (!c || !*(volatile bool *)&enabled)
		return NULL;
	depth = c->depth;
	w = bpf_map_lookup_elem(&works, &depth);
	if (w) {
		c->depth = depth + 1;
		return w;
	}
	sum = my_sums();
	if (sum)
		sum->nested++;
	return NULL;
}

static __always_inline void leave(struct cpu *c)
{
	c->depth--;
}

/* A packet is freed, or refused, here and now: did it move a line? */
static __noinline void witness(struct sk_buff *skb, __u64 code, __u32 dir)
{
	struct cpu *c = this_cpu();
	struct work *w = enter(c);
	struct seen *seen;
	struct net *net;
	__u64 cookie;
	int line;

	if (!w)
		return;
	w->packet = (__u64)skb;
	net = net_of_skb(skb);
	if (!net)
		goto out;
	cookie = cookie_of(net);
	seen = seen_of(net, cookie);
	if (!seen || !read_lines(c, net, w->now))
		goto out;
	/* Twice, for the rare case that something else was counted here meanwhile. */
	for (int i = 0; i < 2; i++) {
		line = moved(w, seen, inbound | outbound);
		if (line <= 0 || line >= DROPS_COUNTERS)
			break;
		begin_sample(w, cookie, (__u8)line);
		if (w->moved == 1 && inbound >> line & 1)
			sample_inbound(c, w, (__u32)line, code, dir);
		else if (w->moved == 1)
			sample_outbound(w, skb);
		count(w, seen, w->moved);
	}
	/* What failed look-ups count has no packet; theirs is told where they return. */
	if (!has_lookups) {
		for (int i = 0; i < 2; i++) {
			if (!moved(w, seen, lookups))
				break;
		}
	}
	forget_notes(c);
out:
	leave(c);
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
	struct cpu *c = this_cpu();

	if (!c)
		return 0;
	c->freeing++;
	freed((struct sk_buff *)ctx[0], ctx[1]);
	c->freeing--;
	return 0;
}

/*
 * The kernel does not run a program within itself (since 6.2). A packet that is dropped in an
 * interrupt of free_btf() is seen by this one.
 */
SEC("tp_btf/kfree_skb")
int free_btf_within(__u64 *ctx)
{
	struct cpu *c = this_cpu();

	if (c && c->freeing)
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
	c->checking++;
	c->note_has_policy = false;
}

static __always_inline void check_ends(struct sk_buff *skb, int dir, bool passed)
{
	struct cpu *c = this_cpu();

	if (!passed)
		witness(skb, 0, (__u32)dir & 3);
	if (!c)
		return;
	if (c->checking)
		c->checking--;
	c->note_has_policy = false;
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
	struct cpu *c, struct work *w, struct dst_entry *dst, struct flowi *fl, __u32 if_id)
{
	bool v6 = BPF_CORE_READ(dst, ops, family) == AF_INET6;
	struct flowi4 *f4 = (struct flowi4 *)fl;
	struct flowi6 *f6 = (struct flowi6 *)fl;
	struct drop_sample *s = &w->sample;

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
	struct work *w = enter(c);
	struct seen *seen;
	__u64 cookie;
	int line;

	if (!w)
		return;
	cookie = cookie_of(net);
	seen = seen_of(net, cookie);
	if (!seen || !read_lines(c, net, w->now))
		goto out;
	line = moved(w, seen, lookups);
	if (line > 0) {
		begin_sample(w, cookie, (__u8)line);
		sample_flow(c, w, dst, fl, if_id);
		count(w, seen, w->moved);
	}
	forget_notes(c);
out:
	leave(c);
}

static __always_inline bool is_error(__u64 pointer)
{
	return pointer >= (__u64)-ERR_MAX;
}

/* The policy that was found before belongs to another look-up: at the begin, and behind a success.
 */
static __always_inline void forget_policy(void)
{
	struct cpu *c = this_cpu();

	if (c)
		c->note_has_policy = false;
}

SEC("fentry/xfrm_lookup_with_ifid")
int lookup_fentry(__u64 *ctx)
{
	forget_policy();
	return 0;
}

SEC("fexit/xfrm_lookup_with_ifid")
int lookup_fexit(__u64 *ctx)
{
	if (is_error(ctx[6]))
		lookup_failed((struct net *)ctx[0], (struct dst_entry *)ctx[1],
			(struct flowi *)ctx[2], (__u32)ctx[5]);
	else
		forget_policy();
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

	forget_policy();
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
	else
		forget_policy();
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
