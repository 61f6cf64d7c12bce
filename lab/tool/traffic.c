/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "labtool.h"
#include "packet.h"

enum { ARRIVAL_MS = 5000 };

/* Each lab link ends in these, so that a fault can be put on the wire with no neighbour lookup. */
static const uint8_t peer_mac[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x0b };

static int open_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		lab_fail("socket");
	return fd;
}

static int open_bound(const struct lab_address *at)
{
	int fd = open_socket(at->any.sa_family, SOCK_DGRAM, 0);
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		lab_fail("SO_REUSEADDR");
	if (bind(fd, &at->any, at->size) < 0)
		lab_fail("bind");
	return fd;
}

static int open_wire(void)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(LAB_DEVICE),
	};
	int fd = open_socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));

	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		lab_fail("bind to " LAB_DEVICE);
	return fd;
}

static void wait_readable(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, ARRIVAL_MS) != 1)
		lab_die("%s did not arrive", what);
}

/* The next ESP or AH packet that came in on the wire. */
static void receive_secured(int wire, struct packet *ret)
{
	for (;;) {
		struct sockaddr_ll from;
		socklen_t from_size = sizeof(from);
		ssize_t n;

		wait_readable(wire, "a secured packet");
		n = recvfrom(wire, ret->octets, sizeof(ret->octets), 0, (struct sockaddr *)&from,
			&from_size);
		if (n < 0)
			lab_fail("read the wire");
		ret->size = (size_t)n;
		if (from.sll_pkttype != PACKET_OUTGOING && packet_is_secured(ret))
			return;
	}
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (!f)
		lab_fail("%s", path);
	return f;
}

int talk_main(int argc, char **argv)
{
	const char *port = "7000";
	unsigned long count = 1;
	struct lab_address from, to;
	FILE *capture = NULL;
	int lost = 0;
	int opt, sender, receiver, wire = -1;

	while ((opt = getopt(argc, argv, "lc:p:w:")) != -1) {
		switch (opt) {
		case 'l':
			lost = 1;
			break;
		case 'c':
			count = lab_number(optarg, UINT32_MAX);
			break;
		case 'p':
			port = optarg;
			break;
		case 'w':
			capture = open_file(optarg, "wb");
			break;
		default:
			return 2;
		}
	}
	argv += optind;
	if (argc - optind != 4)
		lab_die("talk FROM TO SOURCE DESTINATION");
	lab_address_parse(argv[2], port, &from);
	lab_address_parse(argv[3], port, &to);

	lab_enter(argv[1]);
	receiver = open_bound(&to);
	if (capture) {
		capture_start(capture);
		wire = open_wire();
	}
	lab_enter(argv[0]);
	sender = open_bound(&from);

	for (unsigned long i = 0; i < count; i++) {
		struct packet seen;
		char got[16];

		/* A datagram that policy or state refuses is just what -l may be about. */
		if (sendto(sender, "a datagram", 10, 0, &to.any, to.size) < 0 && !lost)
			lab_fail("send");
		if (capture) {
			receive_secured(wire, &seen);
			capture_write(capture, &seen);
		}
		if (lost)
			continue;
		wait_readable(receiver, "the datagram");
		if (recv(receiver, got, sizeof(got), 0) != 10)
			lab_fail("receive");
	}
	if (lost && recv(receiver, &(char){ 0 }, 1, MSG_DONTWAIT) >= 0)
		lab_die("a datagram arrived that should have been lost");
	if (capture && fclose(capture) != 0)
		lab_fail("write the capture");
	return 0;
}

struct edits {
	unsigned long seq, keep;
	uint32_t spi;
	uint16_t port;
	struct lab_address source;
	bool set_seq, add_seq, set_spi, flip, cut, wrap, unwrap, set_source;
	bool random_spi, random_source;
};

