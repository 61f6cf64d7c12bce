/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policy of so many: find N [ordered|random]. One line of JSON: nanoseconds a lookup, single,
 * in batches and by a plain scan, an update (a removal and an addition), an addition while the
 * index is built; octets a policy. IPv4 policies of 16 pairs of prefix lengths; four of five
 * packets meet one. ordered: longer prefixes come first, as IKE daemons have it. random: priorities
 * say nothing, which is the worst for a search that stops early. Before anything is timed, answers
 * are held against the scan's.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match/match.h"

#define FLOWS 65536u
#define BATCH 32u
#define PASSES 16u
#define CHECKED 200u
#define CHANGES 64u /* policies that are changed at once; choosing them is not timed */

static const uint8_t lengths[4] = { 16, 20, 24, 32 };
static const struct match_where where = { .netns = 1, .direction = POLICY_OUT };
static uint64_t state = 1;

static uint32_t any(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct prefix prefix_of(uint32_t bits, uint8_t length)
{
	uint32_t octets = htonl(length == 32 ? bits : bits >> (32 - length) << (32 - length));

	return (struct prefix){ .addr = addr_make(AF_INET, &octets), .length = length };
}

static struct policy policy_of(uint32_t number, bool ordered)
{
	unsigned at = any() % 16, rank = (unsigned)(64 - lengths[at / 4] - lengths[at % 4]);
	struct policy p = { .netns = 1, .index = 8 * number + 1, .direction = POLICY_OUT };

	p.selector.src = prefix_of(any(), lengths[at / 4]);
	p.selector.dst = prefix_of(any(), lengths[at % 4]);
	p.priority = ordered ? rank * 65536 + any() % 65536 : any();
	return p;
}

/* Within a policy's prefixes, or (one of five) anywhere. */
static struct flow flow_of(const struct policy *policies, uint32_t n)
{
	const struct policy *p = &policies[any() % n];
	bool meets = any() % 5 != 0;
	struct flow f = { .proto = IPPROTO_UDP, .sport = 1, .dport = 2 };
	const struct prefix *prefixes[] = { &p->selector.src, &p->selector.dst };
	struct addr *addresses[] = { &f.src, &f.dst };

	for (unsigned i = 0; i < 2; i++) {
		uint32_t octets, host = any();

		memcpy(&octets, prefixes[i]->addr.octets, sizeof(octets));
		if (!meets)
			octets = htonl(host);
		else if (prefixes[i]->length < 32)
			octets |= htonl(host >> prefixes[i]->length);
		*addresses[i] = addr_make(AF_INET, &octets);
	}
	return f;
}

static const struct policy *scan(const struct policy *policies, uint32_t n, const struct flow *f)
{
	const struct policy *best = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if ((!best || policies[i].priority < best->priority) &&
			policy_misfits(&policies[i], f) == 0)
			best = &policies[i];
	}
	return best;
}

static void check(
	const struct match *m, const struct policy *policies, uint32_t n, const struct flow *flows)
{
	for (unsigned i = 0; i < CHECKED; i++) {
		const struct policy *p = scan(policies, n, &flows[i]);
		struct match_hit h;

		match_best(m, where, &flows[i], &h);
		if (h.found != (p != NULL) || (p && h.index != p->index)) {
			fprintf(stderr, "find: another answer than the scan's\n");
			exit(1);
		}
	}
}

/* Nanoseconds. Whoever changes a policy has it at hand, so it is read, and made, before. */
static uint64_t change(struct match *m, struct policy *policies, uint32_t n, bool ordered)
{
	static struct policy before[CHANGES], after[CHANGES];
	uint64_t begin;

	for (unsigned i = 0; i < CHANGES; i++) {
		uint32_t at = any() % n;

		before[i] = policies[at];
		after[i] = policies[at] = policy_of(at, ordered);
	}
	begin = now_ns();
	for (unsigned i = 0; i < CHANGES; i++) {
		match_remove(m, &before[i]);
		if (match_add(m, &after[i]) < 0)
			abort();
	}
	return now_ns() - begin;
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	bool ordered = argc < 3 || strcmp(argv[2], "random") != 0;
	struct policy *policies = n ? calloc(n, sizeof(*policies)) : NULL;
	struct flow *flows = calloc(FLOWS, sizeof(*flows));
	uint32_t found = 0, n_updates = n < 200000 ? n : 200000;
	uint64_t build, single, batch, update = 0, linear;
	struct match_hit hits[BATCH];
	struct match *m = NULL;

	if (!policies || !flows || match_new(1, &m) < 0) {
		fprintf(stderr, "usage: find POLICIES [ordered|random]\n");
		return 2;
	}
	for (uint32_t i = 0; i < n; i++)
		policies[i] = policy_of(i, ordered);
	for (uint32_t i = 0; i < FLOWS; i++)
		flows[i] = flow_of(policies, n);
	build = now_ns();
	for (uint32_t i = 0; i < n; i++) {
		if (match_add(m, &policies[i]) < 0)
			abort();
	}
	build = now_ns() - build;
	check(m, policies, n, flows);

	single = now_ns();
	for (unsigned pass = 0; pass < PASSES; pass++) {
		for (uint32_t i = 0; i < FLOWS; i++) {
			match_best(m, where, &flows[i], hits);
			found += hits[0].found;
		}
	}
	single = now_ns() - single;
	batch = now_ns();
	for (unsigned pass = 0; pass < PASSES; pass++) {
		for (uint32_t i = 0; i < FLOWS; i += BATCH)
			match_batch(m, where, &flows[i], BATCH, hits);
	}
	batch = now_ns() - batch;
	linear = now_ns();
	for (uint32_t i = 0; i < CHECKED; i++)
		found += scan(policies, n, &flows[i]) != NULL;
	linear = now_ns() - linear;
	for (uint32_t i = 0; i < n_updates; i += CHANGES)
		update += change(m, policies, n, ordered);
	check(m, policies, n, flows);
	printf("{\"n\":%u,\"priorities\":\"%s\",\"single_ns\":%.1f,\"batch_ns\":%.1f,\"scan_ns\":%."
	       "0f,"
	       "\"update_ns\":%.1f,\"build_ns\":%.1f,\"octets_a_policy\":%.1f,\"met\":%.3f}\n",
		n, ordered ? "ordered" : "random", (double)single / (PASSES * FLOWS),
		(double)batch / (PASSES * FLOWS), (double)linear / CHECKED,
		(double)update / ((n_updates + CHANGES - 1) / CHANGES * CHANGES), (double)build / n,
		(double)match_memory(m) / n, (double)found / (PASSES * FLOWS + CHECKED));
	match_free(m);
	free(flows);
	free(policies);
	return 0;
}
