/* SPDX-License-Identifier: Apache-2.0 */
#include "view/shorten.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/timetext.h"
#include "view/width.h"

/* 1234567 as 1.2M: three figures, decimal multiples. */
static void count_short(uint64_t n, struct buf *out)
{
	static const char multiples[] = "kMGTPE";
	uint64_t unit = 1000;
	size_t at = 0;

	if (n < 10000) {
		buf_printf(out, "%" PRIu64, n);
		return;
	}
	while (n / unit >= 1000) {
		unit *= 1000;
		at++;
	}
	if (n / unit >= 100)
		buf_printf(out, "%" PRIu64 "%c", n / unit, multiples[at]);
	else
		buf_printf(out, "%" PRIu64 ".%u%c", n / unit, (unsigned)(n / (unit / 10) % 10),
			multiples[at]);
}

static bool is_large_unit(const struct field *f)
{
	return f->unit && (strcmp(f->unit, "octets") == 0 || strcmp(f->unit, "packets") == 0);
}

/* "3 h 12 min", "1.2M/s": only people read them so. */
static bool unit_text(const struct field *f, json_int_t n, struct buf *out)
{
	char text[DURATION_TEXT_SIZE];

	if (!f->unit || n < 0)
		return false;
	if (strcmp(f->unit, "s") == 0) {
		buf_text(out, duration_format((uint64_t)n, text));
	} else if (strcmp(f->unit, "ms") == 0) {
		if (n < 1000)
			buf_printf(out, "%" JSON_INTEGER_FORMAT " ms", n);
		else
			buf_text(out, duration_format((uint64_t)n / 1000, text));
	} else if (strcmp(f->unit, "octets/s") == 0) {
		count_short((uint64_t)n, out);
		buf_text(out, "/s");
	} else {
		return false;
	}
	return true;
}

static void number_text(const struct field *f, json_int_t n, bool exact, struct buf *out)
{
	if (!exact && unit_text(f, n, out))
		return;
	if (f->type == FIELD_SPI && n >= 0 && n <= UINT32_MAX)
		buf_printf(out, "0x%08x", (unsigned)n);
	else if (n >= 0 && !exact && is_large_unit(f))
		count_short((uint64_t)n, out);
	else
		buf_printf(out, "%" JSON_INTEGER_FORMAT, n);
}

static void time_text(const char *text, const struct table_options *o, struct buf *out)
{
	char stamp[32];
	uint64_t us;
	time_t s;
	struct tm tm;
	long zone;

	if (time_parse(text, 0, &us, NULL) < 0) {
		buf_text(out, "?");
		return;
	}
	s = (time_t)(us / 1000000u);
	if (!(o->local_time ? localtime_r(&s, &tm) : gmtime_r(&s, &tm)) ||
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		buf_text(out, "?");
		return;
	}
	buf_text(out, stamp);
	if (o->exact)
		buf_printf(out, ".%06u", (unsigned)(us % 1000000u));
	zone = o->local_time ? tm.tm_gmtoff / 60 : 0;
	if (zone == 0)
		buf_char(out, 'Z');
	else
		buf_printf(out, "%c%02ld:%02ld", zone < 0 ? '-' : '+', labs(zone) / 60,
			labs(zone) % 60);
}

/* A terminal or a table must not obey what is in a name. */
static void text_clean(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n;) {
		uint32_t c;
		unsigned width;
		size_t len = char_take(span_of(text.p + i, text.n - i), &c, &width);

		if (c == 0xfffd || char_is_control(c))
			buf_text(out, c == '\n' || c == '\t' ? " " : "\xef\xbf\xbd");
		else
			buf_append(out, text.p + i, len);
		i += len;
	}
}

static int dump_into(const char *p, size_t n, void *userdata)
{
	buf_append(userdata, p, n);
	return 0;
}

void shorten_json(const json_t *v, struct buf *out)
{
	if (!v)
		buf_text(out, "null");
	else if (json_dump_callback(v, dump_into, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		out->failed = true;
}

static struct span string_span(const json_t *v)
{
	return span_of(json_string_value(v), json_string_length(v));
}

/* What has no form of its own, a foreign kind of value included: its JSON. */
static void other_text(const json_t *v, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };

	shorten_json(v, &text);
	text_clean(buf_span(&text), out);
	if (text.failed)
		out->failed = true;
}

void shorten_text(
	const struct field *f, const json_t *v, const struct table_options *o, struct buf *out)
{
	bool is_count = f->type == FIELD_NUMBER || f->type == FIELD_SPI;

	if (!v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0))
		buf_char(out, '-');
	else if (is_count && json_is_integer(v))
		number_text(f, json_integer_value(v), o->exact, out);
	else if (json_is_boolean(v))
		buf_text(out, json_is_true(v) ? "yes" : "no");
	else if (f->type == FIELD_TIME && json_is_string(v))
		time_text(json_string_value(v), o, out);
	else if (json_is_string(v))
		text_clean(string_span(v), out);
	else
		other_text(v, out);
}

static void escaped(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '\t')
			buf_text(out, "\\t");
		else if (c == '\n')
			buf_text(out, "\\n");
		else if (c == '\\')
			buf_text(out, "\\\\");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_char(out, (char)c);
	}
}

void shorten_tab(const struct field *f, const json_t *v, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (!v || json_is_null(v))
		return;
	if (json_is_integer(v)) {
		number_text(f, json_integer_value(v), true, out);
	} else if (json_is_boolean(v)) {
		buf_text(out, json_is_true(v) ? "yes" : "no");
	} else if (json_is_string(v)) {
		escaped(string_span(v), out);
	} else {
		shorten_json(v, &text);
		escaped(buf_span(&text), out);
		if (text.failed)
			out->failed = true;
	}
}
