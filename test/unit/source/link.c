/* SPDX-License-Identifier: Apache-2.0 */
#include "source/link/parse.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "messages.h"

static struct fact f;

static struct nlmsghdr *link_message(struct octets *o, uint16_t type, uint8_t family)
{
	struct ifinfomsg head = { .ifi_family = family, .ifi_index = 4, .ifi_flags = 0x1043 };
	struct nlmsghdr *h = message_begin(o, type);

	put_head(h, &head, sizeof(head));
	return h;
}

static void an_xfrm_interface(void **state)
{
	struct nlattr *info, *data;
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = link_message(&o, RTM_NEWLINK, AF_UNSPEC);
	mnl_attr_put_strz(h, IFLA_IFNAME, "ipsec0");
	mnl_attr_put_u32(h, IFLA_MTU, 1400);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "xfrm");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	mnl_attr_put_u32(h, IFLA_XFRM_LINK, 2);
	mnl_attr_put_u32(h, IFLA_XFRM_IF_ID, 42);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.type == FACT_LINK && f.link.op == CHANGE_THERE);
	assert_string_equal(f.link.link.name, "ipsec0");
	assert_string_equal(f.link.link.kind, "xfrm");
	assert_true(f.link.link.if_id == 42 && f.link.link.mtu == 1400 && f.link.link.ifindex == 4);
}

static void put_settings(
	struct nlmsghdr *h, uint16_t family, uint16_t array, const uint32_t *values, size_t n)
{
	struct nlattr *families = mnl_attr_nest_start(h, IFLA_AF_SPEC), *of;

	of = mnl_attr_nest_start(h, family);
	mnl_attr_put(h, array, n * sizeof(*values), values);
	mnl_attr_nest_end(h, of);
	mnl_attr_nest_end(h, families);
}

/* A link whose every setting is off, but for those in its place. */
static const struct link *parse_settings(
	uint16_t family, uint16_t array, size_t on, size_t n, size_t cut)
{
	uint32_t values[64] = { [2] = 5 };
	struct nlmsghdr *h;
	struct octets o;

	values[on] = 1;
	h = link_message(&o, RTM_NEWLINK, AF_UNSPEC);
	mnl_attr_put_strz(h, IFLA_IFNAME, "eth0");
	put_settings(h, family, array, values, n);
	h->nlmsg_len -= (uint32_t)cut;
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_OK);
	return &f.link.link;
}

static void settings_of_a_link(void **state)
{
	const size_t xfrm = IPV4_DEVCONF_NOXFRM - 1, policy = IPV4_DEVCONF_NOPOLICY - 1;
	const struct link *l;

	(void)state;
	l = parse_settings(AF_INET, IFLA_INET_CONF, xfrm, 32, 0);
	assert_int_equal(l->disable_xfrm, SETTING_ON);
	assert_int_equal(l->disable_policy, SETTING_OFF);
	assert_int_equal(l->disable_policy6, SETTING_UNKNOWN);
	l = parse_settings(AF_INET, IFLA_INET_CONF, policy, 32, 0);
	assert_int_equal(l->disable_xfrm, SETTING_OFF);
	assert_int_equal(l->disable_policy, SETTING_ON);
	l = parse_settings(AF_INET6, IFLA_INET6_CONF, DEVCONF_DISABLE_POLICY, 60, 0);
	assert_int_equal(l->disable_policy6, SETTING_ON);
	assert_int_equal(l->disable_xfrm, SETTING_UNKNOWN);
	assert_int_equal(l->disable_policy, SETTING_UNKNOWN);
	l = parse_settings(AF_INET6, IFLA_INET6_CONF, DEVCONF_DISABLE_POLICY - 1, 60, 0);
	assert_int_equal(l->disable_policy6, SETTING_OFF);
	/* Numbers mean something in their own family only. */
	l = parse_settings(AF_INET6, IFLA_INET_CONF, xfrm, 32, 0);
	assert_int_equal(l->disable_xfrm, SETTING_UNKNOWN);
}

static void settings_that_are_not_there_are_not_known(void **state)
{
	const size_t xfrm = IPV4_DEVCONF_NOXFRM - 1, policy = IPV4_DEVCONF_NOPOLICY - 1;
	const struct link *l;

	(void)state;
	/* An older kernel's array is shorter. */
	l = parse_settings(AF_INET, IFLA_INET_CONF, xfrm, policy, 0);
	assert_int_equal(l->disable_xfrm, SETTING_ON);
	assert_int_equal(l->disable_policy, SETTING_UNKNOWN);
	l = parse_settings(AF_INET, IFLA_INET_CONF, 0, 0, 0);
	assert_int_equal(l->disable_xfrm, SETTING_UNKNOWN);
	l = parse_settings(AF_INET6, IFLA_INET6_CONF, 0, DEVCONF_DISABLE_POLICY, 0);
	assert_int_equal(l->disable_policy6, SETTING_UNKNOWN);
	/* Nothing is taken of an array that the message does not hold. */
	l = parse_settings(AF_INET, IFLA_INET_CONF, xfrm, 32, 4);
	assert_int_equal(l->disable_xfrm, SETTING_UNKNOWN);
	assert_string_equal(l->name, "eth0");
}

static void a_bridge_losing_a_port_loses_no_link(void **state)
{
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = link_message(&o, RTM_DELLINK, AF_BRIDGE);
	mnl_attr_put_strz(h, IFLA_IFNAME, "veth0");
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_NOTHING);
}

static void the_near_end_of_a_tunnel(void **state)
{
	struct ifaddrmsg head = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 3 };
	char text[PREFIX_TEXT_SIZE];
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = message_begin(&o, RTM_NEWADDR);
	put_head(h, &head, sizeof(head));
	mnl_attr_put_u32(h, IFA_LOCAL, htonl(0x0a090001));
	mnl_attr_put_u32(h, IFA_ADDRESS, htonl(0x0a090009));
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_string_equal(prefix_format(&f.addr.addr.prefix, text), "10.9.0.1/24");
}

static void lies(void **state)
{
	struct ifaddrmsg head = { .ifa_family = AF_INET, .ifa_prefixlen = 33, .ifa_index = 3 };
	struct nlmsghdr *h;
	struct octets o;
	char name[80];

	(void)state;
	h = link_message(&o, RTM_NEWLINK, AF_UNSPEC);
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_TRUNCATED); /* no name */
	memset(name, 'n', sizeof(name));
	mnl_attr_put(h, IFLA_IFNAME, sizeof(name), name);
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_MALFORMED);
	assert_int_equal(link_parse(h, 20, &f), PARSE_TRUNCATED);
	h = message_begin(&o, RTM_NEWADDR);
	put_head(h, &head, sizeof(head));
	mnl_attr_put_u32(h, IFA_LOCAL, 1);
	assert_int_equal(link_parse(h, h->nlmsg_len, &f), PARSE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_xfrm_interface),
		cmocka_unit_test(settings_of_a_link),
		cmocka_unit_test(settings_that_are_not_there_are_not_known),
		cmocka_unit_test(a_bridge_losing_a_port_loses_no_link),
		cmocka_unit_test(the_near_end_of_a_tunnel),
		cmocka_unit_test(lies),
	};

	return cmocka_run_group_tests_name("source/link", tests, NULL, NULL);
}
