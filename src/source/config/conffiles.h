/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/config/confparse.h"

/*
 * Reads the files of one daemon beneath its root, one within the other, and keeps a record of each.
 * A text lies in memory that is locked where that is allowed, left out of core files and wiped as
 * soon as it has been read.
 */
#define CONF_FILE_MAX ((size_t)1 << 20) /* octets */
#define CONF_FILES_MAX 1024
#define CONF_DEPTH_MAX 16 /* files within files */
#define CONF_DIRECTORIES_MAX 128

struct conffiles {
	int root; /* borrowed */
	struct conf_files files; /* for parsers; its userdata is this */
	struct config_file *v; /* owned; service and daemon are the caller's to set */
	size_t n, size;
	char (*directories)[PATH_SIZE]; /* owned: where files are or may come */
	size_t n_directories;
	struct {
		dev_t dev;
		ino_t ino;
	} open[CONF_DEPTH_MAX];
	size_t depth;
	bool no_memory; /* something is missing: read all again some time */
};

void conffiles_init(struct conffiles *c, int root); /* at a place of its own: do not move it */
void conffiles_done(struct conffiles *c);
/*
 * A file at the root of a configuration: visit gets its text. False: it is not there, or can't be
 * read, which its record says then. Its directory is to be watched in any case.
 */
bool conffiles_read(struct conffiles *c, const char *path,
	void (*visit)(void *parser, const char *path, struct span text), void *parser);
/* The first error of a file goes into its record: "swanctl.conf, line 12: …". */
void conffiles_error(struct conffiles *c, const char *path, uint32_t line, const char *why);
