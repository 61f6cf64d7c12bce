/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/core.h"
#include "model/value.h"
#include "oom.h"

/* A recording (argument) is fed while one allocation fails: the books stay right. */

static struct span recording;

/* What was told of each account, by its name. */
struct told {
	size_t n;
	struct {
		char netns[NAME_SIZE], counter[COUNTER_NAME_SIZE];
		uint64_t n;
	} v[256];
};

static uint64_t *told_of(struct told *t, const char *netns, const char *counter)
{
	size_t i = 0;

	while (i < t->n &&
		(strcmp(t->v[i].netns, netns) != 0 || strcmp(t->v[i].counter, counter) != 0))
		i++;
	assert_true(i < sizeof(t->v) / sizeof(t->v[0]));
	if (i == t->n) {
		(void)snprintf(t->v[i].netns, NAME_SIZE, "%s", netns);
		(void)snprintf(t->v[i].counter, COUNTER_NAME_SIZE, "%s", counter);
		t->n++;
	}
	return &t->v[i].n;
}

static void on_event(void *userdata, const struct event *e)
{
	if (e->counter && e->count > 0)
		*told_of(userdata, e->netns ? e->netns : "", e->counter) += e->count;
}

static void on_reading(void *userdata, const struct core_reading *r)
{
	(void)userdata;
	assert_true(r->kernel >= r->attributed + r->unattributed + r->suppressed);
}

static bool on_row(void *userdata, const void *row)
{
	const struct reconcile_row *r = row;

	assert_int_equal((int64_t)(r->kernel - r->attributed - r->unattributed - r->suppressed),
		r->difference);
	assert_int_equal(r->difference, 0);
	assert_int_equal(*told_of(userdata, r->netns, r->counter), r->attributed + r->unattributed);
	return true;
}

/* The nth allocation behind the first fact fails; 0: none. Did it? */
static bool run(unsigned long nth, struct core_status *ret)
{
	struct told told = { 0 };
	const struct core_sink sink = { &told, on_event, on_reading, NULL };
	size_t at = FACT_HEADER_SIZE, used;
	struct core *c = NULL;
	bool failed, first = true;
	struct fact f;

	assert_int_equal(core_new(&sink, &c), 0);
	while (fact_decode(span_of(recording.p + at, recording.n - at), &f, &used) == FACT_OK) {
		core_feed(c, &f);
		if (first)
			oom_arm(nth);
		first = false;
		at += used;
	}
	failed = oom_disarm();
	assert_int_equal(at, recording.n);
	(void)core_each(c, &noun_reconcile, on_row, &told);
	core_status(c, ret);
	core_free(c);
	return failed;
}

static void one_allocation_after_the_other_fails(void **state)
{
	struct core_status sound, status;
	unsigned long nth = 1, refused = 0;

	(void)state;
	assert_false(run(0, &sound));
	assert_true(sound.drops > 0);
	while (run(nth, &status)) {
		refused += status.refused > sound.refused;
		nth += nth < 300 ? 1 : nth / 50;
	}
	print_message("# up to allocation %lu; %lu runs refused something\n", nth, refused);
	assert_true(refused > 0);
}

int main(int argc, char **argv)
{
	static char octets[1 << 20];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_allocation_after_the_other_fails),
	};
	FILE *file = argc > 1 ? fopen(argv[1], "re") : NULL;

	if (!file)
		return 2;
	recording = span_of(octets, fread(octets, 1, sizeof(octets), file));
	(void)fclose(file);
	return cmocka_run_group_tests_name("core/oom", tests, NULL, NULL);
}
