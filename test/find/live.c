/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `find` against the kernel: random policies in the real SPD and random packets, each of which must
 * meet the policies that match/ says: their use times rise from 0, no other's of that direction
 * does, and the counter that tells of the outcome moves. usage: live [PAIRS [SEED]]
 *
 * Half of the sets are updated after they were made. There equal priorities may be decided another
 * way, which match/ says in advance: such a pair counts as a tie. In the other half even ties must
 * come out as foretold.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

#define SET 100u /* policies … */
#define PACKETS 100u /* … and packets of one set */
#define TRIES 3u /* a stray packet of the kernel's own may use a policy too; not thrice */

static struct kernel kernel;
static uint64_t state, n_pairs, n_wrong, n_ties, n_retries, n_found, n_sub, n_by_outcome[8];

static struct {
	struct policy made[SET], now[KERNEL_POLICIES]; /* as asked for; as the kernel has them */
	uint32_t users[SET], n_updates, updated[16];
	struct policy updates[16];
	bool block[3]; /* defaults, by direction */
	struct match *match;
} set;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % n);
}

/* Net 1 is this host's; 2 and 3 are elsewhere. */
static struct addr random_addr(uint8_t family, unsigned net)
{
	uint8_t x = (uint8_t)(1 + below(2)), y = (uint8_t)(1 + below(2));
	const uint8_t four[] = { 10, (uint8_t)net, x, y };
	const uint8_t six[16] = { 0xfd, 0x10, 0, (uint8_t)net, [13] = x, [15] = y };

	return addr_make(family, family == AF_INET6 ? six : four);
}

static struct prefix random_prefix(uint8_t family)
{
	static const uint8_t four[] = { 0, 8, 15, 16, 23, 24, 30, 31, 32, 32 };
	static const uint8_t six[] = { 0, 16, 31, 32, 64, 112, 126, 127, 128, 128 };
	unsigned at = below(10);

	return (struct prefix){ .addr = random_addr(family, 1 + below(3)),
		.length = family == AF_INET6 ? six[at] : four[at] };
}

static uint8_t random_proto(uint8_t family)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_GRE, 99 };
	uint8_t proto = protos[below(5)];

	return proto == IPPROTO_ICMP && family == AF_INET6 ? IPPROTO_ICMPV6 : proto;
}

static uint16_t random_port(uint8_t proto)
{
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		return (uint16_t)below(2); /* types and codes that nobody answers */
	return (uint16_t)(20000 + below(4));
}

static struct template random_template(uint8_t family, uint8_t direction)
{
	struct template t = { .src = random_addr(family, 1),
		.dst = random_addr(family, 2),
		.reqid = 1 + below(4),
		.proto = IPPROTO_ESP,
		.mode = below(2) ? IPSEC_TUNNEL : IPSEC_TRANSPORT };

	/* The kernel takes no optional tunnel outbound. */
	t.optional = below(4) == 0 && (direction != POLICY_OUT || t.mode == IPSEC_TRANSPORT);
	return t;
}

static struct policy random_policy(void)
{
	uint8_t family = below(3) == 0 ? AF_INET6 : AF_INET;
	struct policy p = { .priority = below(12),
		.direction = (uint8_t)below(3),
		.type = kernel.has_sub && below(8) == 0,
		.block = below(3) == 0,
		.selector = { .src = random_prefix(family), .dst = random_prefix(family) } };
	struct selector *s = &p.selector;

	if (below(3) == 0) {
		s->proto = random_proto(family);
		if (flow_has_ports(s->proto) && below(2)) {
			s->sport = random_port(s->proto);
			s->sport_mask = below(2) ? 0xffff : 0xfffe;
		}
		if (flow_has_ports(s->proto) && below(2)) {
			s->dport = random_port(s->proto);
			s->dport_mask = below(2) ? 0xffff : 0xfffd;
		}
	}
	if (below(8) == 0)
		s->ifindex = below(2) ? LOOPBACK_IFINDEX : (uint32_t)kernel.ifindex_out;
	if (below(6) == 0) {
		p.mark_mask = below(2) ? UINT32_MAX : 1;
		p.mark = below(4);
	}
	if (below(12) == 0)
		p.if_id = 1;
	if (below(3) == 0) {
		p.n_templates = below(16) == 0 ? POLICY_TEMPLATES : (uint8_t)(1 + below(2));
		for (unsigned i = 0; i < p.n_templates; i++)
			p.templates[i] = random_template(family, p.direction);
	}
	return p;
}

