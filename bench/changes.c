/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows policies that come and go: one process changes them, at a rate or as fast as the kernel
 * takes it (0), the other follows with the source and the core. Then the model is held against a
 * fresh reading. usage: changes CHANGES RATE
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "generate.h"
#include "ledger.h"
#include "measure.h"

#define ALIVE 5000u /* policies at once */
#define BATCH 50u /* changes between two looks at the clock */
#define ROUND_NS 500000000u /* as often as the monitor asks */
#define ROOM (16u << 20) /* the monitor's netlink_buffer */

static void wait_until(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* Adds, and deletes what was added ALIVE policies before. */
static void change(uint64_t n, uint64_t rate)
{
	static struct generator g;
	uint64_t begin = clock_boot_ns(), took;
	uint32_t added = 0;

	generator_begin(&g);
	while (g.n < n) {
		generator_policy(&g, true, added++);
		if (added > ALIVE)
			generator_policy(&g, false, added - 1 - ALIVE);
		if (rate == 0 || g.n % BATCH > 1)
			continue;
		generator_flush(&g);
		wait_until(begin + g.n * 1000000000 / rate);
	}
	generator_flush(&g);
	took = clock_boot_ns() - begin;
	if (write(STDOUT_FILENO, &took, sizeof(took)) != sizeof(took))
		_exit(1);
	_exit(0);
}

/* The same policies give the same sum, in whatever order. */
static bool add_up(void *userdata, const void *row)
{
	const struct policy_row *r = row;
	uint64_t *sum = userdata;

	*sum += hash_octets(
		&r->policy->index, sizeof(r->policy->index), r->policy->templates[0].reqid);
	return true;
}

static uint64_t sum_of(const struct ledger *l)
{
	uint64_t sum = 0;

	core_each(l->core, &noun_policy, add_up, &sum);
	return sum;
}

int main(int argc, char **argv)
{
	static struct ledger l, fresh;
	struct core_status status;
	struct measure begin, m;
	uint64_t n, rate, took, due, seen;
	int from_child[2], ended = 0;
	char more[160];
	pid_t child;

	if (argc != 3) {
		fprintf(stderr, "usage: changes CHANGES RATE\n");
		return 2;
	}
	n = number(argv[1]);
	rate = number(argv[2]);
	ledger_begin(&l, ROOM);
	ledger_ask(&l, XFRM_WANT_POLICY | XFRM_WANT_COUNTS);
	seen = l.seq;
	begin = measure_now();
	if (pipe(from_child) || (child = fork()) < 0)
		die("fork");
	if (child == 0) {
		dup2(from_child[1], STDOUT_FILENO);
		change(n, rate);
	}
	due = clock_boot_ns() + ROUND_NS;
	while (!ended) {
		(void)ledger_read(&l, 10);
		if (clock_boot_ns() > due) {
			ledger_round(&l);
			due = clock_boot_ns() + ROUND_NS;
		}
		ended = waitpid(child, NULL, WNOHANG);
	}
	if (read(from_child[0], &took, sizeof(took)) != sizeof(took))
		die("the generator");
	m = measure_since(&begin);
	seen = l.seq - seen;
	/* As after a storm: what was lost is read anew, then nothing is stale. */
	for (unsigned i = 0; i < 10 && (i < 3 || xfrm_stale(l.xfrm)); i++)
		ledger_round(&l);
	ledger_begin(&fresh, ROOM);
	ledger_ask(&fresh, XFRM_WANT_POLICY);
	core_status(l.core, &status);
	snprintf(more, sizeof(more),
		"\"changes_ns\":%llu,\"lost\":%llu,\"facts\":%llu,\"exact\":%s,\"in_step\":%s",
		(unsigned long long)took, (unsigned long long)l.n_losses, (unsigned long long)seen,
		sum_of(&l) == sum_of(&fresh) && status.n_policy == ALIVE ? "true" : "false",
		l.state == SOURCE_IN_STEP ? "true" : "false");
	measure_print(n, &m, more);
	return 0;
}
