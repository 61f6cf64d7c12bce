/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/timetext.h"
#include "cli/draw.h"
#include "cli/events.h"

static void put_time(const char *text, bool exact, struct buf *out)
{
	uint64_t us;
	char local[40];
	struct tm tm;
	time_t s;

	if (exact || time_parse(text, 0, &us, NULL) < 0) {
		screen_text(out, text);
		return;
	}
	s = (time_t)(us / 1000000u);
	if (localtime_r(&s, &tm) && strftime(local, sizeof(local), "%b %e %H:%M:%S", &tm) > 0)
		buf_text(out, local);
}

static const struct {
	const char *level;
	const char *mark;
	enum paint paint;
} marks[] = {
	{ "information", " ", PAINT_PLAIN },
	{ "warning", "!", PAINT_WARN },
	{ "error", "x", PAINT_BAD },
};

/* Does the message say the number already? "12 packets dropped" does. */
static bool tells(const char *message, json_int_t count)
{
	char digits[24];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT " ", count);

	return strncmp(message, digits, n) == 0;
}

void event_line(const struct screen *s, const json_t *row, bool exact, bool cut, struct buf *out)
{
	const char *time = json_string_value(json_object_get(row, "time"));
	const char *level = json_string_value(json_object_get(row, "level"));
	const char *message = json_string_value(json_object_get(row, "message"));
	json_int_t count = json_integer_value(json_object_get(row, "count"));
	CLEANUP_BUF struct buf when = { 0 }, said = { 0 };
	size_t at = 0, used;

	for (size_t i = 0; level && i < ARRAY_LEN(marks); i++) {
		if (strcmp(level, marks[i].level) == 0)
			at = i;
	}
	put_time(time ? time : "-", exact, &when);
	screen_paint(s, PAINT_DIM, out);
	buf_append(out, when.p, when.n);
	screen_paint(s, PAINT_PLAIN, out);
	buf_char(out, ' ');
	screen_paint(s, marks[at].paint, out);
	buf_printf(out, "%s %5" JSON_INTEGER_FORMAT, marks[at].mark,
		json_integer_value(json_object_get(row, "id")));
	screen_paint(s, PAINT_PLAIN, out);
	buf_char(out, ' ');
	if (count > 1 && message && !tells(message, count))
		buf_printf(&said, "%" JSON_INTEGER_FORMAT " times: ", count);
	buf_text(&said, message ? message : "-");
	used = when.n + 9;
	if (cut && s->width > used) {
		screen_cut(said.p ? said.p : "", s->width - used, out);
		buf_char(out, '\n');
	} else {
		draw_said(out, said.p ? said.p : "", used, s->width ? s->width : SIZE_MAX);
	}
}
