/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define NAME_SIZE 64 /* algorithm, netns and interface names, with the NUL */

/* IPsec mode, as XFRM_MODE_* numbers it. */
enum ipsec_mode {
	IPSEC_TRANSPORT = 0,
	IPSEC_TUNNEL = 1,
	IPSEC_ROUTE_OPTIMIZATION = 2,
	IPSEC_IN_TRIGGER = 3,
	IPSEC_BEET = 4,
	IPSEC_IPTFS = 5,
};

enum direction {
	DIRECTION_UNKNOWN = 0,
	DIRECTION_IN = 1,
	DIRECTION_OUT = 2,
	DIRECTION_FWD = 3,
};

struct selector {
	struct prefix src;
	struct prefix dst;
	uint16_t sport, sport_mask;
	uint16_t dport, dport_mask;
	uint8_t proto; /* 0: any */
	uint32_t ifindex; /* 0: any */
};

/*
 * One security association as the kernel reports it (struct xfrm_usersa_info and attributes).
 * There is no room for key octets. Infinite limits are UINT64_MAX (octets, packets) or 0 (seconds).
 */
struct sa {
	uint64_t netns; /* cookie */
	struct addr src, dst;
	uint8_t proto; /* IPPROTO_ESP, _AH, _COMP, … */
	uint32_t spi; /* host order; 0: larval, no SPI yet */
	uint8_t mode; /* enum ipsec_mode */
	uint8_t direction; /* enum direction: XFRMA_SA_DIR, or derived by the core */
	bool larval; /* no algorithms yet: waits for the IKE daemon */
	bool esn;
	uint8_t flags; /* XFRM_STATE_* */
	uint32_t extra_flags; /* XFRM_SA_XFLAG_* */
	uint32_t reqid, if_id, mark, mark_mask;
	struct selector selector;
	char encryption[NAME_SIZE]; /* kernel name, "" none; AEAD too */
	char integrity[NAME_SIZE]; /* kernel name, "" none */
	uint16_t encryption_bits, integrity_bits, icv_bits;
	bool aead;
	uint64_t bytes,
		packets; /* of the current lifetime; without outer header and ESP/AH overhead */
	uint64_t added_s, used_s; /* since 1970; 0: never */
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
	uint64_t soft_add_s, hard_add_s, soft_use_s, hard_use_s; /* lifetimes */
	uint32_t replay_window; /* packets; 0: anti-replay off */
	uint64_t seq, oseq; /* highest seen, last sent; with the high half for ESN */
	uint32_t replayed, late,
		integrity_failed; /* xfrm_stats: replay, replay_window, integrity_failed */
	uint16_t encap; /* 0 none, 2 UDP, 7 TCP */
	uint16_t encap_sport, encap_dport;
	uint32_t offload_ifindex; /* 0: none */
	uint8_t offload_flags; /* XFRM_OFFLOAD_* */
};

/* What names an SA within a netns: xfrm_state_lookup()'s key and the source address. */
struct sa_key {
	uint64_t netns;
	struct addr dst, src;
	uint32_t spi;
	uint32_t mark, mark_mask;
	uint8_t proto;
};

void sa_key_of(const struct sa *sa, struct sa_key *ret); /* padding zeroed: fit for a map */
const char *ipsec_mode_name(unsigned mode); /* "tunnel"; NULL: unknown */
const char *direction_name(unsigned direction); /* "in", "out", "fwd"; NULL: unknown */
const char *ipproto_name(unsigned proto); /* "esp", "ah", "tcp"…; NULL: no name known */

/* A row of noun_sa: what the views need beside the kernel's facts. */
struct sa_row {
	const struct sa *sa;
	const char *netns; /* name */
	const char *offload; /* interface, or NULL */
	const char *owner, *tunnel; /* owner: connection, manual, unowned; NULL: not known */
	const char *stale, *stale_reason, *remedy;
};
