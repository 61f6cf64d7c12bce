/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"

/*
 * What the parsers of configuration files read from and write to. They are pure functions over
 * text: who opens files is the caller's business. Secrets are nobody's business: a value is copied
 * out of the text only when its key is one of a parser's own table, and messages quote nothing.
 */
#define CONF_CONNECTIONS_MAX 4096 /* of one daemon, and as many children of one connection */

/* The files that a text includes. */
struct conf_files {
	void *userdata;
	/*
	 * Calls visit with the text of each file that pattern names, in the order of their names;
	 * from: the path of the file that includes. A file that can't be read is the callee's to
	 * tell. NULL, or why nothing was read, in words.
	 */
	const char *(*include)(void *userdata, const char *pattern, const char *from,
		void (*visit)(void *parser, const char *path, struct span text), void *parser);
};

/* What was found, in the order of the files; all borrowed until the call returns. */
struct conf_sink {
	void *userdata;
	/* service, origin and daemon are the callee's to set. */
	void (*connection)(void *userdata, const struct connection *c);
	void (*child)(
		void *userdata, const struct connection_child *c); /* of the last connection */
	/* Only the first one of each file is of interest. line 0: of the file as a whole. */
	void (*error)(void *userdata, const char *path, uint32_t line, const char *why);
};
