/* SPDX-License-Identifier: Apache-2.0 */
#include "view/sortkey.h"

static void put(struct buf *out, uint8_t octet, bool descending)
{
	buf_u8(out, descending ? (uint8_t)~octet : octet);
}

static void put_number(struct buf *out, uint64_t v, bool descending)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		put(out, (uint8_t)(v >> shift), descending);
}

/* 0 as 0 255, and 0 0 at the end: a text sorts before those that it begins. */
static void put_text(struct buf *out, struct span text, bool descending)
{
	for (size_t i = 0; i < text.n; i++) {
		put(out, text.p[i], descending);
		if (text.p[i] == 0)
			put(out, 255, descending);
	}
	put(out, 0, descending);
	put(out, 0, descending);
}

void sortkey_append(const struct field *f, const struct cell *c, bool descending, struct buf *out)
{
	buf_u8(out, c->known ? 0 : 1);
	if (!c->known)
		return;
	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_BOOL:
	case FIELD_SPI:
	case FIELD_TIME:
		put(out, c->negative ? 0 : 1, descending);
		put_number(out, c->negative ? ~c->number : c->number, descending);
		break;
	case FIELD_ADDR:
	case FIELD_PREFIX:
		put(out, c->prefix.addr.family, descending);
		for (size_t i = 0; i < sizeof(c->prefix.addr.octets); i++)
			put(out, c->prefix.addr.octets[i], descending);
		put(out, c->prefix.length, descending);
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		put_text(out, c->text, descending);
		break;
	}
}