/* The same numbers in every run: a storm can be told again. */
static uint32_t next_random(void)
{
	static uint32_t state = 0x9e3779b9;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void edit(struct packet *p, const struct edits *e)
{
	if (e->wrap)
		packet_wrap(p, e->port);
	if (e->unwrap)
		packet_unwrap(p);
	if (e->set_seq)
		packet_set_seq(p, (uint32_t)e->seq + (e->add_seq ? packet_seq(p) : 0));
	if (e->set_spi)
		packet_set_spi(p, e->spi);
	if (e->random_spi) /* the high bit keeps clear of the lab's own SPIs */
		packet_set_spi(p, next_random() | 0x80000000);
	if (e->set_source && e->source.any.sa_family == AF_INET)
		packet_set_source(p, &e->source.v4.sin_addr);
	else if (e->set_source)
		packet_set_source(p, &e->source.v6.sin6_addr);
	if (e->random_source) /* hosts 3 to 254 of the network: 1 and 2 are a and b themselves */
		packet_vary_source(p, (uint16_t)(3 + next_random() % 252));
	if (e->flip)
		packet_flip(p);
	if (e->cut)
		packet_cut(p, e->keep);
	packet_finish(p);
}

static void put_on_wire(int wire, const struct packet *p)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(p->octets[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(LAB_DEVICE),
		.sll_halen = ETH_ALEN,
		.sll_addr = { peer_mac[0], peer_mac[1], peer_mac[2], peer_mac[3], peer_mac[4],
			peer_mac[5] },
	};

	while (sendto(wire, p->octets, p->size, 0, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN)
			lab_fail("put a packet on the wire");
		poll(NULL, 0, 1); /* the device's queue is full */
	}
}

int inject_main(int argc, char **argv)
{
	struct edits e = { 0 };
	unsigned long count = 1;
	struct packet p;
	FILE *capture;
	int opt, wire;

	while ((opt = getopt(argc, argv, "s:S:fk:e:da:c:r:")) != -1) {
		switch (opt) {
		case 's':
			e.set_seq = true;
			e.add_seq = optarg[0] == '+';
			e.seq = lab_number(optarg + e.add_seq, UINT32_MAX);
			break;
		case 'S':
			e.set_spi = true;
			e.spi = (uint32_t)lab_number(optarg, UINT32_MAX);
			break;
		case 'f':
			e.flip = true;
			break;
		case 'k':
			e.cut = true;
			e.keep = lab_number(optarg, PACKET_MAX);
			break;
		case 'e':
			e.wrap = true;
			e.port = (uint16_t)lab_number(optarg, UINT16_MAX);
			break;
		case 'd':
			e.unwrap = true;
			break;
		case 'a':
			e.set_source = true;
			lab_address_parse(optarg, "0", &e.source);
			break;
		case 'c':
			count = lab_number(optarg, UINT32_MAX);
			break;
		case 'r':
			e.random_spi = strcmp(optarg, "spi") == 0;
			e.random_source = strcmp(optarg, "source") == 0;
			if (!e.random_spi && !e.random_source)
				lab_die("-r spi or -r source");
			break;
		default:
			return 2;
		}
	}
	argv += optind;
	if (argc - optind != 2)
		lab_die("inject FROM FILE");
	capture = open_file(argv[1], "rb");
	capture_open(capture);
	lab_enter(argv[0]);
	wire = open_wire();
	while (capture_read(capture, &p)) {
		for (unsigned long i = 0; i < count; i++) {
			struct packet fault = p;

			edit(&fault, &e);
			put_on_wire(wire, &fault);
		}
	}
	fclose(capture);
	return 0;
}

int hold_main(int argc, char **argv)
{
	int espinudp = UDP_ENCAP_ESPINUDP;
	struct lab_address at;
	pid_t holder;
	int fd;

	if (argc != 4)
		lab_die("hold NETNS ADDRESS PORT");
	lab_address_parse(argv[2], argv[3], &at);
	lab_enter(argv[1]);
	fd = open_bound(&at);
	if (setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &espinudp, sizeof(espinudp)) < 0)
		lab_fail("UDP_ENCAP");
	holder = fork();
	if (holder < 0)
		lab_fail("fork");
	if (holder == 0) {
		/* A shell that reads our number would wait for these to close. */
		fclose(stdout);
		fclose(stdin);
		for (;;)
			pause();
	}
	printf("%d\n", (int)holder);
	return 0;
}
