/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/bpf/bpf.h"

/* The source where the build had no compiler for the kernel's programs: it says so. */

struct bpf_source {
	struct source_sink sink;
};

int bpf_source_new(
	const struct bpf_source_options *o, const struct source_sink *sink, struct bpf_source **ret)
{
	struct bpf_source *b = calloc(1, sizeof(*b));

	(void)o;
	if (!b)
		return -ENOMEM;
	b->sink = *sink;
	*ret = b;
	return 0;
}

struct bpf_source *bpf_source_free(struct bpf_source *b)
{
	free(b);
	return NULL;
}

int bpf_source_fd(const struct bpf_source *b, size_t i)
{
	(void)b;
	(void)i;
	return -1;
}

void bpf_source_readable(struct bpf_source *b, size_t i)
{
	(void)b;
	(void)i;
}

void bpf_source_watch(struct bpf_source *b, int socket_fd)
{
	(void)b;
	(void)socket_fd;
}

void bpf_source_unwatch(struct bpf_source *b, uint64_t netns)
{
	(void)b;
	(void)netns;
}

void bpf_source_restate(struct bpf_source *b)
{
	struct fact f = { .type = FACT_SOURCE, .source = SOURCE_BPF };

	f.source_change.id = SOURCE_BPF;
	f.source_change.state = SOURCE_ABSENT;
	(void)snprintf(f.source_change.reason, sizeof(f.source_change.reason),
		"this ipsecmon was built without BPF (clang, bpftool or libbpf was missing)");
	b->sink.emit(b->sink.userdata, &f);
}

void bpf_source_begin(struct bpf_source *b)
{
	bpf_source_restate(b);
}

void bpf_source_fold(struct bpf_source *b)
{
	(void)b;
}

uint64_t bpf_source_seen(const struct bpf_source *b)
{
	(void)b;
	return 0;
}
