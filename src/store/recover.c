/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/check.h"
#include "store/eventlog_private.h"
#include "store/lines.h"
#include "store/logline.h"

#define SEQ_MAX ((uint64_t)1 << 62) /* far beyond any log, far below what JSON readers take */

/*
 * Reads the newest segment to the end of its last group. What follows that group is unfinished if
 * every whole line of it fits the chain: then it is cut, nobody was told of it. If one does not,
 * the segment is damaged: nothing in it is touched, every line that can be read still counts (the
 * counters must go on from where they were), and writing goes on in a new segment, whose head
 * chains over all octets as they were found.
 */
struct walk {
	struct check check;
	struct readings *readings;
	uint8_t committed[DIGEST_SIZE]; /* digest of the last commit line */
	uint64_t good_end; /* where that ends; 0: none in this segment */
	uint64_t good_lines; /* of the segment up to there */
	uint64_t damaged_line; /* 0: none */
	bool sealed; /* nothing is cut off it or put behind it */

	/* Read, but not covered by a commit line yet. */
	struct reading *staged;
	size_t n_staged, staged_room;
	uint64_t staged_seq;

	/* Covered. */
	uint64_t segment, last_seq;
	struct logline_commit commit;
	bool any_commit;
	bool failed; /* out of memory */
};

static void walk_done(struct walk *w)
{
	check_done(&w->check);
	free(w->staged);
}

static void put_reading(void *userdata, const struct reading *r)
{
	struct walk *w = userdata;

	if (!readings_put(w->readings, r))
		w->failed = true;
}

static void stage_reading(struct walk *w, struct span line)
{
	struct reading r;

	if (!logline_reading(line, &r))
		return;
	if (w->n_staged == w->staged_room) {
		size_t room = w->staged_room ? w->staged_room * 2 : 64;
		struct reading *p = reallocarray(w->staged, room, sizeof(*p));

		if (!p) {
			w->failed = true;
			return;
		}
		w->staged = p;
		w->staged_room = room;
	}
	w->staged[w->n_staged++] = r;
}

static void stage_event(struct walk *w, struct span line)
{
	uint64_t seq;

	if (logline_seq(line, &seq) && seq > w->staged_seq)
		w->staged_seq = seq;
}

static void apply_commit(struct walk *w, struct span line)
{
	struct logline_commit commit;

	if (!logline_commit(line, &commit))
		return;
	for (size_t i = 0; i < w->n_staged; i++)
		put_reading(w, &w->staged[i]);
	w->n_staged = 0;
	if (w->staged_seq > w->last_seq)
		w->last_seq = w->staged_seq;
	if (commit.seq > w->last_seq) /* its events cannot be read */
		w->last_seq = commit.seq;
	w->commit = commit;
	w->any_commit = true;
}

/* Takes what the line says, whether or not it can be proven. */
static void take_line(struct walk *w, struct span line)
{
	struct logline_head head;

	switch (logline_kind(line)) {
	case LOGLINE_EVENT:
		stage_event(w, line);
		break;
	case LOGLINE_READING:
	case LOGLINE_STATISTIC:
		stage_reading(w, line);
		break;
	case LOGLINE_COMMIT:
		apply_commit(w, line);
		break;
	case LOGLINE_HEAD:
		if (logline_head(line, &head, put_reading, w)) {
			w->segment = head.segment;
			w->readings->dropped = head.dropped;
			if (head.seq > 0 && head.seq - 1 > w->last_seq)
				w->last_seq = head.seq - 1;
		}
		break;
	case LOGLINE_OTHER:
		break;
	}
}

/* Over lines that do not fit, as over those that do: so none can be put right unseen. */
static int chain_as_found(struct walk *w, struct span line)
{
	struct span text, digits;

	return chain_step(&w->check.chain, chain_split(line, &text, &digits) ? text : line);
}

