/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's policies, in the netns that this runs in.
 *   policies fill FROM TO   adds those numbered FROM to TO - 1
 *   policies walk           the limit: libmnl reads a dump and looks at every attribute
 *   policies model          ours: a dump, parsed, as facts, into the core's ledger
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "generate.h"
#include "ledger.h"
#include "measure.h"

#define WALK_BUFFER 32768 /* what the kernel fills at most */

static uint64_t walked, attributes;

static int on_attribute(const struct nlattr *a, void *userdata)
{
	(void)userdata;
	attributes += mnl_attr_get_type(a) != 0;
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *h, void *userdata)
{
	(void)userdata;
	walked++;
	return mnl_attr_parse(h, sizeof(struct xfrm_userpolicy_info), on_attribute, NULL);
}

static void walk(void)
{
	static char octets[WALK_BUFFER] __attribute__((aligned(8)));
	struct mnl_socket *s = mnl_socket_open(NETLINK_XFRM);
	struct nlmsghdr *h = mnl_nlmsg_put_header(octets);
	struct measure begin, m;
	ssize_t n;
	int r = MNL_CB_OK;

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	begin = measure_now();
	h->nlmsg_type = XFRM_MSG_GETPOLICY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	mnl_nlmsg_put_extra_header(h, sizeof(struct xfrm_userpolicy_id));
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		die("request");
	while (r == MNL_CB_OK) {
		n = mnl_socket_recvfrom(s, octets, sizeof(octets));
		if (n < 0)
			die("dump");
		r = mnl_cb_run(octets, (size_t)n, 1, mnl_socket_get_portid(s), on_message, NULL);
		if (r < 0)
			die("dump");
	}
	m = measure_since(&begin);
	measure_print(walked, &m, NULL);
}

static void model(void)
{
	struct core_status status;
	struct measure begin, m;
	static struct ledger l;

	ledger_begin(&l, 8 << 20);
	begin = measure_now();
	ledger_ask(&l, XFRM_WANT_POLICY);
	m = measure_since(&begin);
	core_status(l.core, &status);
	measure_print(status.n_policy, &m, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "fill")) {
		struct generator g;

		generator_begin(&g);
		for (uint64_t i = number(argv[2]), end = number(argv[3]); i < end; i++)
			generator_policy(&g, true, (uint32_t)i);
		generator_flush(&g);
	} else if (argc == 2 && !strcmp(argv[1], "walk")) {
		walk();
	} else if (argc == 2 && !strcmp(argv[1], "model")) {
		model();
	} else {
		fprintf(stderr, "usage: policies fill FROM TO | walk | model\n");
		return 2;
	}
	return 0;
}
