/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/vici.h"

#include <string.h>

enum element {
	SECTION_START = 1, /* name */
	SECTION_END = 2,
	KEY_VALUE = 3, /* name, value */
	LIST_START = 4, /* name */
	LIST_ITEM = 5, /* value */
	LIST_END = 6,
};

static bool take(struct span *s, size_t n, struct span *ret)
{
	if (s->n < n)
		return false;
	*ret = span_of(s->p, n);
	*s = span_of(s->p + n, s->n - n);
	return true;
}

static bool take_name(struct span *s, struct span *ret)
{
	struct span length;

	return take(s, 1, &length) && take(s, length.p[0], ret);
}

static bool take_value(struct span *s, struct span *ret)
{
	struct span length;

	return take(s, 2, &length) && take(s, (size_t)length.p[0] << 8 | length.p[1], ret);
}

struct element_read {
	uint8_t type;
	struct span name, value;
};

static bool take_element(struct span *s, struct element_read *ret)
{
	struct span type;

	*ret = (struct element_read){ 0 };
	if (!take(s, 1, &type))
		return false;
	ret->type = type.p[0];
	switch (ret->type) {
	case SECTION_START:
	case LIST_START:
		return take_name(s, &ret->name);
	case KEY_VALUE:
		return take_name(s, &ret->name) && take_value(s, &ret->value);
	case LIST_ITEM:
		return take_value(s, &ret->value);
	case SECTION_END:
	case LIST_END:
		return true;
	default:
		return false;
	}
}

/* Sections are closed, lists hold items only and never nest, items stand in lists only. */
static bool message_is_whole(struct span s)
{
	struct element_read e;
	unsigned depth = 0;
	bool in_list = false;

	while (s.n > 0) {
		if (!take_element(&s, &e))
			return false;
		if (in_list != (e.type == LIST_ITEM || e.type == LIST_END))
			return false;
		if (e.type == SECTION_START && ++depth > VICI_DEPTH_MAX)
			return false;
		if (e.type == SECTION_END && depth-- == 0)
			return false;
		if (e.type == LIST_START || e.type == LIST_END)
			in_list = e.type == LIST_START;
	}
	return depth == 0 && !in_list;
}

static bool has_name(unsigned type)
{
	return type == VICI_CMD_REQUEST || type == VICI_EVENT_REGISTER ||
	       type == VICI_EVENT_UNREGISTER || type == VICI_EVENT;
}

static bool has_message(unsigned type)
{
	return type == VICI_CMD_REQUEST || type == VICI_CMD_RESPONSE || type == VICI_EVENT;
}

enum parse_result vici_take(struct span *octets, struct vici_packet *ret)
{
	struct span s = *octets, head, packet, type;
	struct vici_packet p = { 0 };
	size_t n;

	if (!take(&s, 4, &head))
		return PARSE_TRUNCATED;
	n = (size_t)head.p[0] << 24 | (size_t)head.p[1] << 16 | (size_t)head.p[2] << 8 | head.p[3];
	if (n == 0 || n > VICI_FRAME_MAX)
		return PARSE_MALFORMED;
	if (!take(&s, n, &packet))
		return PARSE_TRUNCATED;
	(void)take(&packet, 1, &type);
	p.type = type.p[0];
	if (p.type > VICI_EVENT || (has_name(p.type) && !take_name(&packet, &p.name)))
		return PARSE_MALFORMED;
	if (packet.n > 0 && !has_message(p.type))
		return PARSE_MALFORMED;
	if (!message_is_whole(packet))
		return PARSE_MALFORMED;
	p.message = packet;
	*ret = p;
	*octets = s;
	return PARSE_OK;
}

bool vici_next(struct span *body, struct vici_item *ret)
{
	struct span s = *body, inner;
	struct element_read e;
	unsigned depth = 1;

	if (!take_element(&s, &e))
		return false;
	*ret = (struct vici_item){ .kind = VICI_VALUE, .name = e.name, .body = e.value };
	if (e.type == SECTION_START || e.type == LIST_START) {
		const uint8_t *from = s.p, *end = from;

		ret->kind = e.type == SECTION_START ? VICI_SECTION : VICI_LIST;
		while (depth > 0) {
			inner = s;
			if (!take_element(&s, &e))
				return false;
			depth += e.type == SECTION_START || e.type == LIST_START;
			depth -= e.type == SECTION_END || e.type == LIST_END;
			end = inner.p;
		}
		ret->body = span_of(from, (size_t)(end - from));
	} else if (e.type != KEY_VALUE) {
		return false;
	}
	*body = s;
	return true;
}

bool vici_next_value(struct span *list, struct span *ret)
{
	struct element_read e;

	if (!take_element(list, &e) || e.type != LIST_ITEM)
		return false;
	*ret = e.value;
	return true;
}

struct span vici_get(struct span body, enum vici_kind kind, const char *name)
{
	struct vici_item item;

	while (vici_next(&body, &item)) {
		if (item.kind == kind && vici_is(item.name, name))
			return item.body;
	}
	return span_of(NULL, 0);
}

bool vici_is(struct span text, const char *expected)
{
	return span_equal(text, span_text(expected));
}

static void put_length(struct buf *out, size_t n, unsigned octets)
{
	for (unsigned shift = octets * 8; shift > 0; shift -= 8)
		buf_u8(out, (uint8_t)(n >> (shift - 8)));
}

static void put_name(struct buf *out, const char *name)
{
	size_t n = strlen(name);

	put_length(out, n, 1);
	buf_append(out, name, n);
}

void vici_put(struct buf *out, enum vici_type type, const char *name, struct span message)
{
	put_length(out, 1 + (has_name(type) ? 1 + strlen(name) : 0) + message.n, 4);
	buf_u8(out, (uint8_t)type);
	if (has_name(type))
		put_name(out, name);
	if (message.n > 0)
		buf_append(out, message.p, message.n);
}

void vici_put_value(struct buf *message, const char *name, const char *value)
{
	buf_u8(message, KEY_VALUE);
	put_name(message, name);
	put_length(message, strlen(value), 2);
	buf_append(message, value, strlen(value));
}
