/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/sink.h"

/*
 * Syslog in the form of RFC 5424, one message a datagram (RFC 5426 for UDP), over a connected
 * socket: a unix datagram socket as /dev/log is one, or UDP.
 *
 *   <PRI>1 TIME HOST ipsecmon - NAME [ipsecmon@32473 key="value" …] message
 *
 * Facility authpriv; MSGID is the event's name; the structured data has every key of the event but
 * `message`, without what is null. 32473 is the number of IANA for examples (RFC 5612): ipsecmon
 * has no enterprise number of its own, and this one can belong to nobody else. A byte order mark
 * stands before a message that is not plain ASCII. Control characters become spaces. Past
 * SYSLOG_MESSAGE_MAX, which every receiver should take (RFC 5426, 3.2), `detail` is left out, then
 * the message is cut.
 */
#define SYSLOG_MESSAGE_MAX 2048
#define SYSLOG_SD_ID "ipsecmon@32473"

/* fd: taken; -1: none yet. -ENOMEM. */
int syslog_new(enum sink_peer peer, int fd, struct sink **ret);
void syslog_format(const struct sink_event *e, size_t limit, struct buf *out);
