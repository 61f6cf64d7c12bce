/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_packet.h>
#include <linux/xfrm.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet.h"
#include "source/message.h"
#include "source/xfrm/parse.h"

#define BELL 0x88b5 /* an ethertype for experiments: no policy asks for it */
#define BATCH ((size_t)48 << 10)

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* Netlink. */

static void talk(struct kernel *k, const void *request, size_t n, void (*each)(void *, struct span),
	void *userdata)
{
	static uint8_t answer[65536] __attribute__((aligned(8)));

	if (send(k->netlink, request, n, 0) != (ssize_t)n)
		die("netlink");
	for (;;) {
		ssize_t got = recv(k->netlink, answer, sizeof(answer), 0);
		struct span datagram = span_of(answer, got > 0 ? (size_t)got : 0), message;
		struct nlmsghdr head;

		if (got < 0)
			die("netlink");
		while (message_take(&datagram, &head, &message)) {
			if (head.nlmsg_type == NLMSG_ERROR && message_error(message) < 0) {
				errno = -message_error(message);
				die("xfrm");
			}
			if (head.nlmsg_seq != k->seq)
				continue;
			if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE)
				return;
			if (each)
				each(userdata, message);
		}
	}
}

static struct nlmsghdr *begin(struct kernel *k, void *at, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++k->seq;
	return h;
}

void kernel_flush(struct kernel *k)
{
	for (uint8_t type = 0; type <= k->has_sub; type++) {
		const struct xfrm_userpolicy_type t = { .type = type };
		uint8_t message[256] __attribute__((aligned(8)));
		struct nlmsghdr *h = begin(k, message, XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);

		mnl_attr_put(h, XFRMA_POLICY_TYPE, sizeof(t), &t);
		talk(k, h, h->nlmsg_len, NULL, NULL);
	}
}

static void put_address(xfrm_address_t *at, const struct addr *a)
{
	memcpy(at, a->octets, a->family == AF_INET6 ? 16 : 4);
}

static void put_policy(
	struct kernel *k, void *at, const struct policy *p, uint32_t user, bool update)
{
	struct nlmsghdr *h = begin(k, at, update ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY, 0);
	/* Made here, for netlink aligns to 4 octets only. */
	struct xfrm_userpolicy_info i = { 0 };
	const struct selector *s = &p->selector;
	const struct xfrm_userpolicy_type type = { .type = p->type };
	const struct xfrm_mark mark = { .v = p->mark, .m = p->mark_mask };
	struct xfrm_user_tmpl templates[POLICY_TEMPLATES];

	i.sel.family = s->dst.addr.family;
	put_address(&i.sel.saddr, &s->src.addr);
	put_address(&i.sel.daddr, &s->dst.addr);
	i.sel.prefixlen_s = s->src.length;
	i.sel.prefixlen_d = s->dst.length;
	i.sel.sport = htons(s->sport);
	i.sel.sport_mask = htons(s->sport_mask);
	i.sel.dport = htons(s->dport);
	i.sel.dport_mask = htons(s->dport_mask);
	i.sel.proto = s->proto;
	i.sel.ifindex = (int)s->ifindex;
	i.sel.user = user;
	i.lft.soft_byte_limit = i.lft.hard_byte_limit = XFRM_INF;
	i.lft.soft_packet_limit = i.lft.hard_packet_limit = XFRM_INF;
	i.priority = p->priority;
	i.dir = p->direction;
	i.action = p->block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	memcpy(mnl_nlmsg_put_extra_header(h, sizeof(i)), &i, sizeof(i));
	if (k->has_sub)
		mnl_attr_put(h, XFRMA_POLICY_TYPE, sizeof(type), &type);
	if (p->mark_mask)
		mnl_attr_put(h, XFRMA_MARK, sizeof(mark), &mark);
	if (p->if_id)
		mnl_attr_put_u32(h, XFRMA_IF_ID, p->if_id);
	memset(templates, 0, sizeof(templates));
	for (unsigned t = 0; t < p->n_templates; t++) {
		templates[t] = (struct xfrm_user_tmpl){ .family = p->templates[t].dst.family,
			.id.proto = p->templates[t].proto,
			.mode = p->templates[t].mode,
			.reqid = p->templates[t].reqid,
			.optional = p->templates[t].optional,
			.aalgos = UINT32_MAX,
			.ealgos = UINT32_MAX,
			.calgos = UINT32_MAX };
		put_address(&templates[t].saddr, &p->templates[t].src);
		put_address(&templates[t].id.daddr, &p->templates[t].dst);
	}
	if (p->n_templates)
		mnl_attr_put(h, XFRMA_TMPL, p->n_templates * sizeof(templates[0]), templates);
}

