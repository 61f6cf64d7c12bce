/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#include "labtool.h"

enum { NAT_T_PORT = 4500, AH_SPI = 4, ESP_SPI = 0, SPI_TO_SEQ = 4, LINKTYPE_RAW = 101 };

struct capture_head {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t digits, snap, link;
};

struct capture_record {
	uint32_t seconds, microseconds, kept, length;
};

#define CAPTURE_MAGIC 0xa1b2c3d4u

static bool is_ipv6(const struct packet *p)
{
	return p->octets[0] >> 4 == 6;
}

static size_t ip_size(const struct packet *p)
{
	return is_ipv6(p) ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
}

static uint8_t *protocol(struct packet *p)
{
	return p->octets +
	       (is_ipv6(p) ? offsetof(struct ip6_hdr, ip6_nxt) : offsetof(struct iphdr, protocol));
}

static uint8_t protocol_of(const struct packet *p)
{
	return *protocol((struct packet *)(uintptr_t)p);
}

static uint16_t read16(const uint8_t *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return ntohs(n);
}

static void write16(uint8_t *at, uint16_t n)
{
	n = htons(n);
	memcpy(at, &n, sizeof(n));
}

static uint32_t read32(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return ntohl(n);
}

static void write32(uint8_t *at, uint32_t n)
{
	n = htonl(n);
	memcpy(at, &n, sizeof(n));
}

bool packet_is_secured(const struct packet *p)
{
	const uint8_t *payload = p->octets + ip_size(p);

	if (p->size < ip_size(p) + sizeof(struct udphdr) + 16)
		return false;
	switch (protocol_of(p)) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		return true;
	case IPPROTO_UDP:
		return read16(payload + offsetof(struct udphdr, dest)) == NAT_T_PORT;
	}
	return false;
}

static size_t spi_offset(const struct packet *p)
{
	switch (protocol_of(p)) {
	case IPPROTO_AH:
		return ip_size(p) + AH_SPI;
	case IPPROTO_UDP:
		return ip_size(p) + sizeof(struct udphdr) + ESP_SPI;
	}
	return ip_size(p) + ESP_SPI;
}

void packet_set_spi(struct packet *p, uint32_t spi)
{
	write32(p->octets + spi_offset(p), spi);
}

uint32_t packet_seq(const struct packet *p)
{
	return read32(p->octets + spi_offset(p) + SPI_TO_SEQ);
}

void packet_set_seq(struct packet *p, uint32_t seq)
{
	write32(p->octets + spi_offset(p) + SPI_TO_SEQ, seq);
}

static size_t source_size(const struct packet *p)
{
	return is_ipv6(p) ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

static uint8_t *source(struct packet *p)
{
	return p->octets +
	       (is_ipv6(p) ? offsetof(struct ip6_hdr, ip6_src) : offsetof(struct iphdr, saddr));
}

void packet_set_source(struct packet *p, const void *from)
{
	memcpy(source(p), from, source_size(p));
}

void packet_vary_source(struct packet *p, uint16_t host)
{
	write16(source(p) + source_size(p) - sizeof(host), host);
}

void packet_flip(struct packet *p)
{
	p->octets[p->size - 1] ^= 0xff;
}

void packet_wrap(struct packet *p, uint16_t port)
{
	uint8_t *payload = p->octets + ip_size(p);

	if (protocol_of(p) != IPPROTO_ESP || p->size + sizeof(struct udphdr) > PACKET_MAX)
		lab_die("only ESP can be wrapped into UDP");
	memmove(payload + sizeof(struct udphdr), payload, p->size - ip_size(p));
	p->size += sizeof(struct udphdr);
	write16(payload + offsetof(struct udphdr, source), port);
	write16(payload + offsetof(struct udphdr, dest), port);
	*protocol(p) = IPPROTO_UDP;
}

void packet_unwrap(struct packet *p)
{
	uint8_t *payload = p->octets + ip_size(p);

	if (protocol_of(p) != IPPROTO_UDP)
		lab_die("not in UDP");
	p->size -= sizeof(struct udphdr);
	memmove(payload, payload + sizeof(struct udphdr), p->size - ip_size(p));
	*protocol(p) = IPPROTO_ESP;
}

void packet_cut(struct packet *p, size_t keep)
{
	if (ip_size(p) + keep > p->size)
		lab_die("the packet has no %zu octets", keep);
	p->size = ip_size(p) + keep;
}

static uint32_t sum(const uint8_t *at, size_t size, uint32_t start)
{
	for (; size > 1; at += 2, size -= 2)
		start += read16(at);
	return size ? start + ((uint32_t)at[0] << 8) : start;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

static void finish_udp(struct packet *p)
{
	uint8_t *udp = p->octets + ip_size(p);
	uint16_t size = (uint16_t)(p->size - ip_size(p));
	uint16_t checksum;

	write16(udp + offsetof(struct udphdr, len), size);
	write16(udp + offsetof(struct udphdr, check), 0);
	if (!is_ipv6(p))
		return; /* 0, as RFC 3948 wants it over IPv4 */
	checksum = fold(sum(udp, size,
		sum(source(p), 2 * sizeof(struct in6_addr), (uint32_t)IPPROTO_UDP + size)));
	write16(udp + offsetof(struct udphdr, check), checksum ? checksum : 0xffff);
}

void packet_finish(struct packet *p)
{
	if (protocol_of(p) == IPPROTO_UDP)
		finish_udp(p);
	if (is_ipv6(p)) {
		write16(p->octets + offsetof(struct ip6_hdr, ip6_plen),
			(uint16_t)(p->size - ip_size(p)));
		return;
	}
	write16(p->octets + offsetof(struct iphdr, tot_len), (uint16_t)p->size);
	write16(p->octets + offsetof(struct iphdr, check), 0);
	write16(p->octets + offsetof(struct iphdr, check), fold(sum(p->octets, ip_size(p), 0)));
}

void capture_start(FILE *f)
{
	const struct capture_head head = {
		.magic = CAPTURE_MAGIC,
		.major = 2,
		.minor = 4,
		.snap = PACKET_MAX,
		.link = LINKTYPE_RAW,
	};

	if (fwrite(&head, sizeof(head), 1, f) != 1)
		lab_fail("write the capture");
}

void capture_write(FILE *f, const struct packet *p)
{
	const struct capture_record record = {
		.kept = (uint32_t)p->size,
		.length = (uint32_t)p->size,
	};

	if (fwrite(&record, sizeof(record), 1, f) != 1 || fwrite(p->octets, p->size, 1, f) != 1)
		lab_fail("write the capture");
}

void capture_open(FILE *f)
{
	struct capture_head head;

	if (fread(&head, sizeof(head), 1, f) != 1 || head.magic != CAPTURE_MAGIC ||
		head.link != LINKTYPE_RAW)
		lab_die("not a capture file of the lab");
}

bool capture_read(FILE *f, struct packet *ret)
{
	struct capture_record record;

	if (fread(&record, sizeof(record), 1, f) != 1)
		return false;
	if (record.kept > PACKET_MAX || fread(ret->octets, record.kept, 1, f) != 1)
		lab_die("a cut capture file");
	ret->size = record.kept;
	if (!packet_is_secured(ret))
		lab_die("the capture holds a packet that is neither ESP nor AH");
	return true;
}
