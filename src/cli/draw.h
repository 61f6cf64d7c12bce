/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/timetext.h"
#include "cli/screen.h"

/* What pictures for people are made of. Members of JSON that are missing are 0 or "". */
#define DRAW_LABEL 10u /* columns of what stands on the left */
#define DRAW_NUMBER_SIZE 32

json_int_t draw_number(const json_t *o, const char *key);
const char *draw_member(const json_t *o, const char *key);

void draw_painted(const struct screen *s, enum paint paint, const char *what, struct buf *out);
void draw_label(const struct screen *s, const char *what, struct buf *out); /* "": blanks */
void draw_grouped(json_int_t v, char ret[DRAW_NUMBER_SIZE]); /* 1,234,567 */
void draw_amount(json_int_t v, const char *one, const char *many, struct buf *out); /* "2 SAs" */
void draw_duration(uint64_t s, struct buf *out); /* "3 h 12 min": two units are enough */
void draw_age(uint64_t s, struct buf *out); /* "3 h ago" */
/* A time in UTC, in whole seconds. Returns ret. */
char *draw_time(uint64_t us, char ret[TIME_TEXT_SIZE]);
/*
 * Words of text, broken at the width; the first stands at column `at`, each further line behind
 * `indent` blanks. Ends with a newline.
 */
void draw_wrapped(struct buf *out, const char *text, size_t at, size_t indent, size_t width);
/* The same of a text from outside, from column `indent` on. */
void draw_said(struct buf *out, const char *text, size_t indent, size_t width);
