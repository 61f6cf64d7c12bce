/* SPDX-License-Identifier: Apache-2.0 */
#include "view/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/members.h"
#include "view/doc.h"

static int ids_parse(struct filter *f, const char *p, struct diag *reterr)
{
	while (p && *p) {
		unsigned long long id;
		char *end;

		errno = 0;
		id = strtoull(p, &end, 10);
		if (*p < '0' || *p > '9' || errno || (*end && *end != ','))
			return diag_set(reterr, -EINVAL, "id: '%.40s' is no event ID", p);
		if (f->n_ids == FILTER_IDS_MAX)
			return diag_set(reterr, -EINVAL, "id: more than %d", FILTER_IDS_MAX);
		f->ids[f->n_ids++] = id;
		p = *end ? end + 1 : end;
	}
	return 0;
}

static int time_take(const char *text, uint64_t now_us, char ret[TIME_TEXT_SIZE], uint64_t *ret_us,
	const char *what, struct diag *reterr)
{
	struct diag d = { 0 };

	if (!text || !*text)
		return 0;
	if (time_parse(text, now_us, ret_us, &d) < 0)
		return diag_set(reterr, -EINVAL, "%s: %.400s", what, d.text);
	time_format(*ret_us, ret);
	return 0;
}

int filter_init(
	struct filter *f, const struct filter_text *text, uint64_t now_us, struct diag *reterr)
{
	int r = ids_parse(f, text->ids, reterr);

	f->until_us = UINT64_MAX;
	if (r == 0)
		r = time_take(text->since, now_us, f->since, &f->since_us, "since", reterr);
	if (r == 0)
		r = time_take(text->until, now_us, f->until, &f->until_us, "until", reterr);
	if (r == 0)
		r = words_parse(text->words, &f->words, reterr);
	if (r == 0)
		r = query_new(&noun_event, &text->query, now_us, &f->query, reterr);
	return r;
}

void filter_done(struct filter *f)
{
	words_done(&f->words);
	f->query = query_free(f->query);
}

/* What a line begins with, as our writer spells it: {"v":1,"seq":N,"time":"…","id":N, */
struct line_head {
	struct span time;
	uint64_t id;
};

/* Takes the text off the front, if it is there. */
static inline bool expect(struct span *s, const char *text, size_t n)
{
	if (s->n < n || memcmp(s->p, text, n) != 0)
		return false;
	*s = span_of(s->p + n, s->n - n);
	return true;
}
#define EXPECT(s, text) expect(s, text, sizeof(text) - 1)

static inline bool digits(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && n < 19; n++)
		v = v * 10 + (uint64_t)(s->p[n] - '0');
	*s = span_of(s->p + n, s->n - n);
	*ret = v;
	return n > 0;
}

static bool head_quick(struct span line, struct line_head *ret)
{
	const size_t n_time = sizeof("2026-01-31T12:00:00.000000Z") - 1;
	uint64_t n;

	if (!EXPECT(&line, "{\"v\":") || !digits(&line, &n) || !EXPECT(&line, ",\"seq\":") ||
		!digits(&line, &n) || !EXPECT(&line, ",\"time\":\"") || line.n < n_time)
		return false;
	ret->time = span_of(line.p, n_time);
	line = span_of(line.p + n_time, line.n - n_time);
	return EXPECT(&line, "\",\"id\":") && digits(&line, &ret->id) && EXPECT(&line, ",");
}

/* Times of one spelling are in the order of their octets. */
static int time_cmp(struct span a, const char *b)
{
	size_t n = strlen(b);
	int order = memcmp(a.p, b, a.n < n ? a.n : n);

	return order ? order : (a.n > n) - (a.n < n);
}

static bool head_match(const struct filter *f, const struct line_head *h)
{
	bool found = f->n_ids == 0;

	for (size_t i = 0; i < f->n_ids && !found; i++)
		found = f->ids[i] == h->id;
	return found && (!f->since[0] || time_cmp(h->time, f->since) >= 0) &&
	       (!f->until[0] || time_cmp(h->time, f->until) < 0);
}

static bool words_hold(const struct words *w, struct span line)
{
	CLEANUP(doc) struct doc *d = NULL;
	struct member member = { .key = { 0 } };
	struct members m;
	struct span text;
	const char *message;

	if (w->n == 0)
		return true;
	members_init(&m, line);
	while (members_next(&m, &member)) {
		if (!member_is(&member, "message"))
			continue;
		if (member_text(member.value, &text))
			return words_match(w, text);
		break;
	}
	/* Not there, or with escapes, or spelled otherwise. */
	if (doc_parse(line, &d, NULL) < 0)
		return false;
	message = doc_text(d, "message");
	return message && words_match(w, span_text(message));
}

bool filter_match(const struct filter *f, struct span line)
{
	CLEANUP(doc) struct doc *d = NULL;
	struct line_head h = { 0 };
	const char *time;

	if (f->n_ids || f->since[0] || f->until[0]) {
		if (!head_quick(line, &h)) { /* spelled otherwise, or without a time */
			if (doc_parse(line, &d, NULL) < 0 || !doc_u64(d, "id", &h.id))
				return false;
			time = doc_text(d, "time");
			h.time = span_text(time ? time : "");
		}
		if (!head_match(f, &h))
			return false;
	}
	return !query_rejects_line(f->query, line) && words_hold(&f->words, line) &&
	       query_match_line(f->query, line);
}
