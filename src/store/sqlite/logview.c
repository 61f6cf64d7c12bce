/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/logview.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "store/segments.h"

/*
 * A file that came within the same tick of the file system's clock as the listing may not be in the
 * list, though the directory's time is that of the list: only what is older proves anything.
 */
#define TICK_NS 100000000u

int logview_init(struct logview *v, int state_fd)
{
	*v = (struct logview){ 0 };
	v->log_fd = segments_open_dir(state_fd);
	return v->log_fd < 0 ? v->log_fd : 0;
}

static void texts_forget(struct logview *v)
{
	for (size_t i = 0; i < LOGVIEW_TEXTS; i++)
		v->texts[i].text = segtext_free(v->texts[i].text);
}

void logview_done(struct logview *v)
{
	texts_forget(v);
	free(v->segments);
	v->segments = NULL;
	if (v->log_fd >= 0)
		(void)close(v->log_fd);
	v->log_fd = -1;
}

static uint64_t ns_of(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int logview_refresh(struct logview *v)
{
	struct eventlog_segment *segments;
	struct timespec now;
	struct stat st;
	uint64_t changed_ns;
	size_t n;
	int r;

	if (fstat(v->log_fd, &st) < 0)
		return -errno;
	changed_ns = ns_of(st.st_mtim);
	if (v->listed_ns && changed_ns == v->changed_ns && changed_ns + TICK_NS < v->listed_ns)
		return 0;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	r = segments_list(v->log_fd, &segments, &n);
	if (r < 0)
		return r;
	free(v->segments);
	v->segments = segments;
	v->n = n;
	v->changed_ns = changed_ns;
	v->listed_ns = ns_of(now);
	texts_forget(v); /* the files of some may be gone, and their disk space is wanted */
	return 0;
}

int logview_text(struct logview *v, const char *name, uint64_t size, struct segtext **ret)
{
	struct logview_text *t = &v->texts[hash_octets(name, strlen(name), 0) % LOGVIEW_TEXTS];
	struct segtext *text;
	int r;

	if (t->text && strcmp(t->name, name) == 0 && segtext_size(t->text) >= size) {
		*ret = t->text;
		return 0;
	}
	r = segtext_open(v->log_fd, name, &text);
	if (r < 0)
		return r;
	(void)segtext_free(t->text);
	t->text = text;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	*ret = text;
	return 0;
}
