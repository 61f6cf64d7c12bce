/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/eventlog_private.h"
#include "store/lines.h"
#include "store/logline.h"

static int count_events(int log_fd, const char *name, uint64_t *ret)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	uint64_t end = 0, seq, n = 0;
	struct span line;
	bool whole;
	int r = segtext_open(log_fd, name, &text);

	if (r == 0) {
		segtext_set_lenient(text);
		r = segment_committed_end(text, &end);
	}
	lines_forward(&lines, text, end);
	while (r == 0 && (r = lines_next(&lines, &line, &whole)) > 0) {
		n += logline_kind(line) == LOGLINE_EVENT && logline_seq(line, &seq);
		r = 0;
	}
	if (r == 0)
		*ret = n;
	return r;
}

static bool too_old(const struct eventlog *l, const struct eventlog_segment *s, uint64_t now_us)
{
	return l->keep_age_s > 0 && s->modified_us < now_us &&
	       (now_us - s->modified_us) / 1000000u > l->keep_age_s;
}

/* Both files, where a crash left both. */
static int remove_segment(struct eventlog *l, const struct eventlog_segment *s)
{
	char file[SEGMENT_FILE_SIZE];

	if (strcmp(l->sealer.name, s->name) == 0)
		sealer_drop(&l->sealer, l->log_fd);
	if (!s->sealed && unlinkat(l->log_fd, s->name, 0) < 0)
		return -errno;
	segment_file_format(s->name, true, file);
	return unlinkat(l->log_fd, file, 0) < 0 && (s->sealed || errno != ENOENT) ? -errno : 0;
}

/* Of the n segments before the newest. Returns how many went, or -errno if none could. */
static int remove_old(struct eventlog *l, const struct eventlog_segment *segments, size_t n,
	uint64_t total, uint64_t now_us, eventlog_removed_fn *removed, void *userdata)
{
	for (size_t i = 0; i < n; i++) {
		const struct eventlog_segment *s = &segments[i];
		uint64_t events = 0;
		int r;

		if (!(l->keep_size > 0 && total > l->keep_size) && !too_old(l, s, now_us))
			return (int)i;
		/* A segment that cannot be read must still be removable. */
		(void)count_events(l->log_fd, s->name, &events);
		r = remove_segment(l, s);
		if (r < 0)
			return i > 0 ? (int)i : r;
		total -= s->size;
		if (removed)
			removed(userdata, s->name, events);
	}
	return (int)n;
}

int eventlog_retain(
	struct eventlog *l, uint64_t now_us, eventlog_removed_fn *removed, void *userdata)
{
	struct eventlog_segment *segments = NULL;
	size_t n = 0, older = 0;
	uint64_t total = 0;
	int r = segments_list(l->log_fd, &segments, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		total += segments[i].size;
	/* Neither the newest nor one that is just being begun. */
	while (older < n && strcmp(segments[older].name, l->name) != 0)
		older++;
	if (older < n && older > 0)
		r = remove_old(l, segments, older, total, now_us, removed, userdata);
	free(segments);
	if (r > 0 && fsync(l->log_fd) < 0)
		return -errno;
	return r < 0 ? r : 0;
}
