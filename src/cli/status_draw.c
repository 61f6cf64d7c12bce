/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/draw.h"
#include "cli/events.h"
#include "cli/status.h"
#include "view/table.h"

#define WIDTH 80u /* where nobody knows better */
#define EVENTS_SHOWN 5u

unsigned status_width(const struct status *s)
{
	return s->screen->width ? s->screen->width : WIDTH;
}

static size_t columns_of(const struct buf *b)
{
	return table_text_width(buf_span(b));
}

/* The host on the left, its kernel on the right where both fit into one line. */
static void draw_head(const struct status *s, struct buf *out)
{
	CLEANUP_BUF struct buf host = { 0 }, ours = { 0 }, kernel = { 0 };
	size_t used;

	screen_text(&host, draw_member(s->monitor, "host"));
	buf_text(&ours, "  ipsecmon ");
	screen_text(&ours, draw_member(s->monitor, "version"));
	buf_text(&ours, ", up ");
	draw_duration((uint64_t)draw_number(s->monitor, "uptime_s"), &ours);
	buf_text(&kernel, "Linux ");
	screen_text(&kernel, draw_member(s->monitor, "release"));
	screen_paint(s->screen, PAINT_BOLD, out);
	buf_append(out, host.p, host.n);
	screen_paint(s->screen, PAINT_PLAIN, out);
	buf_append(out, ours.p, ours.n);
	used = columns_of(&host) + columns_of(&ours) + columns_of(&kernel);
	if (used + 2 <= WIDTH)
		buf_printf(out, "%*s", (int)(WIDTH - used), "");
	else
		buf_text(out, used + 2 <= status_width(s) ? "  " : "\n");
	draw_painted(s->screen, PAINT_DIM, kernel.p, out);
	buf_char(out, '\n');
	if (json_is_true(json_object_get(s->monitor, "replay"))) {
		draw_painted(s->screen, PAINT_WARN,
			"A replay of recorded facts, not this host as it is.", out);
		buf_char(out, '\n');
	}
	if (*draw_member(s->monitor, "runs_as")) {
		draw_label(s->screen, "Runs as", out);
		draw_said(out, draw_member(s->monitor, "runs_as"), DRAW_LABEL, status_width(s));
	}
	buf_char(out, '\n');
}

static enum paint source_paint(const char *state, bool misses)
{
	if (strcmp(state, "in step") == 0)
		return PAINT_GOOD;
	if (strcmp(state, "off") == 0 || !misses)
		return PAINT_DIM;
	return strcmp(state, "resyncing") == 0 ? PAINT_WARN : PAINT_BAD;
}

/* What stands behind a source's state: why it is not well, or how fine it sees. */
static void source_note(const json_t *source, struct buf *out)
{
	json_int_t places = draw_number(source, "places"), in_step = draw_number(source, "in_step");
	json_int_t every = draw_number(source, "resolution_ms"),
		   losses = draw_number(source, "losses");
	const char *unit = strcmp(draw_member(source, "name"), "bpf") == 0 ? "packet" : "message";

	if (places > 1 && in_step < places)
		buf_printf(out,
			"%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " netns in step; ",
			in_step, places);
	if (*draw_member(source, "reason"))
		buf_printf(out, "%s; ", draw_member(source, "reason"));
	else if (every > 0)
		buf_printf(out, "every %g s; ", (double)every / 1000.0);
	else
		buf_printf(out, "%s by %s; ", unit, unit);
	if (losses > 0)
		draw_amount(losses, "loss; ", "losses; ", out);
	if (out->n >= 2)
		out->p[out->n -= 2] = '\0'; /* the last separator */
}

/* Of a source and of its state, with a gap: "strongswan", "resyncing". */
#define NAME_WIDTH 11
#define STATE_WIDTH 11u

static void draw_source(const struct status *s, const json_t *source, struct buf *out)
{
	const size_t note_at = DRAW_LABEL + NAME_WIDTH + STATE_WIDTH;
	const char *state = draw_member(source, "state"), *blind = draw_member(source, "blind");
	CLEANUP_BUF struct buf note = { 0 }, unseen = { 0 };

	buf_printf(out, "%-*s", NAME_WIDTH, draw_member(source, "name"));
	draw_painted(s->screen, source_paint(state, *blind != '\0'), state, out);
	buf_printf(out, "%*s", (int)(strlen(state) < STATE_WIDTH ? STATE_WIDTH - strlen(state) : 1),
		"");
	source_note(source, &note);
	draw_said(out, note.p ? note.p : "", note_at, status_width(s));
	if (!*blind)
		return;
	buf_printf(&unseen, "not seen: %s", blind);
	buf_printf(out, "%*s", (int)note_at, "");
	screen_paint(s->screen, PAINT_WARN, out);
	draw_said(out, unseen.p, note_at, status_width(s));
	screen_paint(s->screen, PAINT_PLAIN, out);
}

static void draw_sources(const struct status *s, struct buf *out)
{
	const json_t *sources = json_object_get(s->monitor, "sources");
	const json_t *source;
	size_t i;

	json_array_foreach(sources, i, source)
	{
		draw_label(s->screen, i == 0 ? "Sources" : "", out);
		draw_source(s, source, out);
	}
	if (i == 0) {
		draw_label(s->screen, "Sources", out);
		draw_painted(s->screen, PAINT_BAD, "none: nothing is seen", out);
		buf_char(out, '\n');
	}
}

