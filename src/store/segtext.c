/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segtext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)64 << 10)

struct segtext {
	int fd;
	bool owns_fd;
	uint64_t size;
	uint8_t *
		block; /* what was borrowed last: [base, base + n) of the text; NULL: nothing yet */
	uint64_t base;
	size_t n;
};

static int text_new(int fd, bool owns_fd, struct segtext **ret)
{
	struct segtext *t;
	struct stat st;
	int r = 0;

	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	t = r == 0 ? calloc(1, sizeof(*t)) : NULL;
	if (!t) {
		if (owns_fd)
			(void)close(fd);
		return r < 0 ? r : -ENOMEM;
	}
	t->fd = fd;
	t->owns_fd = owns_fd;
	t->size = (uint64_t)st.st_size;
	*ret = t;
	return 0;
}

int segtext_open(int log_fd, const char *name, struct segtext **ret)
{
	int fd = openat(log_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? -errno : text_new(fd, true, ret);
}

int segtext_of_fd(int fd, struct segtext **ret)
{
	return text_new(fd, false, ret);
}

struct segtext *segtext_free(struct segtext *t)
{
	if (!t)
		return NULL;
	if (t->owns_fd)
		(void)close(t->fd);
	free(t->block);
	free(t);
	return NULL;
}

uint64_t segtext_size(const struct segtext *t)
{
	return t->size;
}

bool segtext_sealed(const struct segtext *t)
{
	(void)t;
	return false;
}

static ssize_t read_at(int fd, uint64_t at, uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, p + done, n - done, (off_t)(at + done));

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

ssize_t segtext_read(struct segtext *t, uint64_t at, void *p, size_t n)
{
	if (at >= t->size)
		return 0;
	if (n > t->size - at)
		n = (size_t)(t->size - at);
	return read_at(t->fd, at, p, n);
}

int segtext_borrow(struct segtext *t, uint64_t at, struct span *ret)
{
	if (!t->block || at < t->base || at - t->base >= t->n) {
		uint64_t base = at - at % BLOCK;
		ssize_t got;

		if (!t->block && !(t->block = malloc(BLOCK)))
			return -ENOMEM;
		t->n = 0;
		got = segtext_read(t, base, t->block, BLOCK);
		if (got < 0)
			return (int)got;
		t->base = base;
		t->n = (size_t)got;
	}
	*ret = at - t->base < t->n
		       ? span_of(t->block + (at - t->base), t->n - (size_t)(at - t->base))
		       : (struct span){ 0 };
	return 0;
}
