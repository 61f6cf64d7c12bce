/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lines.h"
#include "store/logline.h"

#define SEQ_DIGITS 20
#define SEGMENTS_MAX 100000 /* far beyond what retention leaves; a full directory is an error */

static bool digits(const char **p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++, (*p)++) {
		uint64_t digit = (uint64_t)(**p - '0');

		if (**p < '0' || **p > '9' || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

bool segment_name_parse(const char *name, uint64_t *ret_seq, unsigned *ret_repeat)
{
	uint64_t seq, repeat = 0;

	if (!digits(&name, SEQ_DIGITS, &seq))
		return false;
	if (*name == 'r') {
		name++;
		if (!digits(&name, 3, &repeat) || repeat == 0)
			return false;
	}
	if (strcmp(name, ".jsonl") != 0)
		return false;
	*ret_seq = seq;
	*ret_repeat = (unsigned)repeat;
	return true;
}

void segment_name_format(uint64_t seq, unsigned repeat, char ret[SEGMENT_NAME_SIZE])
{
	if (repeat == 0)
		(void)snprintf(ret, SEGMENT_NAME_SIZE, "%020" PRIu64 ".jsonl", seq);
	else
		(void)snprintf(ret, SEGMENT_NAME_SIZE, "%020" PRIu64 "r%03u.jsonl", seq,
			repeat % (SEGMENT_REPEAT_MAX + 1));
}

bool segment_file_parse(const char *file, char ret_name[SEGMENT_NAME_SIZE], bool *ret_sealed)
{
	const size_t n_suffix = sizeof(SEALED_SUFFIX) - 1;
	size_t n = strnlen(file, SEGMENT_FILE_SIZE);
	char name[SEGMENT_NAME_SIZE];
	uint64_t seq;
	unsigned repeat;
	bool sealed = n > n_suffix && strcmp(file + n - n_suffix, SEALED_SUFFIX) == 0;

	if (n == SEGMENT_FILE_SIZE)
		return false;
	n -= sealed ? n_suffix : 0;
	if (n >= sizeof(name))
		return false;
	memcpy(name, file, n);
	name[n] = '\0';
	if (!segment_name_parse(name, &seq, &repeat))
		return false;
	memcpy(ret_name, name, n + 1);
	*ret_sealed = sealed;
	return true;
}

void segment_file_format(const char *name, bool sealed, char ret[SEGMENT_FILE_SIZE])
{
	(void)snprintf(ret, SEGMENT_FILE_SIZE, "%.*s%s", SEGMENT_NAME_SIZE - 1, name,
		sealed ? SEALED_SUFFIX : "");
}

int segments_open_dir(int dir_fd)
{
	int fd = openat(dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Equal to the order of the files in the C locale. */
static int compare(const void *a, const void *b)
{
	const struct eventlog_segment *x = a, *y = b;
	uint64_t seq;
	unsigned x_repeat = 0, y_repeat = 0;

	if (x->first_seq != y->first_seq)
		return x->first_seq < y->first_seq ? -1 : 1;
	(void)segment_name_parse(x->name, &seq, &x_repeat);
	(void)segment_name_parse(y->name, &seq, &y_repeat);
	if (x_repeat != y_repeat)
		return x_repeat < y_repeat ? -1 : 1;
	return (int)x->sealed - (int)y->sealed;
}

struct list {
	struct eventlog_segment *p;
	size_t n, room;
};

static int list_add(struct list *l, int log_fd, const char *file)
{
	struct eventlog_segment s = { 0 };
	struct stat st;
	unsigned repeat;

	if (!segment_file_parse(file, s.name, &s.sealed) ||
		!segment_name_parse(s.name, &s.first_seq, &repeat))
		return 0;
	if (fstatat(log_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* removed meanwhile */
	if (!S_ISREG(st.st_mode))
		return 0;
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		struct eventlog_segment *p = NULL;

		if (l->n < SEGMENTS_MAX)
			p = reallocarray(l->p, room, sizeof(*p));
		if (!p)
			return l->n < SEGMENTS_MAX ? -ENOMEM : -EOVERFLOW;
		l->p = p;
		l->room = room;
	}
	s.size = (uint64_t)st.st_size;
	s.modified_us =
		(uint64_t)st.st_mtim.tv_sec * 1000000u + (uint64_t)st.st_mtim.tv_nsec / 1000u;
	l->p[l->n++] = s;
	return 0;
}

/* A crash while it was sealed left both files: the sealed one will be made anew. */
static size_t without_doubles(struct eventlog_segment *p, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || strcmp(p[kept - 1].name, p[i].name) != 0)
			p[kept++] = p[i];
	}
	return kept;
}

int segments_list(int log_fd, struct eventlog_segment **ret, size_t *ret_n)
{
	struct list l = { 0 };
	struct dirent *d;
	int fd, r = 0;
	DIR *dir;

	fd = openat(log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, d = readdir(dir)))
		r = list_add(&l, log_fd, d->d_name);
	if (r == 0 && errno != 0)
		r = -errno;
	(void)closedir(dir);
	if (r < 0) {
		free(l.p);
		return r;
	}
	if (l.n > 1)
		qsort(l.p, l.n, sizeof(*l.p), compare);
	*ret = l.p;
	*ret_n = without_doubles(l.p, l.n);
	return 0;
}

int eventlog_segments(int dir_fd, struct eventlog_segment **ret, size_t *ret_n)
{
	int log_fd = segments_open_dir(dir_fd), r;

	if (log_fd < 0)
		return log_fd;
	r = segments_list(log_fd, ret, ret_n);
	(void)close(log_fd);
	return r;
}

int segment_file_open(int log_fd, const char *file, uint64_t *ret_size)
{
	int fd = openat(log_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return -EINVAL;
	}
	*ret_size = (uint64_t)st.st_size;
	return fd;
}

int segment_committed_end(struct segtext *text, uint64_t *ret_end)
{
	CLEANUP_LINES struct lines l = { 0 };
	struct span line, hashed, hex;
	uint64_t end = segtext_size(text);
	bool whole;
	int r;

	lines_backward(&l, text, end);
	while ((r = lines_prev(&l, &line, &whole)) > 0) {
		if (whole && logline_kind(line) == LOGLINE_COMMIT &&
			chain_split(line, &hashed, &hex) && hex.n == DIGEST_HEX)
			break;
		end = l.at;
	}
	if (r < 0)
		return r;
	*ret_end = r > 0 ? end : 0;
	return 0;
}
