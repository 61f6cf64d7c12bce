/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"

/*
 * The text of /proc/net/udp and udp6: who listens on the ports of IKE (500) and of IKE and ESP in
 * UDP (4500). It has the sockets of all processes of the netns; which are whose it does not say.
 */
#define UDP_SOCKETS_MAX 256
#define UDP_OWN_MAX 1024

/* The inode numbers of a process' sockets, of whatever kind. */
struct udp_own {
	uint32_t n; /* UDP_OWN_MAX: may not be all of them */
	uint64_t inodes[UDP_OWN_MAX];
};

struct udp_reading {
	const struct udp_own *own; /* all others are foreign; NULL: nobody knows, none is */
	uint32_t n;
	/* service is 0; several of one address are summed, the foreign only where none is own */
	struct ike_socket v[UDP_SOCKETS_MAX];
	uint32_t refused; /* lines that were not understood, sockets beyond the limit */
};

/*
 * Adds what whole lines say; family: AF_INET for udp, AF_INET6 for udp6. Octets used: up to the
 * last newline; what is behind it belongs in front of the next piece.
 */
size_t udp_parse(struct span text, uint8_t family, struct udp_reading *r);
