/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What parsers of configuration files find in texts, as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/config/confparse.h"
#include "unit/source/conflines.h"

/* Files that may be included, by the pattern that names them. */
struct included {
	const char *pattern, *path, *text;
};

struct found {
	struct buf lines;
	const struct included *included; /* an entry without pattern ends them */
	unsigned depth;
};

static inline const char *find_included(void *userdata, const char *pattern, const char *from,
	void (*visit)(void *parser, const char *path, struct span text), void *parser)
{
	struct found *f = userdata;

	assert_true(from[0] == '/');
	if (f->depth >= 8)
		return "too deep";
	for (const struct included *i = f->included; i && i->pattern; i++) {
		if (strcmp(i->pattern, pattern))
			continue;
		f->depth++;
		visit(parser, i->path, span_text(i->text));
		f->depth--;
	}
	return NULL;
}

static inline void find_connection(void *userdata, const struct connection *c)
{
	struct found *f = userdata;
	static struct fact fact;

	fact = (struct fact){ .type = FACT_CONNECTION };
	fact.connection = *c;
	put_fact(&f->lines, &fact);
}

static inline void find_child(void *userdata, const struct connection_child *c)
{
	struct found *f = userdata;
	static struct fact fact;

	fact = (struct fact){ .type = FACT_CONNECTION_CHILD };
	fact.connection_child = *c;
	put_fact(&f->lines, &fact);
}

static inline void find_error(void *userdata, const char *path, uint32_t line, const char *why)
{
	struct found *f = userdata;

	buf_printf(&f->lines, "%s:%u: %s\n", path, line, why);
}

#define FILES_OF(f) (&(struct conf_files){ .userdata = (f), .include = find_included })
#define SINK_OF(f) \
	(&(struct conf_sink){ .userdata = (f), \
		.connection = find_connection, \
		.child = find_child, \
		.error = find_error })

static inline bool has(const struct found *f, const char *what)
{
	if (f->lines.n > 0 && strstr(f->lines.p, what))
		return true;
	print_message("no %s in\n%s", what, f->lines.n > 0 ? f->lines.p : "nothing\n");
	return false;
}

static inline bool lacks(const struct found *f, const char *what)
{
	if (f->lines.n == 0 || !strstr(f->lines.p, what))
		return true;
	print_message("%s is in\n%s", what, f->lines.p);
	return false;
}
