/* SPDX-License-Identifier: Apache-2.0 */
#include "view/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/members.h"
#include "base/timetext.h"

static struct prefix host_prefix(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .length = (uint8_t)addr_bits(a) };
}

void cell_of_row(const struct field *f, const void *row, struct cell *ret)
{
	struct value v = { 0 };

	*ret = (struct cell){ 0 };
	f->get(row, &v);
	ret->known = v.known;
	if (!v.known)
		return;
	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_BOOL:
	case FIELD_SPI:
	case FIELD_TIME:
		ret->number = v.number;
		break;
	case FIELD_ADDR:
		ret->prefix = host_prefix(&v.addr);
		break;
	case FIELD_PREFIX:
		ret->prefix = v.prefix;
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		ret->text = v.text;
		break;
	}
}

static bool number_of_json(const json_t *v, struct cell *ret)
{
	json_int_t n;

	if (!json_is_integer(v))
		return false;
	n = json_integer_value(v);
	ret->negative = n < 0;
	ret->number = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	return true;
}

static bool address_of_json(const struct field *f, const json_t *v, struct cell *ret)
{
	if (!json_is_string(v) || prefix_parse(json_string_value(v), &ret->prefix, NULL) < 0)
		return false;
	return f->type == FIELD_PREFIX || ret->prefix.length == addr_bits(&ret->prefix.addr);
}

static bool text_of_json(const json_t *v, struct cell *ret)
{
	if (!json_is_string(v))
		return false;
	ret->text = span_of(json_string_value(v), json_string_length(v));
	return true;
}

static bool json_of_json(const json_t *v, struct cell *ret)
{
	ret->owned = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!ret->owned)
		return false;
	ret->text = span_text(ret->owned);
	return true;
}

void cell_of_json(const struct field *f, const json_t *row, struct cell *ret)
{
	const json_t *v = json_object_get(row, f->key);

	*ret = (struct cell){ 0 };
	if (!v || json_is_null(v))
		return;
	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_SPI:
		ret->known = number_of_json(v, ret);
		break;
	case FIELD_BOOL:
		ret->known = json_is_boolean(v);
		ret->number = json_is_true(v);
		break;
	case FIELD_TIME:
		ret->known = json_is_string(v) &&
			     time_parse(json_string_value(v), 0, &ret->number, NULL) == 0;
		break;
	case FIELD_ADDR:
	case FIELD_PREFIX:
		ret->known = address_of_json(f, v, ret);
		break;
	case FIELD_TEXT:
		ret->known = text_of_json(v, ret);
		break;
	case FIELD_JSON:
		ret->known = json_of_json(v, ret);
		break;
	}
}

/* What cell_of_json() makes of the same text. */
bool cell_of_text(const struct field *f, struct span value, struct cell *ret)
{
	char copy[PREFIX_TEXT_SIZE];
	struct span text;

	*ret = (struct cell){ 0 };
	if (member_is_null(value))
		return true;
	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_SPI:
		ret->known = member_u64(value, &ret->number);
		return ret->known;
	case FIELD_TEXT:
		ret->known = member_text(value, &ret->text);
		return ret->known;
	case FIELD_ADDR:
	case FIELD_PREFIX:
		if (!member_text(value, &text) || text.n >= sizeof(copy))
			return false;
		memcpy(copy, text.p, text.n);
		copy[text.n] = '\0';
		ret->known = prefix_parse(copy, &ret->prefix, NULL) == 0 &&
			     (f->type == FIELD_PREFIX ||
				     ret->prefix.length == addr_bits(&ret->prefix.addr));
		return ret->known;
	default:
		return false;
	}
}

void cell_done(struct cell *c)
{
	free(c->owned);
	c->owned = NULL;
}

static int text_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int number_cmp(const struct cell *a, const struct cell *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	if (a->negative)
		return (a->number < b->number) - (a->number > b->number);
	return (a->number > b->number) - (a->number < b->number);
}

int cell_cmp(const struct field *f, const struct cell *a, const struct cell *b)
{
	int order;

	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_BOOL:
	case FIELD_SPI:
	case FIELD_TIME:
		return number_cmp(a, b);
	case FIELD_ADDR:
	case FIELD_PREFIX:
		order = addr_cmp(&a->prefix.addr, &b->prefix.addr);
		return order ? order : (int)a->prefix.length - (int)b->prefix.length;
	case FIELD_TEXT:
	case FIELD_JSON:
		break;
	}
	return text_cmp(a->text, b->text);
}
