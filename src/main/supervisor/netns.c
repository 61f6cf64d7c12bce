/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "main/log.h"
#include "main/supervisor/sockets.h"

#define SCAN_NS (5 * NS_PER_S) /* also without a sign from inotify */
#define UNFINISHED_NS (10 * NS_PER_MS) /* first delay; doubles up to SCAN_NS */
#define WATCH_DIR \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define WATCH_PARENT (IN_CREATE | IN_MOVED_TO)

int netns_init(struct netns_table *t, const char *dir, struct diag *reterr)
{
	*t = (struct netns_table){ .dir = dir, .home = -1, .inotify = -1, .watch = -1 };
	t->entries = calloc(NETNS_LISTED_MAX, sizeof(*t->entries));
	if (!t->entries)
		return -ENOMEM;
	t->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (t->home < 0)
		return diag_set(reterr, -errno, "/proc/self/ns/net: %s", strerror(errno));
	t->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (t->inotify < 0)
		log_line(LOG_WARNING, "inotify: %s; new network namespaces are found within 5 s",
			strerror(errno));
	return 0;
}

void netns_done(struct netns_table *t)
{
	if (t->home >= 0)
		close(t->home);
	if (t->inotify >= 0)
		close(t->inotify);
	free(t->entries);
	t->entries = NULL;
}

void netns_forget_sent(struct netns_table *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->entries[i].gone)
			continue;
		t->entries[kept] = t->entries[i];
		t->entries[kept++].sent = false;
	}
	t->n = kept;
	t->ready_sent = false;
}

size_t netns_watched(const struct netns_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->entries[i].watched && !t->entries[i].gone;
	return n;
}

/* Watches the directory, or, until it is there, the one above it. Events only wake us. */
static void renew_watch(struct netns_table *t)
{
	char octets[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool lost = t->watch < 0 || t->watches_parent;
	char parent[256];
	ssize_t n;

	if (t->inotify < 0)
		return;
	while ((n = read(t->inotify, octets, sizeof(octets))) > 0) {
		const struct inotify_event *e;

		for (ssize_t at = 0; at < n; at += (ssize_t)sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(const void *)(octets + at);
			if (e->wd == t->watch && (e->mask & (IN_IGNORED | IN_MOVE_SELF)))
				lost = true;
		}
	}
	if (!lost)
		return;
	if (t->watch >= 0)
		(void)inotify_rm_watch(t->inotify, t->watch);
	t->watches_parent = false;
	t->watch = inotify_add_watch(t->inotify, t->dir, WATCH_DIR | IN_ONLYDIR);
	if (t->watch < 0) {
		(void)snprintf(parent, sizeof(parent), "%s", t->dir);
		if (strrchr(parent, '/'))
			*strrchr(parent, '/') = '\0';
		t->watch = inotify_add_watch(t->inotify, parent, WATCH_PARENT | IN_ONLYDIR);
		t->watches_parent = true;
	}
}

/* 0 with the inode; -EAGAIN: there is a file, but no netns is mounted on it (yet). */
static int netns_inode(int fd, uint64_t *ret)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* Unsigned, for f_type's own type differs between architectures. */
	if ((unsigned long)fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -EAGAIN;
	*ret = st.st_ino;
	return 0;
}

/*
 * The initial netns is process 1's. Where we may not look at that (a service with fewer
 * capabilities, another user), it is our own, which then is the same unless somebody moved us.
 */
static int open_named(const struct netns_table *t, const char *name)
{
	char path[256 + NAME_SIZE];
	int fd;

	if (strcmp(name, NETNS_INIT) == 0) {
		fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
		return fd >= 0 ? fd : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

struct listing {
	struct netns_entry *found; /* in order of names, "init" first */
	size_t n;
	uint64_t refused;
	bool unfinished; /* a file that is no netns yet */
	bool failed; /* we could not look, so nothing follows from what is not found */
};

static void list_one(const struct netns_table *t, struct listing *l, const char *name)
{
	struct netns_entry *e = &l->found[l->n];
	int fd, r;

	if (l->n == NETNS_LISTED_MAX || strlen(name) >= NAME_SIZE) {
		l->refused++;
		return;
	}
	fd = open_named(t, name);
	if (fd < 0) {
		l->failed = l->failed || errno == EMFILE || errno == ENFILE || errno == ENOMEM;
		l->unfinished = l->unfinished || errno != ENOENT;
		return;
	}
	*e = (struct netns_entry){ 0 };
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
	r = netns_inode(fd, &e->inode);
	close(fd);
	if (r < 0)
		l->unfinished = true;
	else
		l->n++;
}

static int by_name(const void *a, const void *b)
{
	const struct netns_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void list_all(const struct netns_table *t, struct listing *l)
{
	DIR *dir = opendir(t->dir);
	const struct dirent *d;

	list_one(t, l, NETNS_INIT);
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		/* A name that would pass for the initial netns gets another spelling. */
		list_one(t, l, strcmp(d->d_name, NETNS_INIT) == 0 ? "./" NETNS_INIT : d->d_name);
	}
	if (dir)
		(void)closedir(dir);
	if (l->n > 1)
		qsort(l->found + 1, l->n - 1, sizeof(*l->found), by_name);
}

static struct netns_entry *find(struct netns_entry *entries, size_t n, uint64_t inode)
{
	for (size_t i = 0; i < n; i++) {
		if (entries[i].inode == inode && !entries[i].gone)
			return &entries[i];
	}
	return NULL;
}

static bool is_listed(const struct listing *l, const struct netns_entry *e)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->found[i].inode == e->inode && strcmp(l->found[i].name, e->name) == 0)
			return true;
	}
	return false;
}

