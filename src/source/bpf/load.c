/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "source/bpf/programs.h"

/*
 * Which program goes where. Each kind of hook is tried out with a program that does nothing, for a
 * kernel may have the type and still refuse it (a function that is inlined, a lockdown, a missing
 * option); so the real ones are loaded once, and none is loaded that would not be attached.
 */

static const struct {
	const char *function;
	bool returns; /* its result is wanted */
	const char *fentry[2], *kprobe[2]; /* programs: at its begin, at its end */
} functions[HOOKED_N] = {
	[HOOKED_ICV] = { "xfrm_audit_state_icvfail", false, { "icv_fentry" }, { "icv_kprobe" } },
	[HOOKED_REPLAY] = { "xfrm_audit_state_replay", false, { "replay_fentry" },
		{ "replay_kprobe" } },
	[HOOKED_CHECK] = { "__xfrm_policy_check", true, { "check_fentry", "check_fexit" },
		{ "check_kprobe", "check_kretprobe" } },
	[HOOKED_MATCH] = { "xfrm_policy_lookup_bytype", true, { NULL, "match_fexit" },
		{ NULL, "match_kretprobe" } },
	[HOOKED_LOOKUP] = { "xfrm_lookup_with_ifid", true, { "lookup_fentry", "lookup_fexit" },
		{ "lookup_kprobe", "lookup_kretprobe" } },
	[HOOKED_GETSPI] = { "xfrm_alloc_spi", true, { NULL, "getspi_fexit" }, { NULL } },
	[HOOKED_ADD] = { "xfrm_state_add", true, { NULL, "add_fexit" }, { NULL } },
	[HOOKED_UPDATE] = { "xfrm_state_update", true, { NULL, "update_fexit" }, { NULL } },
};

const char *hook_name(unsigned hook)
{
	static const char *const names[HOOK_N] = { "", "tracepoint kfree_skb (BTF)",
		"tracepoint kfree_skb", "fentry", "kprobe (multi)", "kprobe" };

	return hook < HOOK_N ? names[hook] : "";
}

static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* A program that does nothing, on that function, or on the tracepoint that a typedef stands for. */
static int try_tracing(
	const struct kernel *k, const char *name, uint32_t kind, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = type);
	int id = btf__find_by_name_kind(k->btf, name, kind), program, link;

	if (id <= 0)
		return id < 0 ? id : -ENOENT;
	o.attach_btf_id = (__u32)id;
	program = bpf_prog_load(
		BPF_PROG_TYPE_TRACING, NULL, "Dual BSD/GPL", nothing, ARRAY_LEN(nothing), &o);
	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

/*
 * A probe without perf: where perf_event_paranoid is 3, as in Debian, the other kind is for
 * CAP_SYS_ADMIN only.
 */
static int try_kprobe_multi(const char *name)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, l);
	int program = bpf_prog_load(
		BPF_PROG_TYPE_KPROBE, NULL, "Dual BSD/GPL", nothing, ARRAY_LEN(nothing), &o);
	int link;

	if (program < 0)
		return program;
	l.kprobe_multi.syms = &name;
	l.kprobe_multi.cnt = 1;
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &l);
	close(program);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

static bool is_kprobe(enum hook hook)
{
	return hook == HOOK_KPROBE || hook == HOOK_KPROBE_MULTI;
}

static enum hook choose_function(
	const struct kernel *k, const struct bpf_source_options *o, enum hooked what)
{
	const char *name = functions[what].function;
	enum bpf_attach_type type = functions[what].returns ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY;
	bool by_kprobe = functions[what].kprobe[0] || functions[what].kprobe[1];

	if (o->hooks == BPF_HOOKS_BEST && try_tracing(k, name, BTF_KIND_FUNC, type) == 0)
		return HOOK_FENTRY;
	if (o->hooks != BPF_HOOKS_TRACEPOINT && by_kprobe && try_kprobe_multi(name) == 0)
		return HOOK_KPROBE_MULTI;
	if (o->hooks != BPF_HOOKS_TRACEPOINT && by_kprobe && k->has_kprobes &&
		kernel_has_function(name))
		return HOOK_KPROBE;
	return HOOK_NONE;
}

static void choose(struct programs *p, const struct kernel *k, const struct bpf_source_options *o)
{
	int r = try_tracing(k, "btf_trace_kfree_skb", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP);

	p->hooks[HOOKED_FREE] = r == 0 ? HOOK_TRACEPOINT : HOOK_RAW_TRACEPOINT;
	for (unsigned i = 0; i < HOOKED_N; i++) {
		if (i != HOOKED_FREE)
			p->hooks[i] = choose_function(k, o, i);
	}
	/* One note without the other would be taken for a kind that it is not. */
	if (p->hooks[HOOKED_ICV] == HOOK_NONE || p->hooks[HOOKED_REPLAY] == HOOK_NONE)
		p->hooks[HOOKED_ICV] = p->hooks[HOOKED_REPLAY] = HOOK_NONE;
}

