/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/bpf/programs.h"

/* What the programs have counted. */

#define BATCH 1024u /* entries in one system call */
#define RUNS 64u /* … and so many of these at most, for a map that grows meanwhile */

static int fd_of(const struct programs *p, unsigned map)
{
	return bpf_map__fd(map == 0   ? p->skeleton->maps.drops_even
			   : map == 1 ? p->skeleton->maps.drops_odd
				      : p->skeleton->maps.overflow);
}

struct batch {
	struct drop_key keys[BATCH];
	struct drop_value values[BATCH];
};

int programs_each(struct programs *p, unsigned map, programs_each_fn *each, void *userdata)
{
	struct batch *b = malloc(sizeof(*b));
	uint64_t at = 0;
	bool begun = false;
	int r = 0;

	if (!b)
		return -ENOMEM;
	for (unsigned run = 0; run < RUNS && r == 0; run++) {
		uint32_t n = BATCH;

		r = bpf_map_lookup_batch(
			fd_of(p, map), begun ? &at : NULL, &at, b->keys, b->values, &n, NULL);
		begun = true;
		if (r < 0 && r != -ENOENT)
			break;
		for (uint32_t i = 0; i < n; i++)
			each(userdata, &b->keys[i], &b->values[i]);
	}
	free(b);
	return r == -ENOENT ? 0 : r;
}

void programs_clear(struct programs *p, unsigned map)
{
	struct drop_key key;

	while (bpf_map_get_next_key(fd_of(p, map), NULL, &key) == 0) {
		if (bpf_map_delete_elem(fd_of(p, map), &key) < 0)
			break;
	}
}

uint32_t programs_generation(const struct programs *p)
{
	return p->skeleton->bss->generation;
}

void programs_wait(struct programs *p)
{
	uint32_t zero = 0;
	int inner = bpf_map__fd(p->skeleton->maps.grace_inner);

	/* kernel/bpf/syscall.c, maybe_wait_bpf_programs(): returns after a grace period. */
	(void)bpf_map_update_elem(bpf_map__fd(p->skeleton->maps.grace), &zero, &inner, BPF_ANY);
}

void programs_turn(struct programs *p)
{
	*(volatile uint32_t *)&p->skeleton->bss->generation += 1;
	programs_wait(p);
}

void programs_sums(const struct programs *p, struct drop_sums *ret)
{
	struct drop_sums *all = calloc(p->n_cpus, sizeof(*all));
	uint32_t zero = 0;

	*ret = (struct drop_sums){ 0 };
	if (all && bpf_map_lookup_elem(bpf_map__fd(p->skeleton->maps.sums), &zero, all) == 0) {
		for (unsigned i = 0; i < p->n_cpus; i++) {
			ret->counted += all[i].counted;
			ret->ring += all[i].ring;
			ret->nested += all[i].nested;
			ret->keyless += all[i].keyless;
		}
	}
	free(all);
}

uint64_t programs_missed(const struct programs *p)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, p->skeleton->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		/* Of the two on kfree_skb one is for what the other is not run for. */
		if (program == p->skeleton->progs.free_btf ||
			program == p->skeleton->progs.free_btf_within)
			continue;
		if (bpf_program__fd(program) >= 0 &&
			bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

void programs_each_sad(struct programs *p, programs_sad_fn *each, void *userdata)
{
	int fd = bpf_map__fd(p->skeleton->maps.sad_results);
	struct sad_key key, next;
	uint64_t count;

	for (int r = bpf_map_get_next_key(fd, NULL, &next); r == 0;
		r = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &count) == 0)
			each(userdata, &key, count);
	}
}

int programs_ring_fd(const struct programs *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

void programs_samples(struct programs *p, programs_sample_fn *each, void *userdata)
{
	p->each = each;
	p->userdata = userdata;
	(void)ring_buffer__consume(p->ring);
	p->each = NULL;
}
