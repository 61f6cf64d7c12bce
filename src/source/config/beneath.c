/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 64

static int open_beneath(int root, const char *path, unsigned flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : fd;
}

int beneath_stat(int root, const char *path, struct stat *ret_st)
{
	int fd = open_beneath(root, path, O_PATH), r = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, ret_st))
		r = -errno;
	close(fd);
	return r;
}

int beneath_open(int root, const char *path, struct stat *ret_st)
{
	int r = beneath_stat(root, path, ret_st), fd;

	/* Opening a device does things: look before. */
	if (r)
		return r;
	if (!S_ISREG(ret_st->st_mode))
		return -EINVAL;
	fd = open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret_st))
		r = -errno;
	else if (!S_ISREG(ret_st->st_mode))
		r = -EINVAL;
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

int beneath_directory(int root, const char *path)
{
	char copy[4096];
	size_t n = strlen(path);

	if (n >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, n + 1);
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		int fd = open_beneath(root, copy, O_PATH | O_DIRECTORY);
		char *slash = strrchr(copy, '/');

		if (fd != -ENOENT && fd != -ENOTDIR)
			return fd;
		if (!slash || !strcmp(copy, "/"))
			return fd;
		slash[slash == copy] = '\0';
	}
	return -ELOOP;
}

/* glob(3) gives its functions no context. */
static _Thread_local struct {
	int root;
	size_t left; /* entries of the directory that may still be read */
} globbing;

static void *glob_opendir(const char *path)
{
	int fd = open_beneath(globbing.root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	globbing.left = BENEATH_ENTRIES_MAX;
	return dir;
}

static struct dirent *glob_readdir(void *dir)
{
	return globbing.left-- > 0 ? readdir(dir) : NULL;
}

static void glob_closedir(void *dir)
{
	closedir(dir);
}

static int glob_stat(const char *path, struct stat *ret)
{
	int r = beneath_stat(globbing.root, path, ret);

	errno = -r;
	return r ? -1 : 0;
}

int beneath_glob(int root, const char *pattern, char ***ret)
{
	glob_t g = { .gl_opendir = glob_opendir,
		.gl_readdir = glob_readdir,
		.gl_closedir = glob_closedir,
		.gl_stat = glob_stat,
		.gl_lstat = glob_stat };
	size_t size = 0;
	char **paths, *at;
	int r;

	globbing.root = root;
	r = glob(pattern, GLOB_ALTDIRFUNC | GLOB_BRACE, NULL, &g);
	if (r && r != GLOB_NOMATCH) {
		globfree(&g);
		return r == GLOB_NOSPACE ? -ENOMEM : -EIO;
	}
	if (r == GLOB_NOMATCH)
		g.gl_pathc = 0;
	for (size_t i = 0; i < g.gl_pathc; i++)
		size += strlen(g.gl_pathv[i]) + 1;
	paths = g.gl_pathc > BENEATH_MATCHES_MAX ? NULL
						 : malloc((g.gl_pathc + 1) * sizeof(*paths) + size);
	r = paths ? 0 : g.gl_pathc > BENEATH_MATCHES_MAX ? -E2BIG : -ENOMEM;
	at = paths ? (char *)(paths + g.gl_pathc + 1) : NULL;
	for (size_t i = 0; !r && i < g.gl_pathc; i++) {
		size_t n = strlen(g.gl_pathv[i]) + 1;

		paths[i] = memcpy(at, g.gl_pathv[i], n);
		at += n;
	}
	if (!r)
		paths[g.gl_pathc] = NULL;
	globfree(&g);
	if (!r)
		*ret = paths;
	return r;
}
