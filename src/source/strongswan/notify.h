/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "model/fact.h"
#include "source/parse.h"

/*
 * A record of error-notify (error_notify_msg.h): big-endian type, then texts of fixed sizes. *ret
 * is a FACT_NEGOTIATION without service, netns and source. PARSE_NOTHING: an alert that is no
 * failure; PARSE_UNKNOWN: of a number that we don't know.
 */
#define NOTIFY_RECORD_SIZE 768u

enum parse_result notify_parse(struct span record, struct fact *ret);
