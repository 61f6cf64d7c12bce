/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/members.h"
#include "base/words.h"
#include "model/event.h"
#include "store/sqlite/terms.h"
#include "view/filter.h"

/*
 * A line of text; what a parser makes of it and what is seen in the text alone must be the same:
 * members and their values, the judgement of conditions, the terms of the index.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const wheres[] = { "src=10.1.2.3", "src=10.0.0.0/8", "src=2001:db8::1",
	"netns=paris", "netns=par*", "netns=null", "spi=0xc0ffee00", "spi>7", "id=4960", "id!=4960",
	"count<3,src!=null", "message=\"a b\"", "peer=\"\xc3\xa9\"", "tunnel!=x" };

static void check_value(const json_t *v, struct span value)
{
	struct span text;
	uint64_t number;

	if (member_is_null(value) != json_is_null(v))
		abort();
	if (member_u64(value, &number) &&
		(!json_is_integer(v) || (uint64_t)json_integer_value(v) != number))
		abort();
	if (member_text(value, &text) && (!json_is_string(v) || json_string_length(v) != text.n ||
						 memcmp(json_string_value(v), text.p, text.n) != 0))
		abort();
}

/* False: a key is there twice, or not plain. */
static bool check_members(const json_t *row, struct span line)
{
	struct members m;
	struct member member;
	size_t n = 0;

	members_init(&m, line);
	while (members_next(&m, &member)) {
		char key[64];

		n++;
		if (!row || member.key.n >= sizeof(key) || memchr(member.key.p, 0, member.key.n))
			continue;
		memcpy(key, member.key.p, member.key.n);
		key[member.key.n] = '\0';
		if (!json_object_get(row, key))
			abort();
	}
	if (m.odd || !row || n != json_object_size(row))
		return false;
	members_init(&m, line);
	while (members_next(&m, &member)) {
		char key[64];

		if (member.key.n >= sizeof(key) || memchr(member.key.p, 0, member.key.n))
			continue;
		memcpy(key, member.key.p, member.key.n);
		key[member.key.n] = '\0';
		check_value(json_object_get(row, key), member.value);
	}
	return true;
}

static void check_wheres(const json_t *row, struct span line)
{
	for (size_t i = 0; i < sizeof(wheres) / sizeof(wheres[0]); i++) {
		CLEANUP(query) struct query *q = NULL;

		if (query_new(&noun_event, &(struct query_text){ .where = wheres[i] }, 0, &q,
			    NULL) < 0)
			abort();
		if (query_rejects_line(q, line) && query_match_json(q, row))
			abort();
	}
}

static void check_terms(struct span line)
{
	CLEANUP_BUF struct buf terms = { 0 };
	size_t length = 0;

	terms_of_line(line, true, &terms);
	for (size_t i = 0; i < terms.n; i++) {
		length = terms.p[i] == ' ' ? 0 : length + 1;
		if (length >= TERM_SIZE || terms.p[i] == '"')
			abort();
	}
}

static void check_words(struct span text)
{
	struct words w;
	char *copy = strndup((const char *)text.p, text.n < 400 ? text.n : 400);

	/* What has words has them. */
	if (copy && words_parse(copy, &w, NULL) == 0) {
		if (!words_match(&w, span_text(copy)))
			abort();
		words_done(&w);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_of(data, size);
	/* Jansson takes a NUL behind a literal for its end: no JSON, and no line of ours. */
	json_t *row = memchr(data, 0, size) ? NULL : json_loadb((const char *)data, size, 0, NULL);

	if (check_members(json_is_object(row) ? row : NULL, line))
		check_wheres(row, line);
	check_terms(line);
	check_words(line);
	json_decref(row);
	return 0;
}
