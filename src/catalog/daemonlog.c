/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/daemonlog.h"

#include <string.h>

static struct span trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && memchr(" \t\r\n", s.p[s.n - 1], 4))
		s.n--;
	return s;
}

/* Where text begins in s, at `from` or behind; s.n when it does not occur. */
static size_t find(struct span s, size_t from, const struct daemonlog_part *text)
{
	const uint8_t *at;

	if (from > s.n)
		return s.n;
	if (text->n == 0)
		return from;
	at = memmem(s.p + from, s.n - from, text->text, text->n);
	return at ? (size_t)(at - s.p) : s.n;
}

/*
 * Each capture ends where the text behind it occurs first, but the last one: its text must end the
 * line. Taking the first is right, for what is left behind it is as long as it can be.
 */
bool daemonlog_is(const struct daemonlog_entry *e, struct span line, struct daemonlog_captures *ret)
{
	struct daemonlog_captures c = { 0 };
	struct span s = trim(line);
	const struct daemonlog_part *part = e->parts;
	size_t at = part->n;

	if (s.n < at || (at > 0 && memcmp(s.p, part->text, at) != 0))
		return false;
	for (; part < e->parts + e->n_parts && part->capture != DAEMONLOG_END; part++) {
		const struct daemonlog_part *behind = part + 1;
		bool last = behind == e->parts + e->n_parts;
		size_t end = s.n;

		if (!last && behind->capture == DAEMONLOG_END) {
			if (s.n < behind->n ||
				memcmp(s.p + s.n - behind->n, behind->text, behind->n) != 0)
				return false;
			end = s.n - behind->n;
		} else if (!last) {
			end = find(s, at + 1, behind);
			if (end == s.n)
				return false;
		}
		if (end <= at)
			return false;
		if (part->capture < DAEMONLOG_CAPTURES_N)
			c.v[part->capture] = span_of(s.p + at, end - at);
		at = last ? end : end + behind->n;
	}
	if (at != s.n)
		return false;
	if (ret)
		*ret = c;
	return true;
}

const struct daemonlog_entry *daemonlog_match(
	enum ike_daemon daemon, struct span line, struct daemonlog_captures *ret)
{
	for (size_t i = 0; i < daemonlog_n_entries; i++) {
		const struct daemonlog_entry *e = &daemonlog_entries[i];

		if (e->daemon == daemon && daemonlog_is(e, line, ret))
			return e;
	}
	return NULL;
}
