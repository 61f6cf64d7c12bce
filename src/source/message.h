/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>

#include "base/span.h"

/*
 * Takes the next netlink message off a datagram: *ret is exactly nlmsg_len octets. libmnl's own
 * walk compares lengths as signed numbers, so that one of 2 GiB and more passes for a small one.
 */
static inline bool message_take(struct span *datagram, struct nlmsghdr *ret_head, struct span *ret)
{
	struct nlmsghdr h;
	size_t whole;

	if (datagram->n < sizeof(h))
		return false;
	memcpy(&h, datagram->p, sizeof(h));
	if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > datagram->n)
		return false;
	*ret_head = h;
	*ret = span_of(datagram->p, h.nlmsg_len);
	whole = ((size_t)h.nlmsg_len + 3) & ~(size_t)3;
	if (whole > datagram->n)
		whole = datagram->n;
	*datagram = span_of(datagram->p + whole, datagram->n - whole);
	return true;
}

/* The error number that NLMSG_ERROR and NLMSG_DONE begin with; 0 when there is none. */
static inline int message_error(struct span message)
{
	int error = 0;

	if (message.n >= sizeof(struct nlmsghdr) + sizeof(error))
		memcpy(&error, message.p + sizeof(struct nlmsghdr), sizeof(error));
	return error;
}
