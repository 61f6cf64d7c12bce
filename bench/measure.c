/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		die("/proc/self/statm");
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

struct measure measure_now(void)
{
	struct measure m = { .resident = resident() };

	m.wall_ns = clock_ns(CLOCK_MONOTONIC);
	m.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	return m;
}

struct measure measure_since(const struct measure *begin)
{
	struct measure m;

	m.wall_ns = clock_ns(CLOCK_MONOTONIC) - begin->wall_ns;
	m.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin->cpu_ns;
	m.resident = resident();
	m.resident = m.resident > begin->resident ? m.resident - begin->resident : 0;
	return m;
}

void measure_print(uint64_t n, const struct measure *m, const char *more)
{
	printf("{\"n\":%llu,\"wall_ns\":%llu,\"cpu_ns\":%llu,\"resident\":%zu%s%s}\n",
		(unsigned long long)n, (unsigned long long)m->wall_ns,
		(unsigned long long)m->cpu_ns, m->resident, more ? "," : "", more ? more : "");
}

noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t number(const char *text)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || *end) {
		errno = EINVAL;
		die(text);
	}
	return v;
}
