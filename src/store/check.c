/* SPDX-License-Identifier: Apache-2.0 */
#include "store/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int check_init(struct check *c)
{
	*c = (struct check){ 0 };
	return chain_init(&c->chain);
}

void check_done(struct check *c)
{
	chain_done(&c->chain);
}

void check_segment(struct check *c)
{
	c->in_segment = false;
	c->line = 0;
}

enum check_result check_fault(struct check *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(c->reason, sizeof(c->reason), format, args);
	va_end(args);
	return CHECK_BAD;
}

/* What the head claims against what came before it. */
static enum check_result check_head(struct check *c, const struct logline_head *h)
{
	if (!c->begun)
		return CHECK_GOOD;
	if (h->segment > c->segment + 1)
		return check_fault(c,
			"segments are missing before this one: it is number %" PRIu64
			", the one before is %" PRIu64,
			h->segment, c->segment);
	if (h->segment != c->segment + 1)
		return check_fault(c,
			"this segment is number %" PRIu64 ", but follows number %" PRIu64,
			h->segment, c->segment);
	if (memcmp(h->previous, c->chain.digest, DIGEST_SIZE) != 0)
		return check_fault(c,
			"this segment does not follow the last line of the one before: lines "
			"were cut from that one's end, or either was replaced");
	return CHECK_GOOD;
}

static enum check_result check_chain(struct check *c, struct span text, struct span digits)
{
	if (chain_step(&c->chain, text) < 0)
		return CHECK_FAILED;
	if (chain_matches(&c->chain, digits))
		return CHECK_GOOD;
	return check_fault(c, "the chain breaks: this line was changed, or lines before it were "
			      "removed, inserted "
			      "or moved");
}

static enum check_result first_line(struct check *c, struct span line, struct span text,
	struct span digits, logline_reading_fn *totals, void *userdata)
{
	enum check_result r;
	struct logline_head h;

	if (logline_kind(line) != LOGLINE_HEAD || digits.n != DIGEST_HEX ||
		!logline_head(line, &h, NULL, NULL))
		return check_fault(c, "a segment begins with its head, but this is none");
	if (h.schema > LOG_SCHEMA) {
		(void)check_fault(c,
			"schema %" PRIu64 " is newer than this program (%d): use a newer ipsecmon",
			h.schema, LOG_SCHEMA);
		return CHECK_NEWER;
	}
	r = check_head(c, &h);
	if (r != CHECK_GOOD)
		return r;
	memcpy(c->chain.digest, h.previous, DIGEST_SIZE);
	r = check_chain(c, text, digits);
	if (r != CHECK_GOOD)
		return r;
	if (h.seq <= c->last_seq)
		return check_fault(c, "the head says seq %" PRIu64 ", but %" PRIu64 " was there",
			h.seq, c->last_seq);
	c->begun = c->in_segment = true;
	c->segment = h.segment;
	c->head = h;
	c->closed = false;
	if (totals)
		(void)logline_head(line, &h, totals, userdata);
	return CHECK_GOOD;
}

static enum check_result check_event(struct check *c, struct span line)
{
	uint64_t seq;

	if (!logline_seq(line, &seq))
		return check_fault(c, "not an event: no seq");
	if (seq <= c->last_seq || seq < c->head.seq)
		return check_fault(
			c, "event %" PRIu64 " comes behind event %" PRIu64, seq, c->last_seq);
	c->last_seq = seq;
	c->events++;
	c->group_events++;
	return CHECK_GOOD;
}

static enum check_result check_commit(struct check *c, struct span line)
{
	struct logline_commit commit;

	if (!logline_commit(line, &commit))
		return check_fault(c, "a commit line without what belongs in it");
	if (commit.events != c->group_events)
		return check_fault(c,
			"the commit counts %" PRIu64 " events, but its group has %" PRIu64,
			commit.events, c->group_events);
	c->commit = commit;
	c->group_events = 0;
	return CHECK_GOOD;
}

static enum check_result later_line(
	struct check *c, struct span line, struct span text, struct span digits)
{
	enum logline_kind kind = logline_kind(line);
	enum check_result r = check_chain(c, text, digits);
	struct reading reading;

	if (r != CHECK_GOOD)
		return r;
	if ((kind == LOGLINE_COMMIT) != (digits.n == DIGEST_HEX))
		return check_fault(c, "the wrong number of digits for a line of its type");
	if (kind == LOGLINE_HEAD)
		return check_fault(c, "a head inside a segment");
	if ((kind == LOGLINE_READING || kind == LOGLINE_STATISTIC) &&
		!logline_reading(line, &reading))
		return check_fault(c, "a reading or statistic without what belongs in it");
	if (kind == LOGLINE_EVENT)
		r = check_event(c, line);
	if (kind == LOGLINE_COMMIT)
		r = check_commit(c, line);
	c->closed = kind == LOGLINE_COMMIT;
	return r;
}

enum check_result check_line(
	struct check *c, struct span line, logline_reading_fn *totals, void *userdata)
{
	struct span text, digits;
	enum check_result r;

	c->line++;
	if (!chain_split(line, &text, &digits))
		return check_fault(c, "not a line of the log: it does not end with its digest");
	r = c->in_segment ? later_line(c, line, text, digits)
			  : first_line(c, line, text, digits, totals, userdata);
	if (r != CHECK_GOOD)
		return r;
	c->lines++;
	c->uncommitted = c->closed ? 0 : c->uncommitted + 1;
	return CHECK_GOOD;
}
