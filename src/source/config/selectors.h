/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/*
 * A traffic selector of a configuration file, as facts spell it: PREFIX, FIRST..LAST or `dynamic`
 * (the end's own address, or the virtual one that it gets), then [PROTOCOL] or [PROTOCOL/PORT] or
 * [PROTOCOL/FIRST-LAST] when it is not for all. A prefix has its length and no host bits; protocols
 * are words where they have one (0: any), ports are numbers.
 */
#define SELECTOR_SIZE 128

/* swanctl.conf: "10.1.0.0/16[tcp/443]". False, *ret "" : no selector. */
bool selector_strongswan(struct span text, char ret[SELECTOR_SIZE]);
/* ipsec.conf: a prefix ("" : dynamic) with protoport ("", "17/1701", "tcp/%any", "udp"). */
bool selector_ipsec(struct span subnet, struct span protoport, char ret[SELECTOR_SIZE]);
