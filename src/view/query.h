/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/diag.h"
#include "base/span.h"
#include "model/value.h"

/*
 * What somebody asks of the rows of a noun, from text; the same for the API's parameters and the
 * command line's options, for rows in memory and for rows that came as JSON.
 *
 *   where    TERM,TERM… all must hold. TERM: key=value key!=value key<value key>value key<=value
 *            key>=value. Values by the field's type:
 *            numbers 10, 0x1f, 4k, 1.5M, 2G (decimal multiples); SPIs 0xc0ffee00 or decimal;
 *            addresses and prefixes: ADDR is that address, ADDR/LENGTH holds all inside;
 *            times 2026-01-31T12:00:00Z, 2026-01-31, seconds since 1970, ages 15m (before now);
 *            yes, no; text, where a last * stands for any rest; JSON fields: any part of the text.
 *            null matches what is unknown; key!=value matches the unknown too, all else does not.
 *            "…" takes commas and * as they are, and \ the next character.
 *   sort     key,-key… (- is descending). The unknown comes last in either direction.
 *   columns  key,key… in this order, or * for all.
 *   limit, offset  numbers
 */
struct query;

#define QUERY_TERMS_MAX 32
#define QUERY_SORTS_MAX 8
#define QUERY_COLUMNS_MAX 64
#define QUERY_TEXT_MAX 4096 /* octets of one of the texts */

struct query_text {
	const char *where, *sort, *columns, *limit, *offset; /* NULL or "": not given */
};

/* -EINVAL: *reterr names the word and the keys there are; -ENOMEM. now_us: for ages. */
int query_new(const struct noun *n, const struct query_text *text, uint64_t now_us,
	struct query **ret, struct diag *reterr);
struct query *query_free(struct query *q); /* takes NULL */
DEFINE_FREEP(query)

/* Does the where hold? line is JSON text of one object; what is none does not match. */
bool query_match_row(const struct query *q, const void *row);
bool query_match_json(const struct query *q, const json_t *row);
bool query_match_line(const struct query *q, struct span line);

/*
 * A line that this rejects, query_match_line() would not match; it looks at the text alone, so it
 * is quick, and says false wherever that does not decide. (Only of a key that is there twice the
 * first counts here, the last there: such a line matches when both do.)
 */
bool query_rejects_line(const struct query *q, struct span line);

/*
 * The terms of the where that are plain equalities: the value's kind is the field's, an address is
 * a prefix that holds it. False: the term of this number is none, or there is no such term.
 */
bool query_equality(
	const struct query *q, size_t at, const struct field **ret_field, struct value *ret);
size_t query_terms(const struct query *q);

/* Order by the sort keys; 0 when equal or when no sort is asked for. */
int query_cmp_row(const struct query *q, const void *a, const void *b);
int query_cmp_json(const struct query *q, const json_t *a, const json_t *b);

/*
 * Appends octets that compare (memcmp, then length) as the rows do: what sorts a million rows
 * need not hold their rows.
 */
void query_sort_key_row(const struct query *q, const void *row, struct buf *out);
void query_sort_key_line(const struct query *q, struct span line, struct buf *out);

bool query_has_where(const struct query *q);
bool query_has_sort(const struct query *q);
uint64_t query_limit(const struct query *q); /* UINT64_MAX: not given */
uint64_t query_offset(const struct query *q); /* 0: not given */

/* The columns asked for, borrowed; *ret_n 0 when none were. */
const struct field *const *query_columns(const struct query *q, size_t *ret_n);
