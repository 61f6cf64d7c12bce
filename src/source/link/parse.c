/* SPDX-License-Identifier: Apache-2.0 */
#include "source/link/parse.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* The attributes of one message or of one attribute within. */
struct attrs {
	const struct nlattr *first;
	size_t n;
};

static const struct nlattr *next(const struct attrs *v, const struct nlattr *a)
{
	const char *end = (const char *)v->first + v->n;

	a = a ? mnl_attr_next(a) : v->first;
	return mnl_attr_ok(a, (int)(end - (const char *)a)) ? a : NULL;
}

static struct attrs within(const struct nlattr *a)
{
	return (struct attrs){ mnl_attr_get_payload(a), mnl_attr_get_payload_len(a) };
}

static enum parse_result take(const struct nlattr *a, void *ret, size_t n)
{
	if (mnl_attr_get_payload_len(a) < n)
		return PARSE_TRUNCATED;
	memcpy(ret, mnl_attr_get_payload(a), n);
	return PARSE_OK;
}

static enum parse_result take_name(const struct nlattr *a, char ret[NAME_SIZE])
{
	size_t n = mnl_attr_get_payload_len(a);
	const char *text = mnl_attr_get_payload(a);

	n = strnlen(text, n);
	if (n >= NAME_SIZE)
		return PARSE_MALFORMED;
	memset(ret, 0, NAME_SIZE);
	memcpy(ret, text, n);
	return PARSE_OK;
}

/* IFLA_LINKINFO: the kind, and of an xfrm interface its if_id. */
static enum parse_result take_info(const struct nlattr *info, struct link *link)
{
	struct attrs v = within(info);
	const struct nlattr *data = NULL, *a;

	for (a = next(&v, NULL); a; a = next(&v, a)) {
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND && take_name(a, link->kind) != PARSE_OK)
			return PARSE_MALFORMED;
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
	}
	if (!data || strcmp(link->kind, "xfrm") != 0)
		return PARSE_OK;
	v = within(data);
	for (a = next(&v, NULL); a; a = next(&v, a)) {
		if (mnl_attr_get_type(a) == IFLA_XFRM_IF_ID)
			return take(a, &link->if_id, sizeof(link->if_id));
	}
	return PARSE_OK;
}

/* One place of an array of the kernel's settings; an older kernel's is shorter. */
static uint8_t setting_at(const struct nlattr *array, size_t at)
{
	size_t n = mnl_attr_get_payload_len(array) / sizeof(uint32_t);
	uint32_t v;

	if (at >= n)
		return SETTING_UNKNOWN;
	memcpy(&v, (const char *)mnl_attr_get_payload(array) + at * sizeof(v), sizeof(v));
	return v ? SETTING_ON : SETTING_OFF;
}

/* IFLA_AF_SPEC: the link's settings, by family; without its family a link has none. */
static void take_settings(const struct nlattr *families, struct link *link)
{
	struct attrs v = within(families);

	for (const struct nlattr *f = next(&v, NULL); f; f = next(&v, f)) {
		uint16_t family = mnl_attr_get_type(f);
		struct attrs w = within(f);

		for (const struct nlattr *a = next(&w, NULL); a; a = next(&w, a)) {
			uint16_t type = mnl_attr_get_type(a);

			/* The kernel's array begins with the first IPv4 setting, whose number is 1,
			 * and of IPv6's with number 0. */
			if (family == AF_INET && type == IFLA_INET_CONF) {
				link->disable_xfrm = setting_at(a, IPV4_DEVCONF_NOXFRM - 1);
				link->disable_policy = setting_at(a, IPV4_DEVCONF_NOPOLICY - 1);
			} else if (family == AF_INET6 && type == IFLA_INET6_CONF) {
				link->disable_policy6 = setting_at(a, DEVCONF_DISABLE_POLICY);
			}
		}
	}
}

static enum parse_result parse_link(const char *payload, size_t n, struct link *ret)
{
	struct ifinfomsg head;
	enum parse_result r = PARSE_OK;
	struct attrs v;

	if (n < sizeof(head))
		return PARSE_TRUNCATED;
	memcpy(&head, payload, sizeof(head));
	/* Bridges tell of their ports in messages of the same type: the links themselves stay. */
	if (head.ifi_family != AF_UNSPEC)
		return PARSE_NOTHING;
	if (head.ifi_index <= 0)
		return PARSE_MALFORMED;
	ret->ifindex = (uint32_t)head.ifi_index;
	ret->flags = head.ifi_flags;
	v = (struct attrs){ (const void *)(payload + sizeof(head)), n - sizeof(head) };
	for (const struct nlattr *a = next(&v, NULL); a && r == PARSE_OK; a = next(&v, a)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			r = take_name(a, ret->name);
			break;
		case IFLA_MTU:
			r = take(a, &ret->mtu, sizeof(ret->mtu));
			break;
		case IFLA_LINKINFO:
			r = take_info(a, ret);
			break;
		case IFLA_AF_SPEC:
			take_settings(a, ret);
			break;
		default:
			break;
		}
	}
	return r == PARSE_OK && !ret->name[0] ? PARSE_TRUNCATED : r;
}

static enum parse_result parse_addr(const char *payload, size_t n, struct link_addr *ret)
{
	struct ifaddrmsg head;
	bool local = false;
	struct attrs v;
	size_t size;

	if (n < sizeof(head))
		return PARSE_TRUNCATED;
	memcpy(&head, payload, sizeof(head));
	if (head.ifa_family != AF_INET && head.ifa_family != AF_INET6)
		return PARSE_NOTHING;
	size = head.ifa_family == AF_INET ? 4 : 16;
	if (head.ifa_prefixlen > size * 8)
		return PARSE_MALFORMED;
	ret->ifindex = head.ifa_index;
	ret->prefix.length = head.ifa_prefixlen;
	v = (struct attrs){ (const void *)(payload + sizeof(head)), n - sizeof(head) };
	for (const struct nlattr *a = next(&v, NULL); a; a = next(&v, a)) {
		uint16_t type = mnl_attr_get_type(a);

		/* On a point-to-point link IFA_ADDRESS is the other end. */
		if (type != IFA_LOCAL && (type != IFA_ADDRESS || local))
			continue;
		if (mnl_attr_get_payload_len(a) < size)
			return PARSE_TRUNCATED;
		ret->prefix.addr = addr_make(head.ifa_family, mnl_attr_get_payload(a));
		local = type == IFA_LOCAL;
	}
	return ret->prefix.addr.family ? PARSE_OK : PARSE_TRUNCATED;
}

enum parse_result link_parse(const void *message, size_t n, struct fact *ret)
{
	const char *payload = (const char *)message + sizeof(struct nlmsghdr);
	struct nlmsghdr h;

	if (n < sizeof(h))
		return PARSE_TRUNCATED;
	memcpy(&h, message, sizeof(h));
	n -= sizeof(h);
	*ret = (struct fact){ .source = SOURCE_LINK };
	switch (h.nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		ret->type = FACT_LINK;
		ret->link.op = h.nlmsg_type == RTM_NEWLINK ? CHANGE_THERE : CHANGE_GONE;
		return parse_link(payload, n, &ret->link.link);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		ret->type = FACT_ADDR;
		ret->addr.op = h.nlmsg_type == RTM_NEWADDR ? CHANGE_THERE : CHANGE_GONE;
		return parse_addr(payload, n, &ret->addr.addr);
	default:
		return PARSE_UNKNOWN;
	}
}
