/* SPDX-License-Identifier: Apache-2.0 */
#undef _FILE_OFFSET_BITS /* both names of each call are ours */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * Faults for whole programs, by LD_PRELOAD. FAULT_CONTROL names a file of the size of struct
 * control, which is mapped before a sandbox could object and shared by all processes: whoever
 * drives the test writes there what shall fail (control.py), while they run. FAULT_RECORD names a
 * file to which all changes of files are written in their order, so that power cuts can be made of
 * them (disk.py). Only regular files and directories count, and no standard output.
 */

enum call {
	CALL_ALLOC = 1,
	CALL_WRITE = 2,
	CALL_SYNC = 4,
	CALL_TRUNCATE = 8,
	CALL_OPEN = 16, /* for writing */
	CALL_RENAME = 32,
	CALL_UNLINK = 64,
	CALL_READ = 128,
};
#define CALLS 8

enum what { WHAT_ERROR, WHAT_SHORT, WHAT_KILL_BEFORE, WHAT_KILL_AFTER };

/* As control.py has it. */
struct control {
	uint32_t calls; /* which: a set of enum call */
	uint32_t what;
	int32_t error; /* errno, of WHAT_ERROR */
	uint32_t times; /* how many fail in a row from the one on that it is aimed at; 0: all */
	uint64_t countdown; /* calls until it fails; 0: nothing is to fail */
	uint64_t fired; /* how many did */
	uint64_t seen[CALLS]; /* calls, by kind */
	char program[24]; /* whose; "": anybody's */
};

static struct control *control;
static int record_fd = -1;

/* Also for allocations before the constructor has run: then nothing is armed. */
static bool is_hit(enum call call, uint32_t *ret_what)
{
	struct control *c = control;
	uint64_t left;

	if (!c || (c->program[0] && strcmp(c->program, program_invocation_short_name) != 0))
		return false;
	__atomic_add_fetch(&c->seen[__builtin_ctz(call)], 1, __ATOMIC_RELAXED);
	if (!(c->calls & call))
		return false;
	left = __atomic_load_n(&c->countdown, __ATOMIC_ACQUIRE);
	if (left == 0)
		return false;
	if (left > 1) {
		__atomic_sub_fetch(&c->countdown, 1, __ATOMIC_RELAXED);
		return false;
	}
	*ret_what = c->what;
	if (__atomic_add_fetch(&c->fired, 1, __ATOMIC_RELAXED) == c->times)
		__atomic_store_n(&c->countdown, 0, __ATOMIC_RELEASE);
	return true;
}

static void die(void)
{
	(void)syscall(SYS_tgkill, getpid(), gettid(), SIGKILL);
}

/* 0: go on. 1: go on, then die. 2: do the half of it. Or -1 with errno: it has failed. */
static int meet(enum call call)
{
	uint32_t what;

	if (!is_hit(call, &what))
		return 0;
	switch (what) {
	case WHAT_KILL_BEFORE:
		die();
		return 0;
	case WHAT_KILL_AFTER:
		return 1;
	case WHAT_SHORT:
		return 2;
	default:
		errno = control->error;
		return -1;
	}
}

static long done(int met, long r)
{
	if (met == 1)
		die();
	return r;
}

/* What the record has of each change: this, then the names, then the octets. As disk.py has it. */
struct change {
	uint32_t op; /* enum call, or CHANGE_MKDIR */
	uint32_t flags; /* of open() */
	uint64_t file; /* inode; after it */
	uint64_t dir, to_dir; /* inodes of directories */
	uint64_t at; /* offset, or length */
	uint32_t n_name, n_to, n_octets, zero;
};
#define CHANGE_MKDIR 256u

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* The inode of the directory in which the path ends, and its last part. */
static uint64_t parent_of(int dir, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char parent[4096];
	struct stat st;

	*ret_name = slash ? slash + 1 : path;
	if (!slash && dir != AT_FDCWD)
		return inode_of(dir);
	if (slash && (size_t)(slash - path) >= sizeof(parent) - 2)
		return 0;
	memcpy(parent, slash ? path : "./", slash ? (size_t)(slash - path) + 1 : 2);
	parent[slash ? slash - path + 1 : 2] = '\0';
	return fstatat(dir, parent, &st, 0) == 0 ? st.st_ino : 0;
}

