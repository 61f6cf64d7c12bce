/* SPDX-License-Identifier: Apache-2.0 */
#include "match/flow.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

bool flow_has_ports(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_MH:
	case IPPROTO_GRE:
		return true;
	default:
		return false;
	}
}

const char *flow_port_name(uint8_t proto, bool destination)
{
	switch (proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return destination ? "ICMP code" : "ICMP type";
	case IPPROTO_MH:
		return destination ? "nothing" : "mobility header type";
	case IPPROTO_GRE:
		return destination ? "low half of the GRE key" : "high half of the GRE key";
	default:
		return destination ? "destination port" : "source port";
	}
}

static int parse_number(
	const char *what, const char *text, uint64_t most, uint32_t *ret, struct diag *reterr)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || errno != 0 || *end || v > most)
		return diag_set(reterr, -EINVAL, "%s: '%.60s' is not a number from 0 to %llu", what,
			text, (unsigned long long)most);
	*ret = (uint32_t)v;
	return 0;
}

static int parse_addr(const char *what, const char *text, struct addr *ret, struct diag *reterr)
{
	if (!text)
		return diag_set(reterr, -EINVAL, "%s is missing", what);
	if (addr_parse(text, ret) < 0)
		return diag_set(
			reterr, -EINVAL, "%s: '%.60s' is not an IPv4 or IPv6 address", what, text);
	return 0;
}

static int parse_proto(const char *text, uint32_t *ret, struct diag *reterr)
{
	if (strcmp(text, "icmpv6") == 0)
		text = ipproto_name(IPPROTO_ICMPV6);
	for (unsigned i = 1; i < 256; i++) {
		const char *name = ipproto_name(i);

		if (name && strcmp(name, text) == 0) {
			*ret = i;
			return 0;
		}
	}
	if (text[0] >= '0' && text[0] <= '9')
		return parse_number("protocol", text, 255, ret, reterr);
	return diag_set(reterr, -EINVAL,
		"no protocol '%.40s'; there are tcp, udp, icmp, icmpv6, sctp …, or a number", text);
}

static int parse_port(
	uint8_t proto, bool destination, const char *text, uint16_t *ret, struct diag *reterr)
{
	uint64_t most = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 || proto == IPPROTO_MH
				? UINT8_MAX
				: UINT16_MAX;
	uint32_t v = 0;
	int r;

	if (!text)
		return 0;
	if (!flow_has_ports(proto))
		return diag_set(reterr, -EINVAL,
			"'%.20s': no policy asks for ports of this protocol: the kernel compares "
			"with 0",
			text);
	r = parse_number(flow_port_name(proto, destination), text, most, &v, reterr);
	*ret = (uint16_t)v;
	return r;
}

int flow_parse(const struct flow_text *text, struct flow *ret, struct diag *reterr)
{
	struct flow f = { 0 };
	uint32_t proto = 0;
	int r = parse_addr("source", text->src, &f.src, reterr);

	r = r < 0 ? r : parse_addr("destination", text->dst, &f.dst, reterr);
	if (r == 0 && f.src.family != f.dst.family)
		r = diag_set(reterr, -EINVAL, "source and destination: one is IPv4, one IPv6");
	if (r == 0 && text->proto)
		r = parse_proto(text->proto, &proto, reterr);
	f.proto = (uint8_t)proto;
	r = r < 0 ? r : parse_port(f.proto, false, text->sport, &f.sport, reterr);
	r = r < 0 ? r : parse_port(f.proto, true, text->dport, &f.dport, reterr);
	if (r == 0 && text->mark)
		r = parse_number("mark", text->mark, UINT32_MAX, &f.mark, reterr);
	if (r == 0 && text->if_id)
		r = parse_number("if_id", text->if_id, UINT32_MAX, &f.if_id, reterr);
	if (r == 0)
		*ret = f;
	return r;
}

unsigned selector_misfits(const struct selector *s, const struct flow *f)
{
	unsigned why = 0;

	if (s->dst.addr.family != f->dst.family)
		return MISFIT_FAMILY;
	if (!prefix_holds(&s->dst, &f->dst))
		why |= MISFIT_DST;
	if (!prefix_holds(&s->src, &f->src))
		why |= MISFIT_SRC;
	if (((f->dport ^ s->dport) & s->dport_mask) != 0)
		why |= MISFIT_DPORT;
	if (((f->sport ^ s->sport) & s->sport_mask) != 0)
		why |= MISFIT_SPORT;
	if (s->proto != 0 && s->proto != f->proto)
		why |= MISFIT_PROTO;
	if (s->ifindex != 0 && s->ifindex != f->ifindex)
		why |= MISFIT_INTERFACE;
	return why;
}

unsigned policy_misfits(const struct policy *p, const struct flow *f)
{
	unsigned why = selector_misfits(&p->selector, f);

	if ((f->mark & p->mark_mask) != (p->mark & p->mark_mask))
		why |= MISFIT_MARK;
	if (p->if_id != f->if_id)
		why |= MISFIT_IF_ID;
	return why;
}
