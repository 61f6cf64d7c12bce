/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/fact.h"
#include "source/parse.h"

/*
 * One message of NETLINK_XFRM (header first, exactly nlmsg_len octets), as a fact without times and
 * netns. New SAs and policies are told as *_ADDED, updates as *_UPDATED. An SA's `larval` is only
 * as good as the message: EXPIRE names no algorithms, so there it is true without an SPI only.
 * Built in place, for speed: on any other result *ret is scratch.
 */
enum parse_result xfrm_parse(const void *message, size_t n, struct fact *ret);

/* The answer to GETSADINFO: SAs. To GETSPDINFO: policies, without and with those of sockets. */
enum parse_result xfrm_parse_sad_count(const void *message, size_t n, uint64_t *ret);
enum parse_result xfrm_parse_spd_count(
	const void *message, size_t n, uint64_t *ret, uint64_t *ret_sockets);
