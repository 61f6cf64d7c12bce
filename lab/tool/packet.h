/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * One IP packet that carries ESP, AH or ESP in UDP, and the changes that make a fault of it.
 * IP options and extension headers are not expected: the lab's own kernel made the packet.
 */
#define PACKET_MAX 2048

struct packet {
	size_t size;
	union {
		uint8_t octets[PACKET_MAX];
		uint16_t aligned; /* checksums are summed in 16-bit words */
	};
};

/* Is this a whole IP packet whose payload is ESP, AH or ESP in UDP (port 4500)? */
bool packet_is_secured(const struct packet *p);

void packet_set_spi(struct packet *p, uint32_t spi);
uint32_t packet_seq(const struct packet *p);
void packet_set_seq(struct packet *p, uint32_t seq);
/* from is an IPv4 or IPv6 address in network order, of the packet's family. */
void packet_set_source(struct packet *p, const void *from);
/* The last 16 bits of the source address. */
void packet_vary_source(struct packet *p, uint16_t host);
/* The last octet: of the ICV in ESP, of what it protects in AH. */
void packet_flip(struct packet *p);
void packet_wrap(struct packet *p, uint16_t port);
void packet_unwrap(struct packet *p);
/* Keep so many octets after the IP header. */
void packet_cut(struct packet *p, size_t keep);
/* Lengths and checksums, after all other changes. */
void packet_finish(struct packet *p);

/* Capture files hold raw IP packets (link type 101), so that tcpdump -r reads them. */
void capture_start(FILE *f);
void capture_write(FILE *f, const struct packet *p);
/* Skips the file's head; ends the program if it is not ours. */
void capture_open(FILE *f);
bool capture_read(FILE *f, struct packet *ret);
