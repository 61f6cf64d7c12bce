/* SPDX-License-Identifier: Apache-2.0 */
#include "view/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/members.h"
#include "view/sortkey.h"
#include "view/term.h"

struct sort {
	const struct field *field;
	bool descending;
};

#define NEEDLE_SIZE 64

struct query {
	const struct noun *noun;
	char *where; /* the terms' texts lie in it, unescaped in place */
	size_t n_terms, n_sorts, n_columns;
	uint64_t limit, offset;
	struct term terms[QUERY_TERMS_MAX];
	char needle[NEEDLE_SIZE]; /* "VALUE" of a term: no line without it matches; "": none */
	size_t n_needle;
	struct sort sorts[QUERY_SORTS_MAX];
	const struct field *columns[QUERY_COLUMNS_MAX];
};

static int unknown_key(const struct noun *n, struct span key, const char *what, struct diag *reterr)
{
	CLEANUP_BUF struct buf keys = { 0 };

	for (size_t i = 0; i < n->n_fields; i++)
		buf_printf(&keys, "%s%s", i ? " " : "", n->fields[i].key);
	return diag_set(reterr, -EINVAL, "%s: '%.*s' is no column of %s; there are: %s", what,
		(int)(key.n > 40 ? 40 : key.n), key.n ? (const char *)key.p : "", n->name,
		keys.p ? keys.p : "");
}

static const struct field *field_of(const struct noun *n, struct span key)
{
	for (size_t i = 0; i < n->n_fields; i++) {
		if (span_equal(span_text(n->fields[i].key), key))
			return &n->fields[i];
	}
	return NULL;
}

static size_t key_length(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
}

/* The comparison at *p, which moves behind it. */
static bool op_parse(char **p, enum term_op *ret)
{
	static const struct {
		const char *text;
		enum term_op op;
	} ops[] = { { "!=", TERM_NE }, { "<=", TERM_LE }, { ">=", TERM_GE }, { "==", TERM_EQ },
		{ "=", TERM_EQ }, { "<", TERM_LT }, { ">", TERM_GT } };

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (strncmp(*p, ops[i].text, strlen(ops[i].text)) == 0) {
			*p += strlen(ops[i].text);
			*ret = ops[i].op;
			return true;
		}
	}
	return false;
}

/* Takes the word at *p up to a comma or the end; ends it with a NUL in place. */
static int word_take(char **p, struct term_word *ret, struct diag *reterr)
{
	char *from = *p, *to = *p;

	ret->text = to;
	ret->quoted = *from == '"';
	if (!ret->quoted) {
		from += strcspn(from, ",");
		to = from;
	} else {
		for (from++; *from && *from != '"'; from++) {
			if (*from == '\\' && from[1])
				from++;
			*to++ = *from;
		}
		if (*from != '"')
			return diag_set(reterr, -EINVAL, "where: a \" is not closed");
		from++;
		if (*from && *from != ',')
			return diag_set(
				reterr, -EINVAL, "where: '%.40s' behind a closing \"", from);
	}
	*p = *from ? from + 1 : from;
	*to = '\0';
	return 0;
}

static int term_take(struct query *q, char **p, uint64_t now_us, struct diag *reterr)
{
	struct term *t = &q->terms[q->n_terms];
	struct span key = span_of(*p, key_length(*p));
	struct term_word word;
	int r;

	if (q->n_terms == QUERY_TERMS_MAX)
		return diag_set(reterr, -EINVAL, "where: more than %d terms", QUERY_TERMS_MAX);
	*p += key.n;
	t->field = field_of(q->noun, key);
	if (key.n && !t->field)
		return unknown_key(q->noun, key, "where", reterr);
	if (!key.n || !op_parse(p, &t->op))
		return diag_set(reterr, -EINVAL,
			"where: '%.40s' is no term; write key=value, or != < > <= >=",
			(const char *)key.p);
	r = word_take(p, &word, reterr);
	if (r == 0)
		r = term_value_parse(t, word, now_us, reterr);
	if (r == 0)
		q->n_terms++;
	return r;
}

/* Texts and IPv4 addresses have one spelling in JSON, unless it has escapes. */
static void needle_take(struct query *q, const struct term *t)
{
	char addr[ADDR_TEXT_SIZE];
	struct span text = t->value.text;

	if (t->op != TERM_EQ || t->null || t->rest)
		return;
	if (t->field->type == FIELD_ADDR && t->value.prefix.length == 32 &&
		t->value.prefix.addr.family == AF_INET)
		text = span_text(addr_format(&t->value.prefix.addr, addr));
	else if (t->field->type != FIELD_TEXT)
		return;
	if (text.n + 1 <= q->n_needle || text.n + 2 > NEEDLE_SIZE)
		return;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < 0x20 || text.p[i] == '"' || text.p[i] == '\\')
			return;
	}
	q->needle[0] = '"';
	if (text.n)
		memcpy(q->needle + 1, text.p, text.n);
	q->n_needle = text.n + 1; /* behind an address its length may stand */
	if (t->field->type == FIELD_TEXT)
		q->needle[q->n_needle++] = '"';
}

