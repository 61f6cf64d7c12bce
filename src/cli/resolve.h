/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

/*
 * Names of addresses, as this machine's resolver knows them (--resolve). Lookups run beside the
 * picture: a slow one keeps its address a number in this picture, and may have its name in the
 * next.
 */
struct resolver;

#define RESOLVE_ONE_MS 500 /* the longest that one lookup is waited for */
#define RESOLVE_ALL_MS 3000 /* … and all of one picture together */
#define RESOLVE_NAMES 4096 /* addresses that are kept; others stay numbers */

int resolver_new(struct resolver **ret); /* -ENOMEM, -EAGAIN */
/* Takes NULL. A lookup that still runs is left to the end of the process. */
struct resolver *resolver_free(struct resolver *r);
DEFINE_FREEP(resolver)

void resolver_begin(struct resolver *r); /* a picture begins: its time is full again */
/* The name of an address in text form; NULL: none, not an address, or not in time. Borrowed. */
const char *resolver_name(struct resolver *r, const char *address);
