/* SPDX-License-Identifier: Apache-2.0 */
#include "api/plan.h"

static void ask_equality(struct index_question *q, const struct field *field, const struct value *v)
{
	switch (field->type) {
	case FIELD_NUMBER:
	case FIELD_SPI:
		index_ask_number(q, field->key, v->number);
		break;
	case FIELD_TEXT:
		index_ask_text(q, field->key, v->text);
		break;
	case FIELD_ADDR:
	case FIELD_PREFIX:
		index_ask_prefix(q, field->key, &v->prefix);
		break;
	default:
		break;
	}
}

int plan_question(const struct filter *f, struct index_question **ret)
{
	struct index_question *q;
	int r = index_question_new(&q);

	if (r < 0)
		return r;
	index_ask_ids(q, f->ids, f->n_ids);
	index_ask_time(q, f->since_us, f->until_us);
	index_ask_words(q, &f->words);
	for (size_t i = 0; i < query_terms(f->query); i++) {
		const struct field *field;
		struct value v;

		if (query_equality(f->query, i, &field, &v))
			ask_equality(q, field, &v);
	}
	*ret = q;
	return 0;
}
