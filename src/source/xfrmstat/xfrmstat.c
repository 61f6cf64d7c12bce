/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrmstat/xfrmstat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/xfrmstat/parse.h"

#define FILE_MAX 16384 /* octets; the kernel's is 1 KiB */

struct xfrmstat {
	struct source_sink sink;
	uint64_t netns;
	int fd;
	uint8_t state;
	char reason[FACT_TEXT_SIZE];
	uint64_t losses; /* lines refused, readings failed */
	uint64_t resolution_ms;
	struct fact fact;
	struct xfrmstat_reading last, now;
	char text[FILE_MAX];
};

static void tell_state(struct xfrmstat *x)
{
	struct fact *f = &x->fact;

	*f = (struct fact){ .type = FACT_SOURCE, .source = SOURCE_XFRMSTAT, .netns = x->netns };
	f->source_change.id = SOURCE_XFRMSTAT;
	f->source_change.state = x->state;
	f->source_change.losses = x->losses;
	f->source_change.resolution_ms = x->resolution_ms;
	memcpy(f->source_change.reason, x->reason, sizeof(x->reason));
	x->sink.emit(x->sink.userdata, f);
}

static void state_is(struct xfrmstat *x, uint8_t state, const char *reason)
{
	if (x->state == state && !strcmp(x->reason, reason))
		return;
	x->state = state;
	snprintf(x->reason, sizeof(x->reason), "%s", reason);
	tell_state(x);
}

int xfrmstat_new(int fd, const char *why, uint64_t netns, const struct source_sink *sink,
	struct xfrmstat **ret)
{
	struct xfrmstat *x = calloc(1, sizeof(*x));

	if (!x) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	x->sink = *sink;
	x->netns = netns;
	x->fd = fd;
	if (fd < 0)
		state_is(x, SOURCE_ABSENT, why);
	*ret = x;
	return 0;
}

struct xfrmstat *xfrmstat_free(struct xfrmstat *x)
{
	if (x && x->fd >= 0)
		close(x->fd);
	free(x);
	return NULL;
}

static const struct fact_counter *find(
	const struct xfrmstat_reading *r, const char *name, unsigned at)
{
	if (at < r->n && !strcmp(r->v[at].name, name))
		return &r->v[at];
	for (unsigned i = 0; i < r->n; i++) {
		if (!strcmp(r->v[i].name, name))
			return &r->v[i];
	}
	return NULL;
}

static unsigned moved(const struct xfrmstat *x)
{
	unsigned r = x->now.n != x->last.n ? XFRMSTAT_MOVED : XFRMSTAT_SAME;

	for (unsigned i = 0; i < x->now.n; i++) {
		const struct fact_counter *now = &x->now.v[i];
		const struct fact_counter *last = find(&x->last, now->name, i);

		if (last && last->value == now->value)
			continue;
		r |= XFRMSTAT_MOVED;
		if (!strcmp(now->name, "XfrmInStateProtoError") ||
			!strcmp(now->name, "XfrmInStateSeqError"))
			r |= XFRMSTAT_SA_MOVED;
	}
	return r;
}

static void tell_reading(struct xfrmstat *x)
{
	struct fact *f = &x->fact;

	*f = (struct fact){ .type = FACT_COUNTERS, .source = SOURCE_XFRMSTAT, .netns = x->netns };
	f->counters.n = x->now.n;
	memcpy(f->counters.v, x->now.v, x->now.n * sizeof(x->now.v[0]));
	x->sink.emit(x->sink.userdata, f);
}

/* 0; -errno; -EMSGSIZE: more than any kernel says. */
static int take_reading(struct xfrmstat *x)
{
	ssize_t n = pread(x->fd, x->text, sizeof(x->text), 0);

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(x->text))
		return -EMSGSIZE;
	xfrmstat_parse(span_of(x->text, (size_t)n), &x->now);
	return x->now.n > 0 ? 0 : -ENODATA;
}

unsigned xfrmstat_read(struct xfrmstat *x, bool always)
{
	char why[FACT_TEXT_SIZE] = "";
	unsigned what;
	int r;

	if (x->fd < 0)
		return XFRMSTAT_SAME;
	r = take_reading(x);
	if (r) {
		x->losses++;
		snprintf(why, sizeof(why), "reading the counters failed: %s", strerror(-r));
		state_is(x, SOURCE_LOST, why);
		return XFRMSTAT_SAME;
	}
	if (x->now.refused > 0) {
		x->losses += x->now.refused;
		snprintf(why, sizeof(why), "%u lines of xfrm_stat were not understood",
			x->now.refused);
	}
	state_is(x, SOURCE_IN_STEP, why);
	what = moved(x);
	if (what || always)
		tell_reading(x);
	x->last = x->now;
	return what;
}

void xfrmstat_resolution_is(struct xfrmstat *x, uint64_t resolution_ms)
{
	bool news = x->resolution_ms != resolution_ms && x->state != SOURCE_OFF;

	x->resolution_ms = resolution_ms;
	if (news)
		tell_state(x);
}

void xfrmstat_restate(struct xfrmstat *x)
{
	x->last.n = 0;
	if (x->state != SOURCE_OFF)
		tell_state(x);
}
