/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "cli/grammar.h"

#define ARGUMENTS_MAX 64

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* A command line, taken apart and checked; all texts are borrowed from argv. */
struct arguments {
	const struct command *command;
	const char *args[ARGUMENTS_MAX]; /* behind the command's words */
	size_t n_args;
	unsigned given; /* OPTION_BIT()s */
	const char *values[OPTION_N]; /* as written; NULL: not given */
	enum color_choice color;
	uint32_t watch_ms; /* 0: once */
	uint64_t limit; /* 0: none */
	uint64_t from, to; /* seq; 0: not given */
	uint64_t since_us, until_us; /* 0: not given */
	const struct command *about; /* help COMMAND: the first it may mean */
	size_t about_words; /* how many of its words were given */
};

static inline bool arguments_has(const struct arguments *a, enum option_id id)
{
	return a->given & OPTION_BIT(id);
}

/*
 * Options may stand before, between and behind the words; `--` ends them. argv[0] is skipped.
 * now_us: what "15m" counts back from. -EINVAL with what was meant.
 */
int arguments_parse(
	int argc, char *const *argv, uint64_t now_us, struct arguments *ret, struct diag *reterr);
