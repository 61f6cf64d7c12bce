/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/span.h"

/*
 * Under which terms a line of the log is found. A term is a letter for the column and the value,
 * spelled with octets that need no quoting; different values may have the same term (long ones are
 * cut, letters lose their case): a line found is only a candidate.
 *
 *   i id   l level   c counter   n netns   f iface   p spi   t tunnel   e peer
 *   s src, 1 its /16 (IPv6: /32), 2 its /24 (/64);   d dst, 3, 4 likewise
 *   x id and src together   w a word of the message
 *   z the line is spelled unlike our own: it may be anything
 */
#define TERM_SIZE 64 /* octets of a term at most, and NUL */
#define TERM_ODD "z"
/* What a term may contain beside letters, digits and octets above 127. */
#define TERM_OCTETS "_.:-/@+%#~"

/* Appends the line's terms, a blank before and behind each; those of the message if wanted. */
void terms_of_line(struct span line, bool words, struct buf *out);

/* The term of a value; false: no term is kept for this column, or for such a value. */
bool term_of_number(const char *key, uint64_t v, char ret[TERM_SIZE]);
bool term_of_text(const char *key, struct span text, char ret[TERM_SIZE]);
/* Of a prefix the next shorter one that has terms: it holds more. */
bool term_of_prefix(const char *key, const struct prefix *p, char ret[TERM_SIZE]);
bool term_of_id_src(uint64_t id, const struct addr *src, char ret[TERM_SIZE]);
void term_of_word(struct span word, char ret[TERM_SIZE]);
