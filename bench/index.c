/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/members.h"
#include "store/eventlog.h"
#include "store/sqlite/index.h"

/*
 * Brings the index of a log of mklog in step, then asks it for the last 100 events of random pairs
 * of id and source, taken from the log. Prints one JSON object.
 *
 * usage: index DIR [QUERIES]
 */
#define LAST 100u
#define STEP_LINES 200u
#define PAIRS_MAX 65536u

struct pair {
	uint64_t id;
	struct prefix src;
};

struct sample {
	struct pair *pairs;
	size_t n;
	uint64_t seen, last_seq, state;
};

/* Every line has the same chance to be among the pairs (reservoir sampling). */
static bool take_line(void *userdata, struct span line)
{
	struct sample *s = userdata;
	struct members m;
	struct member member;
	struct pair p = { 0 };
	struct span text;
	char src[64];
	uint64_t at;

	members_init(&m, line);
	while (members_next(&m, &member)) {
		if (span_equal(member.key, span_text("seq")))
			(void)member_u64(member.value, &s->last_seq);
		else if (span_equal(member.key, span_text("id")))
			(void)member_u64(member.value, &p.id);
		if (!span_equal(member.key, span_text("src")) ||
			!member_text(member.value, &text) || text.n >= sizeof(src))
			continue;
		(void)snprintf(src, sizeof(src), "%.*s", (int)text.n, (const char *)text.p);
		if (prefix_parse(src, &p.src, NULL) < 0)
			continue;
		s->state = s->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		at = s->seen < PAIRS_MAX ? s->seen : (s->state >> 20) % (s->seen + 1);
		s->seen++;
		if (at >= PAIRS_MAX)
			continue;
		s->pairs[at] = p;
		if (at == s->n)
			s->n++;
	}
	return true;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static unsigned ask(struct index *x, int state_fd, const struct pair *p)
{
	struct index_question *q;
	struct index_find *f;
	struct span line;
	unsigned n = 0, budget = 1000000;

	if (index_question_new(&q) < 0)
		abort();
	index_ask_ids(q, &p->id, 1);
	index_ask_prefix(q, "src", &p->src);
	if (index_find_new(x, state_fd, q, true, &f) < 0)
		abort();
	while (n < LAST && index_find_next(f, &budget, &line) == 1)
		n++;
	if (index_find_found(f) != n)
		(void)fprintf(stderr, "%u lines, %llu through the index\n", n,
			(unsigned long long)index_find_found(f));
	index_find_free(f);
	index_question_free(q);
	return n;
}

static void told(void *userdata, const char *what)
{
	(void)userdata;
	(void)fprintf(stderr, "%s\n", what);
}

int main(int argc, char **argv)
{
	struct sample s = { .state = 1 };
	struct index_options o = { .boot = "bench", .told = told };
	struct index_status status;
	struct index *x;
	size_t queries = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
	uint64_t *took = calloc(queries + 1, sizeof(*took)),
		 *used = calloc(queries + 1, sizeof(*used)), begun, built, longest = 0;
	double lines = 0;

	s.pairs = calloc(PAIRS_MAX, sizeof(*s.pairs));
	o.state_fd = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (o.state_fd < 0 || !took || !used || !s.pairs || queries == 0 ||
		eventlog_scan(o.state_fd, 0, false, take_line, &s, NULL) < 0 || s.n == 0 ||
		index_open(&o, &x) < 0)
		return 2;
	begun = clock_boot_ns();
	for (int r = 1; r == 1;) {
		uint64_t step = clock_cpu_ns();

		r = index_follow(x, s.last_seq, STEP_LINES, clock_boot_ns());
		step = clock_cpu_ns() - step;
		longest = step > longest ? step : longest;
	}
	built = clock_boot_ns() - begun;
	for (size_t i = 0; i < queries; i++) {
		s.state = s.state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		used[i] = clock_cpu_ns();
		took[i] = clock_boot_ns();
		lines += ask(x, o.state_fd, &s.pairs[(s.state >> 20) % s.n]);
		took[i] = clock_boot_ns() - took[i];
		used[i] = clock_cpu_ns() - used[i];
	}
	qsort(took, queries, sizeof(*took), by_value);
	qsort(used, queries, sizeof(*used), by_value);
	index_status(x, &status);
	(void)printf("{\"events\":%llu,\"built_s\":%.1f,\"longest_step_ms\":%.1f,"
		     "\"octets_an_event\":%.1f,\"lines_an_answer\":%.1f,\"p50_ms\":%.3f,"
		     "\"p99_ms\":%.3f,\"p50_cpu_ms\":%.3f,\"p99_cpu_ms\":%.3f}\n",
		(unsigned long long)status.events, (double)built / 1e9, (double)longest / 1e6,
		(double)status.size / (double)(status.events ? status.events : 1),
		lines / (double)queries, (double)took[queries / 2] / 1e6,
		(double)took[queries * 99 / 100] / 1e6, (double)used[queries / 2] / 1e6,
		(double)used[queries * 99 / 100] / 1e6);
	x = index_close(x);
	return 0;
}
