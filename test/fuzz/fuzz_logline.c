/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sink/journald/journald.h"
#include "sink/sink.h"
#include "sink/syslog/syslog.h"
#include "store/eventlog.h"
#include "store/logline.h"

/*
 * The first octet chooses; the rest is a segment as a crash, a disk or an enemy may have left it.
 * Bit 0: every line's digest is made right first, so that what lies behind the chain is reached.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENT "log/00000000000000000001.jsonl"

static char folder[64];
static int folder_fd = -1;

static void remove_folder(void)
{
	(void)unlinkat(folder_fd, "log", AT_REMOVEDIR);
	(void)unlinkat(folder_fd, "version", 0);
	(void)unlinkat(folder_fd, "lock", 0);
	(void)rmdir(folder);
}

static void make_folder(void)
{
	if (folder_fd >= 0)
		return;
	/* In memory, where there is such a place: fdatasync() costs nothing there. */
	(void)snprintf(folder, sizeof(folder), "%s/ipsecmon-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder))
		abort();
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		abort();
	(void)atexit(remove_folder);
}

static void one_line(struct span line)
{
	CLEANUP_SINK_EVENT struct sink_event e = { 0 };
	CLEANUP_BUF struct buf out = { 0 };
	struct logline_event event;
	struct logline_commit commit;
	struct logline_head head;
	struct reading reading;
	uint64_t seq;

	(void)logline_kind(line);
	(void)logline_seq(line, &seq);
	(void)logline_event(line, &event);
	(void)logline_commit(line, &commit);
	(void)logline_head(line, &head, NULL, NULL);
	(void)logline_reading(line, &reading);
	if (sink_event_parse(line, &e) < 0)
		return;
	journald_format(&e, 65536, &out);
	syslog_format(&e, SYSLOG_MESSAGE_MAX, &out);
}

/* The line with the digest that it should have behind the ones before. */
static void rechained(struct chain *c, struct span line, struct buf *out)
{
	enum logline_kind kind = logline_kind(line);
	struct logline_head head;
	struct span text, digits;
	char hex[DIGEST_HEX + 1];

	if (line.n == 0 || line.p[line.n - 1] != '}')
		goto as_it_is;
	if (!chain_split(line, &text, &digits))
		text = span_of(line.p, line.n - 1);
	if (kind == LOGLINE_HEAD && logline_head(line, &head, NULL, NULL))
		memcpy(c->digest, head.previous, DIGEST_SIZE);
	if (chain_step(c, text) < 0)
		goto as_it_is;
	digest_format(c->digest, hex);
	if (kind != LOGLINE_HEAD && kind != LOGLINE_COMMIT)
		hex[DIGEST_HEX_SHORT] = '\0';
	buf_append(out, text.p, text.n);
	buf_printf(out, ",\"h\":\"%s\"}\n", hex);
	return;
as_it_is:
	buf_append(out, line.p, line.n);
	buf_char(out, '\n');
}

static void lines_of(const uint8_t *data, size_t size, bool rechain, struct buf *out)
{
	struct chain c;

	if (chain_init(&c) < 0)
		return;
	while (size > 0) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t n = newline ? (size_t)(newline - data) : size;

		one_line(span_of(data, n));
		if (rechain)
			rechained(&c, span_of(data, n), out);
		else
			buf_append(out, data, newline ? n + 1 : n);
		n = newline ? n + 1 : n;
		data += n;
		size -= n;
	}
	chain_done(&c);
}

static void take_reading(void *userdata, const char *boot, uint64_t cookie, const char *netns,
	const char *counter, uint64_t kernel, uint64_t attributed, uint64_t unattributed,
	uint64_t suppressed)
{
	uint64_t *sum = userdata;

	(void)netns;
	*sum += strlen(boot) + cookie + strlen(counter) + kernel + attributed + unattributed +
		suppressed;
}

static void take_statistic(void *userdata, const struct eventlog_statistic *s)
{
	uint64_t *sum = userdata;

	*sum += strlen(s->boot) + s->cookie + strlen(s->key) + s->service + s->total + s->since +
		s->base + s->daemon;
}

static void take_event(void *userdata, struct span line)
{
	uint64_t *sum = userdata;

	*sum += line.n;
}

static bool remove_segments(void)
{
	struct eventlog_segment *segments = NULL;
	size_t n = 0;

	if (eventlog_segments(folder_fd, &segments, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "log/%.31s", segments[i].name);
		(void)unlinkat(folder_fd, path, 0);
	}
	free(segments);
	return true;
}

/* A monitor starts on it, writes one event more, and that is the last of the log. */
static void recover(const struct buf *segment)
{
	uint64_t sum = 0;
	struct eventlog_restore restore = { &sum, take_reading, take_statistic, take_event };
	struct eventlog_options o = {
		.dir_fd = folder_fd, .host = "h", .boot = "b", .segment_size = 1 << 20
	};
	struct eventlog_commit c = { .time_us = 1 };
	struct eventlog_verdict v;
	struct eventlog_end end, again;
	struct eventlog *l = NULL;
	struct event e = { .id = 1, .name = "x" };
	int fd;

	if (eventlog_open(&o, NULL, &end, &l, NULL) < 0)
		abort();
	eventlog_free(l);
	fd = openat(folder_fd, SEGMENT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, segment->p ? segment->p : "", segment->n) < 0)
		abort();
	(void)close(fd);
	l = NULL;
	if (eventlog_open(&o, &restore, &end, &l, NULL) == 0) {
		e.seq = end.last_seq + 1;
		eventlog_event(l, &e);
		if (eventlog_commit(l, &c, NULL, NULL) < 0)
			abort();
		l = eventlog_free(l);
		if (eventlog_open(&o, NULL, &again, &l, NULL) < 0 || again.last_seq != e.seq ||
			again.torn != 0 || again.damaged_line != 0)
			abort();
		eventlog_free(l);
		(void)eventlog_verify(folder_fd, NULL, &v, NULL);
	}
	if (!remove_segments())
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf segment = { 0 };

	if (size == 0 || size > 1 << 20)
		return 0;
	make_folder();
	lines_of(data + 1, size - 1, data[0] & 1, &segment);
	if (!segment.failed)
		recover(&segment);
	return 0;
}
