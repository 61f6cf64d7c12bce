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
#include "store/heads.h"
#include "store/headsfile.h"
#include "store/lines.h"

#define VERIFY_TRIES 16u

/* What the log is held against. */
struct proof {
	struct keyring *keys;
	struct heads heads;
};

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

static int verify_segment(struct check *c, struct proof *p, int log_fd,
	const struct eventlog_segment *s, bool newest, struct eventlog_verdict *v,
	enum check_result *ret)
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
		if (*ret == CHECK_GOOD)
			*ret = heads_meet(&p->heads, c);
	}
	if (*ret != CHECK_GOOD)
		return *ret == CHECK_FAILED ? -ENOMEM : 0;
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
	if (*ret == CHECK_GOOD && !newest)
		*ret = heads_segment_end(&p->heads, c);
	return 0;
}

/* All lines are good: what of the heads is not? Without a line: the fault is none of the log's. */
static enum check_result check_heads(
	struct check *c, const struct heads *h, struct eventlog_verdict *v)
{
	const struct listed_head *missing = heads_missing(h);
	uint64_t seq = c->commit.seq;

	if (missing) {
		v->missing_events = missing->seq > seq ? missing->seq - seq : 0;
		return check_fault(c,
			"the end is missing: %" PRIu64 " events that head %" PRIu64
			" covers, up to line %" PRIu64 " of segment %" PRIu64 ", are not there",
			v->missing_events, missing->number, missing->line, missing->segment);
	}
	if (h->fault[0]) {
		if (h->bad_line == 0)
			return check_fault(c, "%s", h->fault);
		(void)snprintf(v->segment, sizeof(v->segment), HEADS_FILE);
		v->line = h->bad_line;
		return check_fault(c, "%s", h->fault);
	}
	if (v->keys == VERIFY_KEYS_GIVEN && h->met == 0)
		return check_fault(
			c, "no signed head covers anything of this log: nothing is proven");
	return CHECK_GOOD;
}

static void tell_heads(const struct check *c, const struct heads *h, struct eventlog_verdict *v)
{
	v->heads = h->met;
	v->heads_removed = h->removed;
	v->uncovered_lines = c->lines - h->lines;
	v->uncovered_events = c->events - h->events;
	if (h->met == 0)
		return;
	v->head_number = h->last.number;
	v->head_us = h->last.time_us;
	v->head_segment = h->last.segment;
	v->head_line = h->last.line;
}

static int bad(const struct eventlog_verdict *v, struct diag *reterr)
{
	if (v->line == 0)
		return diag_set(reterr, -EBADMSG, "%s", v->reason);
	return diag_set(
		reterr, -EBADMSG, "%s, line %" PRIu64 ": %s", v->segment, v->line, v->reason);
}

static int verify_list(struct check *c, struct proof *p, int log_fd,
	const struct eventlog_segment *segments, size_t n, struct eventlog_verdict *v,
	struct diag *reterr)
{
	enum check_result result = CHECK_GOOD;

	for (size_t i = 0; i < n && result == CHECK_GOOD; i++) {
		const char *name = segments[i].name;
		int r = verify_segment(c, p, log_fd, &segments[i], i == n - 1, v, &result);

		if (r == -ENOENT)
			r = -ESTALE;
		if (r < 0)
			return diag_set(reterr, r, "cannot read segment %s of the event log: %s",
				name, strerror(-r));
		if (result != CHECK_GOOD) {
			(void)snprintf(v->segment, sizeof(v->segment), "%s", name);
			v->line = c->line;
		}
		if (i == 0 && c->begun)
			v->first_segment = c->segment;
		v->segments++;
	}
	if (result == CHECK_GOOD)
		result = check_heads(c, &p->heads, v);
	if (result != CHECK_GOOD)
		(void)snprintf(v->reason, sizeof(v->reason), "%s", c->reason);
	tell_heads(c, &p->heads, v);
	v->lines = c->lines;
	v->events = c->events;
	v->uncommitted = c->uncommitted;
	digest_format(c->chain.digest, v->digest);
	if (result == CHECK_NEWER)
		return diag_set(reterr, -EPROTONOSUPPORT, "segment %s: %s", v->segment, v->reason);
	return result == CHECK_BAD ? bad(v, reterr) : 0;
}

