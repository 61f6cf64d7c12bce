/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"

/*
 * The text of /proc/net/udp and udp6: who listens on the ports of IKE (500) and of IKE and ESP in
 * UDP (4500), of whatever process of the netns.
 */
#define UDP_SOCKETS_MAX 256

struct udp_reading {
	uint32_t n;
	struct ike_socket v[UDP_SOCKETS_MAX]; /* service is 0; several of one address are summed */
	uint32_t refused; /* lines that were not understood, sockets beyond the limit */
};

/*
 * Adds what whole lines say; family: AF_INET for udp, AF_INET6 for udp6. Octets used: up to the
 * last newline; what is behind it belongs in front of the next piece.
 */
size_t udp_parse(struct span text, uint8_t family, struct udp_reading *r);
