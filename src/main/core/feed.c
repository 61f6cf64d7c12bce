/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/core/process.h"
#include "main/log.h"

#define RECORD_AT ((size_t)64 << 10) /* octets kept back at most */

uint64_t feed(struct process *p, const struct fact *f)
{
	if (p->record_fd >= 0) {
		fact_encode(f, &p->record);
		if (p->record.n >= RECORD_AT)
			record_flush(p);
	}
	core_feed(p->core, f);
	p->fed++;
	if (f->type == FACT_POLL && p->api)
		api_polled(p->api, p->fed);
	commit_after_feed(p);
	return p->fed;
}

uint64_t feed_own(struct process *p, struct fact *f)
{
	f->source = SOURCE_NONE;
	f->epoch = f->seq = 0;
	f->boot_ns = clock_boot_ns();
	f->real_us = clock_real_us();
	return feed(p, f);
}

void feed_log(struct process *p, uint8_t op, uint64_t value, const char *what)
{
	struct fact f = { .type = FACT_LOG };

	f.log.op = op;
	f.log.value = value;
	(void)snprintf(f.log.what, sizeof(f.log.what), "%s", what);
	(void)feed_own(p, &f);
}

/* Where the last whole fact of a recording ends; a core that was killed left half a fact. */
static int whole_end(int fd, off_t size, off_t *ret)
{
	off_t at = FACT_HEADER_SIZE;
	uint8_t octets[FACT_HEADER_SIZE];
	uint32_t version;
	struct reader r;

	if (pread(fd, octets, FACT_HEADER_SIZE, 0) != FACT_HEADER_SIZE ||
		fact_header_decode(span_of(octets, FACT_HEADER_SIZE), &version) != FACT_OK)
		return -EBADMSG;
	while (pread(fd, octets, 4, at) == 4) {
		off_t next;

		reader_init(&r, span_of(octets, 4));
		next = at + 4 + (off_t)reader_u32(&r);
		if (next > size)
			break;
		at = next;
	}
	*ret = at;
	return 0;
}

int record_begin(struct process *p, int fd)
{
	char link[32];
	struct stat st;
	ssize_t n;
	off_t end;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, p->record_path, sizeof(p->record_path) - 1);
	p->record_path[n > 0 ? n : 0] = '\0';
	p->record.limit = (size_t)64 << 20;
	if (fstat(fd, &st) < 0)
		goto failed;
	if (st.st_size == 0) {
		fact_header_encode(&p->record);
	} else {
		int r = whole_end(fd, st.st_size, &end);

		if (r < 0)
			errno = -r;
		if (r < 0 || ftruncate(fd, end) < 0 || lseek(fd, end, SEEK_SET) < 0)
			goto failed;
	}
	p->record_fd = fd;
	return 0;
failed:
	log_line(LOG_ERR, "the recording can't be written: %s", strerror(errno));
	close(fd);
	return -EIO;
}

void record_flush(struct process *p)
{
	size_t done = 0;

	if (p->record_fd < 0 || p->record.n == 0)
		return;
	while (done < p->record.n && !p->record.failed) {
		ssize_t n = write(p->record_fd, p->record.p + done, p->record.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done < p->record.n || p->record.failed) {
		/* Facts that are missing in the middle would replay to another state: give up. */
		log_line(LOG_ERR, "the recording ends here: %s", strerror(errno));
		close(p->record_fd);
		p->record_fd = -1;
		buf_done(&p->record);
		return;
	}
	buf_clear(&p->record);
}
