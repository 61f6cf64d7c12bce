/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t so_far)
{
	for (size_t i = 0; i < n; i++)
		so_far += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return so_far;
}

static uint16_t fold(uint32_t v)
{
	while (v >> 16)
		v = (v & 0xffff) + (v >> 16);
	return (uint16_t)~v;
}

/* What is above IP: its length. pseudo: sum of the pseudo header's addresses. */
static size_t put_transport(const struct flow *f, uint32_t pseudo, uint8_t *at)
{
	size_t n = 8, checksum = 0;

	put16(at, f->sport);
	put16(at + 2, f->dport);
	switch (f->proto) {
	case IPPROTO_UDP:
		put16(at + 4, 8);
		checksum = 6;
		break;
	case IPPROTO_TCP:
		n = 20;
		at[12] = 5 << 4;
		at[13] = 2; /* SYN */
		checksum = 16;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at[0] = (uint8_t)f->sport;
		at[1] = (uint8_t)f->dport;
		put16(at + 2, 0);
		checksum = 2;
		if (f->proto == IPPROTO_ICMP)
			pseudo = 0;
		break;
	case IPPROTO_GRE: /* with a key, of which sport and dport are the halves */
		put16(at, 0x2000);
		put16(at + 2, 0x0800);
		put16(at + 4, f->sport);
		put16(at + 6, f->dport);
		break;
	default:
		break;
	}
	if (checksum) {
		if (f->proto != IPPROTO_ICMP)
			pseudo += (uint32_t)n + f->proto;
		put16(at + checksum, fold(sum(at, n, pseudo)));
	}
	return n;
}

size_t packet_build(const struct flow *f, uint8_t ret[128])
{
	bool six = f->dst.family == AF_INET6;
	size_t head = six ? 40 : 20, width = six ? 16 : 4, n;
	uint8_t *addresses = ret + (six ? 8 : 12);

	memset(ret, 0, 128);
	memcpy(addresses, f->src.octets, width);
	memcpy(addresses + width, f->dst.octets, width);
	n = put_transport(f, sum(addresses, 2 * width, 0), ret + head);
	if (six) {
		ret[0] = 0x60;
		put16(ret + 4, (uint16_t)n);
		ret[6] = f->proto;
		ret[7] = 64;
	} else {
		ret[0] = 0x45;
		put16(ret + 2, (uint16_t)(head + n));
		ret[8] = 64;
		ret[9] = f->proto;
		put16(ret + 10, fold(sum(ret, head, 0)));
	}
	return head + n;
}

static socklen_t socket_address(const struct addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = a->family;
	if (a->family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->octets, 4);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->octets, 16);
	return sizeof(*in6);
}

void packet_by_socket(const struct flow *f)
{
	bool tcp = f->proto == IPPROTO_TCP, udp = f->proto == IPPROTO_UDP;
	int type = tcp ? SOCK_STREAM : udp ? SOCK_DGRAM : SOCK_RAW, on = 1;
	int fd = socket(f->dst.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, f->proto);
	struct sockaddr_storage from, to;
	socklen_t n = socket_address(&f->src, tcp || udp ? f->sport : 0, &from);
	uint8_t payload[8] = { (uint8_t)f->sport, (uint8_t)f->dport };

	(void)socket_address(&f->dst, tcp || udp ? f->dport : 0, &to);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_MARK, &f->mark, sizeof(f->mark)) < 0 ||
		bind(fd, (struct sockaddr *)&from, n) < 0) {
		perror("socket");
		exit(1);
	}
	if (tcp)
		(void)connect(fd, (struct sockaddr *)&to, n);
	else
		(void)sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&to, n);
	close(fd);
}
