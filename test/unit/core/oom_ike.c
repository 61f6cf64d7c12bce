/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "daemons.h"
#include "oom.h"

/* A daemon's facts are fed, and rows asked for, while one allocation fails: nothing breaks. */

static bool count(void *userdata, const void *row)
{
	(void)row;
	++*(unsigned *)userdata;
	return true;
}

static void feed(struct bench *b)
{
	struct child_sa one = daemon_sa(CHARON, 1, 0x101, 0x201);
	struct child_sa two = daemon_sa(CHARON, 2, 0x102, 0x202);

	daemon_up(b);
	daemon_connection(b, CHARON, ORIGIN_FILE, "net");
	daemon_child(b, CHARON, ORIGIN_FILE, "net", "lan", INTENT_START);
	daemon_kernel(b, SA_ADDED, true, 0x102, 1);
	daemon_kernel(b, SA_ADDED, false, 0x202, 1);
	daemon_sa_there(b, IKE_OP_REKEYED, 1, &two);
	daemon_sa_gone(b, IKE_GONE_REPLACED, &one);
	daemon_kernel_gone(b, true, 0x101, 3);
	daemon_kernel_gone(b, false, 0x201, 3);
	(void)snprintf(two.remote_ts, sizeof(two.remote_ts), "10.3.0.0/16");
	two.unique = 3;
	daemon_sa_there(b, IKE_OP_UP, 0, &two);
	bench_poll(b);
	daemon_service(b, CHARON, SERVICE_FAILED);
}

/* The nth allocation fails; 0: none. Did it? */
static bool run(unsigned long nth, uint64_t *ret_refused)
{
	struct bench *b = bench_new(0);
	struct core_status status;
	unsigned rows = 0;
	bool failed;

	bench_live(b);
	oom_arm(nth);
	feed(b);
	for (size_t i = 0; nouns[i]; i++)
		(void)core_each(b->core, nouns[i], count, &rows);
	failed = oom_disarm();
	/* What was refused is counted, and what is there is whole. */
	for (size_t i = 0; nouns[i]; i++)
		(void)core_each(b->core, nouns[i], count, &rows);
	core_status(b->core, &status);
	*ret_refused = status.refused;
	bench_free(b);
	return failed;
}

static void one_allocation_after_the_other_fails(void **state)
{
	unsigned long nth = 1, n_refused = 0;
	uint64_t refused;

	(void)state;
	assert_false(run(0, &refused));
	assert_int_equal(refused, 0);
	for (; run(nth, &refused); nth++)
		n_refused += refused > 0;
	print_message("# up to allocation %lu; %lu runs refused something\n", nth, n_refused);
	assert_true(n_refused > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_allocation_after_the_other_fails),
	};

	return cmocka_run_group_tests_name("core/oom-ike", tests, NULL, NULL);
}