/* *ret is set also when there is no such file: empty. */
static int read_keys(int dir_fd, struct buf *ret)
{
	int fd = openat(dir_fd, KEYS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char part[4096];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ret->limit = KEYRING_OCTETS_MAX;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_append(ret, part, (size_t)n);
	(void)close(fd);
	return n < 0 ? -EIO : ret->failed ? -EFBIG : 0;
}

static bool add_line(void *userdata, struct span line)
{
	struct buf *b = userdata;

	buf_append(b, line.p, line.n);
	buf_char(b, '\n');
	return !b->failed;
}

/* The keys are read behind the heads: so, while a monitor writes both, none is missing. */
static int read_proof(int dir_fd, struct buf *heads, struct buf *keys, struct diag *reterr)
{
	int r = headsfile_scan(dir_fd, 0, add_line, heads);

	if (r == 0 && heads->failed)
		r = -EFBIG;
	if (r < 0 && r != -ENOENT && r != -EMSGSIZE)
		return diag_set(reterr, r, HEADS_FILE ": %s", strerror(-r));
	if (r == -EMSGSIZE) /* no line of ours is so long: what stands there is no head */
		buf_text(heads, "?\n");
	r = read_keys(dir_fd, keys);
	return r < 0 ? diag_set(reterr, r, KEYS_FILE ": %s", strerror(-r)) : 0;
}

/* Whom to believe, and what they signed. */
static int load_proof(int dir_fd, const struct eventlog_verify_options *o, struct proof *p,
	struct eventlog_verdict *v, struct diag *reterr)
{
	CLEANUP_BUF struct buf heads = { 0 }, text = { 0 };
	int r = read_proof(dir_fd, &heads, &text, reterr);

	if (r < 0)
		return r;
	if (o && o->keys) {
		*p->keys = *o->keys;
		v->keys = VERIFY_KEYS_GIVEN;
	} else if (keyring_give(p->keys, buf_span(&text), KEYS_FILE, NULL) == 0) {
		v->keys = VERIFY_KEYS_OF_LOG;
	}
	keyring_learn(p->keys, buf_span(&text));
	if (v->keys != VERIFY_NO_KEYS)
		r = heads_load(&p->heads, buf_span(&heads), p->keys);
	if (r == 0 && o && o->heads.n > 0)
		r = heads_give(&p->heads, o->heads, p->keys);
	if (r == -ENOENT)
		return diag_set(reterr, -EINVAL,
			"what was given as a head is none: it begins with " SIGNED_HEAD_BEGIN);
	heads_begin(&p->heads);
	return r < 0 ? diag_set(reterr, r, "out of memory") : 0;
}

/* -ESTALE: a segment of the list is not there any more. */
static int verify_once(int dir_fd, const struct eventlog_verify_options *o,
	struct eventlog_verdict *ret, struct diag *reterr)
{
	struct proof p = { .keys = calloc(1, sizeof(*p.keys)) };
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
	else if (!p.keys || (r = check_init(&c)) < 0)
		r = diag_set(reterr, -ENOMEM, "out of memory");
	else if ((r = load_proof(dir_fd, o, &p, &v, reterr)) == 0)
		r = verify_list(&c, &p, log_fd, segments, n, &v, reterr);
	check_done(&c);
	heads_done(&p.heads);
	free(p.keys);
	free(segments);
	(void)close(log_fd);
	if (r == 0 || r == -EBADMSG)
		*ret = v;
	return r;
}

int eventlog_verify(int dir_fd, const struct eventlog_verify_options *o,
	struct eventlog_verdict *ret, struct diag *reterr)
{
	int r = -ESTALE;

	/* A monitor that writes beside us takes away its oldest segments. */
	for (unsigned tries = 0; tries < VERIFY_TRIES && r == -ESTALE; tries++)
		r = verify_once(dir_fd, o, ret, reterr);
	return r;
}
