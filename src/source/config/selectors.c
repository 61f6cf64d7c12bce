/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/selectors.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "source/config/conftext.h"

struct named {
	const char *name;
	uint16_t number;
};

/* Of protocols(5) and services(5), which we do not read: what tunnels are configured for. */
static const struct named protocols[] = { { "icmp", 1 }, { "igmp", 2 }, { "ipencap", 4 },
	{ "tcp", 6 }, { "udp", 17 }, { "dccp", 33 }, { "ipv6", 41 }, { "rsvp", 46 }, { "gre", 47 },
	{ "esp", 50 }, { "ah", 51 }, { "ipv6-icmp", 58 }, { "ospf", 89 }, { "pim", 103 },
	{ "vrrp", 112 }, { "l2tp", 115 }, { "sctp", 132 }, { "udplite", 136 } };
static const struct named services[] = { { "ftp", 21 }, { "ssh", 22 }, { "telnet", 23 },
	{ "smtp", 25 }, { "domain", 53 }, { "tftp", 69 }, { "http", 80 }, { "kerberos", 88 },
	{ "ntp", 123 }, { "snmp", 161 }, { "snmp-trap", 162 }, { "bgp", 179 }, { "ldap", 389 },
	{ "https", 443 }, { "microsoft-ds", 445 }, { "isakmp", 500 }, { "syslog", 514 },
	{ "ldaps", 636 }, { "iscsi-target", 3260 }, { "ms-wbt-server", 3389 }, { "l2tp", 1701 },
	{ "radius", 1812 }, { "ipsec-nat-t", 4500 }, { "postgresql", 5432 }, { "vxlan", 4789 } };

#define OPAQUE "opaque" /* packets whose ports can't be seen, as fragments */

/* A protocol or port with its conditions; any: all of it. */
struct ports {
	uint64_t proto, first, last;
	bool any, opaque;
};

static bool number_of(struct span text, const struct named *names, size_t n, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (conf_is(text, names[i].name)) {
			*ret = names[i].number;
			return true;
		}
	}
	return conf_u64(text, ret);
}

static bool parse_proto(struct span text, struct ports *ret)
{
	ret->proto = 0;
	if (text.n == 0 || conf_is(text, "any") || conf_is(text, "%any"))
		return true;
	return number_of(text, protocols, ARRAY_LEN(protocols), &ret->proto) && ret->proto <= 255;
}

static bool parse_port(struct span text, struct ports *ret)
{
	const uint8_t *dash = text.n > 1 ? memchr(text.p + 1, '-', text.n - 1) : NULL;
	size_t n = dash ? (size_t)(dash - text.p) : 0;

	ret->first = 0;
	ret->last = UINT16_MAX;
	ret->any = text.n == 0 || conf_is(text, "any") || conf_is(text, "%any");
	ret->opaque = conf_is(text, OPAQUE) || conf_is(text, "%opaque");
	if (ret->any || ret->opaque)
		return true;
	if (dash && conf_u64(span_of(text.p, n), &ret->first) &&
		conf_u64(span_of(dash + 1, text.n - n - 1), &ret->last))
		return ret->first <= UINT16_MAX && ret->last <= UINT16_MAX;
	if (!number_of(text, services, ARRAY_LEN(services), &ret->first))
		return false;
	ret->last = ret->first;
	return ret->first <= UINT16_MAX;
}

/* "tcp/443", "udp" */
static bool parse_ports(struct span text, struct ports *ret)
{
	const uint8_t *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	size_t n = slash ? (size_t)(slash - text.p) : text.n;
	struct span port = slash ? span_of(slash + 1, text.n - n - 1) : span_of(text.p, 0);

	return parse_proto(span_of(text.p, n), ret) && parse_port(port, ret);
}

static void put_proto(const struct ports *p, char *ret, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if (protocols[i].number == p->proto) {
			snprintf(ret, size, "%s", protocols[i].name);
			return;
		}
	}
	snprintf(ret, size, "%u", (unsigned)p->proto);
}

/* ICMP's type stands in the upper octet, its code in the lower. */
static void put_port(const struct ports *p, uint64_t port, char *ret, size_t size)
{
	bool icmp = p->proto == 1 || p->proto == 58;

	if (icmp && (port & 0xff))
		snprintf(ret, size, "%u(%u)", (unsigned)port >> 8, (unsigned)port & 0xff);
	else
		snprintf(ret, size, "%u", (unsigned)(icmp ? port >> 8 : port));
}

