/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

/*
 * Files as a daemon sees them: paths are looked up beneath its root (an O_PATH descriptor), which
 * no symbolic link and no .. leaves. Nothing is ever written, no device or pipe opened.
 */
#define BENEATH_ENTRIES_MAX 16384 /* of one directory */
#define BENEATH_MATCHES_MAX 4096 /* of one pattern */

/* A regular file, to read; *ret_st is of what was opened. -EINVAL: no regular file; -errno. */
int beneath_open(int root, const char *path, struct stat *ret_st);
int beneath_stat(int root, const char *path, struct stat *ret_st); /* -errno */
/*
 * An O_PATH descriptor of the directory at path or, where there is none, of the nearest above it.
 * -errno.
 */
int beneath_directory(int root, const char *path);

/*
 * The paths that pattern (absolute, as for glob(3), with braces) names, sorted; ended by NULL, in
 * memory of one block that the caller frees. -E2BIG: too many; -ENOMEM; none is no error.
 */
int beneath_glob(int root, const char *pattern, char ***ret);
