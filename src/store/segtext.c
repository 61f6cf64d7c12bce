/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segtext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/frames.h"
#include "store/segments.h"

struct segtext {
	int fd;
	bool owns_fd, sealed, lenient;
	struct frames frames; /* of a sealed one */
	uint64_t size;
	uint8_t *block; /* [base, base + n) of the text; NULL: nothing yet */
	uint64_t base;
	size_t n;
};

static int text_new(int fd, bool owns_fd, bool sealed, struct segtext **ret)
{
	CLEANUP(segtext) struct segtext *t = calloc(1, sizeof(*t));
	struct stat st;

	if (!t) {
		if (owns_fd)
			(void)close(fd);
		return -ENOMEM;
	}
	t->fd = fd;
	t->owns_fd = owns_fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	t->size = (uint64_t)st.st_size;
	if (sealed) {
		int r = frames_open(fd, t->size, &t->frames);

		if (r < 0)
			return r;
		t->size = frames_text_size(&t->frames);
		t->sealed = true;
	}
	*ret = t;
	t = NULL;
	return 0;
}

int segtext_open(int log_fd, const char *name, struct segtext **ret)
{
	char file[SEGMENT_FILE_SIZE];

	/* The sealed file is there before the plain one goes. */
	for (unsigned sealed = 0; sealed < 2; sealed++) {
		int fd;

		segment_file_format(name, sealed, file);
		fd = openat(log_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0)
			return text_new(fd, true, sealed, ret);
		if (errno != ENOENT)
			return -errno;
	}
	return -ENOENT;
}

int segtext_of_fd(int fd, struct segtext **ret)
{
	return text_new(fd, false, false, ret);
}

int segtext_of_sealed_fd(int fd, struct segtext **ret)
{
	return text_new(fd, false, true, ret);
}

struct segtext *segtext_free(struct segtext *t)
{
	if (!t)
		return NULL;
	if (t->owns_fd)
		(void)close(t->fd);
	frames_done(&t->frames);
	free(t->block);
	free(t);
	return NULL;
}

void segtext_set_lenient(struct segtext *t)
{
	t->lenient = true;
}

uint64_t segtext_size(const struct segtext *t)
{
	return t->size;
}

bool segtext_sealed(const struct segtext *t)
{
	return t->sealed;
}

static ssize_t read_plain(const struct segtext *t, uint64_t at, uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(t->fd, p + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0) /* shorter than when it was measured: cut back meanwhile */
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static int decode(struct segtext *t, size_t frame, uint8_t *p)
{
	size_t n = frames_text_of(&t->frames, frame);
	int r = frames_decode(&t->frames, frame, p);

	if (r != -EBADMSG || !t->lenient)
		return r;
	memset(p, ' ', n);
	p[0] = p[n - 1] = '\n';
	return 0;
}

/* Brings the octet at `at`, which is below the size, into the block. */
static int load(struct segtext *t, uint64_t at)
{
	ssize_t got;
	size_t i;
	int r;

	if (t->block && at >= t->base && at - t->base < t->n)
		return 0;
	if (!t->block && !(t->block = malloc(FRAME_TEXT_MAX)))
		return -ENOMEM;
	t->n = 0;
	if (!t->sealed) {
		t->base = at - at % FRAME_TEXT_MAX;
		got = read_plain(t, t->base, t->block, FRAME_TEXT_MAX);
		t->n = got < 0 ? 0 : (size_t)got;
		return got < 0 ? (int)got : 0;
	}
	i = frames_find(&t->frames, at);
	r = decode(t, i, t->block);
	if (r < 0)
		return r;
	t->base = t->frames.v[i].text_at;
	t->n = frames_text_of(&t->frames, i);
	return 0;
}

/* Whole frames go where they are wanted, parts by way of the block. */
static ssize_t read_sealed(struct segtext *t, uint64_t at, uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		uint64_t from = at + done;
		size_t i = frames_find(&t->frames, from), part = frames_text_of(&t->frames, i);
		int r;

		if (from == t->frames.v[i].text_at && part <= n - done) {
			r = decode(t, i, p + done);
		} else {
			r = load(t, from);
			part = t->n - (size_t)(from - t->base);
			part = part < n - done ? part : n - done;
			if (r == 0)
				memcpy(p + done, t->block + (from - t->base), part);
		}
		if (r < 0)
			return done > 0 ? (ssize_t)done : r;
		done += part;
	}
	return (ssize_t)done;
}

ssize_t segtext_read(struct segtext *t, uint64_t at, void *p, size_t n)
{
	if (at >= t->size)
		return 0;
	if (n > t->size - at)
		n = (size_t)(t->size - at);
	return t->sealed ? read_sealed(t, at, p, n) : read_plain(t, at, p, n);
}

int segtext_borrow(struct segtext *t, uint64_t at, struct span *ret)
{
	struct span some = { 0 };
	int r = at < t->size ? load(t, at) : 0;

	if (r < 0)
		return r;
	if (at < t->size && at - t->base < t->n)
		some = span_of(t->block + (at - t->base), t->n - (size_t)(at - t->base));
	if (at < t->size && some.n > t->size - at) /* a plain one grew meanwhile */
		some.n = (size_t)(t->size - at);
	*ret = some;
	return 0;
}
