/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "main/supervisor/files.h"
#include "sign/strict.h"

#define KEY "key"
#define NEXT_KEY "key.new"
#define KEYS "keys.pem"
#define LAST "last"
#define NUMBER_MAX 999999999999999999ull /* 18 digits, as the line has them */

static int fail(const struct signer *s, int r, const char *file, struct diag *reterr)
{
	return diag_set(reterr, r, "%s/%s: %s", s->path, file, strerror(-r));
}

/* A small file of ours. -ENOENT, -EFBIG … */
static int read_file(const struct signer *s, const char *name, struct buf *ret)
{
	int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char part[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	ret->limit = KEYRING_OCTETS_MAX;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_append(ret, part, (size_t)n);
	close(fd);
	return n < 0 ? -EIO : ret->failed ? -EFBIG : 0;
}

static int write_all(int fd, struct span octets)
{
	while (octets.n > 0) {
		ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		octets.p += n;
		octets.n -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Under its name only when it is whole and on the disk. */
static int write_file(const struct signer *s, const char *name, mode_t mode, struct span octets)
{
	char next[16];
	int fd, r;

	(void)snprintf(next, sizeof(next), "%s~", name);
	fd = openat(s->dir, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, octets);
	close(fd);
	if (r == 0 && renameat(s->dir, next, s->dir, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(s->dir, next, 0);
		return r;
	}
	return fsync(s->dir) < 0 ? -errno : 0;
}

/* Secrets go from file to array and back without a buffer between that would keep them. */
static int read_secret(const struct signer *s, const char *name, uint8_t ret[SECRET_KEY_SIZE])
{
	int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, SECRET_KEY_SIZE);
	close(fd);
	return n == SECRET_KEY_SIZE ? 0 : -EBADMSG;
}

static int public_of(const struct signer *s, const char *name, struct public_key *ret)
{
	uint8_t secret[SECRET_KEY_SIZE];
	int r = read_secret(s, name, secret);

	if (r == 0)
		r = secret_public(secret, ret);
	secret_wipe(secret);
	return r;
}

static int write_last(const struct signer *s, uint64_t number, const struct ipc_place *p)
{
	CLEANUP_BUF struct buf text = { 0 };
	char digest[DIGEST_HEX + 1];

	hex_format(p->digest, DIGEST_SIZE, digest);
	buf_printf(&text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", number,
		p->segment, p->line, p->seq, digest);
	return text.failed ? -ENOMEM : write_file(s, LAST, 0600, buf_span(&text));
}

static int read_last(struct signer *s)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct span left, digest;
	struct ipc_place p = { 0 };
	uint64_t number;
	int r = read_file(s, LAST, &text);

	if (r < 0)
		return r;
	left = buf_span(&text);
	if (!strict_number(&left, &number) || !strict_text(&left, " ") ||
		!strict_number(&left, &p.segment) || !strict_text(&left, " ") ||
		!strict_number(&left, &p.line) || !strict_text(&left, " ") ||
		!strict_number(&left, &p.seq) || !strict_text(&left, " ") ||
		!strict_digits(&left, DIGEST_HEX, &digest) || !strict_text(&left, "\n"))
		return -EBADMSG;
	(void)hex_parse(digest, p.digest, DIGEST_SIZE);
	s->number = number;
	s->last = p;
	return 0;
}

/* The keyring with one more key; `by` signs its introduction. */
static int introduce(const struct signer *s, const struct public_key *key, const char *by)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct introduction i = {
		.key = *key, .number = s->number + 1, .time_us = clock_real_us()
	};
	uint8_t secret[SECRET_KEY_SIZE];
	struct public_key signs;
	int r = read_file(s, KEYS, &text);

	if (r == 0 || r == -ENOENT)
		r = read_secret(s, by, secret);
	if (r == 0)
		r = secret_public(secret, &signs);
	if (r == 0) {
		memcpy(i.by, signs.fingerprint, sizeof(i.by));
		(void)snprintf(i.host, sizeof(i.host), "%s", s->host);
		r = introduction_write(&i, secret, &text);
	}
	secret_wipe(secret);
	return r < 0 ? r : write_file(s, KEYS, 0600, buf_span(&text));
}

/*
 * A new key, in steps that each may be the last: what a start finds of them is either finished
 * (the key is in the keyring) or thrown away. `by`: who introduces it; NULL: it does so itself.
 */
static int new_key(struct signer *s, const char *by)
{
	uint8_t secret[SECRET_KEY_SIZE];
	struct public_key key;
	int r = secret_new(secret);

	if (r == 0)
		r = write_file(s, NEXT_KEY, 0600, span_of(secret, sizeof(secret)));
	if (r == 0)
		r = secret_public(secret, &key);
	secret_wipe(secret);
	if (r == 0)
		r = introduce(s, &key, by ? by : NEXT_KEY);
	if (r == 0 && renameat(s->dir, NEXT_KEY, s->dir, KEY) < 0)
		r = -errno;
	if (r == 0 && fsync(s->dir) < 0)
		r = -errno;
	if (r == 0)
		s->key = key;
	return r;
}

/* Finishes or forgets a change of keys that was interrupted. */
static int settle_next_key(const struct signer *s)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct introduction newest;
	struct public_key next;
	int r = public_of(s, NEXT_KEY, &next);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = read_file(s, KEYS, &text);
	if (r == 0 && introduction_last(buf_span(&text), &newest) &&
		strcmp(newest.key.fingerprint, next.fingerprint) == 0)
		return renameat(s->dir, NEXT_KEY, s->dir, KEY) < 0 ? -errno : 0;
	return unlinkat(s->dir, NEXT_KEY, 0) < 0 ? -errno : 0;
}

