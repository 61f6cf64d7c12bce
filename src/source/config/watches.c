/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/watches.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "source/config/beneath.h"

#define CHANGES \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define READS_MAX 64 /* in one call; what is left makes the descriptor readable again */

int watches_init(struct watches *w)
{
	w->n = 0;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return w->fd < 0 ? -errno : 0;
}

void watches_done(struct watches *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->n = 0;
}

bool watches_changed(struct watches *w)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;

	/* Which file it was does not matter: a list is read as a whole. */
	for (unsigned i = 0; i < READS_MAX && w->fd >= 0; i++) {
		ssize_t n = read(w->fd, events, sizeof(events));

		if (n <= 0)
			break;
		changed = true;
	}
	return changed;
}

void watches_begin(struct watches *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->v[i].wanted = false;
}

void watches_want(struct watches *w, int root, const char *directory)
{
	int fd = w->fd < 0 ? -1 : beneath_directory(root, directory), wd;
	char path[32];

	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(w->fd, path, CHANGES);
	close(fd);
	if (wd < 0)
		return;
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].wd == wd) {
			w->v[i].wanted = true;
			return;
		}
	}
	if (w->n == WATCHES_MAX) {
		(void)inotify_rm_watch(w->fd, wd);
		return;
	}
	w->v[w->n].wd = wd;
	w->v[w->n++].wanted = true;
}

void watches_end(struct watches *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		/* One whose directory is gone has gone with it. */
		if (w->v[i].wanted)
			w->v[kept++] = w->v[i];
		else
			(void)inotify_rm_watch(w->fd, w->v[i].wd);
	}
	w->n = kept;
}
