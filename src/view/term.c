/* SPDX-License-Identifier: Apache-2.0 */
#include "view/term.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/timetext.h"
#include "model/sa.h"

/* 10, 0x1f, -3, 4k, 1.5M: decimal multiples, as the tables show them. */
static int number_parse(const char *text, struct cell *ret)
{
	static const char multiples[] = "kMGTP";
	const char *p = text + (*text == '-'), *at;
	unsigned long long v;
	uint64_t fraction = 0, scale = 1, factor = 1;
	char *end;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(p, &end, strncasecmp(p, "0x", 2) == 0 ? 16 : 10);
	if (errno != 0)
		return -EINVAL;
	if (*end == '.') {
		for (end++; *end >= '0' && *end <= '9' && scale < 1000000u; end++, scale *= 10)
			fraction = fraction * 10 + (uint64_t)(*end - '0');
	}
	at = *end ? strchr(multiples, *end) : NULL;
	if (at) {
		end++;
		for (long i = at - multiples; i >= 0; i--)
			factor *= 1000;
	}
	if (*end != '\0' || v > UINT64_MAX / factor ||
		fraction * (factor / 1000) > UINT64_MAX / 1000)
		return -EINVAL;
	if (fraction * factor % scale != 0)
		return -EINVAL;
	ret->negative = *text == '-' && (v || fraction);
	ret->number = v * factor + fraction * factor / scale;
	return 0;
}

static int spi_parse(const char *text, struct cell *ret)
{
	unsigned long long v;
	char *end;

	if (text[0] == '\0' || strspn(text, "0123456789abcdefABCDEFxX") != strlen(text))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, strspn(text, "0123456789") == strlen(text) ? 10 : 16);
	if (errno != 0 || *end != '\0' || v > UINT32_MAX)
		return -EINVAL;
	ret->number = v;
	return 0;
}

static int bool_parse(const char *text, struct cell *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "yes", true }, { "true", true }, { "1", true }, { "no", false },
		{ "false", false }, { "0", false } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			ret->number = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

/* Protocols are shown by name; their numbers are understood too. */
static struct span text_of(const struct field *f, const char *text)
{
	struct cell number = { 0 };
	const char *name = NULL;

	if (strcmp(f->key, "proto") == 0 && number_parse(text, &number) == 0)
		name = ipproto_name((unsigned)(number.number & 0xff));
	return span_text(name ? name : text);
}

static void text_parse(struct term *t, struct term_word word)
{
	size_t n = strlen(word.text);

	if (!word.quoted && t->field->type == FIELD_TEXT && n > 0 && word.text[n - 1] == '*') {
		t->rest = true;
		t->value.text = span_of(word.text, n - 1);
		return;
	}
	t->value.text = text_of(t->field, word.text);
}

int term_value_parse(struct term *t, struct term_word word, uint64_t now_us, struct diag *reterr)
{
	const char *wanted = NULL;
	const char *key = t->field->key;

	t->value = (struct cell){ .known = true };
	if (!word.quoted && strcmp(word.text, "null") == 0) {
		if (t->op != TERM_EQ && t->op != TERM_NE)
			return diag_set(reterr, -EINVAL,
				"%s: null is neither less nor greater than anything; use = or !=",
				key);
		t->null = true;
		return 0;
	}
	switch (t->field->type) {
	case FIELD_NUMBER:
		if (number_parse(word.text, &t->value) < 0)
			wanted = "a number such as 10, 0x1f or 1.5M";
		break;
	case FIELD_SPI:
		if (spi_parse(word.text, &t->value) < 0)
			wanted = "an SPI such as 0xc0ffee00, or its decimal number";
		break;
	case FIELD_BOOL:
		if (bool_parse(word.text, &t->value) < 0)
			wanted = "yes or no";
		break;
	case FIELD_TIME:
		return time_parse(word.text, now_us, &t->value.number, reterr);
	case FIELD_ADDR:
	case FIELD_PREFIX:
		if (prefix_parse(word.text, &t->value.prefix, NULL) < 0)
			wanted = "an address or ADDRESS/LENGTH";
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		text_parse(t, word);
		if (t->rest && t->op != TERM_EQ && t->op != TERM_NE)
			wanted = "a text without * (that goes with = and != only)";
		break;
	}
	if (wanted)
		return diag_set(reterr, -EINVAL, "%s: '%.60s' is not %s", key, word.text, wanted);
	return 0;
}

static bool text_equal(const struct term *t, struct span text)
{
	if (t->field->type == FIELD_JSON)
		return t->value.text.n == 0 ||
		       memmem(text.p, text.n, t->value.text.p, t->value.text.n) != NULL;
	if (t->rest)
		return text.n >= t->value.text.n &&
		       (t->value.text.n == 0 ||
			       memcmp(text.p, t->value.text.p, t->value.text.n) == 0);
	return span_equal(text, t->value.text);
}

static bool equal(const struct term *t, const struct cell *c)
{
	switch (t->field->type) {
	case FIELD_ADDR:
	case FIELD_PREFIX:
		return c->prefix.length >= t->value.prefix.length &&
		       prefix_holds(&t->value.prefix, &c->prefix.addr);
	case FIELD_TEXT:
	case FIELD_JSON:
		return text_equal(t, c->text);
	default:
		return cell_cmp(t->field, c, &t->value) == 0;
	}
}

bool term_holds(const struct term *t, const struct cell *c)
{
	if (t->null)
		return c->known == (t->op == TERM_NE);
	if (!c->known)
		return t->op == TERM_NE;
	switch (t->op) {
	case TERM_EQ:
		return equal(t, c);
	case TERM_NE:
		return !equal(t, c);
	case TERM_LT:
		return cell_cmp(t->field, c, &t->value) < 0;
	case TERM_GT:
		return cell_cmp(t->field, c, &t->value) > 0;
	case TERM_LE:
		return cell_cmp(t->field, c, &t->value) <= 0;
	case TERM_GE:
		return cell_cmp(t->field, c, &t->value) >= 0;
	}
	return false;
}