static void put_ports(const struct ports *p, char *text)
{
	size_t n = strlen(text);
	char proto[20], first[16], last[16];

	if (p->any && p->proto == 0)
		return;
	put_proto(p, proto, sizeof(proto));
	put_port(p, p->first, first, sizeof(first));
	put_port(p, p->last, last, sizeof(last));
	if (p->any)
		snprintf(text + n, SELECTOR_SIZE - n, "[%s]", proto);
	else if (p->opaque)
		snprintf(text + n, SELECTOR_SIZE - n, "[%s/" OPAQUE "]", proto);
	else if (p->first == p->last)
		snprintf(text + n, SELECTOR_SIZE - n, "[%s/%s]", proto, first);
	else
		snprintf(text + n, SELECTOR_SIZE - n, "[%s/%s-%s]", proto, first, last);
}

static bool to_text(struct span text, char *ret, size_t size)
{
	if (text.n == 0 || text.n >= size || memchr(text.p, '\0', text.n))
		return false;
	memcpy(ret, text.p, text.n);
	ret[text.n] = '\0';
	return true;
}

static void put_prefix(struct prefix *p, char *ret)
{
	char addr[ADDR_TEXT_SIZE];

	for (unsigned bit = p->length; bit < addr_bits(&p->addr); bit++)
		p->addr.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	snprintf(ret, SELECTOR_SIZE, "%s/%u", addr_format(&p->addr, addr), p->length);
}

/* The prefix that holds exactly these addresses; false: there is none. */
static bool prefix_of_range(const struct addr *first, const struct addr *last, struct prefix *ret)
{
	unsigned bits = addr_bits(first), same = 0;

	while (same < bits &&
		!((first->octets[same / 8] ^ last->octets[same / 8]) & (0x80u >> same % 8)))
		same++;
	for (unsigned bit = same; bit < bits; bit++) {
		uint8_t mask = (uint8_t)(0x80u >> bit % 8);

		if ((first->octets[bit / 8] & mask) || !(last->octets[bit / 8] & mask))
			return false;
	}
	*ret = (struct prefix){ .addr = *first, .length = (uint8_t)same };
	return true;
}

static bool parse_range(const char *text, char *ret)
{
	const char *dash = strchr(text, '-');
	char first[ADDR_TEXT_SIZE], last[ADDR_TEXT_SIZE];
	struct addr a, b;
	struct prefix p;

	if (!dash ||
		!to_text(conf_trim(span_of(text, (size_t)(dash - text))), first, sizeof(first)) ||
		!to_text(conf_trim(span_text(dash + 1)), last, sizeof(last)) ||
		addr_parse(first, &a) || addr_parse(last, &b) || a.family != b.family ||
		addr_cmp(&a, &b) > 0)
		return false;
	if (prefix_of_range(&a, &b, &p))
		put_prefix(&p, ret);
	else
		snprintf(ret, SELECTOR_SIZE, "%s..%s", addr_format(&a, first),
			addr_format(&b, last));
	return true;
}

/* Addresses, without ports. */
static bool parse_addresses(struct span text, char *ret)
{
	char copy[2 * ADDR_TEXT_SIZE + 4];
	struct prefix p;

	if (conf_is(text, "dynamic")) {
		snprintf(ret, SELECTOR_SIZE, "dynamic");
		return true;
	}
	if (!to_text(text, copy, sizeof(copy)))
		return false;
	if (prefix_parse(copy, &p, NULL))
		return parse_range(copy, ret);
	put_prefix(&p, ret);
	return true;
}

bool selector_strongswan(struct span text, char ret[SELECTOR_SIZE])
{
	const uint8_t *bracket = text.n > 0 ? memchr(text.p, '[', text.n) : NULL;
	size_t n = bracket ? (size_t)(bracket - text.p) : text.n;
	struct span ports = span_of(text.p, 0);
	struct ports p;

	ret[0] = '\0';
	if (bracket && text.p[text.n - 1] != ']')
		return false;
	if (bracket)
		ports = span_of(bracket + 1, text.n - n - 2);
	if (!parse_ports(ports, &p) || !parse_addresses(conf_trim(span_of(text.p, n)), ret)) {
		ret[0] = '\0';
		return false;
	}
	put_ports(&p, ret);
	return true;
}

bool selector_ipsec(struct span subnet, struct span protoport, char ret[SELECTOR_SIZE])
{
	struct ports p;

	ret[0] = '\0';
	if (subnet.n == 0)
		subnet = span_text("dynamic");
	if (!parse_ports(protoport, &p) || !parse_addresses(subnet, ret)) {
		ret[0] = '\0';
		return false;
	}
	put_ports(&p, ret);
	return true;
}
