/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/*
 * Who hears the kernel's requests for SAs (ACQUIRE), by /proc/net/netlink. The kernel makes larval
 * SAs for such flows as soon as anybody listens, so only who negotiates may be the first, and last.
 */

/*
 * Is this line (without newline) that of a key manager's socket? One that hears of each SA, too, is
 * another monitor's, or ours: those keep nobody here.
 */
bool listeners_is_key_manager(struct span line);

/* Reads the file from its beginning. 0 with *ret; -errno: it can't be read. */
int listeners_read(int fd, bool *ret);
