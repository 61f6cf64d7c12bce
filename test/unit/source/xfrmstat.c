/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrmstat/xfrmstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/xfrmstat/parse.h"

static struct xfrmstat_reading r;
static struct fact last;
static unsigned n_counters, n_states;

static void emit(void *userdata, struct fact *f)
{
	(void)userdata;
	last = *f;
	n_counters += f->type == FACT_COUNTERS;
	n_states += f->type == FACT_SOURCE;
}

static void any_names_in_any_order(void **state)
{
	(void)state;
	xfrmstat_parse(
		span_text("XfrmInNoPols            \t7\nXfrmNew\t18446744073709551615\n"), &r);
	assert_true(r.n == 2 && r.refused == 0);
	assert_string_equal(r.v[0].name, "XfrmInNoPols");
	assert_true(r.v[0].value == 7 && r.v[1].value == UINT64_MAX);
	xfrmstat_parse(span_text(""), &r);
	assert_true(r.n == 0 && r.refused == 0);
}

static void garbage_is_counted(void **state)
{
	(void)state;
	xfrmstat_parse(
		span_text("A\t1\nA\t2\nB\nC\t1x\nD\t18446744073709551616\n\nE\t-1\nF\t12"), &r);
	assert_true(r.n == 1 && r.v[0].value == 1);
	assert_int_equal(r.refused, 7);
}

static void told_only_when_moved(void **state)
{
	const struct source_sink sink = { .emit = emit };
	struct xfrmstat *x = NULL;
	int fd = memfd_create("xfrm_stat", 0);

	(void)state;
	assert_int_equal(write(fd, "XfrmInStateSeqError\t1\n", 22), 22);
	assert_int_equal(xfrmstat_new(fd, "", 5, &sink, &x), 0);
	assert_int_equal(xfrmstat_read(x, false), XFRMSTAT_MOVED | XFRMSTAT_SA_MOVED);
	assert_true(n_counters == 1 && last.netns == 5 && last.counters.v[0].value == 1);
	assert_int_equal(xfrmstat_read(x, false), XFRMSTAT_SAME);
	assert_int_equal(n_counters, 1);
	assert_int_equal(pwrite(fd, "XfrmInStateSeqError\t2\n", 22, 0), 22);
	assert_int_equal(xfrmstat_read(x, false), XFRMSTAT_MOVED | XFRMSTAT_SA_MOVED);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(xfrmstat_read(x, false), XFRMSTAT_SAME);
	assert_true(last.type == FACT_SOURCE && last.source_change.state == SOURCE_LOST);
	assert_int_equal(last.source_change.losses, 1);
	xfrmstat_restate(x);
	assert_int_equal(pwrite(fd, "XfrmInStateSeqError\t2\n", 22, 0), 22);
	xfrmstat_read(x, false);
	assert_int_equal(n_counters, 3); /* a new core must hear what has not moved */
	xfrmstat_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_names_in_any_order),
		cmocka_unit_test(garbage_is_counted),
		cmocka_unit_test(told_only_when_moved),
	};

	return cmocka_run_group_tests_name("source/xfrmstat", tests, NULL, NULL);
}
