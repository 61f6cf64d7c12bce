/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "source/config/settings_tree.h"

/* As settings_lexer.l and settings_parser.y of strongSwan have it: one stream over all files. */
enum state {
	AT_STATEMENT, /* a name, or the end of the section */
	AFTER_NAME, /* of what: = { or : */
	IN_REFERENCES, /* behind the colon */
};

struct parser {
	struct settings *tree;
	const char *const *keys;
	const struct conf_files *files;
	const struct conf_sink *sink;
	const char *path; /* of the file that is read */
	const uint8_t *p, *end;
	uint32_t line;
	enum state state;
	struct section *stack[SETTINGS_DEPTH_MAX];
	size_t depth; /* the innermost that is open */
	size_t muted; /* open ones within a section of secrets */
	char name[SETTINGS_NAME_SIZE]; /* before = { or : */
	size_t name_n;
	uint32_t name_line;
	struct buf references; /* by NULs */
	struct buf value; /* only of a key that is kept */
	bool stopped, no_memory;
};

static void fail(struct parser *p, const char *why)
{
	if (!p->stopped)
		p->sink->error(p->sink->userdata, p->path, p->line, why);
	p->stopped = true;
}

static void out_of_memory(struct parser *p)
{
	p->no_memory = p->stopped = true;
}

static bool is_name(uint8_t c)
{
	return c != '\0' && !strchr("#{}:.,=\"\r\n\t ", c);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_comment(struct parser *p)
{
	while (p->p < p->end && *p->p != '\n')
		p->p++;
}

static void skip_blanks(struct parser *p)
{
	while (p->p < p->end && is_blank(*p->p))
		p->p++;
}

/* To what is no blank, no line's end and no comment. */
static void skip_space(struct parser *p)
{
	for (; p->p < p->end; p->p++) {
		if (*p->p == '#')
			skip_comment(p);
		if (p->p < p->end && *p->p == '\n')
			p->line++;
		else if (p->p == p->end || !is_blank(*p->p))
			return;
	}
}

static void put(struct parser *p, bool keep, const void *octets, size_t n)
{
	if (keep)
		buf_append(&p->value, octets, n);
}

/* Behind the opening quote; up to behind the closing one. */
static void take_string(struct parser *p, bool keep)
{
	static const char escapes[][2] = { "n\n", "r\r", "t\t" };

	for (; p->p < p->end && *p->p != '"'; p->p++) {
		const uint8_t *octet = p->p;

		p->line += *octet == '\n';
		if (*octet == '\r')
			continue;
		if (*octet != '\\') {
			put(p, keep, octet, 1);
			continue;
		}
		if (++p->p < p->end && *p->p == '\r' && p->p + 1 < p->end && p->p[1] == '\n')
			p->p++;
		if (p->p == p->end)
			break;
		octet = p->p;
		p->line += *octet == '\n';
		for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
			if (*p->p == escapes[i][0])
				octet = (const uint8_t *)&escapes[i][1];
		}
		if (*p->p != '\n')
			put(p, keep, octet, 1);
	}
	if (p->p == p->end)
		fail(p, "a text in quotes does not end");
	else
		p->p++;
}

static size_t find_key(const struct parser *p)
{
	size_t i = 0;

	while (p->keys[i] && strcmp(p->keys[i], p->name))
		i++;
	return i;
}

/* Behind the =: parts up to the line's end, the section's or a comment, by single blanks. */
static void take_value(struct parser *p)
{
	size_t key = find_key(p), parts = 0;
	bool keep = p->keys[key] && p->muted == 0;
	uint32_t line = p->line;

	buf_clear(&p->value);
	p->value.limit = SETTINGS_VALUE_MAX;
	while (!p->stopped) {
		skip_blanks(p);
		if (p->p == p->end || *p->p == '\n' || *p->p == '#' || *p->p == '}')
			break;
		if (parts++ > 0)
			put(p, keep, " ", 1);
		if (*p->p == '"') {
			p->p++;
			take_string(p, keep);
			continue;
		}
		for (; p->p < p->end && !strchr("#}\"\r\n\t ", *p->p | (*p->p == '\0')); p->p++)
			put(p, keep, p->p, 1);
	}
	p->state = AT_STATEMENT;
	if (p->stopped || !keep)
		return;
	if (p->value.failed && p->value.n + 1 >= SETTINGS_VALUE_MAX)
		fail(p, "a value is longer than 16 KiB");
	else if (p->value.failed ||
		 settings_set(p->tree, p->stack[p->depth], key, buf_span(&p->value), line))
		out_of_memory(p);
}

/* The pattern behind `include`; what is in it is read before anything else. */
static void take_include(struct parser *p);

static void open_section(struct parser *p)
{
	struct span name = span_of(p->name, p->name_n);
	const char *reference = p->references.p;
	size_t left = p->references.n;
	struct section *c;
	bool full;

	p->state = AT_STATEMENT;
	if (p->muted > 0 || !strcmp(p->name, "secrets")) {
		p->muted++;
		return;
	}
	if (p->depth + 1 >= SETTINGS_DEPTH_MAX) {
		fail(p, "sections are nested more than 32 deep");
		return;
	}
	c = settings_open(p->tree, p->stack[p->depth], name, p->name_line, &full);
	if (!c && full)
		fail(p, "there are more sections than the monitor keeps");
	else if (!c)
		out_of_memory(p);
	if (!c)
		return;
	p->stack[++p->depth] = c;
	while (left > 0) {
		size_t n = strlen(reference);

		if (settings_refer(c, span_of(reference, n)))
			out_of_memory(p);
		reference += n + 1;
		left -= n + 1;
	}
}