static void install(void)
{
	kernel_flush(&kernel);
	kernel_put(&kernel, set.made, set.users, SET, false);
	for (uint32_t i = 0; i < set.n_updates; i++)
		kernel_put(&kernel, &set.updates[i], &set.updated[i], 1, true);
	kernel_dump(&kernel, set.now);
	set.match = match_free(set.match);
	if (match_new(state, &set.match) < 0)
		abort();
	for (uint32_t i = 0; i < SET; i++) {
		if (match_add(set.match, &set.now[i]) < 0)
			abort();
	}
	if (match_count(set.match) != SET) {
		fprintf(stderr, "the kernel has other policies than were given\n");
		exit(1);
	}
}

static void make_set(bool updates)
{
	for (uint32_t i = 0; i < SET; i++) {
		set.made[i] = random_policy();
		set.users[i] = i;
	}
	set.n_updates = updates ? 16 : 0;
	for (uint32_t i = 0; i < set.n_updates; i++) {
		set.updated[i] = below(SET);
		set.updates[i] = set.made[set.updated[i]];
		set.updates[i].block = !set.updates[i].block;
		if (below(2))
			set.updates[i].priority = below(12);
	}
	for (unsigned i = 0; i < 3; i++)
		set.block[i] = below(4) == 0;
	kernel_defaults(&kernel, set.block[0], set.block[2], set.block[1]);
	install();
}

/* A packet of that direction, as the kernel sees it. */
static struct flow random_flow(uint8_t direction, bool by_socket)
{
	uint8_t family = below(3) == 0 ? AF_INET6 : AF_INET;
	struct flow f = { .src = random_addr(family, by_socket ? 1 : 2 + below(2)),
		.dst = random_addr(family, direction == POLICY_IN ? 1 : 2 + below(2)),
		.proto = random_proto(family),
		.mark = below(4) };

	if (flow_has_ports(f.proto)) {
		f.sport = random_port(f.proto);
		f.dport = random_port(f.proto);
	}
	/* A raw socket does not say which key it means. */
	if (f.proto == IPPROTO_GRE && by_socket)
		f.sport = f.dport = 0;
	f.ifindex = direction == POLICY_IN ? LOOPBACK_IFINDEX : (uint32_t)kernel.ifindex_out;
	/* Nor does IPv6 say where a socket's packet will leave by. */
	if (by_socket && family == AF_INET6)
		f.ifindex = 0;
	return f;
}

static const struct policy *policy_of(const struct match_hit *h)
{
	for (uint32_t i = 0; h->found && i < SET; i++) {
		if (set.now[i].index == h->index)
			return &set.now[i];
	}
	return NULL;
}

struct expected {
	uint8_t direction;
	const struct policy *policies[2]; /* that are used; NULL: none */
	enum outcome outcome;
};

static struct expected expect(uint8_t direction, const struct flow *f)
{
	struct expected e = { .direction = direction };
	struct meeting met;

	match_meet(set.match, 0, direction, f, &met);
	e.policies[0] = policy_of(&met.policy);
	e.policies[1] = policy_of(&met.behind);
	e.outcome = meeting_outcome(direction, e.policies[0], e.policies[1], set.block[direction]);
	return e;
}

/* Outbound what is dropped for want of an SA, or by nothing but default, uses no policy. */
static bool uses(const struct expected *e, const struct policy *p)
{
	if (e->direction == POLICY_OUT &&
		(e->outcome == OUTCOME_PROTECT || e->outcome == OUTCOME_TOO_MANY))
		return false;
	return p && (p == e->policies[0] || p == e->policies[1]);
}

