/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/source.h"

/*
 * The configuration files of IKE daemons: swanctl.conf and ipsec.conf with all that they include.
 * Each daemon's are told as one list (FACT_IKE_DUMP, IKE_LIST_FILES: files, connections, children),
 * anew and whole whenever something in it changed: soon where inotify tells, else within 60 s.
 * ipsec.secrets is never opened, and secrets in other files are passed over (confparse.h).
 *
 * Which files count:
 *   strongSwan  /etc/swanctl/swanctl.conf, /etc/strongswan/swanctl/swanctl.conf; and ipsec.conf in
 *               /etc or /etc/strongswan while its starter runs (its pid file is there) or, when no
 *               daemon runs, if it is strongSwan's by its keys
 *   Libreswan   /etc/ipsec.conf, unless it is strongSwan's by its keys
 * An ipsec.conf that may be either's is strongSwan's where strongswan.conf is installed.
 */
struct confsource;

int confsource_new(const struct source_sink *sink, struct confsource **ret); /* -ENOMEM */
struct confsource *confsource_free(struct confsource *c);
DEFINE_FREEP(confsource)

/*
 * A daemon runs. root: an O_PATH descriptor of its root directory, taken over. netns: of the
 * daemon, for its facts. Its files are told before this returns. service 0: the host's own files,
 * for the time when no daemon of that kind runs beneath that root; while one does, their list is
 * empty. What was announced before with the same daemon and service is replaced.
 */
void confsource_daemon(
	struct confsource *c, enum ike_daemon daemon, uint64_t service, uint64_t netns, int root);
/*
 * Its process has ended. The mounts that it alone saw ended with it, and its root shows other files
 * now: they are read no more, and what was told stays until it is gone.
 */
void confsource_ended(struct confsource *c, uint64_t service);
/* It ended (service is not 0): its list is told once more, empty. */
void confsource_gone(struct confsource *c, uint64_t service);

int confsource_fd(const struct confsource *c, size_t i); /* 0: inotify; -1 behind the last */
void confsource_ready(struct confsource *c, size_t i);
/* Once a second: reads what changed, as soon as a second has passed without further changes. */
void confsource_tick(struct confsource *c, uint64_t now_ns);
void confsource_restate(struct confsource *c); /* says all again, as it was told last */