static int where_parse(struct query *q, const char *text, uint64_t now_us, struct diag *reterr)
{
	char *p;
	int r = 0;

	if (!text || !*text)
		return 0;
	p = q->where = strdup(text);
	if (!p)
		return -ENOMEM;
	while (*p && r == 0)
		r = term_take(q, &p, now_us, reterr);
	for (size_t i = 0; i < q->n_terms && r == 0; i++)
		needle_take(q, &q->terms[i]);
	return r;
}

static int sort_parse(struct query *q, const char *p, struct diag *reterr)
{
	while (p && *p) {
		struct sort *s = &q->sorts[q->n_sorts];
		struct span key;

		if (q->n_sorts == QUERY_SORTS_MAX)
			return diag_set(
				reterr, -EINVAL, "sort: more than %d keys", QUERY_SORTS_MAX);
		s->descending = *p == '-';
		p += s->descending;
		key = span_of(p, strcspn(p, ","));
		s->field = field_of(q->noun, key);
		if (!s->field)
			return unknown_key(q->noun, key, "sort", reterr);
		q->n_sorts++;
		p += key.n + (p[key.n] == ',');
	}
	return 0;
}

static int column_add(struct query *q, const struct field *f, struct diag *reterr)
{
	if (q->n_columns == QUERY_COLUMNS_MAX)
		return diag_set(reterr, -EINVAL, "columns: more than %d", QUERY_COLUMNS_MAX);
	q->columns[q->n_columns++] = f;
	return 0;
}

static int columns_parse(struct query *q, const char *p, struct diag *reterr)
{
	int r = 0;

	while (p && *p && r == 0) {
		struct span key = span_of(p, strcspn(p, ","));
		const struct field *f = field_of(q->noun, key);

		if (f) {
			r = column_add(q, f, reterr);
		} else if (span_equal(key, span_text("*"))) {
			for (size_t i = 0; i < q->noun->n_fields && r == 0; i++)
				r = column_add(q, &q->noun->fields[i], reterr);
		} else {
			return unknown_key(q->noun, key, "columns", reterr);
		}
		p += key.n + (p[key.n] == ',');
	}
	return r;
}

static int count_parse(const char *text, const char *what, uint64_t *ret, struct diag *reterr)
{
	unsigned long long v;
	char *end;

	if (!text || !*text)
		return 0;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return diag_set(reterr, -EINVAL, "%s: '%.40s' is no number", what, text);
	*ret = v;
	return 0;
}

static int lengths_check(const struct query_text *t, struct diag *reterr)
{
	const char *const texts[] = { t->where, t->sort, t->columns, t->limit, t->offset };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i] && strlen(texts[i]) > QUERY_TEXT_MAX)
			return diag_set(reterr, -EINVAL, "a question of more than %d octets",
				QUERY_TEXT_MAX);
	}
	return 0;
}

int query_new(const struct noun *n, const struct query_text *text, uint64_t now_us,
	struct query **ret, struct diag *reterr)
{
	CLEANUP(query) struct query *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return diag_set(reterr, -ENOMEM, "out of memory");
	q->noun = n;
	q->limit = UINT64_MAX;
	r = lengths_check(text, reterr);
	if (r == 0)
		r = where_parse(q, text->where, now_us, reterr);
	if (r == 0)
		r = sort_parse(q, text->sort, reterr);
	if (r == 0)
		r = columns_parse(q, text->columns, reterr);
	if (r == 0)
		r = count_parse(text->limit, "limit", &q->limit, reterr);
	if (r == 0)
		r = count_parse(text->offset, "offset", &q->offset, reterr);
	if (r < 0)
		return r;
	*ret = q;
	q = NULL;
	return 0;
}

struct query *query_free(struct query *q)
{
	if (q)
		free(q->where);
	free(q);
	return NULL;
}

/* How a column of a row becomes a cell: the only difference between the two kinds of rows. */
typedef void cell_fn(const struct field *f, const void *row, struct cell *ret);

static void cell_of_object(const struct field *f, const void *row, struct cell *ret)
{
	cell_of_json(f, row, ret);
}

static bool match(const struct query *q, const void *row, cell_fn *cell_of)
{
	for (size_t i = 0; i < q->n_terms; i++) {
		struct cell c;
		bool holds;

		cell_of(q->terms[i].field, row, &c);
		holds = term_holds(&q->terms[i], &c);
		cell_done(&c);
		if (!holds)
			return false;
	}
	return true;
}

