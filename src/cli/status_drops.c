/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "catalog/catalog.h"
#include "cli/draw.h"
#include "cli/status.h"
#include "view/table.h"

#define CAUSES_SHOWN 12u
#define CAUSES_MAX 64u
#define WHAT_WIDTH 48u /* of the text about a cause, at most */
#define WHEN_WIDTH 12u
#define NAMES_WIDTH 100u /* of the screen, for the counters' names */

/* A cause of drops: one counter over all netns. */
struct cause {
	const char *counter;
	json_int_t kernel, attributed, unattributed, suppressed, difference;
};

static int cause_cmp(const void *a, const void *b)
{
	const struct cause *x = a, *y = b;

	return (x->kernel < y->kernel) - (x->kernel > y->kernel);
}

static size_t sum_causes(const json_t *accounts, struct cause *ret, size_t max)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(accounts, i, row)
	{
		const char *counter = draw_member(row, "counter");
		size_t at = 0;

		if (draw_number(row, "kernel") == 0 && draw_number(row, "difference") == 0)
			continue;
		while (at < n && strcmp(ret[at].counter, counter) != 0)
			at++;
		if (at == max)
			continue;
		if (at == n)
			ret[n++] = (struct cause){ .counter = counter };
		ret[at].kernel += draw_number(row, "kernel");
		ret[at].attributed += draw_number(row, "attributed");
		ret[at].unattributed += draw_number(row, "unattributed");
		ret[at].suppressed += draw_number(row, "suppressed");
		ret[at].difference += llabs(draw_number(row, "difference"));
	}
	qsort(ret, n, sizeof(ret[0]), cause_cmp);
	return n;
}

/* How long ago a counter last rose, as the latest events tell. */
static void last_seen(const struct status *s, const char *counter, struct buf *out)
{
	uint64_t now, then;
	const json_t *event;
	size_t i;

	json_array_foreach(s->events, i, event)
	{
		if (strcmp(draw_member(event, "counter"), counter) != 0 ||
			draw_number(event, "count") == 0)
			continue;
		if (time_parse(draw_member(event, "time"), 0, &then, NULL) < 0 ||
			time_parse(draw_member(s->monitor, "now"), 0, &now, NULL) < 0)
			break;
		if (s->exact) {
			buf_text(out, draw_member(event, "time"));
			return;
		}
		draw_age(now > then ? (now - then) / 1000000u : 0, out);
		return;
	}
	buf_text(out, "earlier");
}

/* Columns: number, what, when, and the kernel's name for it where that has room. */
static void draw_cause(const struct status *s, const struct cause *k, struct buf *out)
{
	const struct catalog_counter *about = catalog_counter(k->counter);
	CLEANUP_BUF struct buf what = { 0 }, when = { 0 };
	size_t room = status_width(s) - DRAW_LABEL - 2 - WHEN_WIDTH, columns;
	char digits[DRAW_NUMBER_SIZE];

	if (room > WHAT_WIDTH)
		room = WHAT_WIDTH;
	draw_grouped(k->kernel, digits);
	last_seen(s, k->counter, &when);
	screen_cut(about ? about->title : "a counter of a newer kernel", room, &what);
	columns = table_text_width(buf_span(&what));
	screen_paint(s->screen, PAINT_BOLD, out);
	buf_printf(out, "%*s  ", (int)DRAW_LABEL, digits);
	screen_paint(s->screen, PAINT_PLAIN, out);
	buf_printf(
		out, "%s%*s", what.p ? what.p : "", (int)(room > columns ? room - columns : 0), "");
	draw_painted(s->screen, PAINT_DIM, when.p ? when.p : "", out);
	if (status_width(s) >= NAMES_WIDTH)
		buf_printf(out, "%*s%s", (int)(when.n < WHEN_WIDTH ? WHEN_WIDTH - when.n : 1), "",
			k->counter);
	buf_char(out, '\n');
}

void status_drops(const struct status *s, struct buf *out)
{
	struct cause causes[CAUSES_MAX];
	size_t n = sum_causes(s->accounts, causes, ARRAY_LEN(causes));
	struct cause all = { 0 };

	for (size_t i = 0; i < n; i++) {
		all.kernel += causes[i].kernel;
		all.attributed += causes[i].attributed;
		all.unattributed += causes[i].unattributed;
		all.suppressed += causes[i].suppressed;
		all.difference += causes[i].difference;
	}
	draw_label(s->screen, "Dropped", out);
	if (n == 0) {
		draw_painted(s->screen, PAINT_GOOD, "nothing since boot", out);
		buf_text(out, "\n\n");
		return;
	}
	draw_amount(all.kernel, "since boot: ", "since boot: ", out);
	draw_amount(all.attributed, "explained", "explained", out);
	if (all.unattributed > 0) {
		buf_text(out, ", ");
		screen_paint(s->screen, PAINT_WARN, out);
		draw_amount(all.unattributed, "not explained", "not explained", out);
		screen_paint(s->screen, PAINT_PLAIN, out);
	}
	if (all.suppressed > 0) {
		buf_text(out, ", ");
		draw_amount(all.suppressed, "suppressed", "suppressed", out);
	}
	buf_char(out, '\n');
	for (size_t i = 0; i < n && i < CAUSES_SHOWN; i++)
		draw_cause(s, &causes[i], out);
	if (n > CAUSES_SHOWN)
		buf_printf(out, "%*s %zu more: ipsecmon audit reconcile\n", (int)DRAW_LABEL, "",
			n - CAUSES_SHOWN);
	draw_label(s->screen, "Accounts", out);
	if (all.difference == 0) {
		draw_painted(s->screen, PAINT_GOOD,
			"the log and the kernel's counters agree exactly", out);
	} else {
		screen_paint(s->screen, PAINT_WARN, out);
		draw_amount(all.difference, "drop still waits", "drops still wait", out);
		buf_text(out, " for an explanation: ipsecmon audit reconcile");
		screen_paint(s->screen, PAINT_PLAIN, out);
	}
	buf_text(out, "\n\n");
}
