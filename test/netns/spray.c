/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * usage: spray INTERFACE MAC DESTINATION PACKETS SOURCES PER-SECOND [CPU]
 * UDP datagrams in the clear from so many addresses of 10.0.0.0/8 (0: a new one each time), in
 * bursts, so that a receiver's policy has something to drop. PER-SECOND 0: as fast as it goes.
 */

struct packet {
	uint8_t ethernet[14], ip[20], udp[8], payload[10];
};
_Static_assert(sizeof(struct packet) == 52, "no padding");

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void put(uint8_t *at, const void *value, size_t n)
{
	memcpy(at, value, n);
}

static void set_source(struct packet *p, uint32_t source)
{
	uint32_t address = htonl(0x0a000000 | (source & 0xffffff));
	uint16_t sum;

	put(p->ip + 12, &address, 4);
	memset(p->ip + 10, 0, 2);
	sum = checksum(p->ip, sizeof(p->ip));
	put(p->ip + 10, &sum, 2);
}

static int build(struct packet *p, const char *mac, const char *destination)
{
	unsigned m[6];

	memset(p, 0, sizeof(*p));
	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6 ||
		inet_pton(AF_INET, destination, p->ip + 16) != 1)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++)
		p->ethernet[i] = (uint8_t)m[i];
	p->ethernet[6] = 2;
	put(p->ethernet + 12, "\x08\x00", 2);
	put(p->ip, "\x45\x00\x00\x26\x00\x00\x00\x00\x40\x11", 10);
	put(p->udp, "\x1b\x58\x1b\x59\x00\x12\x00\x00", 8); /* no checksum: allowed in IPv4 */
	return 0;
}

static void pause_until(const struct timespec *begin, uint64_t sent, uint64_t per_second)
{
	uint64_t at_ns = (uint64_t)begin->tv_nsec + sent * 1000000000u / per_second;
	struct timespec at = { .tv_sec = begin->tv_sec + (time_t)(at_ns / 1000000000u),
		.tv_nsec = (long)(at_ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	uint64_t packets, sources, per_second;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	struct timespec begin;
	struct packet p;
	int fd;

	if (argc < 7 || build(&p, argv[2], argv[3]) < 0) {
		fprintf(stderr, "usage: spray INTERFACE MAC DESTINATION PACKETS SOURCES PER-SECOND "
				"[CPU]\n");
		return 2;
	}
	packets = strtoull(argv[4], NULL, 10);
	sources = strtoull(argv[5], NULL, 10);
	per_second = strtoull(argv[6], NULL, 10);
	if (argc > 7) {
		cpu_set_t cpu;

		CPU_ZERO(&cpu);
		CPU_SET(strtoul(argv[7], NULL, 10), &cpu);
		(void)sched_setaffinity(0, sizeof(cpu), &cpu); /* fewer processors: all on one */
	}
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (fd < 0 || to.sll_ifindex == 0) {
		fprintf(stderr, "spray: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	srandom((unsigned)getpid());
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint64_t i = 0; i < packets; i++) {
		uint32_t source = sources ? (uint32_t)(i % sources) : (uint32_t)random();

		set_source(&p, source);
		while (sendto(fd, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
				fprintf(stderr, "spray: %s\n", strerror(errno));
				return 1;
			}
		}
		if (per_second && i % 64 == 63)
			pause_until(&begin, i, per_second);
	}
	close(fd);
	return 0;
}
