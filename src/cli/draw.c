/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view/table.h"

json_int_t draw_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *draw_member(const json_t *o, const char *key)
{
	const char *ret = json_string_value(json_object_get(o, key));

	return ret ? ret : "";
}

void draw_painted(const struct screen *s, enum paint paint, const char *what, struct buf *out)
{
	screen_paint(s, paint, out);
	screen_text(out, what);
	screen_paint(s, PAINT_PLAIN, out);
}

void draw_label(const struct screen *s, const char *what, struct buf *out)
{
	screen_paint(s, PAINT_BOLD, out);
	buf_printf(out, "%-*s", (int)DRAW_LABEL, what);
	screen_paint(s, PAINT_PLAIN, out);
}

void draw_grouped(json_int_t v, char ret[DRAW_NUMBER_SIZE])
{
	char plain[24];
	size_t n, to = 0;

	n = (size_t)snprintf(plain, sizeof(plain), "%" JSON_INTEGER_FORMAT, v);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0 && plain[i - 1] != '-')
			ret[to++] = ',';
		ret[to++] = plain[i];
	}
	ret[to] = '\0';
}

void draw_amount(json_int_t v, const char *one, const char *many, struct buf *out)
{
	char digits[DRAW_NUMBER_SIZE];

	draw_grouped(v, digits);
	buf_printf(out, "%s %s", digits, v == 1 ? one : many);
}

static const struct {
	uint64_t s;
	const char *name;
} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };

static size_t unit_of(uint64_t s)
{
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && s < units[i].s)
		i++;
	return i;
}

void draw_duration(uint64_t s, struct buf *out)
{
	char text[DURATION_TEXT_SIZE];

	buf_text(out, duration_format(s, text));
}

void draw_age(uint64_t s, struct buf *out)
{
	size_t i = unit_of(s);

	buf_printf(out, "%" PRIu64 " %s ago", s / units[i].s, units[i].name);
}

char *draw_time(uint64_t us, char ret[TIME_TEXT_SIZE])
{
	char *dot = strchr(time_format(us, ret), '.');

	if (dot)
		(void)snprintf(dot, 2, "Z");
	return ret;
}

void draw_wrapped(struct buf *out, const char *text, size_t at, size_t indent, size_t width)
{
	while (*text) {
		size_t n = strcspn(text, " "), columns = table_text_width(span_of(text, n));

		if (at + columns + 1 > width && at > indent) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			buf_char(out, ' ');
			at++;
		}
		buf_append(out, text, n);
		at += columns;
		text += n + (text[n] == ' ');
	}
	buf_char(out, '\n');
}

void draw_said(struct buf *out, const char *text, size_t indent, size_t width)
{
	CLEANUP_BUF struct buf clean = { 0 };

	screen_text(&clean, text);
	draw_wrapped(out, clean.p ? clean.p : "", indent, indent, width);
}
