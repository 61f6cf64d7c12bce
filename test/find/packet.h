/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "match/flow.h"

/* The flow as a packet on the wire, IP header first, checksums right; how long it is. */
size_t packet_build(const struct flow *f, uint8_t ret[128]);

/* Has this host's own sockets send it; what the policies make of that is not asked. */
void packet_by_socket(const struct flow *f);