static void use(struct programs *p, const char *name, bool multi)
{
	struct bpf_program *program =
		name ? bpf_object__find_program_by_name(p->skeleton->obj, name) : NULL;

	if (!program)
		return;
	bpf_program__set_autoload(program, true);
	if (multi)
		bpf_program__set_expected_attach_type(program, BPF_TRACE_KPROBE_MULTI);
}

/* On kfree_skb there are two: the second for what the first is not run for. */
static const char *free_program(enum hook hook, unsigned end)
{
	if (hook == HOOK_TRACEPOINT)
		return end == 0 ? "free_btf" : "free_btf_within";
	return end == 0 ? "free_raw" : NULL;
}

static void use_chosen(struct programs *p)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, p->skeleton->obj)
		bpf_program__set_autoload(program, false);
	use(p, free_program(p->hooks[HOOKED_FREE], 0), false);
	use(p, free_program(p->hooks[HOOKED_FREE], 1), false);
	use(p, "prime_find", false);
	use(p, "prime_seen", false);
	for (unsigned i = 0; i < HOOKED_N; i++) {
		for (unsigned j = 0; j < 2; j++) {
			if (p->hooks[i] == HOOK_FENTRY)
				use(p, functions[i].fentry[j], false);
			else if (is_kprobe(p->hooks[i]))
				use(p, functions[i].kprobe[j], p->hooks[i] == HOOK_KPROBE_MULTI);
		}
	}
}

static void set_code(volatile const __u64 ret[2], const struct code *code)
{
	__u64 *at = (__u64 *)(uintptr_t)ret; /* constant for the programs, not before loading */

	at[0] = code->begin;
	at[1] = code->end;
}

static void describe(struct programs *p, const struct kernel *k, const struct bpf_source_options *o)
{
	struct drops_bpf__rodata *r = p->skeleton->rodata;

	r->n_counters = k->n_lines;
	for (unsigned i = 1; i < k->n_lines; i++) {
		const char *name = k->lines[i].name;

		switch (kernel_line_class(name)) {
		case LINE_INBOUND:
			r->inbound |= 1ull << i;
			break;
		case LINE_OUTBOUND:
			r->outbound |= 1ull << i;
			break;
		case LINE_LOOKUP:
			r->lookups |= 1ull << i;
			break;
		case LINE_NONE:
			break;
		}
		if (strcmp(name, "XfrmInNoStates") == 0)
			r->line_no_states = (__u8)i;
		else if (strcmp(name, "XfrmInStateProtoError") == 0)
			r->line_proto = (__u8)i;
		else if (strcmp(name, "XfrmInStateModeError") == 0)
			r->line_mode = (__u8)i;
		else if (strcmp(name, "XfrmInStateSeqError") == 0)
			r->line_seq = (__u8)i;
		else if (strcmp(name, "XfrmInStateMismatch") == 0)
			r->line_mismatch = (__u8)i;
		else if (strcmp(name, "XfrmInTmplMismatch") == 0)
			r->line_template = (__u8)i;
	}
	r->has_notes = p->hooks[HOOKED_ICV] != HOOK_NONE;
	r->has_lookups = p->hooks[HOOKED_LOOKUP] != HOOK_NONE;
	set_code(r->input_code, &k->input);
	set_code(r->forward_code[0], &k->forward4);
	set_code(r->forward_code[1], &k->forward6);
	p->skeleton->data->first_packets = o->first_packets;
}

static int attach_one(struct programs *p, enum hooked what, unsigned end)
{
	enum hook hook = p->hooks[what];
	const char *name = what == HOOKED_FREE   ? free_program(hook, end)
			   : hook == HOOK_FENTRY ? functions[what].fentry[end]
			   : is_kprobe(hook)     ? functions[what].kprobe[end]
						 : NULL;
	struct bpf_program *program =
		name ? bpf_object__find_program_by_name(p->skeleton->obj, name) : NULL;
	struct bpf_link *link;

	if (!program)
		return 0;
	if (hook == HOOK_KPROBE_MULTI) {
		const char *function = functions[what].function;
		LIBBPF_OPTS(bpf_kprobe_multi_opts, o, .syms = &function, .cnt = 1,
			.retprobe = end == 1);

		link = bpf_program__attach_kprobe_multi_opts(program, NULL, &o);
	} else {
		link = bpf_program__attach(program);
	}
	if (!link)
		return -errno;
	p->links[p->n_links++] = link;
	return 0;
}

