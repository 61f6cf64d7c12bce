/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "model/fact.h"
#include "source/parse.h"

/*
 * One message of NETLINK_ROUTE (header first, exactly nlmsg_len octets): FACT_LINK or FACT_ADDR
 * without times and netns, CHANGE_THERE or CHANGE_GONE; settings as the link itself has them, for
 * those of all links are not in it. On another result *ret is scratch.
 */
enum parse_result link_parse(const void *message, size_t n, struct fact *ret);
