/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/conffiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sign/digest.h"
#include "source/config/beneath.h"
#include "source/config/conftext.h"
#include "source/config/filehead.h"

typedef void (*visitor)(void *parser, const char *path, struct span text);

static const char *include(
	void *userdata, const char *pattern, const char *from, visitor visit, void *parser);

void conffiles_init(struct conffiles *c, int root)
{
	*c = (struct conffiles){ .root = root, .files = { .userdata = c, .include = include } };
}

void conffiles_done(struct conffiles *c)
{
	free(c->v);
	free(c->directories);
	*c = (struct conffiles){ .root = -1 };
}

/* The record of a file, made when there is none. NULL: no memory, or too many. */
static struct config_file *record_of(struct conffiles *c, const char *path)
{
	char name[PATH_SIZE];

	CONF_TEXT_SET(name, path);
	for (size_t i = 0; i < c->n; i++) {
		if (!strcmp(c->v[i].path, name))
			return &c->v[i];
	}
	if (c->n == CONF_FILES_MAX)
		return NULL;
	if (c->n == c->size) {
		size_t size = c->size ? 2 * c->size : 8;
		struct config_file *v = reallocarray(c->v, size, sizeof(*v));

		if (!v) {
			c->no_memory = true;
			return NULL;
		}
		c->v = v;
		c->size = size;
	}
	c->v[c->n] = (struct config_file){ 0 };
	memcpy(c->v[c->n].path, name, sizeof(name));
	return &c->v[c->n++];
}

void conffiles_error(struct conffiles *c, const char *path, uint32_t line, const char *why)
{
	struct config_file *f = record_of(c, path);
	const char *base = strrchr(path, '/');

	if (!f || f->error[0] != '\0')
		return;
	conf_text_add(f->error, sizeof(f->error), span_text(base ? base + 1 : path));
	if (line > 0) {
		char at[32];

		snprintf(at, sizeof(at), ", line %u", line);
		conf_text_add(f->error, sizeof(f->error), span_text(at));
	}
	conf_text_add(f->error, sizeof(f->error), span_text(": "));
	conf_text_add(f->error, sizeof(f->error), span_text(why));
}

/* The directory of a path; of a pattern, the part before the first sign of one. */
static void watch_directory_of(struct conffiles *c, const char *path)
{
	char directory[PATH_SIZE];
	size_t n = strcspn(path, "*?[{");
	void *v;

	while (n > 1 && path[n - 1] != '/')
		n--;
	n -= n > 1;
	if (n == 0 || n >= sizeof(directory))
		return;
	memcpy(directory, path, n);
	directory[n] = '\0';
	for (size_t i = 0; i < c->n_directories; i++) {
		if (!strcmp(c->directories[i], directory))
			return;
	}
	if (c->n_directories == CONF_DIRECTORIES_MAX)
		return;
	v = reallocarray(c->directories, c->n_directories + 1, sizeof(*c->directories));
	if (!v) {
		c->no_memory = true;
		return;
	}
	c->directories = v;
	memcpy(c->directories[c->n_directories++], directory, sizeof(directory));
}

/* Octets of the file, at most one more than is allowed; -errno. */
static ssize_t read_all(int fd, uint8_t *p)
{
	size_t n = 0;

	while (n <= CONF_FILE_MAX) {
		ssize_t r = read(fd, p + n, CONF_FILE_MAX + 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static void describe(struct config_file *f, const struct stat *st, struct span text)
{
	file_head(text, f);
	f->modified_us =
		(uint64_t)st->st_mtim.tv_sec * 1000000 + (uint64_t)st->st_mtim.tv_nsec / 1000;
	f->mode = st->st_mode & 07777;
	f->uid = st->st_uid;
	if (sha256_digits(text, f->digest))
		f->digest[0] = '\0';
}

static void visit_text(struct conffiles *c, const char *path, const struct stat *st,
	struct span text, visitor visit, void *parser)
{
	struct config_file *f = record_of(c, path);

	if (!f)
		return;
	describe(f, st, text);
	c->open[c->depth].dev = st->st_dev;
	c->open[c->depth++].ino = st->st_ino;
	visit(parser, path, text);
	c->depth--;
}

/* NULL, or why the including file is to blame. */
static const char *read_file(struct conffiles *c, const char *path, visitor visit, void *parser)
{
	const size_t size = CONF_FILE_MAX + 1;
	struct stat st;
	uint8_t *p;
	ssize_t n;
	int fd = beneath_open(c->root, path, &st);

	/* Gone between its listing and now is as if it had not been there. */
	if (fd == -ENOENT)
		return NULL;
	if (fd < 0) {
		conffiles_error(c, path, 0, fd == -EINVAL ? "is no regular file" : strerror(-fd));
		return NULL;
	}
	for (size_t i = 0; i < c->depth; i++) {
		if (c->open[i].dev == st.st_dev && c->open[i].ino == st.st_ino) {
			close(fd);
			return "includes itself";
		}
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		close(fd);
		c->no_memory = true;
		return NULL;
	}
	(void)mlock(p, (size_t)(st.st_size < (off_t)size ? st.st_size + 1 : (off_t)size));
	(void)madvise(p, size, MADV_DONTDUMP);
	(void)madvise(p, size, MADV_WIPEONFORK);
	n = read_all(fd, p);
	close(fd);
	if (n < 0)
		conffiles_error(c, path, 0, strerror((int)-n));
	else if (n > (ssize_t)CONF_FILE_MAX)
		conffiles_error(c, path, 0, "is larger than 1 MiB and is not read");
	else
		visit_text(c, path, &st, span_of(p, (size_t)n), visit, parser);
	explicit_bzero(p, n > 0 ? (size_t)n : 0);
	munmap(p, size);
	return NULL;
}

static const char *include(
	void *userdata, const char *pattern, const char *from, visitor visit, void *parser)
{
	struct conffiles *c = userdata;
	const char *slash = strrchr(from, '/'), *why = NULL;
	char whole[PATH_SIZE], **paths;
	int n, r;

	n = snprintf(
		whole, sizeof(whole), "%.*s/%s", slash ? (int)(slash - from) : 0, from, pattern);
	if (pattern[0] == '/')
		n = snprintf(whole, sizeof(whole), "%s", pattern);
	if (n < 0 || (size_t)n >= sizeof(whole))
		return "the pattern of an include is too long";
	if (c->depth >= CONF_DEPTH_MAX)
		return "files include each other more than 16 deep";
	watch_directory_of(c, whole);
	r = beneath_glob(c->root, whole, &paths);
	c->no_memory |= r == -ENOMEM;
	if (r)
		return r == -E2BIG ? "an include names more than 4,096 files" : NULL;
	for (size_t i = 0; paths[i] && !why; i++) {
		if (c->n == CONF_FILES_MAX)
			why = "more than 1,024 files";
		else if (strlen(paths[i]) < PATH_SIZE)
			why = read_file(c, paths[i], visit, parser);
	}
	free(paths);
	return why;
}

bool conffiles_read(struct conffiles *c, const char *path, visitor visit, void *parser)
{
	size_t before = c->n;

	watch_directory_of(c, path);
	(void)read_file(c, path, visit, parser);
	if (c->n == before)
		return false;
	c->v[before].main = true;
	return c->v[before].digest[0] != '\0';
}
