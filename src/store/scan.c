/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/eventlog_private.h"
#include "store/lines.h"

/* 1: each() wants no more. A segment that retention took meanwhile, or of whose
 * sealed file nothing can be read, is passed over. */
static int scan_segment(
	int log_fd, const char *name, bool newest_first, eventlog_each_fn *each, void *userdata)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	struct span line;
	uint64_t end;
	bool whole;
	int r = segtext_open(log_fd, name, &text);

	if (r < 0)
		return r == -ENOENT || r == -EBADMSG ? 0 : r;
	segtext_set_lenient(text);
	r = segment_committed_end(text, &end);
	if (r < 0)
		return r;
	if (newest_first)
		lines_backward(&lines, text, end);
	else
		lines_forward(&lines, text, end);
	for (;;) {
		r = newest_first ? lines_prev(&lines, &line, &whole)
				 : lines_next(&lines, &line, &whole);
		if (r <= 0)
			break;
		if (!each(userdata, line))
			break;
	}
	return r;
}

static int scan_list(int log_fd, const struct eventlog_segment *segments, size_t n,
	bool newest_first, eventlog_each_fn *each, void *userdata, struct diag *reterr)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *name = segments[newest_first ? n - 1 - i : i].name;

		r = scan_segment(log_fd, name, newest_first, each, userdata);
		if (r < 0)
			(void)diag_set(reterr, r, "cannot read segment %s of the event log: %s",
				name, strerror(-r));
	}
	return r < 0 ? r : 0;
}

/* How many segments in front hold nothing from this seq on. */
static size_t skipped(const struct eventlog_segment *segments, size_t n, uint64_t from_seq)
{
	size_t i = 0;

	while (i + 1 < n && segments[i + 1].first_seq <= from_seq)
		i++;
	return i;
}

static int scan(int log_fd, uint64_t from_seq, size_t newest, bool newest_first,
	eventlog_each_fn *each, void *userdata, struct diag *reterr)
{
	struct eventlog_segment *segments = NULL;
	size_t n = 0, skip;
	int r = segments_list(log_fd, &segments, &n);

	if (r < 0)
		return diag_set(reterr, r, "cannot list the event log: %s", strerror(-r));
	skip = skipped(segments, n, from_seq);
	if (n > newest && skip < n - newest)
		skip = n - newest;
	if (n > 0)
		r = scan_list(
			log_fd, segments + skip, n - skip, newest_first, each, userdata, reterr);
	free(segments);
	return r;
}

int eventlog_scan_dir(int log_fd, uint64_t from_seq, bool newest_first, eventlog_each_fn *each,
	void *userdata, struct diag *reterr)
{
	return scan(log_fd, from_seq, SIZE_MAX, newest_first, each, userdata, reterr);
}

int eventlog_scan_newest(int log_fd, eventlog_each_fn *each, void *userdata, struct diag *reterr)
{
	return scan(log_fd, 0, EVENTLOG_RESTORED, false, each, userdata, reterr);
}

int eventlog_scan(int dir_fd, uint64_t from_seq, bool newest_first, eventlog_each_fn *each,
	void *userdata, struct diag *reterr)
{
	int log_fd = segments_open_dir(dir_fd), r;

	if (log_fd < 0)
		return diag_set(reterr, log_fd, "cannot open the event log: %s", strerror(-log_fd));
	r = eventlog_scan_dir(log_fd, from_seq, newest_first, each, userdata, reterr);
	(void)close(log_fd);
	return r;
}
