/* SPDX-License-Identifier: Apache-2.0 */
#include "store/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/eventlog.h"
#include "store/segments.h"

#define VERSION_LINE "ipsecmon state "

/* Reads at most size - 1 octets of a small file. Their number, or -errno. */
static ssize_t read_small(int fd, char *ret, size_t size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return n;
}

static int take_lock(int dir_fd, int *ret_fd, struct diag *reterr)
{
	int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	char pid[24];
	int r, n;

	if (fd < 0)
		return diag_set(reterr, -errno, "cannot open `lock` in the state directory: %s",
			strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r != -EWOULDBLOCK)
			(void)diag_set(
				reterr, r, "cannot lock the state directory: %s", strerror(-r));
		else if (read_small(fd, pid, sizeof(pid)) > 0)
			r = diag_set(reterr, -EBUSY,
				"another monitor, process %ld, uses this state directory: stop it, "
				"or give this one its own with --state-dir",
				strtol(pid, NULL, 10));
		else
			r = diag_set(reterr, -EBUSY,
				"another monitor uses this state directory: stop it, or give this "
				"one its own with --state-dir");
		(void)close(fd);
		return r;
	}
	/* For the message above only; on a full disk the lock still holds. */
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, pid, (size_t)n, 0);
	*ret_fd = fd;
	return 0;
}

static int judge_version(const char *text, struct diag *reterr)
{
	const size_t n = sizeof(VERSION_LINE) - 1;
	unsigned long version;
	char *end;

	if (strncmp(text, VERSION_LINE, n) != 0 || text[n] < '0' || text[n] > '9')
		return diag_set(reterr, -EPROTONOSUPPORT,
			"the file `version` of the state directory is not ours: this is no state "
			"directory of ipsecmon; give another with --state-dir");
	version = strtoul(text + n, &end, 10);
	if (version == STATE_VERSION && strcmp(end, "\n") == 0)
		return 0;
	if (version > STATE_VERSION)
		return diag_set(reterr, -EPROTONOSUPPORT,
			"the state directory has version %lu, this program knows %d: use a newer "
			"ipsecmon, or give another directory with --state-dir",
			version, STATE_VERSION);
	return diag_set(reterr, -EPROTONOSUPPORT,
		"the file `version` of the state directory is not as any ipsecmon wrote it");
}

/* Into a new file that takes its name only when whole. */
static int write_version(int dir_fd)
{
	char text[64];
	int n = snprintf(text, sizeof(text), VERSION_LINE "%d\n", STATE_VERSION);
	int fd = openat(
		dir_fd, "version.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, text, (size_t)n, 0) != n || fdatasync(fd) < 0)
		r = errno ? -errno : -EIO;
	(void)close(fd);
	if (r == 0 && renameat(dir_fd, "version.new", dir_fd, "version") < 0)
		r = -errno;
	return r;
}

static bool holds_segments(int log_fd)
{
	struct eventlog_segment *segments = NULL;
	size_t n = 0;

	if (segments_list(log_fd, &segments, &n) < 0)
		return true;
	free(segments);
	return n > 0;
}

static int check_version(int dir_fd, int log_fd, struct diag *reterr)
{
	int fd = openat(dir_fd, "version", O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	char text[64];
	ssize_t n;

	if (fd >= 0) {
		n = read_small(fd, text, sizeof(text));
		(void)close(fd);
		if (n >= 0)
			return judge_version(text, reterr);
		r = (int)n;
	} else if (errno != ENOENT) {
		r = -errno;
	} else if (holds_segments(log_fd)) {
		return diag_set(reterr, -EPROTONOSUPPORT,
			"the state directory has a log but no file `version`: this is no complete "
			"state directory of ipsecmon; give another with --state-dir");
	} else {
		r = write_version(dir_fd);
		if (r == 0)
			return 0;
		return diag_set(reterr, r, "cannot write `version` in the state directory: %s",
			strerror(-r));
	}
	return diag_set(
		reterr, r, "cannot read `version` in the state directory: %s", strerror(-r));
}

static int open_log(int dir_fd, int *ret_fd, struct diag *reterr)
{
	int fd;

	if (mkdirat(dir_fd, "log", 0750) < 0 && errno != EEXIST)
		return diag_set(reterr, -errno, "cannot make `log` in the state directory: %s",
			strerror(errno));
	fd = openat(dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return diag_set(reterr, -errno, "cannot open `log` in the state directory: %s",
			strerror(errno));
	*ret_fd = fd;
	return 0;
}

int statedir_take(int dir_fd, int *ret_lock_fd, int *ret_log_fd, struct diag *reterr)
{
	int lock_fd = -1, log_fd = -1, own_fd, r;

	r = take_lock(dir_fd, &lock_fd, reterr);
	if (r < 0)
		return r;
	r = open_log(dir_fd, &log_fd, reterr);
	if (r == 0)
		r = check_version(dir_fd, log_fd, reterr);
	if (r < 0) {
		if (log_fd >= 0)
			(void)close(log_fd);
		(void)close(lock_fd);
		return r;
	}
	/* dir_fd may be an O_PATH descriptor, which cannot be synced. */
	own_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own_fd >= 0) {
		(void)fsync(own_fd);
		(void)close(own_fd);
	}
	*ret_lock_fd = lock_fd;
	*ret_log_fd = log_fd;
	return 0;
}