void kernel_put(
	struct kernel *k, const struct policy *p, const uint32_t *users, size_t n, bool update)
{
	static uint8_t batch[BATCH + 2048] __attribute__((aligned(8)));
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)(batch + used);

		put_policy(k, h, &p[i], users[i], update);
		used += NLMSG_ALIGN(h->nlmsg_len);
		if (i + 1 < n && used < BATCH)
			continue;
		h->nlmsg_flags |= NLM_F_ACK;
		talk(k, batch, used, NULL, NULL);
		used = 0;
	}
}

void kernel_defaults(struct kernel *k, bool block_in, bool block_fwd, bool block_out)
{
	uint8_t message[256] __attribute__((aligned(8))), *v;
	struct nlmsghdr *h = begin(k, message, 39 /* XFRM_MSG_SETDEFAULT */, NLM_F_ACK);

	v = mnl_nlmsg_put_extra_header(h, 4);
	v[0] = block_in ? 1 : 2; /* XFRM_USERPOLICY_BLOCK, _ACCEPT */
	v[1] = block_fwd ? 1 : 2;
	v[2] = block_out ? 1 : 2;
	h->nlmsg_len = NLMSG_LENGTH(3);
	talk(k, h, NLMSG_ALIGN(h->nlmsg_len), NULL, NULL);
}

static void dump_one(void *userdata, struct span message)
{
	struct policy *ret = userdata;
	struct xfrm_userpolicy_info info;
	static struct fact f;

	memcpy(&info, message.p + NLMSG_HDRLEN, sizeof(info));
	if (xfrm_parse(message.p, message.n, &f) != PARSE_OK || f.type != FACT_POLICY ||
		info.sel.user >= KERNEL_POLICIES) {
		fprintf(stderr, "a policy that can't be read\n");
		exit(1);
	}
	ret[info.sel.user] = f.policy.policy;
}

void kernel_dump(struct kernel *k, struct policy ret[KERNEL_POLICIES])
{
	uint8_t message[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = begin(k, message, XFRM_MSG_GETPOLICY, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(h, sizeof(struct xfrm_userpolicy_id));
	memset(ret, 0, KERNEL_POLICIES * sizeof(*ret));
	talk(k, h, h->nlmsg_len, dump_one, ret);
}

/* Packets. */

static void wire_send(struct kernel *k, const uint8_t *octets, size_t n, uint32_t mark)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = k->ifindex_wire };

	if (setsockopt(k->wire, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
		sendto(k->wire, octets, n, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)n)
		die("wire");
}

static size_t ethernet(const struct kernel *k, uint16_t type, uint8_t *ret)
{
	const uint16_t t = htons(type);

	memcpy(ret, k->mac_wire1, 6);
	memcpy(ret + 6, k->mac_wire0, 6);
	memcpy(ret + 12, &t, 2);
	return 14;
}

/* What went ahead on the wire has been dealt with once the bell is heard: they queue up. */
static void ring(struct kernel *k)
{
	uint8_t frame[60] = { 0 };
	uint32_t heard;

	k->rung++;
	memcpy(frame + ethernet(k, BELL, frame), &k->rung, sizeof(k->rung));
	wire_send(k, frame, sizeof(frame), 0);
	do {
		if (recv(k->bell, frame, sizeof(frame), 0) < 14 + (ssize_t)sizeof(heard))
			die("bell");
		memcpy(&heard, frame + 14, sizeof(heard));
	} while (heard != k->rung);
}

void kernel_send(struct kernel *k, uint8_t direction, const struct flow *f)
{
	uint8_t frame[256];
	size_t n;

	if (direction == POLICY_OUT) {
		packet_by_socket(f);
		return;
	}
	n = ethernet(k, f->dst.family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP, frame);
	n += packet_build(f, frame + n);
	wire_send(k, frame, n, f->mark);
	ring(k);
}

uint64_t kernel_counter(struct kernel *k, const char *name)
{
	char text[4096];
	ssize_t n = pread(k->stat, text, sizeof(text) - 1, 0);
	const char *at;

	if (n <= 0)
		die("xfrm_stat");
	text[n] = '\0';
	at = strstr(text, name);
	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* The world. */

static void run(const char *commands)
{
	if (system(commands) != 0) {
		fprintf(stderr, "failed: %s\n", commands);
		exit(1);
	}
}

static void hardware_address(const char *name, uint8_t ret[6])
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r) < 0)
		die(name);
	memcpy(ret, r.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static int packet_socket(uint16_t protocol, const char *interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(interface) };
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		die("packet socket");
	return fd;
}

