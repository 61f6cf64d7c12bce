/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Writes JSON text into a buf, without white space. Commas are its business; balance is the
 * caller's. key is NULL inside arrays and at the top; else a word that needs no escapes: it is
 * written as it is. Of values, octets that are not UTF-8 become U+FFFD.
 */
struct json {
	struct buf *out;
	bool comma; /* the next value needs one before it */
};

void json_init(struct json *j, struct buf *out);
void json_open(struct json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_none(struct json *j, const char *key); /* null (json_null is the JSON library's) */
void json_bool(struct json *j, const char *key, bool v);
void json_u64(struct json *j, const char *key, uint64_t v);
void json_i64(struct json *j, const char *key, int64_t v);
void json_text(struct json *j, const char *key, const char *v); /* NULL: null */
void json_span(struct json *j, const char *key, struct span v);
void json_raw(struct json *j, const char *key, struct span json_text); /* already JSON */
