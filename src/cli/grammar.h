/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "model/value.h"

/*
 * The command line, described once: the parser, `help`, completion and the manual's synopsis all
 * read these two tables.
 */
struct cli;

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
};

enum option_id {
	OPTION_SOCKET,
	OPTION_COLUMNS,
	OPTION_WHERE,
	OPTION_SORT,
	OPTION_LIMIT,
	OPTION_JSON,
	OPTION_TABS,
	OPTION_NUMERIC,
	OPTION_WATCH,
	OPTION_COLOR,
	OPTION_ID,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_TEXT,
	OPTION_FOLLOW,
	OPTION_FROM,
	OPTION_TO,
	OPTION_KEY,
	OPTION_HEAD,
	OPTION_SERIAL,
	OPTION_LISTEN,
	OPTION_DIR,
	OPTION_NETNS,
	OPTION_IFACE,
	OPTION_IF_ID,
	OPTION_MARK,
	OPTION_BEST,
	OPTION_ALL,
	OPTION_RESOLVE,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_N,
};

#define OPTION_BIT(id) (1u << (id))

/* What may stand in a place, for completion. */
enum choice {
	CHOICE_NONE,
	CHOICE_FILE,
	CHOICE_DIR,
	CHOICE_COLUMN, /* of the command's noun; several with commas */
	CHOICE_CONDITION, /* a column, followed by an operator and a value */
	CHOICE_EVENT, /* event IDs; several with commas */
	CHOICE_COLOR,
	CHOICE_DIRECTION,
	CHOICE_AUDIT, /* subcategories and categories, then settings */
	CHOICE_COMMAND,
};

struct option_spec {
	enum option_id id;
	char letter; /* 0: long form only */
	const char *name;
	const char *value; /* what it takes, in capitals; NULL: nothing; [X]: may be left out */
	enum choice choice;
	bool global; /* every command takes it */
	const char *help;
};

#define COMMAND_WORDS 3

struct command {
	const char *words[COMMAND_WORDS]; /* NULL behind the last */
	const char *arguments; /* as the synopsis shows them */
	unsigned min, max; /* how many */
	enum choice choice; /* of the arguments */
	unsigned options; /* OPTION_BIT()s that it takes beside the global ones */
	const struct noun *noun; /* what it lists, or NULL */
	const char *help; /* one line */
	const char *text; /* sentences for `help COMMAND` and the manual, "" for none */
	int (*run)(struct cli *c); /* enum cli_exit */
};

extern const struct option_spec option_specs[OPTION_N];
extern const struct command commands[];
extern const size_t n_commands;

/*
 * Finds the command that the words name; every word may be cut to what is still unique. *ret_used:
 * words taken. No words: status. -EINVAL with what was meant.
 */
int command_find(const char *const *words, size_t n, const struct command **ret, size_t *ret_used,
	struct diag *reterr);
/* name is without dashes and may be cut to what is unique. */
int option_find(const char *name, const struct option_spec **ret, struct diag *reterr);
const struct option_spec *option_by_letter(char letter); /* NULL: none */
size_t command_words(const struct command *c); /* how many */
/* Do the first n words of both agree? */
bool command_begins(const struct command *c, const char *const *words, size_t n);
void command_name(const struct command *c, struct buf *out); /* "show mainmode sas" */
bool command_takes(const struct command *c, const struct option_spec *o);

void command_synopsis(const struct command *c, struct buf *out); /* "show sa", "audit set NAME …" */
void option_synopsis(const struct option_spec *o, struct buf *out); /* "-o, --columns LIST" */
