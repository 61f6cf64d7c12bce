/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/config/confparse.h"

/*
 * strongSwan's settings (swanctl.conf(5), strongswan.conf(5)) as a tree: sections NAME { … },
 * NAME : REFERENCE, … { … }, KEY = VALUE …, "strings", # comments, `include PATTERN`. A section or
 * key that comes again extends or overrides. Everything in a section `secrets` is passed over, and
 * of all other sections only the values of the keys that are asked for are copied.
 */
#define SETTINGS_SECTIONS_MAX 65536
#define SETTINGS_CHILDREN_MAX 4096 /* sections in one section */
#define SETTINGS_DEPTH_MAX 32
#define SETTINGS_NAME_SIZE 256
#define SETTINGS_VALUE_MAX 16384

struct settings;
struct section;

/*
 * keys: whose values are kept, NULL ends them; borrowed. Errors of the text go to sink; what was
 * read before is kept, though the daemon then loads nothing at all. -ENOMEM.
 */
int settings_parse(const char *path, struct span text, const char *const *keys,
	const struct conf_files *files, const struct conf_sink *sink, struct settings **ret);
struct settings *settings_free(struct settings *s);
DEFINE_FREEP(settings)

/* A section with all that it refers to, nearest first: what it lacks is looked for in the next. */
#define SETTINGS_VIEW_MAX 64

struct settings_view {
	size_t n; /* 0: there is none */
	const struct section *v[SETTINGS_VIEW_MAX];
};

void settings_root(const struct settings *s, struct settings_view *ret);
void settings_in(struct settings *s, const struct settings_view *view, const char *name,
	struct settings_view *ret);
/*
 * The names of the sections in it, each once: start with *at 0. NULL: that was all. Borrowed from
 * the tree.
 */
const struct section *settings_next(
	struct settings *s, const struct settings_view *view, size_t *at);

/* References were so many that not all were followed. */
bool settings_spent(const struct settings *s);

const char *section_name(const struct section *c);
const char *section_file(const struct section *c); /* where it stands first */
uint32_t section_line(const struct section *c);

struct setting {
	const char *value; /* NULL: not there, or set to nothing */
	const char *file;
	uint32_t line;
};
/* key: index into the table of settings_parse(). */
struct setting settings_get(const struct settings_view *view, size_t key);