static int attach(struct programs *p, struct diag *reterr)
{
	for (unsigned i = 0; i < HOOKED_N; i++) {
		int r = attach_one(p, i, 0);

		if (r == 0)
			r = attach_one(p, i, 1);
		if (r < 0)
			return diag_set(reterr, r, "%s%s%s: %s", hook_name(p->hooks[i]),
				i == HOOKED_FREE ? "" : " on ",
				i == HOOKED_FREE ? "" : functions[i].function, strerror(-r));
	}
	return 0;
}

static int on_ring(void *userdata, void *octets, size_t n)
{
	struct programs *p = userdata;
	struct drop_sample s;

	if (n < sizeof(s) || !p->each)
		return 0;
	memcpy(&s, octets, sizeof(s));
	p->each(p->userdata, &s);
	return 0;
}

static int begin(struct programs *p, const struct kernel *k, const struct bpf_source_options *o,
	struct diag *reterr)
{
	int r;

	p->skeleton = drops_bpf__open();
	if (!p->skeleton)
		return diag_set(reterr, -errno, "the programs: %s", strerror(errno));
	choose(p, k, o);
	use_chosen(p);
	describe(p, k, o);
	r = drops_bpf__load(p->skeleton);
	if (r == -EPERM)
		return diag_set(reterr, r,
			"the kernel lets us load no programs (CAP_BPF and CAP_PERFMON, lockdown)");
	if (r < 0)
		return diag_set(reterr, r, "the kernel refuses the programs: %s", strerror(-r));
	p->ring = ring_buffer__new(bpf_map__fd(p->skeleton->maps.samples), on_ring, p, NULL);
	if (!p->ring)
		return diag_set(reterr, -errno, "the ring of samples: %s", strerror(errno));
	return attach(p, reterr);
}

/* What libbpf has to say goes into the source's reason in our words; its own are for developers. */
PRINTF_LIKE(2, 0)
static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && getenv("IPSECMON_BPF_LOG"))
		return vfprintf(stderr, format, arguments);
	return 0;
}

int programs_load(const struct kernel *k, const struct bpf_source_options *o, struct programs **ret,
	struct diag *reterr)
{
	struct bpf_source_options less = *o;
	struct programs *p = NULL;
	int r, cpus = libbpf_num_possible_cpus();

	libbpf_set_print(quiet);
	/* Where the best can't be attached after all, the next best is tried as a whole. */
	for (;; less.hooks++) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->n_cpus = cpus > 0 ? (unsigned)cpus : 1;
		r = begin(p, k, &less, reterr);
		if (r == 0)
			break;
		programs_free(p);
		if (r == -ENOMEM || less.hooks >= BPF_HOOKS_TRACEPOINT)
			return r;
	}
	*ret = p;
	return 0;
}

struct programs *programs_free(struct programs *p)
{
	if (!p)
		return NULL;
	for (unsigned i = 0; i < p->n_links; i++)
		bpf_link__destroy(p->links[i]);
	ring_buffer__free(p->ring);
	drops_bpf__destroy(p->skeleton);
	free(p);
	return NULL;
}

enum hook programs_hook(const struct programs *p, enum hooked what)
{
	return p->hooks[what];
}

uint64_t programs_watch(struct programs *p, int socket_fd, uint64_t *ret_cookie)
{
	volatile struct drop_prime *prime = &p->skeleton->bss->prime;
	LIBBPF_OPTS(bpf_test_run_opts, o);
	__u64 context[1] = { 0 };

	prime->fd = (__u64)socket_fd;
	prime->net = 0;
	o.ctx_in = context;
	o.ctx_size_in = sizeof(context);
	if (bpf_prog_test_run_opts(bpf_program__fd(p->skeleton->progs.prime_find), &o) < 0 ||
		prime->net == 0)
		return 0;
	for (unsigned cpu = 0; cpu < p->n_cpus; cpu++) {
		o.flags = BPF_F_TEST_RUN_ON_CPU;
		o.cpu = cpu;
		/* One that is not running counts nothing either. */
		(void)bpf_prog_test_run_opts(bpf_program__fd(p->skeleton->progs.prime_seen), &o);
	}
	*ret_cookie = prime->cookie;
	return prime->net;
}

void programs_unwatch(struct programs *p, uint64_t net)
{
	(void)bpf_map_delete_elem(bpf_map__fd(p->skeleton->maps.netns_seen), &net);
}

void programs_enable(struct programs *p)
{
	*(volatile bool *)&p->skeleton->bss->enabled = true;
}
