/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/event.h"
#include "model/policy.h"
#include "model/sa.h"
#include "model/source.h"

#include <netinet/in.h>
#include <string.h>

void sa_key_of(const struct sa *sa, struct sa_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->netns = sa->netns;
	ret->dst = sa->dst;
	ret->src = sa->src;
	ret->spi = sa->spi;
	ret->mark = sa->mark;
	ret->mark_mask = sa->mark_mask;
	ret->proto = sa->proto;
}

static const char *name_of(const char *const *names, size_t n, unsigned at)
{
	return at < n ? names[at] : NULL;
}

const char *ipsec_mode_name(unsigned mode)
{
	static const char *const names[] = { "transport", "tunnel", "route-optimization",
		"in-trigger", "beet", "iptfs" };

	return name_of(names, ARRAY_LEN(names), mode);
}

const char *direction_name(unsigned direction)
{
	static const char *const names[] = { NULL, "in", "out", "fwd" };

	return name_of(names, ARRAY_LEN(names), direction);
}

const char *policy_direction_name(unsigned direction)
{
	static const char *const names[] = { "in", "out", "fwd", "socket in", "socket out" };

	return name_of(names, ARRAY_LEN(names), direction);
}

const char *ipproto_name(unsigned proto)
{
	static const struct {
		unsigned proto;
		const char *name;
	} names[] = {
		{ IPPROTO_ICMP, "icmp" },
		{ IPPROTO_IPIP, "ipip" },
		{ IPPROTO_TCP, "tcp" },
		{ IPPROTO_UDP, "udp" },
		{ IPPROTO_IPV6, "ipv6" },
		{ IPPROTO_ROUTING, "route2" },
		{ IPPROTO_GRE, "gre" },
		{ IPPROTO_ESP, "esp" },
		{ IPPROTO_AH, "ah" },
		{ IPPROTO_ICMPV6, "ipv6-icmp" },
		{ IPPROTO_DSTOPTS, "hao" },
		{ IPPROTO_COMP, "comp" },
		{ IPPROTO_SCTP, "sctp" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].proto == proto)
			return names[i].name;
	}
	return NULL;
}

const char *source_name(unsigned id)
{
	static const char *const names[] = { "core", "xfrm", "xfrmstat", "audit", "link", "bpf",
		"strongswan", "libreswan", "config", "service" };

	return name_of(names, ARRAY_LEN(names), id);
}

const char *source_state_name(unsigned state)
{
	static const char *const names[] = { "off", "absent", "resyncing", "in step", "lost" };

	return name_of(names, ARRAY_LEN(names), state);
}

const char *source_blind(unsigned id, unsigned state, bool packets_seen)
{
	bool of_daemons = id == SOURCE_STRONGSWAN || id == SOURCE_LIBRESWAN || id == SOURCE_SERVICE;

	if (state == SOURCE_IN_STEP || (state == SOURCE_ABSENT && of_daemons))
		return NULL;
	switch (id) {
	case SOURCE_XFRM:
		return "SAs and policies, their changes and statistics: unknown SPIs have no "
		       "history, "
		       "4961 and 4962 are not told apart";
	case SOURCE_XFRMSTAT:
		return "how many packets the driver dropped: nothing can be proved complete";
	case SOURCE_AUDIT:
		if (packets_seen)
			return "who changed an SA or a policy";
		return "whose packet it was (source, SPI and sequence number of single drops), and "
		       "who "
		       "changed an SA or a policy";
	case SOURCE_BPF:
		return "every single dropped packet with its addresses and ports, also of drops "
		       "that "
		       "leave no audit record (clear text, blocked, outside the selector)";
	case SOURCE_LINK:
		return "which addresses are local (direction of SAs on kernels before 6.10), "
		       "interface names";
	case SOURCE_STRONGSWAN:
	case SOURCE_LIBRESWAN:
		return "IKE SAs, whose the IPsec SAs are, and why negotiations fail";
	case SOURCE_CONFIG:
		return "what is configured but not loaded, proposals, who wants what";
	case SOURCE_SERVICE:
		return "whether the IKE daemons are alive, and what they do not listen on";
	default:
		return "";
	}
}

const char *evidence_name(unsigned evidence)
{
	static const char *const names[] = { NULL, "bpf", "audit", "sa", "counter" };

	return name_of(names, ARRAY_LEN(names), evidence);
}
