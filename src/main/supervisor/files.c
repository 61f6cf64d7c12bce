/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/files.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LISTEN_BACKLOG 128
#define ANSWER_TRIES \
	20 /* … of 50 ms: a monitor that was killed may still be closing its socket \
	    */

static int make_parents(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static bool is_empty_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *d;
	bool empty = dir != NULL;

	while (dir && (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			empty = false;
	}
	if (dir)
		(void)closedir(dir);
	else if (copy >= 0)
		close(copy);
	return empty;
}

/* Its name shall outlive a power cut, as what is kept in it does. */
static void sync_name(int dir)
{
	int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0) /* not ours to read */
		return;
	(void)fsync(parent);
	close(parent);
}

/* A directory in use keeps its owner: changing who may read an audit log is not ours to do. */
static int settle_owner(int fd, const char *path, uid_t uid, gid_t gid, struct diag *reterr)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (st.st_uid == uid)
		return 0;
	if (!is_empty_dir(fd))
		return diag_set(reterr, -EPERM,
			"%s belongs to user %u, but the monitor would write it as user %u; "
			"chown -R %u:%u %s, or give another --state-dir",
			path, (unsigned)st.st_uid, (unsigned)uid, (unsigned)uid, (unsigned)gid,
			path);
	if (fchown(fd, uid, gid) < 0)
		return diag_set(reterr, -errno, "%s: chown: %s", path, strerror(errno));
	return 0;
}

int files_state_dir(const char *path, bool set_owner, uid_t uid, gid_t gid, struct diag *reterr)
{
	struct stat st;
	int fd, r;

	r = make_parents(path, 0755);
	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return diag_set(reterr, r, "%s: %s", path, strerror(-r));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	r = set_owner ? settle_owner(fd, path, uid, gid, reterr) : 0;
	if (r == 0 && fstat(fd, &st) == 0 && (st.st_mode & 077) != 0 && fchmod(fd, 0700) < 0)
		r = diag_set(reterr, -errno, "%s: chmod 0700: %s", path, strerror(errno));
	if (r < 0) {
		close(fd);
		return r;
	}
	sync_name(fd);
	return fd;
}

int files_key_dir(const char *path, struct diag *reterr)
{
	struct stat st;
	int fd, r;

	r = make_parents(path, 0755);
	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return diag_set(reterr, r, "%s: %s", path, strerror(-r));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		r = diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	else if (st.st_uid != geteuid())
		r = diag_set(reterr, -EPERM,
			"%s belongs to user %u, who could read the key that signs the log; "
			"give another --key-dir",
			path, (unsigned)st.st_uid);
	else if ((st.st_mode & 077) != 0 && fchmod(fd, 0700) < 0)
		r = diag_set(reterr, -errno, "%s: chmod 0700: %s", path, strerror(errno));
	if (r < 0) {
		close(fd);
		return r;
	}
	sync_name(fd);
	return fd;
}

bool files_log_is_new(int state_dir)
{
	int fd = openat(state_dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool yes = fd < 0 ? errno == ENOENT : is_empty_dir(fd);

	if (fd >= 0)
		close(fd);
	return yes;
}

int files_record(const char *path, bool set_owner, uid_t uid, gid_t gid, struct diag *reterr)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != 0) {
		close(fd);
		return diag_set(
			reterr, -EEXIST, "%s is there already; --record wants a new file", path);
	}
	if (set_owner && fchown(fd, uid, gid) < 0) {
		int r = diag_set(reterr, -errno, "%s: chown: %s", path, strerror(errno));

		close(fd);
		return r;
	}
	return fd;
}

int files_replay(const char *path, struct diag *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd >= 0 ? fd : diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
}

static int unix_address(const char *path, struct sockaddr_un *ret, struct diag *reterr)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return diag_set(reterr, -ENAMETOOLONG, "%s: a socket's path has at most %zu octets",
			path, sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, strlen(path));
	return 0;
}

static bool answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* EAGAIN: its queue is full, so somebody is there. */
	bool yes =
		fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
				   errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

static int clear_path(const char *path, const struct sockaddr_un *address, struct diag *reterr)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return diag_set(reterr, -EEXIST, "%s is there and is no socket; remove it", path);
	for (int i = 0; answers(address); i++) {
		if (i == ANSWER_TRIES)
			return diag_set(reterr, -EADDRINUSE,
				"%s: a monitor is running already and answers there", path);
		(void)usleep(50000);
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int files_listener(const char *path, bool set_owner, uid_t uid, gid_t gid, struct stat *ret_stat,
	struct diag *reterr)
{
	struct sockaddr_un address;
	mode_t mask;
	int fd, r;

	r = unix_address(path, &address, reterr);
	if (r < 0)
		return r;
	r = make_parents(path, 0755);
	if (r < 0)
		return diag_set(reterr, r, "%s: %s", path, strerror(-r));
	r = clear_path(path, &address, reterr);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return diag_set(reterr, -errno, "socket: %s", strerror(errno));
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r == 0 && set_owner && lchown(path, uid, gid) < 0)
		r = -errno;
	/* Opened to the group only when it is the right one. */
	if (r == 0 && (chmod(path, 0660) < 0 || lstat(path, ret_stat) < 0))
		r = -errno;
	if (r == 0 && listen(fd, LISTEN_BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return diag_set(reterr, r, "%s: %s", path, strerror(-r));
	}
	return fd;
}

void files_unlink_listener(const char *path, const struct stat *ours)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_ino == ours->st_ino && st.st_dev == ours->st_dev)
		(void)unlink(path);
}

static int connect_datagram(
	const struct sockaddr *address, socklen_t size, const char *target, struct diag *reterr)
{
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return diag_set(reterr, -errno, "socket: %s", strerror(errno));
	if (connect(fd, address, size) < 0) {
		r = diag_set(reterr, -errno, "%s: %s", target, strerror(errno));
		close(fd);
		return r;
	}
	return fd;
}

static int connect_unix(const char *path, struct diag *reterr)
{
	struct sockaddr_un address;
	int r = unix_address(path, &address, reterr);

	return r < 0 ? r
		     : connect_datagram((struct sockaddr *)&address, sizeof(address), path, reterr);
}

int files_journal(struct diag *reterr)
{
	return connect_unix(JOURNAL_SOCKET, reterr);
}

/* The form was checked when the configuration was read. */
static int connect_udp(const char *target, struct diag *reterr)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	const char *colon = strrchr(target, ':');
	char host[ADDR_TEXT_SIZE + 2];
	size_t n = strcspn(target, "]");
	in_port_t port;

	port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (target[0] == '[') {
		(void)snprintf(host, sizeof(host), "%.*s", (int)n - 1, target + 1);
		v6.sin6_port = port;
		if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
			return connect_datagram((struct sockaddr *)&v6, sizeof(v6), target, reterr);
	} else {
		(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - target), target);
		v4.sin_port = port;
		if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
			return connect_datagram((struct sockaddr *)&v4, sizeof(v4), target, reterr);
	}
	return diag_set(reterr, -EINVAL, "%s: is not ADDRESS:PORT", target);
}

int files_syslog(const char *target, struct diag *reterr)
{
	if (strncmp(target, "udp:", 4) == 0)
		return connect_udp(target + 4, reterr);
	return connect_unix(target, reterr);
}