static bool probe_sub(struct kernel *k)
{
	const struct xfrm_userpolicy_type t = { .type = XFRM_POLICY_TYPE_SUB };
	uint8_t message[256] __attribute__((aligned(8))), answer[1024];
	struct nlmsghdr *h = begin(k, message, XFRM_MSG_FLUSHPOLICY, NLM_F_ACK);
	ssize_t n;

	mnl_attr_put(h, XFRMA_POLICY_TYPE, sizeof(t), &t);
	if (send(k->netlink, h, h->nlmsg_len, 0) < 0)
		die("netlink");
	n = recv(k->netlink, answer, sizeof(answer), 0);
	return n > 0 && message_error(span_of(answer, (size_t)n)) == 0;
}

bool kernel_open(struct kernel *k)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	cpu_set_t cpu;

	*k = (struct kernel){ 0 };
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 ||
		system("ip link add wire0 type veth peer name wire1 2>/dev/null && "
		       "ip link add out0 type veth peer name out1 2>/dev/null") != 0)
		return false;
	/* One processor, so that what is sent first is dealt with first. */
	CPU_ZERO(&cpu);
	CPU_SET((unsigned)sched_getcpu(), &cpu);
	(void)sched_setaffinity(0, sizeof(cpu), &cpu);
	/* Nothing speaks but we: no router solicitations, no answers to pings. */
	run("cd /proc/sys/net && for i in wire0 wire1 out0 out1; do "
	    "echo 1 >ipv6/conf/$i/addr_gen_mode; echo 0 >ipv4/conf/$i/rp_filter; done && "
	    "echo 0 >ipv4/conf/all/rp_filter && echo 1 >ipv4/ip_forward && "
	    "echo 1 >ipv6/conf/all/forwarding && echo 1 >ipv6/conf/wire0/disable_ipv6 && "
	    "echo 1 >ipv4/icmp_echo_ignore_all && echo 1 >ipv6/icmp/echo_ignore_all");
	run("for i in lo wire0 wire1 out0 out1; do ip link set $i arp off up; done && "
	    "for x in 1 2; do for y in 1 2; do ip addr add 10.1.$x.$y/32 dev lo && "
	    "ip addr add fd10:1::$x:$y/128 dev lo nodad; done; done && "
	    "ip route add default dev out0 && ip -6 route add default dev out0");
	/* addrconf_dad_work() makes the routes to addresses of IPv6, when it finds the time. */
	run("for i in $(seq 1000); do "
	    "[ \"$(ip -6 route show table local | grep -c '^local fd10:1::')\" = 4 ] && exit; "
	    "sleep 0.02; done; exit 1");
	k->ifindex_wire = (int)if_nametoindex("wire0");
	k->ifindex_out = (int)if_nametoindex("out0");
	hardware_address("wire0", k->mac_wire0);
	hardware_address("wire1", k->mac_wire1);
	k->wire = packet_socket(0, "wire0");
	k->bell = packet_socket(BELL, "wire1");
	k->stat = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
	k->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	if (k->stat < 0 || k->netlink < 0 ||
		bind(k->netlink, (const struct sockaddr *)&any, sizeof(any)) < 0)
		die("xfrm");
	k->has_sub = probe_sub(k);
	return true;
}