static void close_section(struct parser *p)
{
	if (p->muted > 0)
		p->muted--;
	else if (p->depth > 0)
		p->depth--;
	else
		fail(p, "} without a section that it ends");
}

/* A name at p, with dots in it where sections are referred to. */
static struct span take_name(struct parser *p, bool dots)
{
	const uint8_t *from = p->p;

	while (p->p < p->end && (is_name(*p->p) || (dots && *p->p == '.')))
		p->p++;
	return span_of(from, (size_t)(p->p - from));
}

/* `include` with blanks and something that is no = behind it: else it is a name like others. */
static bool at_include(const struct parser *p, struct span name)
{
	const uint8_t *q = p->p;

	if (!span_equal(name, span_text("include")) || q == p->end || (*q != ' ' && *q != '\t'))
		return false;
	while (q < p->end && (*q == ' ' || *q == '\t'))
		q++;
	return q < p->end && *q != '=';
}

static void statement(struct parser *p)
{
	struct span name = take_name(p, false);

	if (name.n == 0) {
		if (*p->p == '}') {
			p->p++;
			close_section(p);
		} else {
			fail(p, "a name is expected here");
		}
	} else if (at_include(p, name)) {
		take_include(p);
	} else if (name.n >= sizeof(p->name)) {
		fail(p, "a name is longer than 255 octets");
	} else {
		memcpy(p->name, name.p, name.n);
		p->name[name.n] = '\0';
		p->name_n = name.n;
		p->name_line = p->line;
		buf_clear(&p->references);
		p->state = AFTER_NAME;
	}
}

static void after_name(struct parser *p)
{
	switch (*p->p++) {
	case '=':
		take_value(p);
		break;
	case '{':
		open_section(p);
		break;
	case ':':
		p->state = IN_REFERENCES;
		break;
	default:
		p->p--;
		fail(p, "= or { is expected behind a name");
	}
}

static void references(struct parser *p)
{
	struct span name = take_name(p, true);

	if (name.n > 0 && name.n < SETTINGS_NAME_SIZE && p->references.n < SETTINGS_VALUE_MAX) {
		buf_append(&p->references, name.p, name.n);
		buf_append(&p->references, "", 1);
		p->stopped = p->no_memory = p->references.failed;
	} else if (name.n > 0) {
		fail(p, "references are too long");
	} else if (*p->p == ',') {
		p->p++;
	} else if (*p->p == '{' && p->references.n > 0) {
		p->p++;
		open_section(p);
	} else {
		fail(p, "the name of a section is expected here");
	}
}

/* Goes on with another text, as if it stood in the place of its include. */
static void read_text(void *parser, const char *path, struct span text)
{
	struct parser *p = parser, outer = *p;
	const struct settings_file *here = p->tree->here;

	if (p->stopped)
		return;
	p->path = path;
	p->p = text.p;
	p->end = text.p + text.n;
	p->line = 1;
	if (!settings_enter(p->tree, path))
		out_of_memory(p);
	for (skip_space(p); p->p < p->end && !p->stopped; skip_space(p)) {
		if (p->state == AT_STATEMENT)
			statement(p);
		else if (p->state == AFTER_NAME)
			after_name(p);
		else
			references(p);
	}
	p->tree->here = here;
	p->path = outer.path;
	p->p = outer.p;
	p->end = outer.end;
	p->line = outer.line;
}

static void take_include(struct parser *p)
{
	char pattern[PATH_SIZE] = "";
	const char *why;
	size_t n = 0;

	skip_blanks(p);
	buf_clear(&p->value);
	p->value.limit = sizeof(pattern);
	if (p->p < p->end && *p->p == '"') {
		p->p++;
		take_string(p, true);
	}
	for (; !p->stopped && p->p < p->end && !strchr("#}\n\t ", *p->p | (*p->p == '\0'));
		p->p++) {
		if (*p->p == '\r' || *p->p == '"')
			continue;
		if (*p->p == '\\' && p->p + 1 < p->end &&
			strchr("\"#} ", p->p[1] | (p->p[1] == '\0')))
			p->p++;
		put(p, true, p->p, 1);
	}
	n = p->value.n;
	if (n >= sizeof(pattern) - 1 || (n > 0 && memchr(p->value.p, '\0', n)))
		fail(p, "the pattern of an include is too long");
	if (p->stopped || n == 0)
		return;
	memcpy(pattern, p->value.p, n);
	why = p->files->include(p->files->userdata, pattern, p->path, read_text, p);
	if (why)
		p->sink->error(p->sink->userdata, p->path, p->line, why);
}

int settings_parse(const char *path, struct span text, const char *const *keys,
	const struct conf_files *files, const struct conf_sink *sink, struct settings **ret)
{
	struct parser p = { .keys = keys, .files = files, .sink = sink };

	p.tree = calloc(1, sizeof(*p.tree));
	if (!p.tree)
		return -ENOMEM;
	p.tree->budget = SETTINGS_BUDGET;
	p.stack[0] = &p.tree->root;
	read_text(&p, path, text);
	p.path = path;
	if (!p.stopped && (p.depth > 0 || p.muted > 0 || p.state != AT_STATEMENT))
		fail(&p, "the file ends within a section or before a value");
	buf_done(&p.references);
	buf_done(&p.value);
	explicit_bzero(p.name, sizeof(p.name));
	if (p.no_memory) {
		settings_free(p.tree);
		return -ENOMEM;
	}
	*ret = p.tree;
	return 0;
}
