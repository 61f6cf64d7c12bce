/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"

#include <string.h>

#include "base/timetext.h"

const struct noun *const nouns[] = { &noun_sa, &noun_policy, &noun_link, &noun_source,
	&noun_statistic, &noun_event, &noun_reconcile, &noun_audit_setting, &noun_lint,
	&noun_ike_sa, &noun_child_sa, &noun_connection, &noun_tunnel, &noun_lineage,
	&noun_mainmode_filter, &noun_mainmode_policy, &noun_quickmode_filter,
	&noun_quickmode_policy, &noun_active_policy, &noun_certificate, &noun_shunt,
	&noun_mainmode_statistic, &noun_quickmode_statistic, NULL };

const struct noun *noun_find(const char *name)
{
	for (size_t i = 0; nouns[i]; i++) {
		if (strcmp(nouns[i]->name, name) == 0)
			return nouns[i];
	}
	return NULL;
}

const struct field *noun_field(const struct noun *n, const char *key)
{
	for (size_t i = 0; i < n->n_fields; i++) {
		if (strcmp(n->fields[i].key, key) == 0)
			return &n->fields[i];
	}
	return NULL;
}

void value_json(const struct field *f, const struct value *v, struct json *out)
{
	char text[PREFIX_TEXT_SIZE > TIME_TEXT_SIZE ? PREFIX_TEXT_SIZE : TIME_TEXT_SIZE];

	if (!v->known) {
		json_none(out, f->key);
		return;
	}
	switch (f->type) {
	case FIELD_TEXT:
		json_span(out, f->key, v->text);
		break;
	case FIELD_NUMBER:
	case FIELD_SPI:
		json_u64(out, f->key, v->number);
		break;
	case FIELD_BOOL:
		json_bool(out, f->key, v->number != 0);
		break;
	case FIELD_ADDR:
		json_text(out, f->key, addr_format(&v->addr, text));
		break;
	case FIELD_PREFIX:
		json_text(out, f->key, prefix_format(&v->prefix, text));
		break;
	case FIELD_TIME:
		json_text(out, f->key, time_format(v->number, text));
		break;
	case FIELD_JSON:
		json_raw(out, f->key, v->text);
		break;
	}
}

static void row_json(const struct noun *n, const void *row, bool nulls, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_open(&j, NULL, '{');
	for (size_t i = 0; i < n->n_fields; i++) {
		struct value v = { 0 };

		n->fields[i].get(row, &v);
		if (v.known || nulls)
			value_json(&n->fields[i], &v, &j);
	}
	json_close(&j, '}');
}

void noun_json(const struct noun *n, const void *row, struct buf *out)
{
	row_json(n, row, true, out);
}

void noun_json_lean(const struct noun *n, const void *row, struct buf *out)
{
	row_json(n, row, false, out);
}
