/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/diag.h"

/* What core works with but may not open itself. All return a descriptor or -errno with words. */

/* Created when missing (with its parents), 0700, and of the owner that core runs as. */
int files_state_dir(const char *path, bool set_owner, uid_t uid, gid_t gid, struct diag *reterr);
/* The same for the key's directory: ours alone, whoever core runs as. -EPERM: another's. */
int files_key_dir(const char *path, struct diag *reterr);
/* Has the state directory no segment of a log yet? */
bool files_log_is_new(int state_dir);
/* Created; a file that has something in it is not touched: -EEXIST. */
int files_record(const char *path, bool set_owner, uid_t uid, gid_t gid, struct diag *reterr);
int files_replay(const char *path, struct diag *reterr);

/*
 * A listening unix socket, 0660, of the given owner. A socket that nobody serves any more is
 * replaced; -EADDRINUSE: somebody answers there. *ret_stat is to know it again at the end.
 */
int files_listener(const char *path, bool set_owner, uid_t uid, gid_t gid, struct stat *ret_stat,
	struct diag *reterr);
/* Removes the socket at the end, if it still is ours. */
void files_unlink_listener(const char *path, const struct stat *ours);

/* Datagram sockets, connected, not blocking. target: a path, or udp:ADDRESS:PORT. */
int files_journal(struct diag *reterr);
int files_syslog(const char *target, struct diag *reterr);
