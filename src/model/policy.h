/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/sa.h"

#define POLICY_TEMPLATES 6 /* XFRM_MAX_DEPTH */

/* struct xfrm_user_tmpl: what SA a policy wants. */
struct template
{
	struct addr src, dst;
	uint32_t spi, reqid;
	uint8_t proto, mode;
	bool optional; /* level use */
};

enum policy_direction { /* as the kernel numbers them; index & 7 */
	POLICY_IN = 0,
	POLICY_OUT = 1,
	POLICY_FWD = 2,
	POLICY_SOCKET_IN = 3,
	POLICY_SOCKET_OUT = 4,
};

/* One policy as the kernel reports it (struct xfrm_userpolicy_info and attributes). */
struct policy {
	uint64_t netns;
	uint32_t index, priority;
	uint8_t direction; /* enum policy_direction */
	uint8_t type; /* XFRM_POLICY_TYPE_*: 0 main, 1 sub */
	bool block;
	uint8_t flags;
	uint32_t if_id, mark, mark_mask;
	struct selector selector;
	uint64_t added_s, used_s;
	uint64_t hard_add_s, hard_use_s;
	uint32_t offload_ifindex;
	uint8_t n_templates;
	struct template templates[POLICY_TEMPLATES]; /* the first n_templates mean something */
};

const char *policy_direction_name(unsigned direction); /* "in", "out", "fwd", "socket in", … */

/* The index is unique within a netns. */
struct policy_key {
	uint64_t netns;
	uint32_t index;
	uint32_t zero;
};

struct policy_row {
	const struct policy *policy;
	const char *netns;
	const char *owner, *tunnel; /* owner: connection, manual, unowned; NULL: not known */
	const char *stale, *stale_reason, *remedy;
};