static int load(struct signer *s, bool log_is_new, struct diag *reterr)
{
	int r = settle_next_key(s);

	if (r < 0)
		return fail(s, r, NEXT_KEY, reterr);
	r = read_last(s);
	if (r == -ENOENT && public_of(s, KEY, &s->key) == -ENOENT)
		r = write_last(s, 0, &s->last);
	else if (r == -ENOENT)
		return diag_set(reterr, r,
			"%s has a key but no file `" LAST "`: numbers of heads would come twice; "
			"move the directory away and start with a new key",
			s->path);
	if (r < 0)
		return fail(s, r, LAST, reterr);
	if (log_is_new)
		s->last = (struct ipc_place){ 0 };
	r = public_of(s, KEY, &s->key);
	if (r == -ENOENT)
		r = new_key(s, NULL);
	return r < 0 ? fail(s, r, KEY, reterr) : 0;
}

static int take_lock(struct signer *s, int *ret_holder, struct diag *reterr)
{
	char pid[24] = "";
	int n;

	s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return fail(s, -errno, "lock", reterr);
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

		if (r == -EBUSY && pread(s->lock, pid, sizeof(pid) - 1, 0) > 0 && ret_holder)
			*ret_holder = (int)strtol(pid, NULL, 10);
		return diag_set(reterr, r, "%s: another monitor signs with that key%s%s", s->path,
			pid[0] ? ", process " : "", pid);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(s->lock, 0) == 0)
		(void)!pwrite(s->lock, pid, (size_t)n, 0);
	return 0;
}

int signer_open(struct signer *s, const char *path, const char *host, const char *boot,
	bool log_is_new, int *ret_holder, struct diag *reterr)
{
	int r;

	*s = (struct signer){ .dir = -1, .lock = -1 };
	(void)snprintf(s->path, sizeof(s->path), "%s", path);
	(void)snprintf(s->host, sizeof(s->host), "%s", host);
	(void)snprintf(s->boot, sizeof(s->boot), "%s", boot);
	s->dir = files_key_dir(path, reterr);
	if (s->dir < 0)
		return s->dir;
	r = take_lock(s, ret_holder, reterr);
	if (r == 0)
		r = load(s, log_is_new, reterr);
	if (r < 0)
		signer_close(s);
	return r;
}

void signer_close(struct signer *s)
{
	if (s->dir >= 0)
		close(s->dir);
	if (s->lock >= 0)
		close(s->lock);
	s->dir = s->lock = -1;
}

int signer_keys(const struct signer *s)
{
	int fd = openat(s->dir, KEYS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* Places only rise; of the last one the same may be signed again, if it is the same. */
static int judge(const struct signer *s, const struct ipc_place *p, struct diag *reterr)
{
	bool again = p->segment == s->last.segment && p->line == s->last.line;
	bool behind = p->segment > s->last.segment ||
		      (p->segment == s->last.segment && p->line > s->last.line);

	if (p->line == 0 || p->segment > NUMBER_MAX || p->line > NUMBER_MAX ||
		p->seq > NUMBER_MAX || s->number >= NUMBER_MAX)
		return diag_set(reterr, -EPERM, "that is no place in a log");
	if (behind && p->seq >= s->last.seq)
		return 0;
	if (again && p->seq == s->last.seq && memcmp(p->digest, s->last.digest, DIGEST_SIZE) == 0)
		return 0;
	return diag_set(reterr, -EPERM,
		"line %" PRIu64 " of segment %" PRIu64 " does not follow line %" PRIu64
		" of segment %" PRIu64 ", which head %" PRIu64
		" covers: the log was replaced by an older one; if that was you: "
		"ipsecmond --rotate-key",
		p->line, p->segment, s->last.line, s->last.segment, s->number);
}

int signer_sign(struct signer *s, const struct ipc_place *place, char ret[SIGNED_HEAD_MAX],
	struct diag *reterr)
{
	CLEANUP_BUF struct buf line = { 0 };
	struct signed_head head = { .number = s->number + 1,
		.time_us = clock_real_us(),
		.segment = place->segment,
		.line = place->line,
		.seq = place->seq };
	uint8_t secret[SECRET_KEY_SIZE];
	int r = judge(s, place, reterr);

	if (r < 0)
		return r;
	(void)snprintf(head.host, sizeof(head.host), "%s", s->host);
	(void)snprintf(head.boot, sizeof(head.boot), "%s", s->boot);
	memcpy(head.digest, place->digest, DIGEST_SIZE);
	r = write_last(s, head.number, place);
	if (r < 0)
		return fail(s, r, LAST, reterr);
	s->number = head.number;
	s->last = *place;
	r = read_secret(s, KEY, secret);
	if (r == 0)
		r = signed_head_write(&head, secret, &s->key, &line);
	secret_wipe(secret);
	if (r == 0 && line.n >= SIGNED_HEAD_MAX)
		r = -EOVERFLOW;
	if (r < 0)
		return fail(s, r, KEY, reterr);
	memcpy(ret, line.p, line.n + 1);
	return 0;
}

int signer_rotate(struct signer *s, struct diag *reterr)
{
	struct ipc_place before = s->last;
	int r;

	/* First the place: should we end here, a key that has not changed is none the worse. */
	r = write_last(s, s->number, &(struct ipc_place){ 0 });
	if (r < 0)
		return fail(s, r, LAST, reterr);
	s->last = (struct ipc_place){ 0 };
	r = new_key(s, KEY);
	if (r < 0) {
		s->last = before;
		(void)write_last(s, s->number, &before);
		return fail(s, r, KEY, reterr);
	}
	return 0;
}
