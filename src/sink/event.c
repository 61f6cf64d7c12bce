/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "sink/sink.h"

void sink_event_done(struct sink_event *e)
{
	for (size_t i = 0; i < e->n_owned; i++)
		free(e->owned[i]);
	e->n_owned = 0;
	json_decref(e->json);
	e->json = NULL;
}

/* NULL: out of memory. */
static const char *text_of(struct sink_event *e, const json_t *v)
{
	char *text;

	if (json_is_string(v))
		return json_string_value(v);
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text)
		e->owned[e->n_owned++] = text;
	return text;
}

static int take_fields(struct sink_event *e)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)e->json, key, v)
	{
		const char *text;

		if (json_is_null(v) || e->n == SINK_FIELDS_MAX)
			continue;
		text = text_of(e, v);
		if (!text)
			return -ENOMEM;
		e->fields[e->n++] = (struct sink_field){ key, text };
	}
	return 0;
}

static const char *member(const struct sink_event *e, const char *key)
{
	const char *text = json_string_value(json_object_get(e->json, key));

	return text ? text : "";
}

/* A signed head's line; its fields are as those of an event. */
static int take_head(struct sink_event *e, struct span line)
{
	char *copy = strndup((const char *)line.p, line.n);

	if (!copy)
		return -ENOMEM;
	e->owned[e->n_owned++] = copy;
	e->id = 0;
	e->name = "signed_head";
	e->level = "information";
	e->message = copy;
	return 0;
}

int sink_event_parse(struct span line, struct sink_event *ret)
{
	struct sink_event e = { 0 };
	json_int_t id;
	bool head;
	int r = 0;

	json_set_alloc_funcs(malloc_or_end, free);
	e.json = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	id = json_integer_value(json_object_get(e.json, "id"));
	head = strcmp(member(&e, "type"), "signed-head") == 0;
	if (!json_is_object((json_t *)e.json) || (!head && id <= 0) || id > UINT32_MAX) {
		sink_event_done(&e);
		return -EBADMSG;
	}
	e.id = (uint32_t)id;
	e.name = member(&e, "name");
	e.level = member(&e, "level");
	e.time = member(&e, "time");
	e.host = member(&e, "host");
	e.message = member(&e, "message");
	if (head)
		r = take_head(&e, line);
	if (r == 0)
		r = take_fields(&e);
	if (r < 0) {
		sink_event_done(&e);
		return r;
	}
	*ret = e;
	return 0;
}
