/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "model/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void ignore_event(void *userdata, const struct event *e)
{
	CLEANUP_BUF struct buf out = { 0 };

	(void)userdata;
	event_json(e, &out);
	if (out.failed || memchr(out.p, '\n', out.n))
		abort();
}

static void ignore_reading(void *userdata, const struct core_reading *r)
{
	(void)userdata;
	/* Whatever the facts claim, the log never holds more than the kernel counted. */
	if (r->attributed + r->unattributed + r->suppressed > r->kernel)
		abort();
}

static bool next(void *userdata, const void *row)
{
	CLEANUP_BUF struct buf out = { 0 };

	noun_json(userdata, row, &out);
	return true;
}

/* An older recording's fact lacks what its type gained since; with that it stays what it is. */
static bool has_grown(struct span octets, struct buf *again)
{
	CLEANUP_BUF struct buf thrice = { 0 };
	struct fact f;
	size_t used;

	if (again->n <= octets.n || fact_decode(buf_span(again), &f, &used) != FACT_OK)
		return false;
	fact_encode(&f, &thrice);
	return thrice.n == again->n && memcmp(thrice.p, again->p, again->n) == 0;
}

/* A fact file from anywhere: decoded, encoded again to the same octets, and fed to a core. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct core_sink sink = { .event = ignore_event, .reading = ignore_reading };
	CLEANUP(core) struct core *c = NULL;
	struct fact origin = { .type = FACT_ORIGIN };
	struct span rest = span_of(p, n);
	struct fact f;
	size_t used;

	if (core_new(&sink, &c) < 0)
		return 0;
	core_feed(c, &origin);
	while (fact_decode(rest, &f, &used) == FACT_OK) {
		CLEANUP_BUF struct buf again = { 0 };

		fact_encode(&f, &again);
		if ((again.n != used || memcmp(again.p, rest.p, used) != 0) &&
			!has_grown(span_of(rest.p, used), &again))
			abort();
		core_feed(c, &f);
		rest = span_of(rest.p + used, rest.n - used);
	}
	for (size_t i = 0; nouns[i]; i++)
		core_each(c, nouns[i], next, (void *)(uintptr_t)nouns[i]);
	return 0;
}
