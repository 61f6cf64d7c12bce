/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/core/process.h"
#include "main/log.h"
#include "store/headsfile.h"

/*
 * Signed heads: the supervisor is asked to sign the log's last line, whenever that is another than
 * it signed last, at least every 10 s; what it signs goes into a file beside the log, and away.
 */
#define SIGN_NS (9ull * 1000000000u) /* between requests; looked at once a second */
#define ANSWER_NS (30ull * 1000000000u) /* then the request counts as lost */
#define ASKED_MAX 16u /* beyond that a segment's end is left to the head after it */
#define STOP_MS 2000 /* at the end, for the last head */
#define THIN_NS (24 * 3600ull * 1000000000u)

static bool same_place(const struct eventlog_place *a, const struct eventlog_place *b)
{
	return a->segment == b->segment && a->line == b->line &&
	       memcmp(a->digest, b->digest, DIGEST_SIZE) == 0;
}

static void failed(struct process *p, const char *why)
{
	struct heads *h = &p->heads;
	bool first = h->error[0] == '\0';

	(void)snprintf(h->error, sizeof(h->error), "%s", why);
	if (!first)
		return;
	log_line(LOG_ERR, "the log is not signed: %s", why);
	feed_log(p, LOG_HEADS_FAILED, 0, why);
}

static void worked(struct process *p)
{
	if (p->heads.error[0] == '\0')
		return;
	p->heads.error[0] = '\0';
	log_line(LOG_NOTICE, "the log is signed again");
	feed_log(p, LOG_HEADS_RESUMED, 0, "");
}

/* What the file beside the log shall hold: every key there ever was. */
static void merge_keys(const struct buf *old, const struct buf *new, struct buf *ret)
{
	bool follows = old->n == 0 || (new->n >= old->n &&memcmp(new->p, old->p, old->n) == 0);

	if (!follows)
		buf_append(ret, old->p, old->n);
	buf_append(ret, new->p, new->n);
}

static bool holds(const struct buf *old, const struct buf *new)
{
	return old->n > 0 && memmem(old->p, old->n, new->p, new->n);
}

/* A keyring that is not the one of before is an event, once it is kept. */
static void keep_keys(struct process *p)
{
	CLEANUP_BUF struct buf old = { 0 }, all = { 0 };
	struct heads *h = &p->heads;
	int r = statefile_read(p->state_fd, KEYS_FILE, KEYRING_OCTETS_MAX, &old);
	bool first = r == -ENOENT;

	if (r == 0 && holds(&old, &h->keyring))
		return;
	if (r < 0 && !first) {
		log_line(LOG_WARNING, KEYS_FILE ": %s", strerror(-r));
		return;
	}
	if (first)
		buf_append(&all, h->keyring.p, h->keyring.n);
	else
		merge_keys(&old, &h->keyring, &all);
	r = all.failed ? -ENOMEM : statefile_write(p->state_fd, KEYS_FILE, buf_span(&all));
	if (r < 0)
		log_line(LOG_WARNING, KEYS_FILE ": %s", strerror(-r));
	feed_log(p, first ? LOG_KEY_CREATED : LOG_KEY_CHANGED, 0, h->key);
}

void heads_take_keys(struct process *p, int fd)
{
	CLEANUP_BUF struct buf text = { .limit = KEYRING_OCTETS_MAX };
	struct introduction newest;
	char part[4096];
	ssize_t n;
	off_t at = 0;

	if (fd < 0)
		return;
	while ((n = pread(fd, part, sizeof(part), at)) > 0) {
		buf_append(&text, part, (size_t)n);
		at += n;
	}
	if (n < 0 || text.failed || !introduction_last(buf_span(&text), &newest)) {
		log_line(LOG_ERR, "the keyring cannot be read");
		return;
	}
	buf_done(&p->heads.keyring);
	p->heads.keyring = text;
	text = (struct buf){ 0 };
	p->heads.asked_ns = 0; /* whoever signs now does so soon */
	memcpy(p->heads.key, newest.key.fingerprint, sizeof(p->heads.key));
	if (p->log) {
		eventlog_set_key(p->log, p->heads.key);
		keep_keys(p);
	}
}

