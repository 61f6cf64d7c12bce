/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/eventlog.h"
#include "store/lines.h"
#include "store/logline.h"
#include "store/segments.h"

struct cursor {
	int log_fd;
	struct segtext *text; /* segment in hand, or NULL */
	bool newest_first;
	uint64_t from_seq;
	struct eventlog_segment *segments;
	size_t n, done; /* segments; of these begun */
	struct lines lines;
};

int cursor_new(int state_fd, uint64_t from_seq, bool newest_first, struct cursor **ret)
{
	struct cursor *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->newest_first = newest_first;
	c->from_seq = from_seq;
	c->log_fd = segments_open_dir(state_fd);
	r = c->log_fd < 0 ? c->log_fd : segments_list(c->log_fd, &c->segments, &c->n);
	if (r < 0) {
		cursor_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void segment_close(struct cursor *c)
{
	lines_done(&c->lines);
	c->text = segtext_free(c->text);
}

struct cursor *cursor_free(struct cursor *c)
{
	if (c) {
		segment_close(c);
		if (c->log_fd >= 0)
			close(c->log_fd);
		free(c->segments);
	}
	free(c);
	return NULL;
}

/* 1: the next segment is open; 0: there is none. */
static int segment_next(struct cursor *c)
{
	while (c->done < c->n) {
		size_t at = c->newest_first ? c->n - 1 - c->done : c->done;
		bool below = at + 1 < c->n && c->segments[at + 1].first_seq <= c->from_seq;
		int r;

		c->done++;
		if (below)
			continue;
		r = segtext_open(c->log_fd, c->segments[at].name, &c->text);
		if (r == -ENOENT || r == -EBADMSG)
			continue;
		if (r < 0)
			return r;
		segtext_set_lenient(c->text);
		if (c->newest_first)
			lines_backward(&c->lines, c->text, segtext_size(c->text));
		else
			lines_forward(&c->lines, c->text, segtext_size(c->text));
		return 1;
	}
	return 0;
}

int cursor_next(struct cursor *c, unsigned *budget, struct span *ret, uint64_t *ret_seq)
{
	for (;;) {
		struct span line;
		uint64_t seq;
		bool whole;
		int r;

		if (*budget == 0)
			return -EAGAIN;
		if (!c->text) {
			r = segment_next(c);
			if (r <= 0)
				return r;
		}
		r = c->newest_first ? lines_prev(&c->lines, &line, &whole)
				    : lines_next(&c->lines, &line, &whole);
		if (r < 0)
			return r;
		if (r == 0) {
			segment_close(c);
			continue;
		}
		(*budget)--;
		if (!whole || logline_kind(line) != LOGLINE_EVENT || !logline_seq(line, &seq) ||
			seq < c->from_seq)
			continue;
		*ret = line;
		*ret_seq = seq;
		return 1;
	}
}