bool query_match_row(const struct query *q, const void *row)
{
	return match(q, row, cell_of_row);
}

bool query_match_json(const struct query *q, const json_t *row)
{
	return json_is_object(row) && match(q, row, cell_of_object);
}

bool query_match_line(const struct query *q, struct span line)
{
	json_t *row;
	bool holds;

	if (q->n_terms == 0)
		return true;
	row = json_loadb((const char *)line.p, line.n, 0, NULL);
	holds = query_match_json(q, row);
	json_decref(row);
	return holds;
}

/* 1, 0: the term holds, or not; -1: the text alone does not tell. */
static int term_judge(const struct term *t, struct span value)
{
	struct cell c;

	if (!cell_of_text(t->field, value, &c))
		return -1;
	return term_holds(t, &c);
}

bool query_rejects_line(const struct query *q, struct span line)
{
	uint32_t missing = q->n_terms ? UINT32_MAX >> (32 - q->n_terms) : 0;
	struct member member;
	struct members m;

	if (q->n_needle && !memmem(line.p, line.n, q->needle, q->n_needle))
		return !memchr(line.p, '\\', line.n);
	members_init(&m, line);
	while (missing && members_next(&m, &member)) {
		for (size_t i = 0; i < q->n_terms; i++) {
			if (!(missing & 1u << i) || !member_is(&member, q->terms[i].field->key))
				continue;
			switch (term_judge(&q->terms[i], member.value)) {
			case 0:
				return true;
			case 1:
				missing &= ~(1u << i);
				break;
			default: /* for a parser */
				return false;
			}
		}
	}
	if (m.odd)
		return false;
	for (size_t i = 0; i < q->n_terms; i++) { /* what is not there is unknown */
		struct cell c = { 0 };

		if ((missing & 1u << i) && !term_holds(&q->terms[i], &c))
			return true;
	}
	return false;
}

size_t query_terms(const struct query *q)
{
	return q->n_terms;
}

bool query_equality(
	const struct query *q, size_t at, const struct field **ret_field, struct value *ret)
{
	const struct term *t = &q->terms[at];

	if (at >= q->n_terms || t->op != TERM_EQ || t->null || t->rest || t->value.negative)
		return false;
	*ret = (struct value){ .known = true };
	*ret_field = t->field;
	switch (t->field->type) {
	case FIELD_ADDR:
	case FIELD_PREFIX:
		ret->prefix = t->value.prefix;
		return true;
	case FIELD_TEXT:
		ret->text = t->value.text;
		return true;
	case FIELD_JSON: /* any part of the text */
		return false;
	default:
		ret->number = t->value.number;
		return true;
	}
}

static int cmp(const struct query *q, const void *a, const void *b, cell_fn *cell_of)
{
	int order = 0;

	for (size_t i = 0; i < q->n_sorts && order == 0; i++) {
		const struct sort *s = &q->sorts[i];
		struct cell x, y;

		cell_of(s->field, a, &x);
		cell_of(s->field, b, &y);
		if (x.known != y.known)
			order = x.known ? -1 : 1;
		else if (x.known)
			order = cell_cmp(s->field, &x, &y) * (s->descending ? -1 : 1);
		cell_done(&x);
		cell_done(&y);
	}
	return order;
}

int query_cmp_row(const struct query *q, const void *a, const void *b)
{
	return cmp(q, a, b, cell_of_row);
}

int query_cmp_json(const struct query *q, const json_t *a, const json_t *b)
{
	return cmp(q, a, b, cell_of_object);
}

static void sort_key(const struct query *q, const void *row, cell_fn *cell_of, struct buf *out)
{
	for (size_t i = 0; i < q->n_sorts; i++) {
		struct cell c;

		cell_of(q->sorts[i].field, row, &c);
		sortkey_append(q->sorts[i].field, &c, q->sorts[i].descending, out);
		cell_done(&c);
	}
}

void query_sort_key_row(const struct query *q, const void *row, struct buf *out)
{
	sort_key(q, row, cell_of_row, out);
}

void query_sort_key_line(const struct query *q, struct span line, struct buf *out)
{
	json_t *row = json_loadb((const char *)line.p, line.n, 0, NULL);

	sort_key(q, row, cell_of_object, out);
	json_decref(row);
}

bool query_has_where(const struct query *q)
{
	return q->n_terms > 0;
}

bool query_has_sort(const struct query *q)
{
	return q->n_sorts > 0;
}

uint64_t query_limit(const struct query *q)
{
	return q->limit;
}

uint64_t query_offset(const struct query *q)
{
	return q->offset;
}

const struct field *const *query_columns(const struct query *q, size_t *ret_n)
{
	*ret_n = q->n_columns;
	return q->columns;
}