void heads_begin(struct process *p)
{
	struct heads *h = &p->heads;
	struct signed_head last;
	struct diag why = { "" };

	if (headsfile_open(p->state_fd, &h->file, &why) < 0) {
		failed(p, why.text);
		return;
	}
	if (headsfile_last(h->file, &last)) {
		h->number = last.number;
		h->time_us = last.time_us;
		h->signed_place = (struct eventlog_place){
			.segment = last.segment, .line = last.line, .seq = last.seq
		};
		memcpy(h->signed_place.digest, last.digest, DIGEST_SIZE);
	}
	if (h->keyring.n > 0)
		keep_keys(p);
	heads_committed(p); /* what ended here may have had no time to ask */
}

/* True: there is something to be signed, and it is asked for. */
static bool ask(struct process *p)
{
	struct ipc_message m = { .type = IPC_SIGN };
	struct heads *h = &p->heads;
	struct eventlog_place place;

	if (!h->file || !eventlog_place(p->log, &place) || same_place(&place, &h->signed_place))
		return false;
	m.place = (struct ipc_place){
		.segment = place.segment, .line = place.line, .seq = place.seq
	};
	memcpy(m.place.digest, place.digest, DIGEST_SIZE);
	h->asked_ns = clock_boot_ns();
	if (ipc_send(IPC_CONTROL_FD, &m, NULL, 0) < 0)
		return false;
	h->asked++;
	return true;
}

/* The last line of each segment, so that it can be proven without the segments behind it. */
void heads_committed(struct process *p)
{
	struct eventlog_place place;

	if (eventlog_place(p->log, &place) && place.ends_segment && p->heads.asked < ASKED_MAX)
		(void)ask(p);
}

void heads_tick(struct process *p)
{
	uint64_t now_ns = clock_boot_ns();
	struct heads *h = &p->heads;

	if (h->file && now_ns >= h->thin_ns) {
		h->thin_ns = now_ns + THIN_NS;
		(void)headsfile_thin(h->file, clock_real_us());
	}
	if (h->asked > 0 && now_ns - h->asked_ns >= ANSWER_NS)
		h->asked = 0;
	if (h->asked == 0 && now_ns - h->asked_ns >= SIGN_NS)
		(void)ask(p);
}

void heads_signed(struct process *p, const struct ipc_message *m)
{
	struct span line = span_text(m->signed_head), text, digits;
	struct heads *h = &p->heads;
	struct signed_head head;
	char why[FACT_TEXT_SIZE];
	int r;

	if (h->asked > 0)
		h->asked--;
	if (!h->file)
		return;
	if (m->error) {
		failed(p, m->text);
		return;
	}
	if (!signed_head_parse(line, &head, &text, &digits)) {
		failed(p, "the supervisor's answer is no head");
		return;
	}
	r = headsfile_append(h->file, line);
	if (r < 0) {
		(void)snprintf(why, sizeof(why), HEADS_FILE ": %s", strerror(-r));
		failed(p, why);
		return;
	}
	h->number = head.number;
	h->time_us = head.time_us;
	h->signed_place = (struct eventlog_place){
		.segment = head.segment, .line = head.line, .seq = head.seq
	};
	memcpy(h->signed_place.digest, head.digest, DIGEST_SIZE);
	commit_pass_on(p, line);
	worked(p);
}

/* Reads what the supervisor says until the answer is there. */
static void await(struct process *p)
{
	uint64_t end_ns = clock_boot_ns() + STOP_MS * 1000000ull, now_ns;
	struct pollfd control = { .fd = IPC_CONTROL_FD, .events = POLLIN };
	struct ipc_message m;
	int fds[IPC_FDS_MAX];

	while (p->heads.asked > 0 && (now_ns = clock_boot_ns()) < end_ns) {
		unsigned n_fds = 0;
		int r;

		(void)poll(&control, 1, (int)((end_ns - now_ns) / 1000000u) + 1);
		r = ipc_receive(IPC_CONTROL_FD, &m, fds, &n_fds);
		if (r == 1 && m.type == IPC_SIGNED)
			heads_signed(p, &m);
		for (unsigned i = 0; r == 1 && i < n_fds; i++)
			close(fds[i]);
		if (r <= 0 && r != -EAGAIN)
			return;
	}
}

void heads_stop(struct process *p)
{
	await(p);
	if (p->heads.asked == 0 && ask(p))
		await(p);
}

void heads_done(struct process *p)
{
	p->heads.file = headsfile_free(p->heads.file);
	buf_done(&p->heads.keyring);
}
