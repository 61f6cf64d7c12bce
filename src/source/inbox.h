/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Where netlink messages arrive. The kernel puts key octets into some of them, so that this memory
 * is locked, left out of core files and empty in a child, and is wiped as soon as it has been read.
 * One inbox serves all sources of a process, one after the other.
 */
struct inbox {
	uint8_t *p;
	size_t size;
	bool locked; /* false: mlock() was refused; the pages could reach a swap device */
};

#define INBOX_SIZE ((size_t)64 << 10) /* the kernel fills at most 32 KiB of a dump at once */

int inbox_init(struct inbox *b); /* -ENOMEM */
void inbox_done(struct inbox *b); /* wipes and unmaps */

/*
 * One datagram of the kernel's, without waiting. Octets received; -EAGAIN; -ENOBUFS: some were
 * lost; -EMSGSIZE: it was too long (and is wiped); -EPERM: not from the kernel (wiped); another
 * -errno.
 */
ssize_t inbox_receive(struct inbox *b, int fd);
void inbox_wipe(struct inbox *b, size_t n); /* the first n octets */
