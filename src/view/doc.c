/* SPDX-License-Identifier: Apache-2.0 */
#include "view/doc.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/memory.h"

struct doc {
	json_t *object;
};

static int doc_take(json_t *object, struct doc **ret)
{
	struct doc *d = malloc(sizeof(*d));

	if (!d) {
		json_decref(object);
		return -ENOMEM;
	}
	d->object = object;
	*ret = d;
	return 0;
}

int doc_parse(struct span text, struct doc **ret, struct diag *reterr)
{
	json_error_t error;
	json_t *object;

	json_set_alloc_funcs(malloc_or_end, free);
	object = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return diag_set(reterr, -EINVAL, "no JSON: line %d, column %d: %s", error.line,
			error.column, error.text);
	if (!json_is_object(object)) {
		json_decref(object);
		return diag_set(reterr, -EINVAL, "no JSON object");
	}
	return doc_take(object, ret);
}

struct doc *doc_free(struct doc *d)
{
	if (d)
		json_decref(d->object);
	free(d);
	return NULL;
}

const char *doc_text(const struct doc *d, const char *key)
{
	return json_string_value(json_object_get(d->object, key));
}

bool doc_u64(const struct doc *d, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(d->object, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

int doc_member(const struct doc *d, const char *key, struct doc **ret)
{
	json_t *member = json_object_get(d->object, key);

	return json_is_object(member) ? doc_take(json_incref(member), ret) : -ENOENT;
}

int doc_item(const struct doc *d, const char *key, size_t n, struct doc **ret)
{
	json_t *item = json_array_get(json_object_get(d->object, key), n);

	return json_is_object(item) ? doc_take(json_incref(item), ret) : -ENOENT;
}

const char *doc_key(const struct doc *d, size_t n)
{
	void *at = json_object_iter(d->object);

	while (at && n-- > 0)
		at = json_object_iter_next(d->object, at);
	return at ? json_object_iter_key(at) : NULL;
}