/* Of two names of one netns that which is in the table stays; else the first of the order. */
static void add_new(struct netns_table *t, const struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (find(t->entries, t->n, l->found[i].inode))
			continue;
		if (t->n < NETNS_LISTED_MAX)
			t->entries[t->n++] = l->found[i];
	}
}

/* A netns that observe knows already goes and comes again, so that nothing of it is left open. */
static void set_watched(struct netns_table *t, struct netns_entry *e, bool watched, const char *why)
{
	struct netns_entry again = *e;

	if (e->watched != watched && e->sent && t->n < NETNS_LISTED_MAX) {
		e->gone = true;
		e = &t->entries[t->n++];
		*e = again;
		e->sent = false;
	}
	e->watched = watched;
	e->why = why;
}

/* Who is watched: those that were stay, others while there is room. */
static void choose(struct netns_table *t, const struct config *config)
{
	static const char *const excluded = "excluded by the configuration";
	static const char *const many = "over the limit of 256 watched network namespaces";
	size_t n = t->n;
	size_t watched;

	for (size_t i = 0; i < n; i++) {
		struct netns_entry *e = &t->entries[i];

		if (e->watched && !e->gone && !config_wants_netns(config, e->name))
			set_watched(t, e, false, excluded);
	}
	watched = netns_watched(t);
	n = t->n;
	for (size_t i = 0; i < n; i++) {
		struct netns_entry *e = &t->entries[i];

		if (e->watched || e->gone)
			continue;
		if (!config_wants_netns(config, e->name)) {
			e->why = excluded;
		} else if (watched == NETNS_WATCHED_MAX) {
			e->why = many;
		} else {
			set_watched(t, e, true, NULL);
			watched++;
		}
	}
}

void netns_scan(struct netns_table *t, const struct config *config, uint64_t now_ns)
{
	struct listing l = { .found = calloc(NETNS_LISTED_MAX + 1, sizeof(*l.found)) };

	t->scan_ns = now_ns + SCAN_NS;
	if (!l.found)
		return;
	renew_watch(t);
	list_all(t, &l);
	for (size_t i = 0; !l.failed && i < t->n; i++)
		t->entries[i].gone = t->entries[i].gone || !is_listed(&l, &t->entries[i]);
	add_new(t, &l);
	choose(t, config);
	if (l.refused > t->refused)
		log_line(LOG_WARNING,
			"%llu network namespaces beyond the limit of %d are not listed",
			(unsigned long long)l.refused, NETNS_LISTED_MAX);
	t->refused = l.refused;
	if (!l.unfinished) {
		t->unfinished_ns = 0;
	} else {
		t->unfinished_ns = t->unfinished_ns == 0 ? UNFINISHED_NS : t->unfinished_ns * 2;
		if (t->unfinished_ns > SCAN_NS)
			t->unfinished_ns = SCAN_NS;
		t->scan_ns = now_ns + t->unfinished_ns;
	}
	free(l.found);
}

static bool is_home(const struct netns_table *t, int fd)
{
	struct stat there, home;

	return fstat(fd, &there) == 0 && fstat(t->home, &home) == 0 &&
	       there.st_ino == home.st_ino && there.st_dev == home.st_dev;
}

