/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "main/core/process.h"

/*
 * A recording again: the events that its facts cause, then every row of every noun, as lines of
 * JSON. A recording that outlived its core has the origin of the next one in the middle: there
 * everything begins anew, as it did then.
 */
#define PART ((size_t)256 << 10)

struct replay {
	struct process *process;
	struct buf octets, out, row;
	uint64_t offset; /* of octets in the file */
	const struct noun *noun;
};

static void out_flush(struct replay *r, size_t at_least)
{
	if (r->out.n < at_least || r->out.failed)
		return;
	(void)fwrite(r->out.p, 1, r->out.n, stdout);
	buf_clear(&r->out);
}

static void on_event(void *userdata, const struct event *e)
{
	struct replay *r = userdata;

	event_json(e, &r->out);
	buf_char(&r->out, '\n');
	out_flush(r, PART);
}

static void on_reading(void *userdata, const struct core_reading *reading)
{
	(void)userdata; /* the reconcile rows have the sums */
	(void)reading;
}

static int begin_anew(struct replay *r)
{
	const struct core_sink sink = { .userdata = r, .event = on_event, .reading = on_reading };

	r->process->core = core_free(r->process->core);
	return core_new(&sink, &r->process->core);
}

static int feed_one(struct replay *r, const struct fact *f)
{
	if (f->type == FACT_ORIGIN && f->source == SOURCE_NONE) {
		int error = begin_anew(r);

		if (error < 0)
			return error;
	}
	core_feed(r->process->core, f);
	return 0;
}

static int feed_octets(struct replay *r, bool *header_read, struct diag *reterr)
{
	size_t at = 0, used;
	uint32_t version;
	struct fact f;

	if (!*header_read) {
		enum fact_result h = fact_header_decode(buf_span(&r->octets), &version);

		if (h == FACT_TRUNCATED)
			return 0;
		if (h != FACT_OK)
			return diag_set(reterr, -EPROTONOSUPPORT,
				"no fact file, or one of a version that this ipsecmond (which "
				"knows %u) can't read",
				FACT_VERSION);
		*header_read = true;
		at = FACT_HEADER_SIZE;
	}
	for (;;) {
		enum fact_result d =
			fact_decode(span_of(r->octets.p + at, r->octets.n - at), &f, &used);

		if (d == FACT_TRUNCATED)
			break;
		if (d != FACT_OK)
			return diag_set(reterr, -EBADMSG, "no fact at octet %llu of the file",
				(unsigned long long)(r->offset + at));
		at += used;
		if (feed_one(r, &f) < 0)
			return diag_set(reterr, -ENOMEM, "out of memory");
	}
	buf_drop_front(&r->octets, at);
	r->offset += at;
	return 0;
}

static int feed_file(struct replay *r, int fd, struct diag *reterr)
{
	static uint8_t part[PART];
	bool header_read = false;
	ssize_t n;
	int error;

	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diag_set(
				reterr, -errno, "reading the fact file: %s", strerror(errno));
		buf_append(&r->octets, part, (size_t)n);
		if (r->octets.failed)
			return diag_set(reterr, -ENOMEM, "out of memory");
		error = feed_octets(r, &header_read, reterr);
		if (error < 0)
			return error;
		process_alive(r->process);
	}
	if (!header_read)
		return diag_set(reterr, -EBADMSG, "the fact file ends within its header");
	if (r->octets.n > 0)
		return diag_set(reterr, -EBADMSG,
			"the fact file is truncated: it ends within the fact at octet %llu",
			(unsigned long long)r->offset);
	return 0;
}

static bool on_row(void *userdata, const void *row)
{
	struct replay *r = userdata;

	buf_clear(&r->row);
	noun_json(r->noun, row, &r->row);
	if (r->row.failed)
		return false;
	buf_printf(&r->out, "{\"noun\":\"%s\",%s\n", r->noun->name, r->row.p + 1);
	out_flush(r, PART);
	return true;
}

int replay(struct process *p, int fd, struct diag *reterr)
{
	struct replay r = { .process = p };
	int error = begin_anew(&r);

	if (error == 0)
		error = feed_file(&r, fd, reterr);
	out_flush(&r, 0);
	for (size_t i = 0; nouns[i] && error == 0; i++) {
		if (nouns[i] == &noun_mainmode_statistic || nouns[i] == &noun_quickmode_statistic)
			continue; /* their rows are those of noun_statistic */
		r.noun = nouns[i];
		(void)core_each(p->core, nouns[i], on_row, &r);
		out_flush(&r, 0);
	}
	if (error == 0 && (r.out.failed || fflush(stdout) != 0 || ferror(stdout)))
		error = diag_set(reterr, -EIO, "the output can't be written");
	buf_done(&r.octets);
	buf_done(&r.out);
	buf_done(&r.row);
	return error;
}
