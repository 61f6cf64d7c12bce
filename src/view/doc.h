/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/span.h"

/*
 * JSON from outside (request bodies, lines of the log, files of ours) for those folders that do
 * not know the JSON library. One object; members of the wrong kind count as absent.
 */
struct doc;

/* -EINVAL: not one JSON object, with the place. */
int doc_parse(struct span text, struct doc **ret, struct diag *reterr);
struct doc *doc_free(struct doc *d); /* takes NULL */
DEFINE_FREEP(doc)

const char *doc_text(const struct doc *d, const char *key); /* borrowed; NULL: absent or null */
bool doc_u64(const struct doc *d, const char *key, uint64_t *ret); /* false: absent or negative */
/* The member `key`, if an object, as a doc of its own. -ENOENT */
int doc_member(const struct doc *d, const char *key, struct doc **ret);
/* The n-th member of the array `key`, if an object, as a doc of its own. -ENOENT */
int doc_item(const struct doc *d, const char *key, size_t n, struct doc **ret);
/* Members of the object, so that unknown ones can be told. NULL: none more. */
const char *doc_key(const struct doc *d, size_t n);
