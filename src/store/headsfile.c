/* SPDX-License-Identifier: Apache-2.0 */
#include "store/headsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/lines.h"

#define NEW_FILE HEADS_FILE ".new"
#define THIN_LEAST \
	((uint64_t)256 << 10) /* octets to be won: below that the file stays as it is \
			       */
#define DAY_US (86400ull * 1000000u)

struct headsfile {
	int dir_fd; /* borrowed */
	int fd;
	uint64_t size; /* up to the last whole line */
	bool cut_owed; /* octets of a failed line may lie behind `size` */
	bool any;
	struct signed_head last;
};

struct headsfile *headsfile_free(struct headsfile *f)
{
	if (!f)
		return NULL;
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f);
	return NULL;
}

static bool parse(struct span line, struct signed_head *ret)
{
	struct span text, digits;

	return signed_head_parse(line, ret, &text, &digits);
}

/* Each whole line of an open file. *ret_end: behind the last. */
static int each_line(int fd, headsfile_each_fn *each, void *userdata, uint64_t *ret_end)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	struct span line;
	uint64_t end = 0;
	bool whole;
	int r = segtext_of_fd(fd, &text);

	if (r < 0)
		return r;
	lines_forward(&lines, text, segtext_size(text));
	while ((r = lines_next(&lines, &line, &whole)) > 0 && whole) {
		end = lines.at;
		if (!each(userdata, line))
			break;
	}
	*ret_end = end;
	return r < 0 ? r : 0;
}

static bool take_last(void *userdata, struct span line)
{
	struct headsfile *f = userdata;

	f->any = parse(line, &f->last) || f->any;
	return true;
}

static int open_file(struct headsfile *f)
{
	uint64_t end;
	int r;

	f->fd = openat(f->dir_fd, HEADS_FILE,
		O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (f->fd < 0)
		return -errno;
	r = each_line(f->fd, take_last, f, &end);
	if (r < 0)
		return r;
	if (ftruncate(f->fd, (off_t)end) < 0)
		return -errno;
	f->size = end;
	return 0;
}

int headsfile_open(int dir_fd, struct headsfile **ret, struct diag *reterr)
{
	struct headsfile *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return diag_set(reterr, -ENOMEM, "out of memory");
	f->dir_fd = dir_fd;
	r = open_file(f);
	if (r < 0) {
		headsfile_free(f);
		return diag_set(reterr, r, HEADS_FILE ": %s", strerror(-r));
	}
	*ret = f;
	return 0;
}

bool headsfile_last(const struct headsfile *f, struct signed_head *ret)
{
	if (f->any)
		*ret = f->last;
	return f->any;
}

int headsfile_append(struct headsfile *f, struct span line)
{
	char text[SIGNED_HEAD_MAX + 1];
	struct signed_head head;
	ssize_t n;
	int r = 0;

	if (line.n >= SIGNED_HEAD_MAX || !parse(line, &head))
		return -EINVAL;
	if (f->cut_owed && ftruncate(f->fd, (off_t)f->size) < 0)
		return -errno;
	f->cut_owed = false;
	memcpy(text, line.p, line.n);
	text[line.n] = '\n';
	n = write(f->fd, text, line.n + 1);
	if (n < 0)
		r = -errno;
	else if ((size_t)n < line.n + 1)
		r = -ENOSPC;
	else if (fdatasync(f->fd) < 0)
		r = -errno;
	if (r < 0) {
		f->cut_owed = ftruncate(f->fd, (off_t)f->size) < 0;
		return r;
	}
	f->size += line.n + 1;
	f->last = head;
	f->any = true;
	return 0;
}

/* What stays of the file. A line is judged when the next is known. */
struct thinning {
	uint64_t since_us;
	char line[SIGNED_HEAD_MAX]; /* not judged yet; n 0: none */
	size_t n;
	struct signed_head head;
	struct buf kept;
	uint64_t dropped; /* octets */
};

static void keep(struct thinning *t)
{
	if (t->n > 0) {
		buf_append(&t->kept, t->line, t->n);
		buf_char(&t->kept, '\n');
	}
	t->n = 0;
}

static bool thin_line(void *userdata, struct span line)
{
	struct thinning *t = userdata;
	struct signed_head head;

	if (line.n >= sizeof(t->line) || !parse(line, &head)) { /* not ours to judge */
		keep(t);
		buf_append(&t->kept, line.p, line.n);
		buf_char(&t->kept, '\n');
		return true;
	}
	if (t->n > 0 && t->head.segment == head.segment && t->head.time_us < t->since_us) {
		t->dropped += t->n + 1;
		t->n = 0;
	}
	keep(t);
	memcpy(t->line, line.p, line.n);
	t->n = line.n;
	t->head = head;
	return true;
}

static int replace(struct headsfile *f, const struct buf *octets)
{
	int fd = openat(f->dir_fd, NEW_FILE,
		O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	size_t done = 0;
	int own, r = 0;

	if (fd < 0)
		return -errno;
	while (r == 0 && done < octets->n) {
		ssize_t n = write(fd, octets->p + done, octets->n - done);

		if (n < 0 && errno != EINTR)
			r = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(f->dir_fd, NEW_FILE, f->dir_fd, HEADS_FILE) < 0)
		r = -errno;
	if (r < 0) {
		(void)close(fd);
		(void)unlinkat(f->dir_fd, NEW_FILE, 0);
		return r;
	}
	(void)close(f->fd);
	f->fd = fd;
	f->size = octets->n;
	f->cut_owed = false;
	own = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own >= 0) {
		(void)fsync(own);
		(void)close(own);
	}
	return 0;
}

int headsfile_thin(struct headsfile *f, uint64_t now_us)
{
	struct thinning t = { .since_us = now_us > HEADS_WHOLE_DAYS * DAY_US
						  ? now_us - HEADS_WHOLE_DAYS * DAY_US
						  : 0 };
	uint64_t end;
	int r = each_line(f->fd, thin_line, &t, &end);

	keep(&t);
	if (r == 0 && t.kept.failed)
		r = -ENOMEM;
	if (r == 0 && t.dropped >= THIN_LEAST)
		r = replace(f, &t.kept);
	buf_done(&t.kept);
	return r;
}

struct scan {
	uint64_t since;
	headsfile_each_fn *each;
	void *userdata;
};

static bool scan_line(void *userdata, struct span line)
{
	const struct scan *s = userdata;
	struct signed_head head;

	if (parse(line, &head) && head.number <= s->since)
		return true;
	return s->each(s->userdata, line);
}

int headsfile_scan(int dir_fd, uint64_t since, headsfile_each_fn *each, void *userdata)
{
	struct scan s = { .since = since, .each = each, .userdata = userdata };
	int fd = openat(dir_fd, HEADS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r;
	uint64_t end;

	if (fd < 0)
		return -errno;
	r = each_line(fd, scan_line, &s, &end);
	(void)close(fd);
	return r;
}
