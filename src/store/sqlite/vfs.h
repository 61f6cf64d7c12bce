/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Files of the index for SQLite: by name in a directory of which we have the descriptor (no path
 * need be reachable), and without locks, as only the monitor that holds the state directory's lock
 * opens them. Each page of a database ends with a checksum that every reading verifies: octets that
 * changed on the disk are an error (SQLITE_IOERR_DATA), never another answer.
 *
 * A WAL has SQLite's own checksums, which it verifies on opening; pages that are read back from it
 * later are held against what was written.
 */
#define VFS_NAME "ipsecmon"
#define VFS_PAGE_SIZE 4096
#define VFS_RESERVED 8 /* octets at the end of a page, for the checksum */
#define VFS_PATH_SIZE 96

int vfs_register(void); /* once; 0 or -ENOMEM */
/* What to open: a file in the directory. */
void vfs_path(int dir_fd, const char *name, char ret[VFS_PATH_SIZE]);
