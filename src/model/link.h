/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/sa.h"

/* A switch of the kernel's, of which we may not know how it stands. */
enum setting {
	SETTING_UNKNOWN = 0,
	SETTING_OFF = 1,
	SETTING_ON = 2,
};

struct link {
	uint64_t netns;
	uint32_t ifindex;
	char name[NAME_SIZE];
	char kind[NAME_SIZE]; /* IFLA_INFO_KIND, "" for hardware */
	uint32_t flags; /* IFF_* */
	uint32_t mtu;
	uint32_t if_id; /* of an xfrm interface, else 0 */
	/*
	 * enum setting, in effect: on when the link's own is, or that of all. Outbound policies do
	 * not count for IPv4 that leaves by it; IPv6 has no such setting.
	 */
	uint8_t disable_xfrm;
	/*
	 * Policies do not count for IPv4 that comes by it, and for IPv6 to its own addresses, by
	 * whatever link that comes.
	 */
	uint8_t disable_policy, disable_policy6;
};

struct link_addr {
	uint64_t netns;
	uint32_t ifindex;
	struct prefix prefix;
};

struct link_row {
	const struct link *link;
	const char *netns;
	const struct prefix *addr; /* one of them: each has its row; NULL: it has none */
	unsigned n_addrs; /* of the link */
	const char *listening; /* IKE daemons and ports; "": none */
	bool policies_known;
	uint64_t n_policies;
	const char *protection; /* all, partly, no; NULL: it does not apply, or is not known */
	const char *why;
};