static void record(struct change c, const char *name, const char *to, const void *octets, size_t n)
{
	int error = errno;
	struct iovec v[4] = { { &c, sizeof(c) } };

	if (record_fd < 0)
		return;
	c.n_name = name ? (uint32_t)strlen(name) : 0;
	c.n_to = to ? (uint32_t)strlen(to) : 0;
	c.n_octets = (uint32_t)n;
	v[1] = (struct iovec){ (void *)(uintptr_t)name, c.n_name };
	v[2] = (struct iovec){ (void *)(uintptr_t)to, c.n_to };
	v[3] = (struct iovec){ (void *)(uintptr_t)octets, n };
	(void)syscall(SYS_writev, record_fd, v, 4);
	errno = error;
}

static bool is_file(int fd)
{
	int error = errno;
	struct stat st;
	bool is = fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	errno = error;
	return is;
}

static bool is_synced(int fd)
{
	struct stat st;

	return fd > STDERR_FILENO && fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

#define EXPORT __attribute__((visibility("default")))
#define ALSO(name) EXPORT __attribute__((alias(name)))

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

EXPORT void *malloc(size_t n)
{
	return meet(CALL_ALLOC) < 0 ? NULL : __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
	return meet(CALL_ALLOC) < 0 ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t n)
{
	return meet(CALL_ALLOC) < 0 ? NULL : __libc_realloc(p, n);
}

EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t octets;

	if (__builtin_mul_overflow(n, size, &octets)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, octets);
}

/* Of a write that fails, half was done: so a full disk does it. */
static ssize_t put(int fd, const struct iovec *v, int n_v, off_t at)
{
	size_t n = 0, left;
	struct iovec part[8];
	ssize_t r = 0;
	int met, i;

	for (i = 0; i < n_v; i++)
		n += v[i].iov_len;
	if (!is_file(fd))
		return at < 0 ? syscall(SYS_writev, fd, v, n_v)
			      : syscall(SYS_pwritev, fd, v, n_v, at, 0);
	met = meet(CALL_WRITE);
	left = met < 0 || met == 2 ? n / 2 : n;
	for (i = 0; i < n_v && i < 8; i++) {
		part[i] = v[i];
		part[i].iov_len = v[i].iov_len < left ? v[i].iov_len : left;
		left -= part[i].iov_len;
	}
	if (met >= 0 || n > 1)
		r = at < 0 ? syscall(SYS_writev, fd, part, i)
			   : syscall(SYS_pwritev, fd, part, i, at, 0);
	if (r > 0 && record_fd >= 0) {
		off_t end = at < 0 ? lseek(fd, 0, SEEK_CUR) : at + r;
		struct change c = {
			.op = CALL_WRITE, .file = inode_of(fd), .at = (uint64_t)(end - r)
		};
		size_t wrote = (size_t)r;

		for (int k = 0; k < i && wrote > 0; k++) {
			size_t m = part[k].iov_len < wrote ? part[k].iov_len : wrote;

			record(c, NULL, NULL, part[k].iov_base, m);
			c.at += m;
			wrote -= m;
		}
	}
	if (met < 0) {
		errno = control->error;
		return -1;
	}
	return done(met, r);
}

EXPORT ssize_t write(int fd, const void *p, size_t n)
{
	struct iovec v = { (void *)(uintptr_t)p, n };

	return put(fd, &v, 1, -1);
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int n_v)
{
	return put(fd, v, n_v, -1);
}

EXPORT ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct iovec v = { (void *)(uintptr_t)p, n };

	return put(fd, &v, 1, at);
}
ALSO("pwrite") ssize_t pwrite64(int fd, const void *p, size_t n, off_t at);

/* An aimed read fails; a short one is half as long. */
EXPORT ssize_t read(int fd, void *p, size_t n)
{
	int met = is_file(fd) ? meet(CALL_READ) : 0;

	if (met < 0)
		return -1;
	return done(met, syscall(SYS_read, fd, p, met == 2 && n > 1 ? n / 2 : n));
}

