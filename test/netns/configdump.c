/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the configuration source tells of a daemon's files, as JSON lines.
 * usage: configdump ROOT strongswan|libreswan SERVICE
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/config/confsource.h"
#include "unit/source/conflines.h"

static void print(void *userdata, struct fact *f)
{
	struct buf *line = userdata;

	if (f->source != SOURCE_CONFIG)
		abort();
	buf_clear(line);
	put_fact(line, f);
	fputs(line->p, stdout);
}

int main(int argc, char **argv)
{
	struct buf line = { 0 };
	const struct source_sink sink = { .userdata = &line, .emit = print };
	CLEANUP(confsource) struct confsource *c = NULL;
	int root = argc == 4 ? open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (root < 0 || confsource_new(&sink, &c))
		return 2;
	confsource_daemon(c, strcmp(argv[2], "libreswan") ? DAEMON_STRONGSWAN : DAEMON_LIBRESWAN,
		strtoull(argv[3], NULL, 10), 1, root);
	buf_done(&line);
	return 0;
}