static int walk_line(struct walk *w, struct span line, uint64_t end)
{
	uint8_t before[DIGEST_SIZE];

	if (w->damaged_line == 0) {
		memcpy(before, w->check.chain.digest, DIGEST_SIZE);
		switch (check_line(&w->check, line, NULL, NULL)) {
		case CHECK_GOOD:
			take_line(w, line);
			if (w->check.closed) {
				w->good_end = end;
				w->good_lines = w->check.line;
				memcpy(w->committed, w->check.chain.digest, DIGEST_SIZE);
			}
			return 0;
		case CHECK_NEWER:
			return -EPROTONOSUPPORT;
		case CHECK_FAILED:
			return -ENOMEM;
		case CHECK_BAD:
			break;
		}
		w->damaged_line = w->check.line;
		memcpy(w->check.chain.digest, before, DIGEST_SIZE);
	}
	take_line(w, line);
	return chain_as_found(w, line);
}

/* One whole segment; its last line may lack the newline. */
static int walk_segment(struct walk *w, struct segtext *text)
{
	CLEANUP_LINES struct lines lines = { 0 };
	struct span line;
	bool whole;
	int r;

	check_segment(&w->check);
	w->good_end = 0;
	w->damaged_line = 0;
	w->n_staged = 0;
	w->sealed = segtext_sealed(text);
	w->segment++; /* unless its head says otherwise */
	lines_forward(&lines, text, segtext_size(text));
	while ((r = lines_next(&lines, &line, &whole)) > 0) {
		if (!whole && w->damaged_line == 0 && !w->sealed)
			break;
		r = walk_line(w, line, lines.at);
		if (r < 0)
			return r;
	}
	if (r == -EMSGSIZE) { /* no line of ours is so long; the rest cannot be read */
		if (w->damaged_line == 0)
			w->damaged_line = w->check.line + 1;
		r = 0;
	}
	if (r < 0)
		return r;
	if (w->sealed && w->damaged_line == 0 && w->good_end < segtext_size(text))
		w->damaged_line = w->check.line; /* sealed with an unfinished group */
	return w->failed ? -ENOMEM : 0;
}

static bool head_readable(int log_fd, const char *name)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	struct logline_head head;
	struct span line;
	bool whole;

	if (segtext_open(log_fd, name, &text) < 0)
		return false;
	lines_forward(&lines, text, segtext_size(text));
	return lines_next(&lines, &line, &whole) > 0 && whole &&
	       logline_kind(line) == LOGLINE_HEAD && logline_head(line, &head, NULL, NULL);
}

static int cannot(struct diag *reterr, int r, const char *what, const char *name)
{
	return diag_set(
		reterr, r, "cannot %s segment %s of the event log: %s", what, name, strerror(-r));
}

static int walk_named(
	struct walk *w, int log_fd, const char *name, uint64_t *ret_size, struct diag *reterr)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	int r = segtext_open(log_fd, name, &text);

	if (r == -EBADMSG) { /* nothing of a sealed one can be read */
		w->segment++;
		w->damaged_line = 1;
		*ret_size = w->good_end = 0;
		return 0;
	}
	if (r < 0)
		return cannot(reterr, r, "open", name);
	*ret_size = segtext_size(text);
	segtext_set_lenient(text);
	r = walk_segment(w, text);
	if (r == -EPROTONOSUPPORT)
		return diag_set(
			reterr, r, "segment %s of the event log: %s", name, w->check.reason);
	return r < 0 ? cannot(reterr, r, "read", name) : 0;
}

/* The newest segment has no finished group: it was being begun when the last run ended. */
static int drop_unfinished(struct eventlog *l, const char *name, struct diag *reterr)
{
	if (unlinkat(l->log_fd, name, 0) < 0 || fsync(l->log_fd) < 0)
		return cannot(reterr, -errno, "remove the unfinished", name);
	return 0;
}

