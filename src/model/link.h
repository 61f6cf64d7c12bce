/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/sa.h"

#define LINK_ADDRS 64 /* shown per link; the core knows all local addresses beside */

struct link {
	uint64_t netns;
	uint32_t ifindex;
	char name[NAME_SIZE];
	char kind[NAME_SIZE]; /* IFLA_INFO_KIND, "" for hardware */
	uint32_t flags; /* IFF_* */
	uint32_t mtu;
	uint32_t if_id; /* of an xfrm interface, else 0 */
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
