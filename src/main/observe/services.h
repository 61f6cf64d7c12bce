/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "main/observe/observe.h"
#include "source/libreswan/libreswan.h"
#include "source/service/exits.h"
#include "source/service/service.h"
#include "source/strongswan/strongswan.h"

/* One IKE daemon and what watches it. */
struct daemon {
	struct observe *observe;
	struct service service; /* as the supervisor introduced it */
	uint64_t netns; /* cookie */
	struct service_source *source;
	uv_poll_t *source_poll;
	struct source_sink sink; /* of those that speak to it */
	struct fact lost; /* what one of them said last, if it lost the daemon; see hold_back() */
	unsigned lost_for; /* seconds; 0: none did */
	/* charon.c */
	struct strongswan *strongswan; /* NULL: not connected */
	uv_poll_t *vici_poll;
	short vici_events;
	struct strongswan_notify *notify; /* NULL: not wanted, or not connected */
	uv_poll_t *notify_poll;
	/* pluto.c */
	struct libreswan *libreswan; /* NULL: it is a charon */
	bool asked, answered; /* whack runs; it had an answer before */
	enum whack_list list; /* that was asked for last */
	int log; /* -1: none */
	off_t log_at;
};

void services_begin(struct observe *o); /* before the sandbox: opens what it forbids */
/* fds that are taken over become -1. */
void services_add(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds);
void services_ready(struct observe *o, const struct ipc_message *m); /* the list is complete */
void services_whacked(
	struct observe *o, const struct ipc_message *m, const int *fds, unsigned n_fds);
void services_config(struct observe *o); /* the configuration may exclude some now */
void services_second(struct observe *o); /* once a second */
void services_crashed(void *observe, uint32_t pid, uint32_t signal);
void services_restate(struct observe *o);
void services_free_all(struct observe *o);

/* charon.c; descriptors are taken over */
void charon_vici(struct daemon *d, int fd);
void charon_notify(struct daemon *d, int fd);
void charon_second(struct daemon *d, uint64_t now_ns);
void charon_done(struct daemon *d);

/* pluto.c */
int pluto_begin(struct daemon *d); /* -ENOMEM */
void pluto_log(struct daemon *d, int fd); /* taken over */
void pluto_whacked(
	struct daemon *d, const struct ipc_message *m, int fd); /* fd: what it said; -1 */
void pluto_second(struct daemon *d, uint64_t now_ns);
void pluto_done(struct daemon *d);
