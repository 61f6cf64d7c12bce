/* SPDX-License-Identifier: Apache-2.0 */
#include "source/service/udp.h"

#include <string.h>

#define PORT_IKE 500
#define PORT_NAT_T 4500
#define WORD_LOCAL 1
#define WORD_QUEUES 4 /* of what waits to be sent, and to be read */
#define WORD_INODE 9
#define WORD_DROPS 12
#define WORDS 13

/* Blanks apart; how many words, at most WORDS, and what is behind them is not read. */
static unsigned split(struct span line, struct span words[WORDS])
{
	unsigned n = 0;
	size_t at = 0;

	while (n < WORDS) {
		size_t from;

		while (at < line.n && line.p[at] == ' ')
			at++;
		from = at;
		while (at < line.n && line.p[at] != ' ')
			at++;
		if (at == from)
			break;
		words[n++] = span_of(line.p + from, at - from);
	}
	return n;
}

/* All of the text is a number. */
static bool number(struct span text, unsigned base, uint64_t *ret)
{
	return span_number(&text, base, UINT64_MAX, ret) && text.n == 0;
}

static bool split_at_colon(struct span text, struct span *before, struct span *behind)
{
	const uint8_t *colon = memchr(text.p, ':', text.n);
	size_t n;

	if (!colon)
		return false;
	n = (size_t)(colon - text.p);
	*before = span_of(text.p, n);
	*behind = span_of(colon + 1, text.n - n - 1);
	return true;
}

/* The kernel prints the address as words of the machine's order: 0100007F is 127.0.0.1 on x86. */
static bool address(struct span text, uint8_t family, struct addr *ret)
{
	size_t words = family == AF_INET ? 1 : 4;
	uint32_t octets[4] = { 0 };
	uint64_t v;

	if (text.n != words * 8)
		return false;
	for (size_t i = 0; i < words; i++) {
		if (!number(span_of(text.p + i * 8, 8), 16, &v))
			return false;
		octets[i] = (uint32_t)v;
	}
	*ret = addr_make(family, octets);
	return true;
}

static bool is_foreign(const struct udp_own *own, uint64_t inode)
{
	if (!own || own->n == UDP_OWN_MAX)
		return false;
	for (uint32_t i = 0; i < own->n; i++) {
		if (own->inodes[i] == inode)
			return false;
	}
	return true;
}

static void add(struct udp_reading *r, const struct ike_socket *s)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->v[i].port != s->port || !addr_equal(&r->v[i].local, &s->local))
			continue;
		if (r->v[i].foreign == s->foreign) {
			r->v[i].queue += s->queue;
			r->v[i].drops += s->drops;
		} else if (!s->foreign) {
			r->v[i] = *s;
		}
		return;
	}
	if (r->n == UDP_SOCKETS_MAX)
		r->refused++;
	else
		r->v[r->n++] = *s;
}

static bool parse_line(
	struct span line, uint8_t family, struct ike_socket *ret, uint64_t *ret_inode)
{
	struct span words[WORDS], local, port, unsent, unread;
	uint64_t v;

	memset(ret, 0, sizeof(*ret));
	if (split(line, words) < WORDS || !split_at_colon(words[WORD_LOCAL], &local, &port) ||
		!split_at_colon(words[WORD_QUEUES], &unsent, &unread) ||
		!address(local, family, &ret->local) || !number(port, 16, &v) || v > UINT16_MAX ||
		!number(unread, 16, &ret->queue) || !number(words[WORD_INODE], 10, ret_inode) ||
		!number(words[WORD_DROPS], 10, &ret->drops))
		return false;
	ret->port = (uint16_t)v;
	return true;
}

static bool is_title(struct span line)
{
	struct span words[WORDS];

	return split(line, words) > 0 && span_equal(words[0], span_text("sl"));
}

size_t udp_parse(struct span text, uint8_t family, struct udp_reading *r)
{
	const uint8_t *end;
	size_t used = 0;

	while ((end = memchr(text.p + used, '\n', text.n - used))) {
		struct span line = span_of(text.p + used, (size_t)(end - text.p) - used);
		struct ike_socket s;
		uint64_t inode;

		used += line.n + 1;
		if (is_title(line))
			continue;
		if (!parse_line(line, family, &s, &inode)) {
			r->refused++;
		} else if (s.port == PORT_IKE || s.port == PORT_NAT_T) {
			s.foreign = is_foreign(r->own, inode);
			add(r, &s);
		}
	}
	return used;
}
