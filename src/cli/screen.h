/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "cli/arguments.h"

/* Standard output: how wide it is, whether a person looks at it, and in colour. */
struct screen {
	bool terminal;
	bool color;
	bool talk_terminal; /* the same of standard error: progress may be drawn there */
	unsigned width, height; /* of the terminal; 0: not one */
	bool gone; /* nobody reads any more */
};

enum paint {
	PAINT_PLAIN,
	PAINT_BOLD,
	PAINT_DIM,
	PAINT_GOOD,
	PAINT_WARN,
	PAINT_BAD,
};

void screen_init(struct screen *s, enum color_choice color);
void screen_measure(struct screen *s); /* the width may change while we run */

/* Appends the escape sequence, or nothing without colour. PAINT_PLAIN ends any other. */
void screen_paint(const struct screen *s, enum paint paint, struct buf *out);

/*
 * Writes and empties b. 0; -EPIPE: nobody reads any more, which is no failure of ours, from then
 * on always; -errno; -ENOMEM when b has failed.
 */
int screen_write(struct screen *s, struct buf *b);

/*
 * One picture of a live view: replaces the one before on a terminal (cut to its height), else
 * follows it behind a blank line.
 */
int screen_picture(struct screen *s, bool first, struct buf *b);

/* Appends text with every control character of it replaced: nothing from outside may steer. */
void screen_text(struct buf *out, const char *text);
/* The same, cut to so many columns: then it ends with an ellipsis. */
void screen_cut(const char *text, size_t columns, struct buf *out);
