/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/policy.h"

/*
 * A packet as the kernel's policy lookup sees it (struct flowi): what a selector is compared with.
 * Both addresses are of one family.
 */
struct flow {
	struct addr src, dst;
	uint8_t proto; /* 0: not known; meets only policies for any protocol */
	/*
	 * TCP, UDP, UDP-Lite, SCTP: ports. ICMP, ICMPv6: type and code. Mobility header: type, 0.
	 * GRE: the halves of the key. Everything else, and fragments behind the first: 0.
	 */
	uint16_t sport, dport;
	uint32_t mark;
	uint32_t if_id; /* of the xfrm interface it leaves or came by; 0: none */
	/*
	 * Out and fwd: the interface it leaves by. In: the loopback's (1), whatever it came by, for
	 * the kernel compares with where the packet goes. 0: not known.
	 */
	uint32_t ifindex;
};

#define LOOPBACK_IFINDEX 1u /* in every netns */

/* What somebody asks for, as text; NULL: not given. The interface is the caller's to look up. */
struct flow_text {
	const char *src, *dst, *proto, *sport, *dport, *mark, *if_id;
};

/* -EINVAL with the reason, *ret untouched. */
int flow_parse(const struct flow_text *text, struct flow *ret, struct diag *reterr);

bool flow_has_ports(uint8_t proto); /* selectors of this protocol may name ports, or the like */
/* What sport and dport are called: "port", "ICMP type" and "ICMP code", … */
const char *flow_port_name(uint8_t proto, bool destination);

/* Why a policy does not fit a flow; 0: it does. */
enum misfit {
	MISFIT_FAMILY = 1 << 0,
	MISFIT_SRC = 1 << 1,
	MISFIT_DST = 1 << 2,
	MISFIT_PROTO = 1 << 3,
	MISFIT_SPORT = 1 << 4,
	MISFIT_DPORT = 1 << 5,
	MISFIT_INTERFACE = 1 << 6,
	MISFIT_MARK = 1 << 7,
	MISFIT_IF_ID = 1 << 8,
};
#define MISFIT_ADDRESS (MISFIT_FAMILY | MISFIT_SRC | MISFIT_DST)

/* As __xfrm4_selector_match() and __xfrm6_selector_match(). */
unsigned selector_misfits(const struct selector *s, const struct flow *f);
/* As xfrm_policy_match(), but for type and direction; security contexts are not known. */
unsigned policy_misfits(const struct policy *p, const struct flow *f);
