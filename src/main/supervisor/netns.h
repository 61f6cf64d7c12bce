/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "main/config.h"
#include "main/supervisor/child.h"

/*
 * Which network namespaces there are: the initial one, called "init", and those that have a name
 * under /run/netns, which is watched. Each is entered once for each start of observe, to open its
 * sockets there. Nothing here holds a netns: it is known by its inode number alone.
 */

#define NETNS_WATCHED_MAX 256
#define NETNS_LISTED_MAX 4096
#define NETNS_INIT "init"
#define NETNS_DIR "/run/netns"

struct netns_entry {
	char name[NAME_SIZE];
	uint64_t inode;
	bool watched;
	bool sent; /* observe knows of it */
	bool gone; /* observe is to be told, then it goes from the table */
	const char *why; /* not watched */
};

struct netns_table {
	const char *dir; /* NETNS_DIR; tests have their own */
	struct netns_entry *entries; /* sorted by nothing; at most NETNS_LISTED_MAX */
	size_t n;
	uint64_t refused; /* names beyond the limit, at the last scan */
	int home; /* our own netns */
	int inotify, watch; /* watch: of dir, or of its parent while dir is not there */
	bool watches_parent;
	bool ready_sent;
	uint64_t scan_ns; /* when to look again; 0 at once */
	uint64_t unfinished_ns; /* the delay for a name that is no netns yet */
};

int netns_init(struct netns_table *t, const char *dir, struct diag *reterr);
void netns_done(struct netns_table *t);
void netns_forget_sent(struct netns_table *t); /* observe is new */
/* Reads the names; to be called when t->inotify is readable, or at scan_ns. */
void netns_scan(struct netns_table *t, const struct config *config, uint64_t now_ns);
/* Tells observe as much as it takes now. < 0: we are lost in another netns and must end. */
int netns_push(struct netns_table *t, const struct config *config, struct child *observe);
/* 1: we are in the initial netns and must return; 0: we were there already; -errno. */
int netns_enter_init(const struct netns_table *t);
int netns_return(const struct netns_table *t); /* < 0: we are lost, see above */
/* Is it listed, but not to be watched? */
bool netns_is_excluded(const struct netns_table *t, uint64_t inode);
/* The cookie of the netns of fd; 0: not to be had. < 0: we are lost, see above. */
int netns_cookie(const struct netns_table *t, int fd, uint64_t *ret);
size_t netns_watched(const struct netns_table *t);