static bool used_now(uint32_t i, const struct policy *after)
{
	return set.now[i].used_s == 0 && after[i].used_s != 0;
}

static void describe(const char *what, const struct policy *p)
{
	char src[PREFIX_TEXT_SIZE], dst[PREFIX_TEXT_SIZE];

	printf("#   %s: %s %s %s to %s proto %u ports %u/%x %u/%x dev %u mark %u/%x if_id %u "
	       "priority %u index %u %s templates %u type %u\n",
		what, policy_direction_name(p->direction), p->block ? "block" : "allow",
		prefix_format(&p->selector.src, src), prefix_format(&p->selector.dst, dst),
		p->selector.proto, p->selector.sport, p->selector.sport_mask, p->selector.dport,
		p->selector.dport_mask, p->selector.ifindex, p->mark, p->mark_mask, p->if_id,
		p->priority, p->index, p->n_templates ? "esp" : "bypass", p->n_templates, p->type);
}

static void complain(const struct flow *f, const struct expected *e, unsigned n_expected,
	const struct policy *after, const char *counter)
{
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

	if (n_wrong > 5)
		return;
	printf("# %s %s to %s proto %u ports %u %u mark %u interface %u, outcome %u%s%s\n",
		policy_direction_name(e->direction), addr_format(&f->src, src),
		addr_format(&f->dst, dst), f->proto, f->sport, f->dport, f->mark, f->ifindex,
		e[n_expected - 1].outcome, counter ? ", counter unmoved: " : "",
		counter ? counter : "");
	for (uint32_t i = 0; i < SET; i++) {
		bool said = false;

		for (unsigned k = 0; k < n_expected; k++)
			said = said || uses(&e[k], &set.now[i]);
		if (said)
			describe("said", &set.now[i]);
		if (used_now(i, after))
			describe("used", &set.now[i]);
	}
}

/* Whether each direction's policies were used as foretold. */
static bool as_foretold(const struct expected *e, unsigned n_expected, const struct policy *after)
{
	for (uint32_t i = 0; i < SET; i++) {
		bool said = false, counts = false;

		for (unsigned k = 0; k < n_expected; k++) {
			said = said || uses(&e[k], &set.now[i]);
			counts = counts || set.now[i].direction == e[k].direction;
		}
		if ((counts || said) && said != used_now(i, after))
			return false;
	}
	return true;
}

static bool fresh(const struct expected *e, unsigned n_expected)
{
	for (uint32_t i = 0; i < SET; i++) {
		for (unsigned k = 0; k < n_expected; k++) {
			if (uses(&e[k], &set.now[i]) && set.now[i].used_s != 0)
				return false;
		}
	}
	return true;
}

static bool passes(enum outcome o)
{
	return o == OUTCOME_NO_POLICY || o == OUTCOME_BYPASS || o == OUTCOME_OPTIONAL;
}

/* What is forwarded meets the policies for what leaves, too. */
static unsigned expect_all(uint8_t direction, const struct flow *f, struct expected ret[2])
{
	ret[0] = expect(direction, f);
	if (direction != POLICY_FWD || !passes(ret[0].outcome))
		return 1;
	ret[1] = expect(POLICY_OUT, f);
	return 2;
}

/* A policy that we said and the kernel did not use, where it may have used one of the same rank. */
static const struct policy *outdone(const struct expected *e, unsigned n_expected,
	const struct policy *after, const struct flow *f)
{
	for (unsigned k = 0; k < 2 * n_expected; k++) {
		const struct policy *said = e[k / 2].policies[k % 2];

		for (uint32_t i = 0; said && i < SET; i++) {
			const struct policy *p = &set.now[i];
			bool traceless = p->direction == POLICY_OUT; /* … if an SA is missing */

			if ((used_now(i, after) || traceless) && p != said &&
				p->priority == said->priority && p->type == said->type &&
				p->direction == said->direction && policy_misfits(p, f) == 0 &&
				!used_now((uint32_t)(said - set.now), after))
				return said;
		}
	}
	return NULL;
}

