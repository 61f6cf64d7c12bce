/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/terms.h"

#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/members.h"
#include "base/words.h"

enum form { FORM_NUMBER, FORM_TEXT, FORM_ADDR, FORM_WORDS };

static const struct column {
	const char *key;
	enum form form;
	const char *letters; /* of addresses: whole, long prefix, short prefix */
} columns[] = {
	{ "id", FORM_NUMBER, "i" },
	{ "level", FORM_TEXT, "l" },
	{ "counter", FORM_TEXT, "c" },
	{ "netns", FORM_TEXT, "n" },
	{ "iface", FORM_TEXT, "f" },
	{ "src", FORM_ADDR, "s21" },
	{ "dst", FORM_ADDR, "d43" },
	{ "spi", FORM_NUMBER, "p" },
	{ "tunnel", FORM_TEXT, "t" },
	{ "peer", FORM_TEXT, "e" },
	{ "message", FORM_WORDS, "w" },
};

/* Octets of the prefixes that have terms of their own, the long one first. */
static const struct lengths {
	uint8_t family, octets[3];
} lengths[] = { { AF_INET, { 4, 3, 2 } }, { AF_INET6, { 16, 8, 4 } } };

static const struct column *column_of(const struct member *m)
{
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		if (member_is(m, columns[i].key))
			return &columns[i];
	}
	return NULL;
}

static const struct column *column_by_key(const char *key)
{
	return column_of(&(struct member){ .key = span_text(key) });
}

static bool is_term_octet(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c >= 128 ||
	       (c != '\0' && strchr(TERM_OCTETS, c));
}

static void term_make(char letter, struct span text, char ret[TERM_SIZE])
{
	size_t n = text.n < TERM_SIZE - 2 ? text.n : TERM_SIZE - 2;

	ret[0] = letter;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20 : text.p[i];

		ret[i + 1] = is_term_octet(c) ? (char)c : '_';
	}
	ret[n + 1] = '\0';
}

static const char digits[] = "0123456789abcdef";

/* Returns the end. */
static char *put_hex(char *p, uint64_t v)
{
	int shift = 60;

	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = digits[v >> shift & 15];
	*p = '\0';
	return p;
}

static void number_term(char letter, uint64_t v, char ret[TERM_SIZE])
{
	ret[0] = letter;
	(void)put_hex(ret + 1, v);
}

static void octets_term(char letter, const struct addr *a, unsigned octets, char *ret)
{
	char *p = ret;

	*p++ = letter;
	*p++ = a->family == AF_INET ? '4' : '6';
	for (unsigned i = 0; i < octets; i++) {
		*p++ = digits[a->octets[i] >> 4];
		*p++ = digits[a->octets[i] & 15];
	}
	*p = '\0';
}

static const struct lengths *lengths_of(const struct addr *a)
{
	return &lengths[a->family == AF_INET6];
}

bool term_of_number(const char *key, uint64_t v, char ret[TERM_SIZE])
{
	const struct column *c = column_by_key(key);

	if (!c || c->form != FORM_NUMBER)
		return false;
	number_term(c->letters[0], v, ret);
	return true;
}

bool term_of_text(const char *key, struct span text, char ret[TERM_SIZE])
{
	const struct column *c = column_by_key(key);

	if (!c || c->form != FORM_TEXT)
		return false;
	term_make(c->letters[0], text, ret);
	return true;
}

bool term_of_prefix(const char *key, const struct prefix *p, char ret[TERM_SIZE])
{
	const struct column *c = column_by_key(key);
	const struct lengths *l = lengths_of(&p->addr);

	if (!c || c->form != FORM_ADDR || p->addr.family == 0)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (p->length < l->octets[i] * 8u)
			continue;
		octets_term(c->letters[i], &p->addr, l->octets[i], ret);
		return true;
	}
	return false;
}

bool term_of_id_src(uint64_t id, const struct addr *src, char ret[TERM_SIZE])
{
	if (src->family == 0)
		return false;
	ret[0] = 'x';
	octets_term('_', src, lengths_of(src)->octets[0], put_hex(ret + 1, id));
	return true;
}

void term_of_word(struct span word, char ret[TERM_SIZE])
{
	term_make('w', word, ret);
}

static void put(struct buf *out, const char *term)
{
	buf_text(out, term);
	buf_char(out, ' ');
}

static void put_words(struct buf *out, struct span message)
{
	char term[TERM_SIZE];
	struct span word;

	while (word_next(&message, &word)) {
		term_of_word(word, term);
		put(out, term);
	}
}

static bool put_addr(struct buf *out, const struct column *c, struct span text, struct addr *ret)
{
	char copy[ADDR_TEXT_SIZE], term[TERM_SIZE];
	const struct lengths *l;

	if (text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (addr_parse(copy, ret) < 0)
		return false;
	l = lengths_of(ret);
	for (size_t i = 0; i < 3; i++) {
		octets_term(c->letters[i], ret, l->octets[i], term);
		put(out, term);
	}
	return true;
}

/* What becomes of one line: the values that make a term together. */
struct walk {
	struct buf *out;
	bool words;
	unsigned seen; /* columns, by bit */
	uint64_t id;
	struct addr src;
};

static bool put_member(struct walk *w, const struct column *c, struct span value)
{
	char term[TERM_SIZE];
	struct addr addr;
	struct span text;
	uint64_t v;

	if (w->seen & 1u << (c - columns))
		return false;
	w->seen |= 1u << (c - columns);
	if (member_is_null(value))
		return true;
	if (c->form == FORM_NUMBER) {
		if (!member_u64(value, &v))
			return false;
		number_term(c->letters[0], v, term);
		put(w->out, term);
		if (c->letters[0] == 'i')
			w->id = v;
		return true;
	}
	if (!member_text(value, &text))
		return false;
	if (c->form == FORM_WORDS) {
		if (w->words)
			put_words(w->out, text);
	} else if (c->form == FORM_TEXT) {
		term_make(c->letters[0], text, term);
		put(w->out, term);
	} else {
		if (!put_addr(w->out, c, text, &addr))
			return false;
		if (c->letters[0] == 's')
			w->src = addr;
	}
	return true;
}

void terms_of_line(struct span line, bool words, struct buf *out)
{
	struct walk w = { .out = out, .words = words };
	struct members m;
	struct member member;
	char term[TERM_SIZE];
	bool plain = true;

	buf_char(out, ' ');
	members_init(&m, line);
	while (plain && members_next(&m, &member)) {
		const struct column *c = column_of(&member);

		plain = !c || put_member(&w, c, member.value);
	}
	if (!plain || m.odd)
		put(out, TERM_ODD);
	else if (term_of_id_src(w.id, &w.src, term))
		put(out, term);
}
