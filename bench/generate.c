/* SPDX-License-Identifier: Apache-2.0 */
#include "generate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "measure.h"

#define REQUEST_MAX 512 /* octets of one request */

void generator_begin(struct generator *g)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int n = 4 << 20;

	*g = (struct generator){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM) };
	if (g->fd < 0 || bind(g->fd, (const struct sockaddr *)&any, sizeof(any)) ||
		setsockopt(g->fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n)))
		die("netlink");
}

static struct xfrm_selector selector(uint32_t i)
{
	return (struct xfrm_selector){
		.family = AF_INET,
		.saddr.a4 = htonl(0x0a000000 + i),
		.daddr.a4 = htonl(0x0b000000 + i),
		.prefixlen_s = 32,
		.prefixlen_d = 32,
	};
}

static void add_policy(struct nlmsghdr *h, uint32_t i)
{
	struct xfrm_userpolicy_info *p = mnl_nlmsg_put_extra_header(h, sizeof(*p));
	struct xfrm_user_tmpl t = {
		.id = { .daddr.a4 = htonl(0xc6120000 + i), .proto = IPPROTO_ESP },
		.family = AF_INET,
		.saddr.a4 = htonl(0xc6330001),
		.reqid = i + 1,
		.mode = XFRM_MODE_TUNNEL,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	*p = (struct xfrm_userpolicy_info){
		.sel = selector(i),
		.dir = XFRM_POLICY_OUT,
		.lft = { .soft_byte_limit = XFRM_INF,
			.hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF },
	};
	mnl_attr_put(h, XFRMA_TMPL, sizeof(t), &t);
}

static void delete_policy(struct nlmsghdr *h, uint32_t i)
{
	struct xfrm_userpolicy_id *id = mnl_nlmsg_put_extra_header(h, sizeof(*id));

	*id = (struct xfrm_userpolicy_id){ .sel = selector(i), .dir = XFRM_POLICY_OUT };
}

void generator_policy(struct generator *g, bool add, uint32_t i)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(g->octets + g->used);

	h->nlmsg_type = add ? XFRM_MSG_NEWPOLICY : XFRM_MSG_DELPOLICY;
	h->nlmsg_flags = NLM_F_REQUEST;
	if (add)
		add_policy(h, i);
	else
		delete_policy(h, i);
	g->used += (h->nlmsg_len + 3) & ~(size_t)3;
	g->n++;
	if (g->used + REQUEST_MAX > sizeof(g->octets))
		generator_flush(g);
}

/* The kernel has done all by the time send() returns; it answers what it refuses. */
void generator_flush(struct generator *g)
{
	char answer[4096];

	if (g->used == 0)
		return;
	if (send(g->fd, g->octets, g->used, 0) < 0)
		die("request");
	g->used = 0;
	if (recv(g->fd, answer, sizeof(answer), MSG_DONTWAIT) >= (ssize_t)NLMSG_HDRLEN + 4) {
		memcpy(&errno, answer + NLMSG_HDRLEN, sizeof(int));
		errno = -errno;
		die("the kernel refuses a policy");
	}
}
