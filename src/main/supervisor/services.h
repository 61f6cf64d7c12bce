/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "main/config.h"
#include "main/supervisor/child.h"
#include "main/supervisor/netns.h"
#include "main/supervisor/process.h"

/*
 * Which IKE daemons run: charon, charon-systemd and pluto, of the user root, in whatever container,
 * found by looking through /proc. Each is handed to observe with what it may not open itself: its
 * control sockets, opened in the daemon's own root, and whatever whack says of it. Nothing of a
 * daemon's root is ever executed, and nothing that daemons say is read here.
 */
#define SERVICES_MAX 64

/* One connection to a daemon, and when to try it again. */
struct service_link {
	bool open; /* handed over, and not reported lost */
	uint64_t opened_ns;
	uint64_t at_ns, delay_ns; /* delay_ns 0: not tried yet */
};

struct service_entry {
	struct process process;
	uint64_t id, inode, cookie, started_us, started_ns; /* started_ns: as clock_boot_ns() */
	uint8_t daemon; /* enum ike_daemon */
	char name[NAME_SIZE];
	char run_dir[CONFIG_PATH_SIZE]; /* where its PID file and pluto.ctl are, as it sees it */
	bool found; /* ran before us, or was told to an earlier observe */
	bool sent;
	struct service_link vici, error_notify;
	uint8_t control; /* as told */
	char why[FACT_TEXT_SIZE];
	bool look_at_log; /* once a scan */
	dev_t log_device; /* of the file handed over; 0 and 0: none */
	ino_t log_inode;
	uint64_t sockets_ns; /* when to look again which sockets it has; 0 at once */
	uint64_t sockets_hash; /* of those told last; 0: none were */
	pid_t whack; /* 0: none runs */
	int whack_output;
};

struct services {
	struct service_entry entries[SERVICES_MAX];
	size_t n;
	uint64_t began_ns; /* clock_boot_ns() of our own start */
	uint64_t scan_ns; /* when to look again; 0 at once */
	char why[FACT_TEXT_SIZE]; /* some may be missing */
	bool scanned, told, full;
};

void services_init(struct services *s);
void services_done(struct services *s);
void services_forget_sent(struct services *s); /* observe is new */
/* Looks through /proc; to be called at scan_ns. < 0: we are lost in another netns and must end. */
int services_scan(struct services *s, const struct config *config, const struct netns_table *netns,
	uint64_t now_ns);
/* Tells observe as much as it takes now, and tries what is to be tried. */
void services_push(
	struct services *s, const struct config *config, struct child *observe, uint64_t now_ns);
/* observe says that the other end of these slots (IPC_HAS()) is gone. */
void services_lost(struct services *s, uint64_t id, unsigned slots, uint64_t now_ns);

/* whack.c */
/* Starts it, or answers that it can't be. list: enum whack_list. */
void services_whack(struct services *s, const struct config *config, struct child *observe,
	uint64_t id, unsigned list);
void services_reap(struct services *s, struct child *observe); /* after SIGCHLD */
void services_whack_forget(struct service_entry *e); /* nobody waits for it any more */
