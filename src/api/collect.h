/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/value.h"

/*
 * The first `want` texts in the order of their sort keys (octets; equal ones in the order they
 * came), of however many are added: what can't be among them any more is forgotten in time.
 */
struct collect;

int collect_new(size_t want, struct collect **ret);
struct collect *collect_free(struct collect *c); /* takes NULL */
DEFINE_FREEP(collect)

/* key holds the sort key, and is used as scratch space for the row's JSON. */
void collect_add(struct collect *c, struct buf *key, const struct noun *n, const void *row);
void collect_add_text(struct collect *c, struct span key, struct span text);
size_t collect_finish(struct collect *c); /* sorts; how many there are */
struct span collect_text(const struct collect *c, size_t i);
bool collect_failed(const struct collect *c); /* memory ran out on the way */