EXPORT ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	int met = is_file(fd) ? meet(CALL_READ) : 0;

	if (met < 0)
		return -1;
	return done(met, syscall(SYS_pread64, fd, p, met == 2 && n > 1 ? n / 2 : n, at));
}
ALSO("pread") ssize_t pread64(int fd, void *p, size_t n, off_t at);

static int sync_by(long number, int fd)
{
	int met = is_synced(fd) ? meet(CALL_SYNC) : 0;
	long r;

	if (met < 0)
		return -1;
	r = syscall(number, fd);
	if (r == 0 && is_synced(fd))
		record((struct change){ .op = CALL_SYNC, .file = inode_of(fd) }, NULL, NULL, NULL,
			0);
	return (int)done(met, r);
}

EXPORT int fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}

EXPORT int ftruncate(int fd, off_t n)
{
	int met = is_file(fd) ? meet(CALL_TRUNCATE) : 0;
	long r;

	if (met < 0)
		return -1;
	r = syscall(SYS_ftruncate, fd, n);
	if (r == 0 && is_file(fd))
		record(
			(struct change){
				.op = CALL_TRUNCATE, .file = inode_of(fd), .at = (uint64_t)n },
			NULL, NULL, NULL, 0);
	return (int)done(met, r);
}
ALSO("ftruncate") int ftruncate64(int fd, off_t n);

static bool is_elsewhere(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 ||
	       (strncmp(path, "/proc/", 6) == 0 && strncmp(path, "/proc/self/fd/", 14) != 0) ||
	       strncmp(path, "/sys/", 5) == 0;
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY && !is_elsewhere(path);
	int met = writes ? meet(CALL_OPEN) : 0;
	struct change c = { .op = CALL_OPEN, .flags = (uint32_t)flags };
	const char *name;
	long fd;

	if (met < 0)
		return -1;
	fd = syscall(SYS_openat, dir, path, flags, mode);
	if (fd >= 0 && writes && record_fd >= 0 && is_file((int)fd)) {
		c.file = inode_of((int)fd);
		c.dir = parent_of(dir, path, &name);
		record(c, name, NULL, NULL, 0);
	}
	return (int)done(met, fd);
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return open_at(dir, path, flags, mode);
}
ALSO("openat") int openat64(int dir, const char *path, int flags, ...);

EXPORT int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return open_at(AT_FDCWD, path, flags, mode);
}
ALSO("open") int open64(const char *path, int flags, ...);

EXPORT int renameat(int dir, const char *from, int to_dir, const char *to)
{
	int met = meet(CALL_RENAME);
	struct change c = { .op = CALL_RENAME };
	const char *name, *to_name;
	long r;

	if (met < 0)
		return -1;
	r = syscall(SYS_renameat, dir, from, to_dir, to);
	if (r == 0 && record_fd >= 0) {
		c.dir = parent_of(dir, from, &name);
		c.to_dir = parent_of(to_dir, to, &to_name);
		record(c, name, to_name, NULL, 0);
	}
	return (int)done(met, r);
}

EXPORT int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
	int met = meet(CALL_UNLINK);
	struct change c = { .op = CALL_UNLINK };
	const char *name;
	long r;

	if (met < 0)
		return -1;
	r = syscall(SYS_unlinkat, dir, path, flags);
	if (r == 0 && record_fd >= 0) {
		c.dir = parent_of(dir, path, &name);
		record(c, name, NULL, NULL, 0);
	}
	return (int)done(met, r);
}

EXPORT int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int mkdirat(int dir, const char *path, mode_t mode)
{
	struct change c = { .op = CHANGE_MKDIR };
	const char *name;
	struct stat st;
	long r = syscall(SYS_mkdirat, dir, path, mode);

	if (r == 0 && record_fd >= 0 && fstatat(dir, path, &st, 0) == 0) {
		c.file = st.st_ino;
		c.dir = parent_of(dir, path, &name);
		record(c, name, NULL, NULL, 0);
	}
	return (int)r;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_CONTROL");
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
	void *p;

	if (fd >= 0) {
		p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
		control = p == MAP_FAILED ? NULL : p;
		(void)close((int)fd);
	}
	path = getenv("FAULT_RECORD");
	fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC, 0) : -1;
	if (fd >= 0) { /* out of the way of descriptors with a fixed number */
		record_fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 500);
		(void)close((int)fd);
	}
}