static void draw_watched(const struct status *s, struct buf *out)
{
	json_int_t unwatched = draw_number(s->monitor, "netns_unwatched");
	json_int_t larval = draw_number(s->monitor, "larval");

	draw_label(s->screen, "Watched", out);
	draw_amount(draw_number(s->monitor, "netns"), "netns", "netns", out);
	if (unwatched > 0) {
		screen_paint(s->screen, PAINT_WARN, out);
		buf_text(out, " (and ");
		draw_amount(unwatched, "not watched)", "not watched)", out);
		screen_paint(s->screen, PAINT_PLAIN, out);
	}
	buf_text(out, ", ");
	draw_amount(draw_number(s->monitor, "sa"), "SA", "SAs", out);
	if (larval > 0) {
		buf_text(out, " (");
		draw_amount(larval, "larval)", "larval)", out);
	}
	buf_text(out, ", ");
	draw_amount(draw_number(s->monitor, "policy"), "policy", "policies", out);
	buf_text(out, ", ");
	draw_amount(draw_number(s->monitor, "link"), "interface", "interfaces", out);
	buf_text(out, "\n");
}

static void draw_log(const struct status *s, struct buf *out)
{
	const json_t *log = json_object_get(s->monitor, "log");

	draw_label(s->screen, "Log", out);
	if (!json_is_object(log)) {
		buf_text(out, "none here\n");
		return;
	}
	draw_amount(draw_number(log, "last_seq"), "event", "events", out);
	buf_printf(out, ", %.1f MB in ", (double)draw_number(log, "size") / 1e6);
	draw_amount(draw_number(log, "segments"), "segment", "segments", out);
	if (*draw_member(log, "seal_error")) {
		screen_paint(s->screen, PAINT_WARN, out);
		buf_text(out, ", can't be sealed: ");
		screen_text(out, draw_member(log, "seal_error"));
		screen_paint(s->screen, PAINT_PLAIN, out);
	}
	if (*draw_member(log, "error")) {
		screen_paint(s->screen, PAINT_BAD, out);
		buf_text(out, ", CANNOT BE WRITTEN: ");
		screen_text(out, draw_member(log, "error"));
		screen_paint(s->screen, PAINT_PLAIN, out);
	}
	if (*draw_member(log, "unsigned")) {
		screen_paint(s->screen, PAINT_BAD, out);
		buf_text(out, ", NOT SIGNED: ");
		screen_text(out, draw_member(log, "unsigned"));
		screen_paint(s->screen, PAINT_PLAIN, out);
	} else if (draw_number(log, "head") > 0) {
		buf_printf(
			out, ", signed up to head %" JSON_INTEGER_FORMAT, draw_number(log, "head"));
	}
	if (draw_number(log, "lost") > 0) {
		screen_paint(s->screen, PAINT_BAD, out);
		buf_text(out, ", ");
		draw_amount(draw_number(log, "lost"), "event lost", "events lost", out);
		screen_paint(s->screen, PAINT_PLAIN, out);
	}
	buf_char(out, '\n');
}

static void draw_index(const struct status *s, struct buf *out)
{
	const json_t *index = json_object_get(s->monitor, "index");
	bool off = *draw_member(index, "error");

	if (!json_is_object(index))
		return;
	draw_label(s->screen, "Index", out);
	draw_amount(draw_number(index, "events"), "event", "events", out);
	if (off)
		screen_paint(s->screen, PAINT_WARN, out);
	buf_text(out, ", ");
	screen_text(out, draw_member(index, "state"));
	if (off) {
		buf_text(out, ": ");
		screen_text(out, draw_member(index, "error"));
		screen_paint(s->screen, PAINT_PLAIN, out);
	} else if (draw_number(index, "lag") > 0) {
		buf_text(out, ", ");
		draw_amount(draw_number(index, "lag"), "event behind", "events behind", out);
	}
	buf_printf(out, ", %.1f MB\n", (double)draw_number(index, "size") / 1e6);
}

/* Who looked is no news to who looks. */
static bool is_access(const json_t *event)
{
	const char *subcategory = draw_member(event, "subcategory");

	return strcmp(subcategory, "Client Logon") == 0 ||
	       strcmp(subcategory, "Object Access") == 0;
}

/* The newest are the last, as in `ipsecmon events`. */
static void draw_events(const struct status *s, struct buf *out)
{
	const json_t *shown[EVENTS_SHOWN], *event;
	size_t i, n = 0;

	json_array_foreach(s->events, i, event)
	{
		if (n < EVENTS_SHOWN && !is_access(event))
			shown[n++] = event;
	}
	if (n == 0)
		return;
	buf_char(out, '\n');
	draw_painted(s->screen, PAINT_BOLD, "Latest events", out);
	buf_char(out, '\n');
	while (n > 0)
		event_line(s->screen, shown[--n], s->exact, true, out);
}

void status_draw(const struct status *s, struct buf *out)
{
	draw_head(s, out);
	draw_sources(s, out);
	buf_char(out, '\n');
	draw_watched(s, out);
	status_drops(s, out);
	draw_log(s, out);
	draw_index(s, out);
	draw_events(s, out);
}
