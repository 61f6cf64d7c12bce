/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "source/config/settings.h"

/* The tree itself, between the two files that make it and walk it. */
struct settings_file {
	struct settings_file *next;
	char path[PATH_SIZE];
};

struct settings_value {
	struct settings_value *next;
	const struct settings_file *file;
	uint32_t line;
	size_t key;
	char *text; /* owned; "": set to nothing */
};

struct settings_reference {
	struct settings_reference *next;
	char *path; /* owned; names with dots between */
};

struct section {
	struct section *next; /* its sibling */
	struct section *first, *last;
	size_t children;
	struct settings_reference *references;
	struct settings_value *values;
	const struct settings_file *file;
	uint32_t line;
	char *name; /* owned */
};

struct settings {
	struct section root;
	const struct section *base; /* references are names in it; NULL: paths from the root */
	struct settings_file *files; /* all that were read */
	const struct settings_file *here; /* that is being read */
	size_t sections;
	size_t budget; /* steps that may still be spent on references */
};

#define SETTINGS_BUDGET 1000000

/* From now on sections and values are of this file. NULL: no memory. */
struct settings_file *settings_enter(struct settings *s, const char *path);
/* NULL: none of that name. */
struct section *section_find(const struct section *parent, struct span name);
/* The section of that name, made when it is not there; NULL: no memory, or too many (*full). */
struct section *settings_open(
	struct settings *s, struct section *parent, struct span name, uint32_t line, bool *full);
int settings_refer(struct section *c, struct span path); /* -ENOMEM */
int settings_set(struct settings *s, struct section *c, size_t key, struct span text,
	uint32_t line); /* -ENOMEM */
