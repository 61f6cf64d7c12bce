/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define BODY (VFS_PAGE_SIZE - VFS_RESERVED)
_Static_assert(BODY % 8 == 0, "the checksum takes whole words");

/* A WAL: a header, then frames of a header and a page each. */
#define WAL_HEADER 32
#define FRAME_HEADER 24
#define FRAME_SIZE (FRAME_HEADER + VFS_PAGE_SIZE)

struct file {
	sqlite3_file base;
	int fd;
	bool pages; /* a database: each page holds its checksum */
	bool wal; /* the checksums of the pages that we wrote to it are here: */
	uint64_t *sums; /* by frame; 0: none */
	size_t n_sums;
};

static int fd_of(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->fd;
}

void vfs_path(int dir_fd, const char *name, char ret[VFS_PATH_SIZE])
{
	(void)snprintf(ret, VFS_PATH_SIZE, "%d/%s", dir_fd, name);
}

/* The two halves of "7/name". */
static const char *path_split(const char *path, int *ret_dir_fd)
{
	char *end;

	*ret_dir_fd = (int)strtol(path, &end, 10);
	return *end == '/' ? end + 1 : end;
}

/* Which page it is goes in too: one at the wrong place is as wrong as a changed one. */
static uint64_t checksum(const void *page, size_t n, uint64_t number)
{
	uint64_t sums[4] = { number, 1, 2, 3 }, sum = 0;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t *s = &sums[i / 8 % 4], word;

		memcpy(&word, (const uint8_t *)page + i, 8);
		*s = (*s ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		*s ^= *s >> 29;
	}
	for (size_t i = 0; i < 4; i++)
		sum = ((sum ^ sums[i]) * UINT64_C(0xbf58476d1ce4e5b9)) ^ sum >> 31;
	return sum;
}

static int on_close(sqlite3_file *base)
{
	struct file *f = (struct file *)(void *)base;

	(void)close(f->fd);
	free(f->sums);
	return SQLITE_OK;
}

static bool is_page(const struct file *f, int n)
{
	return f->pages && n == VFS_PAGE_SIZE;
}

/* Which frame of a WAL has its page there. */
static bool frame_at(const struct file *f, int n, sqlite3_int64 at, size_t *ret)
{
	sqlite3_int64 from = at - WAL_HEADER - FRAME_HEADER;

	if (!f->wal || n != VFS_PAGE_SIZE || from < 0 || from % FRAME_SIZE)
		return false;
	*ret = (size_t)(from / FRAME_SIZE);
	return true;
}

/* SQLite verifies a WAL when it is opened, but not when it reads pages back from it. */
static void frame_note(struct file *f, size_t frame, const void *page)
{
	if (frame >= f->n_sums) {
		size_t n = (frame + 1) * 2;
		uint64_t *sums = reallocarray(f->sums, n, sizeof(*sums));

		if (!sums)
			return;
		memset(sums + f->n_sums, 0, (n - f->n_sums) * sizeof(*sums));
		f->sums = sums;
		f->n_sums = n;
	}
	f->sums[frame] = checksum(page, VFS_PAGE_SIZE, frame) | 1;
}

/* Written otherwise than as one page: nothing is known of these. */
static void frames_forget(struct file *f, sqlite3_int64 from, sqlite3_int64 to)
{
	sqlite3_int64 first = (from - WAL_HEADER) / FRAME_SIZE;

	for (sqlite3_int64 i = first < 0 ? 0 : first;
		i < (sqlite3_int64)f->n_sums && WAL_HEADER + i * FRAME_SIZE < to; i++)
		f->sums[i] = 0;
}

static bool frame_fits(const struct file *f, size_t frame, const void *page)
{
	return frame >= f->n_sums || !f->sums[frame] ||
	       f->sums[frame] == (checksum(page, VFS_PAGE_SIZE, frame) | 1);
}

