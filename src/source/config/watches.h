/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Directories whose changes inotify tells, for several roots at once. A directory is watched as
 * what it is, not by its path, so that other roots and mounts make no difference.
 */
#define WATCHES_MAX 1024

struct watches {
	int fd; /* -1: there is no inotify */
	struct {
		int wd;
		bool wanted;
	} v[WATCHES_MAX];
	size_t n;
};

int watches_init(struct watches *w); /* -errno; w is usable all the same, and never tells */
void watches_done(struct watches *w);
bool watches_changed(struct watches *w); /* drains; true: something changed */
/* begin; want each directory; end: the others are let go. */
void watches_begin(struct watches *w);
void watches_want(struct watches *w, int root, const char *directory);
void watches_end(struct watches *w);
