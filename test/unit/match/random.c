/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <netinet/in.h>

uint32_t random_below(struct random *r, uint32_t n)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((r->state >> 33) % n);
}

struct addr random_addr(struct random *r, uint8_t family)
{
	uint8_t octets[16] = { 10 };

	for (unsigned i = 1; i < (family == AF_INET6 ? 16u : 4u); i++)
		octets[i] = (uint8_t)random_below(r, 2);
	return addr_make(family, octets);
}

static struct prefix random_prefix(struct random *r, uint8_t family)
{
	static const uint8_t lengths[] = { 0, 8, 15, 16, 23, 24, 31, 32 };
	static const uint8_t lengths6[] = { 0, 8, 32, 63, 64, 96, 127, 128 };
	unsigned at = random_below(r, 8);

	return (struct prefix){ .addr = random_addr(r, family),
		.length = family == AF_INET6 ? lengths6[at] : lengths[at] };
}

static uint8_t random_proto(struct random *r)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE };

	return protos[random_below(r, 4)];
}

struct policy random_policy(struct random *r, uint32_t index)
{
	uint8_t family = random_below(r, 3) == 0 ? AF_INET6 : AF_INET;
	struct policy p = { .netns = 1 + random_below(r, 2),
		.index = index,
		.priority = random_below(r, 8),
		.direction = (uint8_t)random_below(r, 3),
		.type = random_below(r, 8) == 0,
		.block = random_below(r, 2),
		.selector = { .src = random_prefix(r, family), .dst = random_prefix(r, family) } };

	if (random_below(r, 3) == 0) {
		p.selector.proto = random_proto(r);
		p.selector.sport = (uint16_t)random_below(r, 4);
		p.selector.sport_mask = random_below(r, 2) ? 0xffff : 0;
		p.selector.dport = (uint16_t)random_below(r, 4);
		p.selector.dport_mask = random_below(r, 2) ? 0xfffe : 0;
	}
	if (random_below(r, 8) == 0)
		p.selector.ifindex = 1 + random_below(r, 2);
	if (random_below(r, 8) == 0) {
		p.mark_mask = random_below(r, 2) ? UINT32_MAX : 1;
		p.mark = random_below(r, 4) & p.mark_mask;
	}
	if (random_below(r, 8) == 0)
		p.if_id = 1;
	if (random_below(r, 16) == 0)
		p.offload_ifindex = 3;
	return p;
}

struct flow random_flow(struct random *r)
{
	uint8_t family = random_below(r, 3) == 0 ? AF_INET6 : AF_INET;
	struct flow f = { .src = random_addr(r, family),
		.dst = random_addr(r, family),
		.proto = random_proto(r),
		.sport = (uint16_t)random_below(r, 4),
		.dport = (uint16_t)random_below(r, 4),
		.mark = random_below(r, 4),
		.if_id = random_below(r, 8) == 0,
		.ifindex = random_below(r, 3) };

	return f;
}