int netns_return(const struct netns_table *t)
{
	return setns(t->home, CLONE_NEWNET) < 0 ? -errno : 0;
}

int netns_enter_init(const struct netns_table *t)
{
	int fd = open_named(t, NETNS_INIT);
	int r = fd < 0 ? -errno : is_home(t, fd) ? 0 : setns(fd, CLONE_NEWNET) < 0 ? -errno : 1;

	if (fd >= 0)
		close(fd);
	return r;
}

/* Enters the netns of fd, opens, returns home. < 0: could not return. */
static int open_inside(const struct netns_table *t, int fd, const struct config *config,
	struct ipc_message *m, int fds[IPC_FDS_MAX], unsigned *n_fds)
{
	bool home = is_home(t, fd);

	if (!home && setns(fd, CLONE_NEWNET) < 0) {
		m->type = IPC_NETNS_UNWATCHED;
		m->error = errno;
		(void)snprintf(m->text, sizeof(m->text), "entering it: %s%s", strerror(m->error),
			m->error == EPERM ? "; needs CAP_SYS_ADMIN" : "");
		return 0;
	}
	*n_fds = sockets_open(config->ipc.netlink_buffer, m, fds);
	return home ? 0 : netns_return(t);
}

bool netns_is_excluded(const struct netns_table *t, uint64_t inode)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->entries[i].inode == inode && !t->entries[i].gone)
			return !t->entries[i].watched;
	}
	return false;
}

int netns_cookie(const struct netns_table *t, int fd, uint64_t *ret)
{
	bool home = is_home(t, fd);
	socklen_t n = sizeof(*ret);
	int any;

	*ret = 0;
	if (!home && setns(fd, CLONE_NEWNET) < 0)
		return 0;
	any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (any < 0 || getsockopt(any, SOL_SOCKET, SO_NETNS_COOKIE, ret, &n) < 0)
		*ret = 0;
	if (any >= 0)
		close(any);
	return home ? 0 : netns_return(t);
}

static int push_one(struct netns_table *t, const struct config *config, struct child *observe,
	struct netns_entry *e)
{
	struct ipc_message m = { .type = e->watched ? IPC_NETNS : IPC_NETNS_UNWATCHED };
	int fds[IPC_FDS_MAX];
	unsigned n_fds = 0;
	uint64_t inode = 0;
	int fd, r = 0;

	m.inode = e->inode;
	(void)snprintf(m.name, sizeof(m.name), "%s", e->name);
	if (!e->watched) {
		(void)snprintf(m.text, sizeof(m.text), "%s", e->why ? e->why : "");
	} else {
		fd = open_named(t, e->name);
		if (fd < 0 || netns_inode(fd, &inode) < 0 || inode != e->inode) {
			/* It went, or another has its name: the next scan will see. */
			t->scan_ns = 0;
			e->gone = true;
			if (fd >= 0)
				close(fd);
			return 0;
		}
		r = open_inside(t, fd, config, &m, fds, &n_fds);
		close(fd);
		if (m.error != 0 && r == 0)
			log_line(LOG_WARNING, "netns %s: %s", e->name, m.text);
	}
	e->sent = true;
	(void)child_send(observe, &m, fds, n_fds);
	return r;
}

int netns_push(struct netns_table *t, const struct config *config, struct child *observe)
{
	size_t kept = 0;
	int r = 0;

	/* First what is gone: a name may have come back with another netns. */
	for (size_t i = 0; i < t->n; i++) {
		struct netns_entry *e = &t->entries[i];
		struct ipc_message m = { .type = IPC_NETNS_GONE, .inode = e->inode };

		if (e->gone && (!e->sent || (observe->n_queued == 0 && observe->control >= 0))) {
			memcpy(m.name, e->name, sizeof(m.name));
			if (e->sent)
				(void)child_send(observe, &m, NULL, 0);
			continue;
		}
		t->entries[kept++] = *e;
	}
	t->n = kept;
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		if (observe->control < 0 || observe->n_queued > 0)
			return 0;
		if (!t->entries[i].sent && !t->entries[i].gone)
			r = push_one(t, config, observe, &t->entries[i]);
	}
	if (r == 0 && !t->ready_sent && observe->control >= 0 && observe->n_queued == 0) {
		struct ipc_message m = { .type = IPC_NETNS_READY };

		t->ready_sent = child_send(observe, &m, NULL, 0) == 0;
	}
	return r;
}
