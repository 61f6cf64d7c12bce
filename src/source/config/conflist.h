/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "source/config/conffiles.h"

/* The list of one daemon's files, as the facts that tell it. */
struct conf_owner {
	uint8_t daemon; /* enum ike_daemon */
	uint64_t service, netns;
};

#define CONF_CHILDREN_MAX 16384

/*
 * Reads the daemon's files beneath files->root and appends the encoded facts, with the brackets of
 * the dump, to out; files has the directories to watch afterwards. -ENOMEM: out is incomplete.
 */
int conflist_read(struct conffiles *files, const struct conf_owner *owner, struct buf *out);
int conflist_empty(const struct conf_owner *owner, struct buf *out); /* nothing but brackets */