static int on_read(sqlite3_file *base, void *p, int n, sqlite3_int64 at)
{
	struct file *f = (struct file *)(void *)base;
	size_t done = 0, frame;
	uint64_t sum;

	if (f->pages && n > 512 && n != VFS_PAGE_SIZE)
		return SQLITE_IOERR_DATA; /* a header that tells of other pages */
	while (done < (size_t)n) {
		ssize_t r = pread(f->fd, (char *)p + done, (size_t)n - done, at + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return SQLITE_IOERR_READ;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	if (done < (size_t)n) {
		memset((char *)p + done, 0, (size_t)n - done);
		/* SQLite takes what is missing for zeroes: fine for a header, not for a page. */
		return is_page(f, n) ? SQLITE_IOERR_DATA : SQLITE_IOERR_SHORT_READ;
	}
	if (is_page(f, n)) {
		memcpy(&sum, (const char *)p + BODY, sizeof(sum));
		if (sum != checksum(p, BODY, (uint64_t)at / VFS_PAGE_SIZE))
			return SQLITE_IOERR_DATA;
	}
	return frame_at(f, n, at, &frame) && !frame_fits(f, frame, p) ? SQLITE_IOERR_DATA
								      : SQLITE_OK;
}

static int on_write(sqlite3_file *base, const void *p, int n, sqlite3_int64 at)
{
	struct file *f = (struct file *)(void *)base;
	uint8_t page[VFS_PAGE_SIZE];
	size_t done = 0, frame;

	if (frame_at(f, n, at, &frame))
		frame_note(f, frame, p);
	else if (f->wal && n != FRAME_HEADER)
		frames_forget(f, at, at + n);
	if (is_page(f, n)) {
		uint64_t sum = checksum(p, BODY, (uint64_t)at / VFS_PAGE_SIZE);

		memcpy(page, p, BODY);
		memcpy(page + BODY, &sum, sizeof(sum));
		p = page;
	}
	while (done < (size_t)n) {
		ssize_t r =
			pwrite(f->fd, (const char *)p + done, (size_t)n - done, at + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 && (errno == ENOSPC || errno == EDQUOT) ? SQLITE_FULL
									     : SQLITE_IOERR_WRITE;
		done += (size_t)r;
	}
	return SQLITE_OK;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	frames_forget((struct file *)(void *)f, size, INT64_MAX);
	return ftruncate(fd_of(f), size) < 0 ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int on_sync(sqlite3_file *f, int flags)
{
	(void)flags;
	return fdatasync(fd_of(f)) < 0 ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int on_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	struct stat st;

	if (fstat(fd_of(f), &st) < 0)
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int on_lock(sqlite3_file *f, int level)
{
	(void)f;
	(void)level;
	return SQLITE_OK;
}

static int on_is_locked(sqlite3_file *f, int *ret)
{
	(void)f;
	*ret = 0;
	return SQLITE_OK;
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int on_sector(sqlite3_file *f)
{
	(void)f;
	return VFS_PAGE_SIZE;
}

static int on_traits(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = { .iVersion = 1,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_size,
	.xLock = on_lock,
	.xUnlock = on_lock,
	.xCheckReservedLock = on_is_locked,
	.xFileControl = on_control,
	.xSectorSize = on_sector,
	.xDeviceCharacteristics = on_traits };

static int on_open(sqlite3_vfs *v, const char *path, sqlite3_file *base, int flags, int *ret_flags)
{
	struct file *f = (struct file *)(void *)base;
	const char *name;
	int dir_fd;

	(void)v;
	*f = (struct file){ .fd = -1 };
	if (!path) /* a nameless file for a moment: memory is to be used for such */
		return SQLITE_CANTOPEN;
	name = path_split(path, &dir_fd);
	f->fd = openat(dir_fd, name,
		O_CLOEXEC | O_NOFOLLOW | (flags & SQLITE_OPEN_READONLY ? O_RDONLY : O_RDWR) |
			(flags & SQLITE_OPEN_CREATE ? O_CREAT : 0),
		0640);
	if (f->fd < 0)
		return SQLITE_CANTOPEN;
	f->pages = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	f->wal = (flags & SQLITE_OPEN_WAL) != 0;
	f->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *v, const char *path, int sync)
{
	int dir_fd;
	const char *name = path_split(path, &dir_fd);

	(void)v;
	(void)sync;
	if (unlinkat(dir_fd, name, 0) < 0)
		return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
	return SQLITE_OK;
}

static int on_access(sqlite3_vfs *v, const char *path, int flags, int *ret)
{
	struct stat st;
	int dir_fd;
	const char *name = path_split(path, &dir_fd);

	(void)v;
	(void)flags;
	*ret = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
	return SQLITE_OK;
}

static int on_path(sqlite3_vfs *v, const char *path, int n, char *ret)
{
	(void)v;
	(void)sqlite3_snprintf(n, ret, "%s", path);
	return SQLITE_OK;
}

static int on_random(sqlite3_vfs *v, int n, char *ret)
{
	(void)v;
	return getrandom(ret, (size_t)n, GRND_NONBLOCK) == n ? n : 0;
}

static int on_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int on_time(sqlite3_vfs *v, double *ret)
{
	(void)v;
	*ret = 0; /* nothing here depends on it */
	return SQLITE_OK;
}

static int on_error(sqlite3_vfs *v, int n, char *ret)
{
	(void)v;
	(void)n;
	(void)ret;
	return errno;
}

int vfs_register(void)
{
	static sqlite3_vfs vfs = { .iVersion = 1,
		.szOsFile = sizeof(struct file),
		.mxPathname = VFS_PATH_SIZE,
		.zName = VFS_NAME,
		.xOpen = on_open,
		.xDelete = on_delete,
		.xAccess = on_access,
		.xFullPathname = on_path,
		.xRandomness = on_random,
		.xSleep = on_sleep,
		.xCurrentTime = on_time,
		.xGetLastError = on_error };

	if (sqlite3_vfs_find(VFS_NAME))
		return 0;
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? 0 : -ENOMEM;
}
