/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* What the command line says, with the defaults filled in. */
struct options {
	const char *config;
	bool config_given; /* then it must be there */
	char state_dir[PATH_MAX];
	char key_dir[PATH_MAX];
	bool rotate_key; /* do that, and nothing else */
	char socket[PATH_MAX];
	bool socket_given;
	bool foreground;
	const char *record, *replay; /* NULL: not asked for */
};

/* -1: go on; else the program's exit status: 0 after --help and --version, 2 for wrong usage. */
int options_parse(int argc, char **argv, struct options *ret);
