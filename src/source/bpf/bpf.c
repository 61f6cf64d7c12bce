/* SPDX-License-Identifier: Apache-2.0 */
#include "source/bpf/bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "source/bpf/internal.h"

/* A generation of keys ends when its map is half full, so that new keys find room. */
#define KEYS_TURN (DROPS_KEYS / 2)

struct watched { /* a netns whose drops are seen */
	uint64_t cookie, net; /* net: where it lies in the kernel */
};

struct bpf_source {
	struct source_sink sink;
	struct kernel kernel;
	struct programs *programs; /* NULL: none could be loaded */
	struct fold *fold;
	struct map *netns; /* cookie → struct watched */
	struct diag why;
	bool begun;
	uint32_t first_packets; /* of each key as samples */
	uint64_t counted; /* of the kernel's sums when the maps were read last */
	uint64_t losses;
};

int bpf_source_new(
	const struct bpf_source_options *o, const struct source_sink *sink, struct bpf_source **ret)
{
	struct bpf_source *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->sink = *sink;
	b->first_packets = o->first_packets;
	r = map_new(sizeof(uint64_t), DROPS_NETNS, 0, &b->netns);
	if (r == 0)
		r = kernel_learn(&b->kernel, &b->why);
	if (r == 0)
		r = programs_load(&b->kernel, o, &b->programs, &b->why);
	kernel_forget(&b->kernel); /* it is large, and all is loaded */
	if (r == 0 && fold_new(&b->kernel, sink, &b->fold) < 0)
		r = -ENOMEM;
	if (r == -ENOMEM) {
		bpf_source_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

struct bpf_source *bpf_source_free(struct bpf_source *b)
{
	if (b) {
		map_free_all(b->netns);
		programs_free(b->programs);
		kernel_forget(&b->kernel);
		fold_free(b->fold);
		free(b);
	}
	return NULL;
}

int bpf_source_fd(const struct bpf_source *b, size_t i)
{
	return b->programs && i == 0 ? programs_ring_fd(b->programs) : -1;
}

static void on_sample(void *userdata, const struct drop_sample *s)
{
	struct bpf_source *b = userdata;

	fold_sample(b->fold, s);
}

void bpf_source_readable(struct bpf_source *b, size_t i)
{
	(void)i;
	if (b->programs)
		programs_samples(b->programs, on_sample, b);
}

void bpf_source_watch(struct bpf_source *b, int socket_fd)
{
	struct watched *w;
	uint64_t cookie = 0, net;

	net = b->programs ? programs_watch(b->programs, socket_fd, &cookie) : 0;
	if (net == 0 || map_get(b->netns, &cookie))
		return;
	w = malloc(sizeof(*w));
	if (w)
		*w = (struct watched){ .cookie = cookie, .net = net };
	if (!w || map_put(b->netns, &cookie, w) < 0) {
		free(w);
		programs_unwatch(b->programs, net);
	}
}

void bpf_source_unwatch(struct bpf_source *b, uint64_t netns)
{
	struct watched *w = map_remove(b->netns, &netns);

	if (w)
		programs_unwatch(b->programs, w->net);
	free(w);
}

/* The hook that tells of a line's drops. */
static const char *hook_of(const struct bpf_source *b, const char *line)
{
	switch (kernel_line_class(line)) {
	case LINE_INBOUND:
	case LINE_OUTBOUND:
		return hook_name(programs_hook(b->programs, HOOKED_FREE));
	case LINE_LOOKUP:
		return hook_name(programs_hook(b->programs, HOOKED_LOOKUP));
	case LINE_NONE:
		break;
	}
	return "";
}

static void tell_hook(struct bpf_source *b, const char *counter, const char *hook)
{
	struct fact f = { .type = FACT_HOOK, .source = SOURCE_BPF };

	(void)snprintf(f.hook.counter, sizeof(f.hook.counter), "%s", counter);
	(void)snprintf(f.hook.hook, sizeof(f.hook.hook), "%s", hook);
	b->sink.emit(b->sink.userdata, &f);
}

static void tell_hooks(struct bpf_source *b)
{
	const char *kinds = hook_name(programs_hook(b->programs, HOOKED_ICV));

	for (unsigned i = 1; i < b->kernel.n_lines; i++) {
		const char *line = b->kernel.lines[i].name;

		if (line[0])
			tell_hook(b, line, hook_of(b, line));
	}
	tell_hook(b, "duplicate or old, integrity or malformed",
		kinds[0] ? kinds : "the SA's statistics");
	tell_hook(b, "policy checks", hook_name(programs_hook(b->programs, HOOKED_CHECK)));
	tell_hook(b, "policy index", hook_name(programs_hook(b->programs, HOOKED_MATCH)));
	tell_hook(b, "look-ups", hook_name(programs_hook(b->programs, HOOKED_LOOKUP)));
	tell_hook(b, HOOK_OF_SAD, hook_name(programs_hook(b->programs, HOOKED_ADD)));
}

static void tell_state(struct bpf_source *b)
{
	struct fact f = { .type = FACT_SOURCE, .source = SOURCE_BPF };

	f.source_change.id = SOURCE_BPF;
	f.source_change.losses = b->losses;
	if (b->programs) {
		f.source_change.state = SOURCE_IN_STEP;
	} else {
		f.source_change.state = SOURCE_ABSENT;
		(void)snprintf(f.source_change.reason, sizeof(f.source_change.reason), "%.250s",
			b->why.text);
	}
	b->sink.emit(b->sink.userdata, &f);
}

void bpf_source_begin(struct bpf_source *b)
{
	if (b->begun)
		return;
	b->begun = true;
	if (b->programs) {
		programs_enable(b->programs);
		tell_hooks(b);
	}
	tell_state(b);
}

void bpf_source_restate(struct bpf_source *b)
{
	if (!b->begun)
		return;
	if (b->programs)
		tell_hooks(b);
	tell_state(b);
}

struct folding {
	struct bpf_source *source;
	unsigned map;
};

static void on_count(void *userdata, const struct drop_key *k, const struct drop_value *v)
{
	struct folding *f = userdata;

	fold_count(f->source->fold, f->map, k, v);
}

static void read_map(struct bpf_source *b, unsigned map)
{
	struct folding f = { .source = b, .map = map };

	programs_each(b->programs, map, on_count, &f);
}

/* Samples first: what they tell is not to be told as a sum. */
static void fold_generation(struct bpf_source *b, unsigned now)
{
	programs_samples(b->programs, on_sample, b);
	read_map(b, now);
	if (fold_awaits(b->fold, now, b->first_packets)) {
		programs_wait(b->programs);
		programs_samples(b->programs, on_sample, b);
	}
	fold_tell(b->fold, now);
}

/*
 * The last of a generation: when nothing is counted in it any more, its samples are all in the ring
 * and its counts are final.
 */
static void turn(struct bpf_source *b)
{
	unsigned old = programs_generation(b->programs) & 1;

	programs_turn(b->programs);
	programs_samples(b->programs, on_sample, b);
	read_map(b, old);
	fold_tell(b->fold, old);
	programs_clear(b->programs, old);
	fold_forget(b->fold, old);
}

static void on_sad(void *userdata, const struct sad_key *k, uint64_t count)
{
	struct bpf_source *b = userdata;

	fold_sad(b->fold, k, count);
}

/* What our programs could not see, whole packets or where they came from. */
static void count_losses(struct bpf_source *b, const struct drop_sums *sums)
{
	uint64_t losses = programs_missed(b->programs) + sums->nested + sums->keyless;

	if (losses == b->losses)
		return;
	b->losses = losses;
	tell_state(b);
}

void bpf_source_fold(struct bpf_source *b)
{
	struct drop_sums sums;
	unsigned now;

	if (!b->programs || !b->begun)
		return;
	programs_sums(b->programs, &sums);
	now = programs_generation(b->programs) & 1;
	if (sums.counted != b->counted) {
		b->counted = sums.counted;
		fold_generation(b, now);
		read_map(b, 2);
		fold_tell(b->fold, 2);
		if (fold_keys(b->fold, now) > KEYS_TURN)
			turn(b);
	}
	programs_each_sad(b->programs, on_sad, b);
	count_losses(b, &sums);
}

uint64_t bpf_source_seen(const struct bpf_source *b)
{
	return b->fold ? fold_told(b->fold) : 0;
}
