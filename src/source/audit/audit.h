/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/inbox.h"
#include "source/source.h"

/*
 * The kernel's audit records of IPsec, from the READLOG group, beside auditd if there is one. Only
 * types IPSEC_EVENT, ANOM_ABEND (who crashed) and, while a change waits for its actor, SYSCALL are
 * read; all others, which may hold command lines with keys, are wiped unread. Never switches audit
 * on. Records come from every netns and name none, so that the facts have none either.
 */
struct audit;

/*
 * Takes the NETLINK_AUDIT socket of the initial netns over and joins; fd -1: it could not be
 * opened, error (-errno) says why. Emits the source's state. -ENOMEM.
 */
int audit_new(int fd, int error, uint32_t room, struct inbox *inbox, const struct source_sink *sink,
	struct audit **ret);
struct audit *audit_free(struct audit *a);
DEFINE_FREEP(audit)

int audit_fd(const struct audit *a, size_t i);
void audit_readable(struct audit *a, size_t i);
/*
 * Once a second: lets go of changes whose actor did not come, and finds out whether audit is on
 * (our own joining is recorded when it is).
 */
void audit_sweep(struct audit *a);
/* What somebody who may ask the kernel (AUDIT_GET needs CAP_AUDIT_CONTROL) says. */
void audit_enabled_is(struct audit *a, bool enabled);
uint64_t audit_drops_seen(const struct audit *a); /* records of dropped packets so far */
void audit_restate(struct audit *a); /* says the state again */
void audit_count_losses(
	struct audit *a, uint64_t n); /* records that could not be kept for the core */

/* Who is told of each process that a signal dumped, as the kernel of this host numbers processes.
 */
typedef void audit_crash_fn(void *userdata, uint32_t pid, uint32_t signal);
void audit_on_crash(struct audit *a, audit_crash_fn *told, void *userdata);
