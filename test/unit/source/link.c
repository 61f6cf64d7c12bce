/* SPDX-License-Identifier: Apache-2.0 */
#include "source/link/parse.h"

#include <linux/if_link.h>
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
		cmocka_unit_test(a_bridge_losing_a_port_loses_no_link),
		cmocka_unit_test(the_near_end_of_a_tunnel),
		cmocka_unit_test(lies),
	};

	return cmocka_run_group_tests_name("source/link", tests, NULL, NULL);
}
