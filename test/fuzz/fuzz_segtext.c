/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/frames.h"
#include "store/lines.h"
#include "store/segtext.h"

/*
 * A sealed segment as a copy may bring it. The first octet chooses: bit 0: the rest are the frames,
 * one, to which a fitting table is put (the second octet says how many octets of text it claims, in
 * parts of 256); else all of it is the file.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_table(uint32_t packed, uint32_t text, struct buf *out)
{
	struct framer f = { .n = 1 };

	buf_u32(&f.table, packed);
	buf_u32(&f.table, text);
	if (framer_table(&f, out) < 0)
		abort();
	buf_done(&f.table);
}

/* Every way to read gives the same octets, and none more than were promised. */
static void check_reads(struct segtext *t)
{
	static uint8_t whole[4 * FRAME_TEXT_MAX];
	ssize_t got = segtext_read(t, 0, whole, sizeof(whole));
	struct span some;
	uint8_t part[999];

	for (uint64_t at = 0; got > 0 && at < (uint64_t)got; at += 777) {
		ssize_t n = segtext_read(t, at, part, sizeof(part));

		if (n < 0 || (at + (uint64_t)n <= (uint64_t)got &&
				     memcmp(part, whole + at, (size_t)n) != 0))
			abort();
		if (segtext_borrow(t, at, &some) < 0 || some.n == 0 ||
			some.n > segtext_size(t) - at || some.p[0] != whole[at])
			abort();
	}
}

static void check_lines(struct segtext *t)
{
	CLEANUP_LINES struct lines forward = { 0 }, backward = { 0 };
	uint64_t n = 0, size = segtext_size(t);
	struct span line;
	bool whole;
	int r;

	lines_forward(&forward, t, size);
	while ((r = lines_next(&forward, &line, &whole)) > 0)
		n += line.n + whole;
	if (r == 0 && n != size)
		abort();
	lines_backward(&backward, t, size);
	while ((r = lines_prev(&backward, &line, &whole)) > 0)
		n -= line.n + whole;
	if (r == 0 && n != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(segtext) struct segtext *t = NULL;
	CLEANUP_BUF struct buf file = { 0 };
	int fd;

	if (size < 2 || size > FRAME_TEXT_MAX * 4)
		return 0;
	buf_append(&file, data + 2, size - 2);
	if (data[0] & 1)
		put_table((uint32_t)size - 2, 1 + data[1] * 256u, &file);
	fd = memfd_create("sealed", MFD_CLOEXEC);
	if (fd < 0 || file.failed || write(fd, file.p ? file.p : "", file.n) < 0)
		abort();
	if (segtext_of_sealed_fd(fd, &t) == 0) {
		if (segtext_size(t) <= 4 * FRAME_TEXT_MAX)
			check_reads(t);
		segtext_set_lenient(t);
		check_lines(t);
	}
	t = segtext_free(t);
	(void)close(fd);
	return 0;
}
