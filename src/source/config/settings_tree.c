/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/settings_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/config/conftext.h"

#define REFERENCES_DEPTH_MAX 16

static char *copy_text(struct span text)
{
	char *p = malloc(text.n + 1);

	if (!p)
		return NULL;
	if (text.n > 0)
		memcpy(p, text.p, text.n);
	p[text.n] = '\0';
	return p;
}

struct settings_file *settings_enter(struct settings *s, const char *path)
{
	struct settings_file *f = s->files;
	char name[PATH_SIZE];

	CONF_TEXT_SET(name, path);
	while (f && strcmp(f->path, name))
		f = f->next;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return NULL;
		memcpy(f->path, name, sizeof(name));
		f->next = s->files;
		s->files = f;
	}
	s->here = f;
	return f;
}

struct section *section_find(const struct section *parent, struct span name)
{
	for (struct section *c = parent->first; c; c = c->next) {
		if (span_equal(span_text(c->name), name))
			return c;
	}
	return NULL;
}

struct section *settings_open(
	struct settings *s, struct section *parent, struct span name, uint32_t line, bool *full)
{
	struct section *c = section_find(parent, name);

	*full = !c &&
		(s->sections >= SETTINGS_SECTIONS_MAX || parent->children >= SETTINGS_CHILDREN_MAX);
	if (c || *full)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->name = copy_text(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	c->file = s->here;
	c->line = line;
	if (parent->last)
		parent->last->next = c;
	else
		parent->first = c;
	parent->last = c;
	parent->children++;
	s->sections++;
	return c;
}

int settings_refer(struct section *c, struct span path)
{
	struct settings_reference **at = &c->references, *r;

	for (; *at; at = &(*at)->next) {
		if (span_equal(span_text((*at)->path), path))
			return 0;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->path = copy_text(path);
	if (!r->path) {
		free(r);
		return -ENOMEM;
	}
	*at = r;
	return 0;
}

int settings_set(struct settings *s, struct section *c, size_t key, struct span text, uint32_t line)
{
	struct settings_value *v = c->values;
	char *copy = copy_text(text);

	if (!copy)
		return -ENOMEM;
	while (v && v->key != key)
		v = v->next;
	if (v) {
		free(v->text);
	} else {
		v = calloc(1, sizeof(*v));
		if (!v) {
			free(copy);
			return -ENOMEM;
		}
		v->next = c->values;
		c->values = v;
	}
	v->key = key;
	v->text = copy;
	v->file = s->here;
	v->line = line;
	return 0;
}

/* What is in a section; its own memory is the caller's. At most SETTINGS_DEPTH_MAX deep. */
static void section_done(struct section *c)
{
	while (c->references) {
		struct settings_reference *r = c->references;

		c->references = r->next;
		free(r->path);
		free(r);
	}
	while (c->values) {
		struct settings_value *v = c->values;

		c->values = v->next;
		free(v->text);
		free(v);
	}
	while (c->first) {
		struct section *child = c->first;

		c->first = child->next;
		section_done(child);
		free(child);
	}
	free(c->name);
}

struct settings *settings_free(struct settings *s)
{
	if (!s)
		return NULL;
	section_done(&s->root);
	while (s->files) {
		struct settings_file *f = s->files;

		s->files = f->next;
		free(f);
	}
	free(s);
	return NULL;
}

static void refer(struct settings *s, const char *path, struct settings_view *view, size_t depth);

/* Behind what is there: the section and what it refers to, each once. */
static void add(
	struct settings *s, const struct section *c, struct settings_view *view, size_t depth)
{
	if (view->n >= SETTINGS_VIEW_MAX)
		return;
	for (size_t i = 0; i < view->n; i++) {
		if (view->v[i] == c)
			return;
	}
	view->v[view->n++] = c;
	for (const struct settings_reference *r = c->references; r; r = r->next)
		refer(s, r->path, view, depth + 1);
}

static void find(struct settings *s, const struct settings_view *view, struct span name,
	struct settings_view *ret, size_t depth)
{
	ret->n = 0;
	for (size_t i = 0; i < view->n; i++) {
		const struct section *c = section_find(view->v[i], name);

		if (c)
			add(s, c, ret, depth);
	}
}

/* Behind what is in view: what the path names, from the root. Loops end by their depth. */
static void refer(struct settings *s, const char *path, struct settings_view *view, size_t depth)
{
	struct settings_view there = { .n = 1, .v = { s->base ? s->base : &s->root } }, next;

	if (depth > REFERENCES_DEPTH_MAX)
		return;
	while (*path && there.n > 0) {
		size_t n = s->base ? strlen(path) : strcspn(path, ".");

		/* Each may branch: without an account a few lines would keep us for hours. */
		if (s->budget == 0)
			return;
		s->budget--;
		find(s, &there, span_of(path, n), &next, depth);
		there = next;
		path += n + (path[n] == '.');
	}
	for (size_t i = 0; i < there.n; i++) {
		bool known = view->n >= SETTINGS_VIEW_MAX;

		for (size_t j = 0; j < view->n && !known; j++)
			known = view->v[j] == there.v[i];
		if (!known)
			view->v[view->n++] = there.v[i];
	}
}

void settings_root(const struct settings *s, struct settings_view *ret)
{
	*ret = (struct settings_view){ .n = 1, .v = { &s->root } };
}

void settings_in(struct settings *s, const struct settings_view *view, const char *name,
	struct settings_view *ret)
{
	find(s, view, span_text(name), ret, 0);
}

const struct section *settings_next(
	struct settings *s, const struct settings_view *view, size_t *at)
{
	for (size_t i = 0, k = 0; i < view->n; i++) {
		for (const struct section *c = view->v[i]->first; c; c = c->next, k++) {
			bool seen = false;

			if (k < *at)
				continue;
			for (size_t j = 0; j < i && !seen && s->budget > 0; j++, s->budget--)
				seen = section_find(view->v[j], span_text(c->name)) != NULL;
			*at = k + 1;
			if (!seen)
				return c;
		}
	}
	return NULL;
}

bool settings_spent(const struct settings *s)
{
	return s->budget == 0;
}

const char *section_name(const struct section *c)
{
	return c->name;
}

const char *section_file(const struct section *c)
{
	return c->file->path;
}

uint32_t section_line(const struct section *c)
{
	return c->line;
}

struct setting settings_get(const struct settings_view *view, size_t key)
{
	for (size_t i = 0; i < view->n; i++) {
		for (const struct settings_value *v = view->v[i]->values; v; v = v->next) {
			if (v->key != key)
				continue;
			/* Set to nothing also hides what stands in sections referred to. */
			return (struct setting){ .value = v->text[0] ? v->text : NULL,
				.file = v->file->path,
				.line = v->line };
		}
	}
	return (struct setting){ 0 };
}
