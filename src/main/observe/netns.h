/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "main/observe/observe.h"
#include "source/link/link.h"
#include "source/xfrm/xfrm.h"
#include "source/xfrmstat/xfrmstat.h"

/* One network namespace and what watches it. */
struct netns {
	struct observe *observe;
	uint64_t cookie, inode;
	char name[NAME_SIZE];
	bool watched;
	struct xfrm *xfrm;
	struct xfrmstat *xfrmstat;
	struct link_source *link;
	uv_poll_t *xfrm_polls[XFRM_FDS];
	uv_poll_t *link_poll;
	/* round.c */
	unsigned rounds_since_sa, rounds_since_policy, rounds_since_link;
};

/* fds as ipc_slot() gives them for enum ipc_netns_slot, taken over; why: of the missing ones. */
void netns_add(struct observe *o, const struct ipc_message *m, const int fds[IPC_NETNS_SLOTS]);
void netns_tick(struct observe *o); /* once a second */
void netns_list(struct observe *o, const struct ipc_message *m); /* known by name only */
void netns_gone(struct observe *o, uint64_t inode);
void netns_free_all(struct observe *o);
void netns_greet(struct observe *o); /* FACT_NETNS of all to a new core */
void netns_restate(struct observe *o); /* all sources say all again */
void netns_hold(struct observe *o); /* applies o->hold */
void netns_audit(struct observe *o, int fd, int error);
int netns_bpf_load(struct observe *o); /* before the sandbox; -ENOMEM */
void netns_bpf_begin(struct observe *o); /* all netns that are there have been added */
