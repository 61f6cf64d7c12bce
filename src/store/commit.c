/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timetext.h"
#include "store/eventlog_private.h"
#include "store/logline.h"

#define KEEP_MEMORY ((size_t)4 << 20) /* of a group's buffer, from one group to the next */

static bool append_commit_line(struct eventlog *l, const struct eventlog_commit *c)
{
	uint8_t n_pending = c->n_pending < LOG_PENDING_MAX ? c->n_pending : LOG_PENDING_MAX;
	size_t start = l->group.n;
	char time[TIME_TEXT_SIZE];
	struct json j;

	json_init(&j, &l->group);
	json_open(&j, NULL, '{');
	json_text(&j, "type", "commit");
	json_text(&j, "time", time_format(c->time_us, time));
	json_text(&j, "boot", l->boot);
	json_u64(&j, "seq", l->last_seq);
	json_u64(&j, "events", l->group_events);
	json_u64(&j, "lost", l->lost - l->lost_told);
	json_u64(&j, "epoch", c->epoch);
	json_u64(&j, "applied", c->applied);
	json_open(&j, "pending", '[');
	for (uint8_t i = 0; i < n_pending; i++) {
		json_open(&j, NULL, '[');
		json_u64(&j, NULL, c->pending[i][0]);
		json_u64(&j, NULL, c->pending[i][1]);
		json_close(&j, ']');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	return eventlog_chain_line(l, start, DIGEST_HEX);
}

int eventlog_write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EIO;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/* The file that the group goes to, or -errno. */
static int group_file(struct eventlog *l)
{
	if (!l->group_heads)
		return l->fd;
	if (l->next_fd < 0) {
		int fd = openat(l->log_fd, l->next_name,
			O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);

		if (fd < 0)
			return -errno;
		l->next_fd = fd;
	}
	return l->next_fd;
}

/*
 * After a failed write or sync nobody knows which octets are on the disk: they are cut off and
 * written anew, as a second fdatasync() of the same pages may succeed without having written them.
 */
static int write_group(struct eventlog *l)
{
	off_t good = l->group_heads ? 0 : (off_t)l->size;
	int fd = group_file(l), r = 0;

	if (fd < 0)
		return fd;
	if (l->cut_owed) {
		if (ftruncate(fd, good) < 0)
			return -errno;
		l->cut_owed = false;
	}
	r = eventlog_write_all(fd, l->group.p, l->group.n);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r == 0 && l->group_heads && fsync(l->log_fd) < 0)
		r = -errno;
	if (r < 0 && ftruncate(fd, good) < 0)
		l->cut_owed = true;
	return r;
}

static uint64_t count_lines(const struct buf *group)
{
	const char *p = group->p, *end = group->p + group->n;
	uint64_t n = 0;

	for (; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

static void group_is_written(struct eventlog *l)
{
	if (l->group_heads) {
		if (l->fd >= 0)
			(void)close(l->fd);
		l->fd = l->next_fd;
		l->next_fd = -1;
		(void)snprintf(l->name, sizeof(l->name), "%s", l->next_name);
		l->number++;
		l->size = l->lines = 0;
		l->group_heads = false;
	}
	l->size += l->group.n;
	l->lines += count_lines(&l->group);
	l->committed_seq = l->last_seq;
	memcpy(l->committed, l->chain.digest, DIGEST_SIZE);
	l->group_events = 0;
	l->lost_told = l->lost;
	readings_paid(&l->readings);
}

static void deliver(const struct buf *group, eventlog_line_fn *committed, void *userdata)
{
	const char *p = group->p, *end = group->p + group->n;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		struct span line = span_of(p, (size_t)((newline ? newline : end) - p));

		if (logline_kind(line) == LOGLINE_EVENT)
			committed(userdata, line);
		p += line.n + 1;
	}
}

int eventlog_commit(struct eventlog *l, const struct eventlog_commit *c,
	eventlog_line_fn *committed, void *userdata)
{
	uint8_t before[DIGEST_SIZE];
	struct buf group;
	size_t open;
	int r = -ENOMEM;

	if (!eventlog_group_open(l))
		return 0;
	open = l->group.n;
	memcpy(before, l->chain.digest, DIGEST_SIZE);
	if (eventlog_pay_readings(l, c->time_us) && append_commit_line(l, c))
		r = write_group(l);
	if (r < 0) {
		if (open == 0) /* it was all owed: also the head, if one was put before it */
			l->group_heads = false;
		l->group.n = open;
		memcpy(l->chain.digest, before, DIGEST_SIZE);
		return r;
	}
	group_is_written(l);
	/* committed() may already append to the next group. */
	group = l->group;
	l->group = (struct buf){ 0 };
	if (committed)
		deliver(&group, committed, userdata);
	if (l->group.p || group.size > KEEP_MEMORY) {
		buf_done(&group);
	} else {
		buf_clear(&group);
		l->group = group;
	}
	return 0;
}
