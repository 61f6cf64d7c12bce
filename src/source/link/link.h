/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/inbox.h"
#include "source/source.h"

/* The links and addresses of one netns: dumped, then followed; dumped again after a loss. */
struct link_source;

/* Files of /proc/sys/net of that netns: the settings of all its links. */
enum link_setting_file {
	LINK_ALL_XFRM, /* ipv4/conf/all/disable_xfrm */
	LINK_ALL_POLICY, /* ipv4/conf/all/disable_policy */
	LINK_ALL_POLICY6, /* ipv6/conf/all/disable_policy */
	LINK_SETTINGS
};

struct link_options {
	uint64_t netns;
	uint32_t room; /* octets of receive buffer for notifications */
	struct inbox *inbox;
	const char *why; /* a descriptor is missing (-1), for this reason */
};

/* fds: notifications, requests; taken over in any case. Emits the source's state. -ENOMEM. */
int link_source_new(const int fds[2], const struct link_options *options,
	const struct source_sink *sink, struct link_source **ret);
struct link_source *link_source_free(struct link_source *l);
DEFINE_FREEP(link_source)

/* -1: not there; taken over, replace earlier ones. Without them a setting that is off for a link
 * itself is not known. */
void link_source_settings(struct link_source *l, const int fds[LINK_SETTINGS]);

int link_source_fd(const struct link_source *l,
	size_t i); /* 0: the notifications; answers are not waited for */
void link_source_readable(struct link_source *l, size_t i);
/* Dumps links, then addresses, now; the kernel answers while it is asked. */
void link_source_dump(struct link_source *l);
/* Dumps the links alone, for the kernel does not tell when these settings change. */
void link_source_read_settings(struct link_source *l);
bool link_source_stale(const struct link_source *l); /* the last dump failed: ask again some time */
void link_source_restate(struct link_source *l); /* says the state again and dumps */