/* Does what was used follow from a tie decided another way than we said? */
static bool is_tie(uint8_t direction, const struct flow *f, const struct policy *after)
{
	const struct policy *removed[8];
	struct expected e[2];
	unsigned n = expect_all(direction, f, e), n_removed = 0;
	bool right = false;

	while (set.n_updates > 0 && !right && n_removed < ARRAY_LEN(removed)) {
		const struct policy *p = outdone(e, n, after, f);

		if (!p)
			break;
		match_remove(set.match, p);
		removed[n_removed++] = p;
		n = expect_all(direction, f, e);
		right = as_foretold(e, n, after);
	}
	while (n_removed > 0) {
		if (match_add(set.match, removed[--n_removed]) < 0)
			abort();
	}
	return right;
}

static void pair(uint8_t direction)
{
	static struct policy after[KERNEL_POLICIES];
	struct flow f = random_flow(direction, direction == POLICY_OUT);
	struct expected e[2];
	unsigned n = 1, tries;
	const char *counter = NULL;
	bool right = false, tie = false;

	for (tries = 0; tries < TRIES && !right && !tie; tries++) {
		uint64_t before;

		n = expect_all(direction, &f, e);
		if (tries > 0 || !fresh(e, n)) {
			install();
			n = expect_all(direction, &f, e);
		}
		counter = outcome_counter(e[n - 1].outcome, e[n - 1].direction);
		before = counter ? kernel_counter(&kernel, counter) : 0;
		kernel_send(&kernel, direction, &f);
		kernel_dump(&kernel, after);
		right = as_foretold(e, n, after);
		tie = !right && is_tie(direction, &f, after);
		if (right && counter && kernel_counter(&kernel, counter) == before)
			right = false;
		else
			counter = NULL;
	}
	n_retries += tries - 1;
	n_pairs += n;
	n_ties += tie;
	for (unsigned k = 0; k < n; k++) {
		n_found += e[k].policies[0] != NULL;
		n_sub += e[k].policies[0] && e[k].policies[0]->type == 1;
		n_by_outcome[e[k].outcome]++;
	}
	if (!right && !tie) {
		n_wrong++;
		complain(&f, e, n, after, counter);
	}
	memcpy(set.now, after, sizeof(after));
}

int main(int argc, char **argv)
{
	const char *asked = getenv("FIND_PAIRS");
	uint64_t want = argc > 1 ? strtoull(argv[1], NULL, 10)
			: asked  ? strtoull(asked, NULL, 10)
				 : 5000;

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	if (!kernel_open(&kernel)) {
		printf("1..0 # SKIP needs root, network namespaces and veth\n");
		return 77;
	}
	for (unsigned i = 0; n_pairs < want; i++) {
		make_set(i % 2);
		for (unsigned k = 0; k < PACKETS && n_pairs < want; k++)
			pair((uint8_t)below(3));
	}
	match_free(set.match);
	printf("# %llu pairs, %llu met a policy, %llu a sub-policy first; outcomes:",
		(unsigned long long)n_pairs, (unsigned long long)n_found,
		(unsigned long long)n_sub);
	for (unsigned i = 0; i < ARRAY_LEN(n_by_outcome); i++)
		printf(" %llu", (unsigned long long)n_by_outcome[i]);
	printf("\n# %llu repeated, %llu ties decided another way after updates\n",
		(unsigned long long)n_retries, (unsigned long long)n_ties);
	printf("%s 1 - the kernel does as foretold\n", n_wrong == 0 ? "ok" : "not ok");
	if (n_wrong)
		printf("# %llu do not\n", (unsigned long long)n_wrong);
	printf("%s 2 - enough met a policy to mean something\n",
		n_found * 2 > n_pairs && (!kernel.has_sub || n_sub > 0) ? "ok" : "not ok");
	printf("%s 3 - repeating was seldom needed\n", n_retries * 20 <= n_pairs ? "ok" : "not ok");
	printf("1..3\n");
	return n_wrong != 0;
}
