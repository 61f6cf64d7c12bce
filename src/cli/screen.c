/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "view/table.h"

#define WIDTH_LEAST 40

void screen_measure(struct screen *s)
{
	struct winsize size = { 0 };

	if (!s->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	s->width = size.ws_col ? size.ws_col : 80;
	s->height = size.ws_row ? size.ws_row : 24;
	if (s->width < WIDTH_LEAST)
		s->width = WIDTH_LEAST;
}

void screen_init(struct screen *s, enum color_choice color)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	*s = (struct screen){ .terminal = isatty(STDOUT_FILENO),
		.talk_terminal = isatty(STDERR_FILENO) };
	screen_measure(s);
	if (color == COLOR_AUTO)
		s->color = s->terminal && !(no_color && *no_color) && term &&
			   strcmp(term, "dumb") != 0;
	else
		s->color = color == COLOR_ALWAYS;
}

void screen_paint(const struct screen *s, enum paint paint, struct buf *out)
{
	static const char *const codes[] = {
		[PAINT_PLAIN] = "\033[0m",
		[PAINT_BOLD] = "\033[1m",
		[PAINT_DIM] = "\033[2m",
		[PAINT_GOOD] = "\033[32m",
		[PAINT_WARN] = "\033[33m",
		[PAINT_BAD] = "\033[31m",
	};

	if (s->color)
		buf_text(out, codes[paint]);
}

int screen_write(struct screen *s, struct buf *b)
{
	size_t done = 0;
	int r = b->failed ? -ENOMEM : 0;

	while (r == 0 && done < b->n) {
		ssize_t n = s->gone ? -1 : write(STDOUT_FILENO, b->p + done, b->n - done);

		if (n >= 0)
			done += (size_t)n;
		else if (s->gone || errno == EPIPE)
			r = -EPIPE;
		else if (errno != EINTR)
			r = -errno;
	}
	if (r == -EPIPE)
		s->gone = true;
	buf_clear(b);
	return r;
}

int screen_picture(struct screen *s, bool first, struct buf *b)
{
	CLEANUP_BUF struct buf out = { 0 };
	const char *line = b->p ? b->p : "";
	unsigned lines = 0;

	if (!s->terminal) {
		if (!first)
			buf_char(&out, '\n');
		buf_append(&out, b->p, b->n);
	} else {
		buf_text(&out, first ? "\033[H\033[2J" : "\033[H");
		for (; *line && lines + 1 < s->height; lines++) {
			size_t n = strcspn(line, "\n");

			buf_append(&out, line, n);
			buf_text(&out, "\033[K\n");
			line += n + (line[n] == '\n');
		}
		buf_text(&out, "\033[J");
	}
	out.failed |= b->failed;
	buf_clear(b);
	return screen_write(s, &out);
}

void screen_text(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		/* C0, DEL, and C1 in UTF-8: all that a terminal obeys. */
		if (*p < 0x20 || *p == 0x7f) {
			buf_printf(out, "\\x%02x", *p);
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			buf_printf(out, "\\u%04x", p[1]);
			p++;
		} else {
			buf_char(out, (char)*p);
		}
	}
}

void screen_cut(const char *text, size_t columns, struct buf *out)
{
	CLEANUP_BUF struct buf clean = { 0 };
	size_t at = 0;

	screen_text(&clean, text);
	if (table_text_width(buf_span(&clean)) <= columns) {
		buf_append(out, clean.p, clean.n);
		return;
	}
	for (size_t next = 0; next < clean.n; at = next) {
		next++;
		while (next < clean.n && ((unsigned char)clean.p[next] & 0xc0) == 0x80)
			next++;
		if (table_text_width(span_of(clean.p, next)) + 1 > columns)
			break;
	}
	buf_append(out, clean.p, at);
	buf_text(out, "…");
}
