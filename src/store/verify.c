/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/check.h"
#include "store/eventlog_private.h"
#include "store/lines.h"

/* A segment that is not the newest must end with a commit; what the newest has behind it may go. */
static enum check_result check_end(
	struct check *c, bool newest, uint64_t torn, struct eventlog_verdict *v)
{
	if (!c->in_segment && torn == 0 && newest) {
		(void)snprintf(v->reason, sizeof(v->reason),
			"the newest segment is empty: it was just being begun");
		return CHECK_GOOD;
	}
	if (!newest && !c->in_segment && torn == 0) {
		c->line++;
		return check_fault(c, "the segment is empty");
	}
	if (torn > 0 && !newest) {
		c->line++;
		return check_fault(c, "the segment ends within a line: its end was cut off");
	}
	if (!c->closed && c->in_segment && !newest)
		return check_fault(
			c, "the segment ends without a commit line: its end was cut off");
	if (torn > 0)
		(void)snprintf(v->reason, sizeof(v->reason),
			"torn tail: the last %" PRIu64 " octets are no whole line", torn);
	v->torn = torn;
	return CHECK_GOOD;
}

/* The next line, and what follows it, is not to be had. */
static enum check_result unreadable(struct check *c, const char *why)
{
	c->line++;
	return check_fault(c, "%s", why);
}

static int verify_segment(struct check *c, int log_fd, const struct eventlog_segment *s,
	bool newest, struct eventlog_verdict *v, enum check_result *ret)
{
	CLEANUP(segtext) struct segtext *text = NULL;
	CLEANUP_LINES struct lines lines = { 0 };
	uint64_t seq = 0, torn = 0;
	unsigned repeat = 0;
	struct span line;
	bool whole;
	int r = segtext_open(log_fd, s->name, &text);

	if (r < 0 && r != -EBADMSG)
		return r;
	check_segment(c);
	*ret = CHECK_GOOD;
	if (r == -EBADMSG) {
		*ret = unreadable(c, "the sealed file's table of frames is damaged or cut off");
		return 0;
	}
	lines_forward(&lines, text, segtext_size(text));
	while (*ret == CHECK_GOOD && (r = lines_next(&lines, &line, &whole)) > 0) {
		if (!whole) {
			torn = line.n;
			r = 0;
			break;
		}
		*ret = check_line(c, line, NULL, NULL);
	}
	if (*ret != CHECK_GOOD)
		return 0;
	if (r == -EMSGSIZE || r == -EBADMSG) {
		*ret = unreadable(c, r == -EMSGSIZE ? "longer than any line of the log"
						    : "the sealed file is damaged here");
		return 0;
	}
	if (r < 0)
		return r;
	(void)segment_name_parse(s->name, &seq, &repeat);
	if (c->in_segment && c->head.seq != seq) {
		c->line = 1;
		*ret = check_fault(c,
			"the file is named for seq %" PRIu64 ", its head says %" PRIu64, seq,
			c->head.seq);
		return 0;
	}
	*ret = check_end(c, newest, torn, v);
	return 0;
}

static int verify_list(struct check *c, int log_fd, const struct eventlog_segment *segments,
	size_t n, struct eventlog_verdict *v, struct diag *reterr)
{
	enum check_result result = CHECK_GOOD;

	for (size_t i = 0; i < n && result == CHECK_GOOD; i++) {
		const char *name = segments[i].name;
		int r = verify_segment(c, log_fd, &segments[i], i == n - 1, v, &result);

		if (r < 0)
			return diag_set(reterr, r, "cannot read segment %s of the event log: %s",
				name, strerror(-r));
		if (result != CHECK_GOOD) {
			(void)snprintf(v->segment, sizeof(v->segment), "%s", name);
			(void)snprintf(v->reason, sizeof(v->reason), "%s", c->reason);
			v->line = c->line;
		}
		if (i == 0 && c->begun)
			v->first_segment = c->segment;
		v->segments++;
	}
	v->lines = c->lines;
	v->events = c->events;
	v->uncommitted = c->uncommitted;
	digest_format(c->chain.digest, v->digest);
	if (result == CHECK_NEWER)
		return diag_set(reterr, -EPROTONOSUPPORT, "segment %s: %s", v->segment, v->reason);
	if (result == CHECK_BAD)
		return diag_set(reterr, -EBADMSG, "segment %s, line %" PRIu64 ": %s", v->segment,
			v->line, v->reason);
	return 0;
}

int eventlog_verify(int dir_fd, struct eventlog_verdict *ret, struct diag *reterr)
{
	struct eventlog_segment *segments = NULL;
	struct eventlog_verdict v = { 0 };
	struct check c = { 0 };
	size_t n = 0;
	int log_fd = segments_open_dir(dir_fd), r;

	if (log_fd < 0)
		return diag_set(reterr, log_fd, "cannot open the event log: %s", strerror(-log_fd));
	r = segments_list(log_fd, &segments, &n);
	if (r < 0)
		(void)diag_set(reterr, r, "cannot list the event log: %s", strerror(-r));
	else if (n == 0)
		r = diag_set(reterr, -ENOENT, "there is no segment of an event log here");
	else if ((r = check_init(&c)) < 0)
		(void)diag_set(reterr, r, "out of memory");
	else
		r = verify_list(&c, log_fd, segments, n, &v, reterr);
	check_done(&c);
	free(segments);
	(void)close(log_fd);
	if (r == 0 || r == -EBADMSG)
		*ret = v;
	return r;
}
