/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "main/supervisor/services.h"

/* The ways to one daemon: its sockets, with patience, and its log. */

void contact_message(const struct service_entry *e, struct ipc_message *ret);
/* Connects what is due, and hands it over; the log too, when there is another file. */
void contact_push(struct service_entry *e, const struct config *config, struct child *observe,
	uint64_t now_ns);
/* A file of its sockets' inode numbers; -1: nothing is new, or they are not to be had. */
int contact_own_sockets(struct service_entry *e, uint64_t now_ns);
void contact_lost(struct service_link *l, uint64_t now_ns);
