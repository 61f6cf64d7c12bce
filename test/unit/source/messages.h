/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

/* Messages of NETLINK_XFRM as the kernel builds them, with a key that must never be seen again. */

#define DUMMY_KEY "DUMMYKEYDUMMYKEYDUMMYKEYDUMMYKEY"

struct octets {
	char p[2048] __attribute__((aligned(8)));
};

static inline struct nlmsghdr *message_begin(struct octets *o, uint16_t type)
{
	struct nlmsghdr *h;

	memset(o, 0, sizeof(*o));
	h = mnl_nlmsg_put_header(o->p);
	h->nlmsg_type = type;
	return h;
}

static inline struct xfrm_usersa_info info_of_sa(uint32_t spi)
{
	struct xfrm_usersa_info i = {
		.id = { .spi = htonl(spi), .proto = IPPROTO_ESP },
		.lft = { .soft_byte_limit = XFRM_INF,
			.hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = 3,
			.hard_add_expires_seconds = 3600 },
		.curlft = { .bytes = 84, .packets = 2, .add_time = 1795311077 },
		.stats = { .replay = 1, .replay_window = 2, .integrity_failed = 3 },
		.reqid = 7,
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.replay_window = 32,
	};

	i.saddr.a4 = htonl(0x0a090001);
	i.id.daddr.a4 = htonl(0x0a090002);
	return i;
}

static inline void put_aead(struct nlmsghdr *h)
{
	struct xfrm_algo_aead head = {
		.alg_name = "rfc4106(gcm(aes))", .alg_key_len = 288, .alg_icv_len = 128
	};
	char a[sizeof(head) + 36] = { 0 };

	memcpy(a, &head, sizeof(head));
	memcpy(a + sizeof(head), DUMMY_KEY, 32);
	mnl_attr_put(h, XFRMA_ALG_AEAD, sizeof(a), a);
}

static inline void put_head(struct nlmsghdr *h, const void *p, size_t n)
{
	memcpy(mnl_nlmsg_put_extra_header(h, n), p, n);
}
