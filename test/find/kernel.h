/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/meet.h"

/*
 * The real thing: a network namespace of its own, with policies and packets.
 *
 *   wire0 ── wire1 [this host: 10.1.x.y, fd10:1::x:y] out0 ── out1: everything else
 *
 * What is put on wire0 comes in at wire1 with its mark, for this host or to be sent on by out0.
 * All dies on an error, with a message: the test is then worth nothing.
 */
#define KERNEL_POLICIES 128

struct kernel {
	int netlink, wire, bell, stat; /* sockets, and xfrm_stat */
	uint32_t seq;
	int ifindex_wire, ifindex_out;
	uint8_t mac_wire0[6], mac_wire1[6];
	uint32_t rung;
	bool has_sub; /* CONFIG_XFRM_SUB_POLICY */
};

/* false: this host does not let us (not root, no veth). */
bool kernel_open(struct kernel *k);

/* Takes all policies away. */
void kernel_flush(struct kernel *k);
/* Adds or (same selector and `user`) updates policies; user: a number of ours, which they bear. */
void kernel_put(
	struct kernel *k, const struct policy *p, const uint32_t *users, size_t n, bool update);
void kernel_defaults(struct kernel *k, bool block_in, bool block_fwd, bool block_out);

/* The policies as our own parser reads the dump, by their `user` numbers below KERNEL_POLICIES. */
void kernel_dump(struct kernel *k, struct policy ret[KERNEL_POLICIES]);

/* Sends the packet as it would come or go in that direction, and waits until it is through. */
void kernel_send(struct kernel *k, uint8_t direction, const struct flow *f);

uint64_t kernel_counter(struct kernel *k, const char *name);
