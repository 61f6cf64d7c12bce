/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Takes everything secret out of a datagram of NETLINK_XFRM, in place: the key octets behind each
 * algorithm's header, and whatever else this program has no use for. What cannot be walked is
 * wiped whole. To be called before anything else looks at the octets.
 */
void xfrm_wipe(void *datagram, size_t n);

/* Octets between the netlink header and the attributes; -1: a type that we don't read. */
int xfrm_head_size(uint16_t type);
