/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/sink.h"

/*
 * The journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL) over a datagram socket
 * connected to JOURNALD_SOCKET, so that neither libsystemd nor that path is needed in the process
 * that writes. Fields: MESSAGE, MESSAGE_ID, PRIORITY, SYSLOG_IDENTIFIER=ipsecmon,
 * SYSLOG_FACILITY=10, and each key of the event but `message` as IPSECMON_KEY (IPSECMON_SPI …;
 * what is null is left out; IPSECMON_H is the line's place in the chain of the log).
 *
 * MESSAGE_ID is JOURNALD_MESSAGE_ID and the event's id in eight decimal digits: 4965 is
 * e3b16316983c4c6f8da91a3100004965. So `journalctl MESSAGE_ID=…` finds one kind of event.
 */
#define JOURNALD_SOCKET "/run/systemd/journal/socket"
#define JOURNALD_MESSAGE_ID "e3b16316983c4c6f8da91a31"

/* fd: taken; -1: none yet. -ENOMEM. */
int journald_new(int fd, struct sink **ret);
void journald_format(const struct sink_event *e, size_t limit, struct buf *out);
