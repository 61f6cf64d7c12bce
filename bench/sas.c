/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SAs with real algorithms, in the netns that this runs in.
 *   sas fill N      adds N, ESP tunnel mode with AES-GCM
 *   sas walk TIMES  the limit: libmnl reads so many dumps and looks at every attribute
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "measure.h"

#define WALK_BUFFER 32768 /* what the kernel fills at most */

static uint64_t walked, attributes;
static char octets[WALK_BUFFER] __attribute__((aligned(8)));

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
	return mnl_attr_parse(h, sizeof(struct xfrm_usersa_info), on_attribute, NULL);
}

static struct mnl_socket *begin(void)
{
	struct mnl_socket *s = mnl_socket_open(NETLINK_XFRM);

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	return s;
}

/* Reads until the answer to request `seq` is complete. */
static void answer(struct mnl_socket *s, uint32_t seq, mnl_cb_t call)
{
	int r = MNL_CB_OK;

	while (r == MNL_CB_OK) {
		ssize_t n = mnl_socket_recvfrom(s, octets, sizeof(octets));

		if (n < 0)
			die("answer");
		r = mnl_cb_run(octets, (size_t)n, seq, mnl_socket_get_portid(s), call, NULL);
		if (r < 0)
			die("answer");
	}
}

static void walk(uint64_t times)
{
	struct mnl_socket *s = begin();
	struct measure from = measure_now(), m;

	for (uint32_t i = 1; i <= times; i++) {
		struct nlmsghdr *h = mnl_nlmsg_put_header(octets);

		h->nlmsg_type = XFRM_MSG_GETSA;
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		h->nlmsg_seq = i;
		mnl_nlmsg_put_extra_header(h, sizeof(struct xfrm_usersa_id));
		mnl_attr_put_u8(h, XFRMA_PROTO, 255 /* all of IPsec */);
		if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
			die("request");
		answer(s, i, on_message);
	}
	m = measure_since(&from);
	measure_print(walked, &m, NULL);
}

static void add(struct mnl_socket *s, uint32_t i)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(octets);
	struct xfrm_usersa_info *sa = mnl_nlmsg_put_extra_header(h, sizeof(*sa));
	const struct xfrm_algo_aead head = {
		.alg_name = "rfc4106(gcm(aes))", .alg_key_len = 160, .alg_icv_len = 128
	};
	char algo[sizeof(head) + 20];

	h->nlmsg_type = XFRM_MSG_NEWSA;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = i;
	*sa = (struct xfrm_usersa_info){
		.id = { .daddr.a4 = htonl(0xc6120000 + i),
			.spi = htonl(0x10000 + i),
			.proto = IPPROTO_ESP },
		.saddr.a4 = htonl(0xc6330001),
		.lft = { .soft_byte_limit = XFRM_INF,
			.hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF },
		.reqid = i,
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.replay_window = 32,
	};
	memcpy(algo, &head, sizeof(head));
	for (size_t k = sizeof(head); k < sizeof(algo); k++)
		algo[k] = (char)(i * 31 + k);
	mnl_attr_put(h, XFRMA_ALG_AEAD, sizeof(algo), algo);
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		die("request");
	answer(s, i, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "fill")) {
		struct mnl_socket *s = begin();

		for (uint32_t i = 1, n = (uint32_t)number(argv[2]); i <= n; i++)
			add(s, i);
	} else if (argc == 3 && !strcmp(argv[1], "walk")) {
		walk(number(argv[2]));
	} else {
		fprintf(stderr, "usage: sas fill N | walk TIMES\n");
		return 2;
	}
	return 0;
}
