/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/eventlog_private.h"

#define SYNC_OCTETS ((size_t)1 << 20) /* so that no sync takes long */

void sealer_init(struct sealer *s)
{
	*s = (struct sealer){ .fd = -1 };
}

void sealer_drop(struct sealer *s, int log_fd)
{
	if (s->fd >= 0) {
		(void)close(s->fd);
		(void)unlinkat(log_fd, SEAL_PART, 0);
	}
	segtext_free(s->text);
	framer_done(&s->framer);
	s->fd = -1;
	s->text = NULL;
	s->name[0] = '\0';
}

/* The oldest plain segment behind the one that failed last, if any. */
static int pick(struct sealer *s, int log_fd, const char *newest)
{
	struct eventlog_segment *segments = NULL;
	size_t n = 0;
	int r = segments_list(log_fd, &segments, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n && strcmp(segments[i].name, newest) != 0; i++) {
		if (segments[i].sealed || strcmp(segments[i].name, s->failed) <= 0)
			continue;
		memcpy(s->name, segments[i].name, sizeof(s->name));
		s->modified_us = segments[i].modified_us;
		r = 1;
		break;
	}
	free(segments);
	if (r == 0)
		s->failed[0] = '\0';
	return r;
}

static int begin(struct sealer *s, int log_fd, const char *newest)
{
	int r = *newest ? pick(s, log_fd, newest) : 0;

	if (r <= 0)
		return r;
	s->at = s->unsynced = 0;
	s->complete = s->in_place = false;
	r = framer_init(&s->framer);
	if (r == 0)
		r = segtext_open(log_fd, s->name, &s->text);
	if (r < 0)
		return r;
	s->fd = openat(log_fd, SEAL_PART,
		O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	return s->fd < 0 ? -errno : 0;
}

static int put(struct sealer *s, const struct buf *octets)
{
	int r = eventlog_write_all(s->fd, octets->p, octets->n);

	s->unsynced += octets->n;
	if (r == 0 && s->unsynced >= SYNC_OCTETS) {
		s->unsynced = 0;
		r = fdatasync(s->fd) < 0 ? -errno : 0;
	}
	return r;
}

/* As many whole lines as a frame takes; of a longer line a part. */
static size_t frame_length(const char *p, size_t n, bool last)
{
	const char *newline = last ? NULL : memrchr(p, '\n', n);

	return newline ? (size_t)(newline + 1 - p) : n;
}

static int put_frame(struct sealer *s)
{
	CLEANUP_BUF struct buf octets = { 0 };
	char text[FRAME_TEXT_MAX];
	ssize_t got = segtext_read(s->text, s->at, text, sizeof(text));
	size_t n;
	int r;

	if (got <= 0)
		return got < 0 ? (int)got : -EIO;
	n = frame_length(text, (size_t)got, s->at + (uint64_t)got == segtext_size(s->text));
	r = framer_frame(&s->framer, span_of(text, n), &octets);
	if (r == 0)
		r = put(s, &octets);
	s->at += n;
	return r;
}

/* Its age stays that of its last line. */
static int put_end(struct sealer *s)
{
	CLEANUP_BUF struct buf octets = { 0 };
	const struct timespec modified = { .tv_sec = (time_t)(s->modified_us / 1000000u),
		.tv_nsec = (long)(s->modified_us % 1000000u * 1000u) };
	int r = framer_table(&s->framer, &octets);

	if (r == 0)
		r = put(s, &octets);
	if (r == 0 && (futimens(s->fd, (struct timespec[]){ modified, modified }) < 0 ||
			      fsync(s->fd) < 0))
		r = -errno;
	s->complete = r == 0;
	return r;
}

static int put_in_place(struct sealer *s, int log_fd)
{
	char file[SEGMENT_FILE_SIZE];

	segment_file_format(s->name, true, file);
	if (renameat(log_fd, SEAL_PART, log_fd, file) < 0 || fsync(log_fd) < 0)
		return -errno;
	s->in_place = true;
	return 0;
}

int sealer_step(struct sealer *s, int log_fd, const char *newest)
{
	bool done = false;
	int r;

	if (!s->text) {
		r = begin(s, log_fd, newest);
		if (r == 0 && !s->text)
			return 0;
	} else if (s->at < segtext_size(s->text)) {
		r = put_frame(s);
	} else if (!s->complete) {
		r = put_end(s);
	} else if (!s->in_place) {
		r = put_in_place(s, log_fd);
	} else {
		r = unlinkat(log_fd, s->name, 0) < 0 ? -errno : 0;
		done = true;
	}
	if (r < 0)
		memcpy(s->failed, s->name, sizeof(s->failed));
	if (r < 0 || done)
		sealer_drop(s, log_fd);
	return r < 0 ? r : 1;
}
