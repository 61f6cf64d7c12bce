/* SPDX-License-Identifier: Apache-2.0 */
#include "api/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of the kernel */

/* The login uid, if /proc lets us see it; a process that is gone or hidden has none. */
static uint32_t login_uid(uint32_t pid)
{
	char path[48], text[16];
	unsigned long long v;
	ssize_t n;
	char *end;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%u/loginuid", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UINT32_MAX;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return UINT32_MAX;
	text[n] = '\0';
	v = strtoull(text, &end, 10);
	return end == text || v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

struct groups {
	gid_t main, *all;
	size_t n;
};

static bool in_group(const struct groups *g, bool there, uint32_t gid)
{
	if (!there)
		return false;
	for (size_t i = 0; i < g->n; i++) {
		if (g->all[i] == gid)
			return true;
	}
	return g->main == gid;
}

/* Supplementary groups of the peer as they were when it connected. */
static void groups_read(int fd, struct groups *ret)
{
	socklen_t size = GROUPS_MAX * sizeof(gid_t);

	ret->all = malloc(size);
	if (!ret->all)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret->all, &size) == 0)
		ret->n = size / sizeof(gid_t);
}

int access_peer(const struct api_options *o, int fd, struct api_peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	struct groups groups = { 0 };

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	groups.main = cred.gid;
	groups_read(fd, &groups);
	*ret = (struct api_peer){ .uid = cred.uid, .pid = (uint32_t)cred.pid };
	ret->auid = login_uid(ret->pid);
	ret->may_change = cred.uid == 0 || (o->is_private && cred.uid == o->own_uid) ||
			  in_group(&groups, o->has_admin_gid, o->admin_gid);
	ret->may_read = ret->may_change || cred.uid == o->own_uid ||
			in_group(&groups, o->has_read_gid, o->read_gid);
	free(groups.all);
	return 0;
}

/* The fold of this process and kind, or the one to be forgotten for it. */
static struct access_fold *fold_find(struct access *a, const struct api_peer *p, uint8_t op)
{
	struct access_fold *oldest = &a->folds[0];

	for (size_t i = 0; i < ACCESS_FOLDS; i++) {
		struct access_fold *f = &a->folds[i];

		if (f->used && f->uid == p->uid && f->pid == p->pid && f->op == op)
			return f;
		if (oldest->used && (!f->used || f->at_ns < oldest->at_ns))
			oldest = f;
	}
	oldest->used = false;
	return oldest;
}

static struct access_bucket *bucket_find(
	struct access *a, uint32_t uid, uint8_t op, uint64_t now_ns)
{
	struct access_bucket *oldest = &a->buckets[0];

	for (size_t i = 0; i < ACCESS_BUCKETS; i++) {
		struct access_bucket *b = &a->buckets[i];

		if (b->used && b->uid == uid && b->op == op)
			return b;
		if (oldest->used && (!b->used || b->asked_ns < oldest->asked_ns))
			oldest = b;
	}
	*oldest = (struct access_bucket){
		.uid = uid, .op = op, .used = true, .tokens = ACCESS_AT_ONCE, .filled_ns = now_ns
	};
	return oldest;
}

static bool token_take(struct access_bucket *b, uint64_t now_ns)
{
	uint64_t more = (now_ns - b->filled_ns) / ACCESS_EACH_NS;

	b->asked_ns = now_ns;
	if (more > ACCESS_AT_ONCE - b->tokens) {
		b->tokens = ACCESS_AT_ONCE;
		b->filled_ns = now_ns;
	} else {
		b->tokens += (unsigned)more;
		b->filled_ns += more * ACCESS_EACH_NS;
	}
	if (b->tokens == 0) {
		b->unlogged++;
		return false;
	}
	b->tokens--;
	return true;
}

bool access_is_news(struct access *a, const struct api_peer *p, uint8_t op, uint64_t now_ns,
	uint64_t *ret_unlogged)
{
	struct access_bucket *bucket = bucket_find(a, p->uid, op, now_ns);

	if (op != ACCESS_REFUSED) {
		struct access_fold *fold = fold_find(a, p, op);

		if (fold->used && now_ns - fold->at_ns < ACCESS_FOLD_NS)
			return false;
		*fold = (struct access_fold){
			.uid = p->uid, .pid = p->pid, .op = op, .used = true, .at_ns = now_ns
		};
	}
	if (!token_take(bucket, now_ns))
		return false;
	*ret_unlogged = bucket->unlogged;
	bucket->unlogged = 0;
	return true;
}

void access_fact(struct fact *f, const struct api_peer *p, uint8_t op, const char *what,
	const char *reason, uint64_t unlogged)
{
	memset(f, 0, sizeof(*f));
	f->type = FACT_ACCESS;
	f->source = SOURCE_NONE;
	f->access.op = op;
	f->access.uid = p->uid;
	f->access.pid = p->pid;
	f->access.auid = p->auid;
	(void)snprintf(f->access.what, sizeof(f->access.what), "%s", what);
	if (unlogged == 0)
		(void)snprintf(f->access.reason, sizeof(f->access.reason), "%s", reason);
	else
		(void)snprintf(f->access.reason, sizeof(f->access.reason),
			"%s%s%llu more of this user since the last such event", reason,
			reason[0] ? "; " : "", (unsigned long long)unlogged);
}
