/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMMAND_LINE_MAX 8192
#define SOCKET "socket:["
#define DESCRIPTORS_PER_SOCKET 16
#define STAT_START 19 /* fields behind the name: state is 0, parent 1 */

int process_open(pid_t pid, struct process *ret)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = (struct process){ .dir = fd, .pid = pid };
	return 0;
}

void process_close(struct process *p)
{
	if (p->dir >= 0)
		close(p->dir);
	p->dir = -1;
}

/* All of a small file, terminated; octets, or -errno. */
static ssize_t read_file(const struct process *p, const char *name, char *ret, size_t size)
{
	int fd = openat(p->dir, name, O_RDONLY | O_CLOEXEC);
	size_t all = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, ret + all, size - 1 - all)) > 0)
		all += (size_t)n;
	if (n < 0)
		n = -errno;
	close(fd);
	ret[all] = '\0';
	return n < 0 ? n : (ssize_t)all;
}

int process_comm(const struct process *p, char ret[32])
{
	ssize_t n = read_file(p, "comm", ret, 32);

	ret[n > 0 ? strcspn(ret, "\n") : 0] = '\0';
	return n < 0 ? (int)n : 0;
}

int process_stat(const struct process *p, struct process_stat *ret)
{
	char text[1024];
	ssize_t n = read_file(p, "stat", text, sizeof(text));
	char *at = n > 0 ? strrchr(text, ')') : NULL; /* the name may hold anything */
	struct process_stat s = { 0 };

	if (!at || at[1] != ' ')
		return n < 0 ? (int)n : -EINVAL;
	at += 2;
	s.state = *at;
	for (unsigned field = 0; field <= STAT_START; field++) {
		if (field == 1)
			s.parent = (pid_t)strtol(at, NULL, 10);
		if (field == STAT_START)
			s.start_ticks = strtoull(at, NULL, 10);
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	*ret = s;
	return s.start_ticks > 0 ? 0 : -EINVAL;
}

int process_uid(const struct process *p, uid_t *ret)
{
	char text[4096];
	ssize_t n = read_file(p, "status", text, sizeof(text));
	const char *at = n > 0 ? strstr(text, "\nUid:\t") : NULL;

	if (!at)
		return n < 0 ? (int)n : -EINVAL;
	*ret = (uid_t)strtoul(at + strlen("\nUid:\t"), NULL, 10);
	return 0;
}

int process_program(const struct process *p, char ret[NAME_MAX + 1])
{
	static const char gone[] = " (deleted)"; /* replaced by an upgrade */
	char path[PATH_MAX];
	ssize_t n = readlinkat(p->dir, "exe", path, sizeof(path) - 1);
	const char *name;
	size_t length;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	length = strlen(name);
	if (length >= sizeof(gone) && !strcmp(name + length - strlen(gone), gone))
		length -= strlen(gone);
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, name, length);
	ret[length] = '\0';
	return 0;
}

int process_option(const struct process *p, const char *name, char *ret, size_t size)
{
	char text[COMMAND_LINE_MAX];
	ssize_t n = read_file(p, "cmdline", text, sizeof(text));
	size_t length = strlen(name);

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(text + at) + 1) {
		const char *word = text + at;
		const char *value = NULL;

		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, length) != 0)
			continue;
		if (word[2 + length] == '=')
			value = word + 2 + length + 1;
		else if (word[2 + length] == '\0' && at + (ssize_t)strlen(word) + 1 < n)
			value = word + strlen(word) + 1;
		if (value && strlen(value) < size) {
			memcpy(ret, value, strlen(value) + 1);
			return 0;
		}
	}
	return n < 0 ? (int)n : -ENOENT;
}

int process_file(const struct process *p, const char *name, int flags)
{
	int fd = openat(p->dir, name, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int process_netns(const struct process *p, uint64_t *ret_inode)
{
	struct stat st;

	if (fstatat(p->dir, "ns/net", &st, 0) < 0)
		return -errno;
	*ret_inode = st.st_ino;
	return 0;
}

int process_sockets(const struct process *p, uint64_t *ret, size_t size)
{
	int fd = process_file(p, "fd", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	size_t n = 0, looked = 0;

	if (!dir) {
		int r = fd < 0 ? fd : -errno;

		if (fd >= 0)
			close(fd);
		return r;
	}
	while (n < size && looked++ < DESCRIPTORS_PER_SOCKET * size && (d = readdir(dir))) {
		char text[64];
		ssize_t length = readlinkat(fd, d->d_name, text, sizeof(text) - 1);

		text[length > 0 ? length : 0] = '\0';
		if (!strncmp(text, SOCKET, strlen(SOCKET)))
			ret[n++] = strtoull(text + strlen(SOCKET), NULL, 10);
	}
	(void)closedir(dir);
	if (looked > DESCRIPTORS_PER_SOCKET * size) {
		memset(ret, 0, size * sizeof(*ret));
		n = size;
	}
	return (int)n;
}

int process_open_inside(const struct process *p, const char *path, int flags)
{
	const struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int root = process_file(p, "root", O_PATH | O_DIRECTORY);
	int fd;

	if (root < 0)
		return root;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd;
}