/* Opens the newest segment for writing, without what follows its last group. */
static int continue_segment(
	struct eventlog *l, const char *name, uint64_t size, uint64_t good_end, struct diag *reterr)
{
	int fd = openat(l->log_fd, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return cannot(reterr, -errno, "open", name);
	if (good_end < size && (ftruncate(fd, (off_t)good_end) < 0 || fdatasync(fd) < 0)) {
		int r = -errno;

		(void)close(fd);
		return cannot(reterr, r, "cut the unfinished end of", name);
	}
	l->fd = fd;
	l->size = good_end;
	return 0;
}

static void tell_end(const struct walk *w, struct eventlog_end *end)
{
	end->last_seq = w->last_seq;
	end->empty = w->last_seq == 0;
	if (!w->any_commit)
		return;
	(void)snprintf(end->boot, sizeof(end->boot), "%s", w->commit.boot);
	end->epoch = w->commit.epoch;
	end->applied = w->commit.applied;
	end->n_pending = w->commit.n_pending;
	memcpy(end->pending, w->commit.pending, sizeof(end->pending));
}

/*
 * The segments before the newest that must be read too: those behind, and with, the last whose
 * totals can be read; mostly none.
 */
static int walk_before(struct eventlog *l, struct walk *w, const struct eventlog_segment *segments,
	size_t n, struct diag *reterr)
{
	size_t from = n - 1;
	uint64_t size;
	int r;

	while (from > 0 && !head_readable(l->log_fd, segments[from].name))
		from--;
	for (; from < n - 1; from++) {
		r = walk_named(w, l->log_fd, segments[from].name, &size, reterr);
		if (r < 0)
			return r;
	}
	/* The head of the newest is to be judged by itself. */
	w->check.begun = false;
	w->check.last_seq = 0;
	w->check.group_events = 0;
	return 0;
}

/* 1: the newest segment was no segment yet and is gone: look again. */
static int recover_newest(struct eventlog *l, const struct eventlog_segment *segments, size_t n,
	struct eventlog_end *end, struct diag *reterr)
{
	const char *name = segments[n - 1].name;
	struct walk w = { .readings = &l->readings };
	uint64_t size, named;
	unsigned repeat;
	int r = check_init(&w.check);

	if (r < 0)
		return diag_set(reterr, r, "cannot read the event log: %s", strerror(-r));
	r = walk_before(l, &w, segments, n, reterr);
	if (r == 0)
		r = walk_named(&w, l->log_fd, name, &size, reterr);
	if (r < 0)
		goto out;
	if (w.damaged_line == 0 && w.good_end == 0) {
		r = drop_unfinished(l, name, reterr);
		end->torn += size;
		r = r < 0 ? r : 1;
		goto out;
	}
	/* The name may be all that is left of its head. */
	if (segment_name_parse(name, &named, &repeat) && named > 0 && named - 1 > w.last_seq)
		w.last_seq = named - 1;
	if (w.last_seq > SEQ_MAX) {
		r = diag_set(reterr, -EBADMSG,
			"segment %s of the event log speaks of event %" PRIu64
			", which no monitor ever reaches: it was made up; move it away",
			name, w.last_seq);
		goto out;
	}
	(void)snprintf(l->name, sizeof(l->name), "%s", name);
	l->number = w.segment;
	l->last_seq = w.last_seq;
	if (w.damaged_line == 0) {
		end->torn += size - w.good_end;
		if (!w.sealed)
			r = continue_segment(l, name, size, w.good_end, reterr);
		memcpy(l->chain.digest, w.committed, DIGEST_SIZE);
		memcpy(l->committed, w.committed, DIGEST_SIZE);
		l->lines = w.good_lines;
		l->committed_seq = w.last_seq;
	} else {
		end->damaged_line = w.damaged_line;
		(void)snprintf(end->damaged_segment, sizeof(end->damaged_segment), "%s", name);
		memcpy(l->chain.digest, w.check.chain.digest, DIGEST_SIZE);
	}
	tell_end(&w, end);
out:
	walk_done(&w);
	return r;
}

static bool take_last_event(void *userdata, struct span line)
{
	struct eventlog_end *end = userdata;
	struct logline_event e;

	if (logline_kind(line) != LOGLINE_EVENT || !logline_event(line, &e))
		return true;
	end->last_us = e.time_us;
	end->last_id = e.id;
	return false;
}

int eventlog_recover(struct eventlog *l, struct eventlog_end *ret_end, struct diag *reterr)
{
	struct eventlog_end end = { .empty = true };
	int r;

	do {
		struct eventlog_segment *segments = NULL;
		size_t n = 0;

		r = segments_list(l->log_fd, &segments, &n);
		if (r < 0)
			return diag_set(reterr, r, "cannot list the event log: %s", strerror(-r));
		if (n > 0)
			r = recover_newest(l, segments, n, &end, reterr);
		free(segments);
	} while (r > 0);
	if (r == 0 && !end.empty)
		r = eventlog_scan_dir(l->log_fd, 0, true, take_last_event, &end, reterr);
	if (r == 0)
		*ret_end = end;
	return r;
}
