/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/map.h"
#include "model/fact.h"
#include "source/bpf/bpf.h"
#include "source/bpf/drops.h"

/* ---- kernel.c: what this kernel is like */

/* A line of xfrm_stat, at its index in the kernel's MIB. Name "": there is none. */
struct kernel_line {
	char name[COUNTER_NAME_SIZE];
};

struct code { /* of a function: from its first octet to behind its last; 0: not known */
	uint64_t begin, end;
};

struct btf;

struct kernel {
	struct btf *btf; /* its description of itself */
	struct kernel_line lines[DROPS_COUNTERS];
	unsigned n_lines; /* the unused first one included */
	struct code input, forward4, forward6; /* xfrm_input(), ip_forward(), ip6_forward() */
	bool has_kprobes;
};

/* -ENOENT: no BTF, or no lines in it; -errno; text says what is missing. */
int kernel_learn(struct kernel *ret, struct diag *reterr);
void kernel_forget(struct kernel *k);
/* Is the function there under its own name, to be hooked? */
bool kernel_has_function(const char *name);

/* Drops of which lines the programs see, by how. */
enum line_class {
	LINE_NONE, /* nothing of ours sees it */
	LINE_INBOUND, /* a packet is freed on its way in */
	LINE_OUTBOUND, /* … on its way out, with its SA */
	LINE_LOOKUP, /* a look-up fails; there need be no packet */
};
enum line_class kernel_line_class(const char *name);

/* ---- load.c: the programs */

/* Which kind of hook is on a function. */
enum hook {
	HOOK_NONE,
	HOOK_TRACEPOINT,
	HOOK_RAW_TRACEPOINT,
	HOOK_FENTRY,
	HOOK_KPROBE_MULTI,
	HOOK_KPROBE,
	HOOK_N
};
const char *hook_name(unsigned hook); /* "fentry" */

enum hooked {
	HOOKED_FREE, /* kfree_skb */
	HOOKED_ICV, /* xfrm_audit_state_icvfail */
	HOOKED_REPLAY, /* xfrm_audit_state_replay */
	HOOKED_CHECK, /* __xfrm_policy_check */
	HOOKED_MATCH, /* xfrm_policy_lookup_bytype */
	HOOKED_LOOKUP, /* xfrm_lookup_with_ifid */
	HOOKED_GETSPI, /* xfrm_alloc_spi */
	HOOKED_ADD, /* xfrm_state_add */
	HOOKED_UPDATE, /* xfrm_state_update */
	HOOKED_N,
};

struct programs;

int programs_load(const struct kernel *k, const struct bpf_source_options *o, struct programs **ret,
	struct diag *reterr);
struct programs *programs_free(struct programs *p);
enum hook programs_hook(const struct programs *p, enum hooked what);
/* The kernel's address of the netns, 0: none; its cookie. */
uint64_t programs_watch(struct programs *p, int socket_fd, uint64_t *ret_cookie);
void programs_unwatch(struct programs *p, uint64_t net);
void programs_enable(struct programs *p);
uint64_t programs_missed(const struct programs *p); /* runs that the kernel left out, ever */
void programs_sums(const struct programs *p, struct drop_sums *ret);

uint32_t programs_generation(const struct programs *p);
/* Counts by key: of a generation's map (its lowest bit), or the overflow (2). -1 behind the last.
 */
typedef void programs_each_fn(
	void *userdata, const struct drop_key *key, const struct drop_value *value);
int programs_each(struct programs *p, unsigned map, programs_each_fn *each, void *userdata);
/* On return all is sampled that was counted before, if it is to be. Takes some milliseconds. */
void programs_wait(struct programs *p);
/* The next generation begins; on return nothing is counted in the one before any more. */
void programs_turn(struct programs *p);
void programs_clear(struct programs *p, unsigned map); /* one that nothing is counted in */
typedef void programs_sad_fn(void *userdata, const struct sad_key *key, uint64_t count);
void programs_each_sad(struct programs *p, programs_sad_fn *each, void *userdata);

/* The ring of samples: a descriptor to wait for, and all that is in it. */
int programs_ring_fd(const struct programs *p);
typedef void programs_sample_fn(void *userdata, const struct drop_sample *s);
void programs_samples(struct programs *p, programs_sample_fn *each, void *userdata);

/* ---- fold.c: what was told of the counts */

struct fold; /* told so far, by key and generation */

int fold_new(const struct kernel *k, const struct source_sink *sink, struct fold **ret);
struct fold *fold_free(struct fold *f);
void fold_sample(struct fold *f, const struct drop_sample *s);
/* What map 0 or 1 (a generation's) or 2 (the overflow) has counted so far. */
void fold_count(struct fold *f, unsigned map, const struct drop_key *k, const struct drop_value *v);
/* Was something counted whose sample may still be on its way? Of each key so many are sampled. */
bool fold_awaits(const struct fold *f, unsigned map, uint32_t first_packets);
/* As sums: what was counted, and was not sampled. A sample that comes after its sum is left out. */
void fold_tell(struct fold *f, unsigned map);
void fold_forget(struct fold *f, unsigned map); /* its counts begin at zero again */
size_t fold_keys(const struct fold *f, unsigned map);
void fold_sad(struct fold *f, const struct sad_key *k, uint64_t count);
uint64_t fold_told(const struct fold *f); /* drops */
