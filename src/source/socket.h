/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* What our sources ask of a netlink socket that somebody else opened. */

void socket_room(int fd, uint32_t octets); /* receive buffer, past the system's limit if we may */
int socket_join(int fd, int group); /* 0 or -errno; it must be bound, else it gets nothing */
int socket_leave(int fd, int group); /* 0 or -errno */
uint64_t socket_drops(int fd); /* messages the kernel could not queue, ever */
uint64_t socket_netns(int fd); /* cookie of the socket's netns; 0: kernel before 5.14 */
