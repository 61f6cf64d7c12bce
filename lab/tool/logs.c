/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "labtool.h"

enum { LOOK_AGAIN_MS = 20 };

/* The file from offset on, as a string to be freed; what NUL there is ends a line. NULL: none. */
static char *read_from(const char *path, off_t offset)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end;
	size_t size;
	ssize_t n;
	char *text;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0)
		lab_fail("%s", path);
	end = lseek(fd, 0, SEEK_END);
	size = end > offset ? (size_t)(end - offset) : 0;
	text = malloc(size + 1);
	n = text ? pread(fd, text, size, offset) : -1;
	if (n < 0)
		lab_fail("read %s", path);
	close(fd);
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\0')
			text[i] = '\n';
	}
	text[n] = '\0';
	return text;
}

static bool has(const regex_t *pattern, const char *path, off_t offset)
{
	char *text = read_from(path, offset);
	bool found = text && regexec(pattern, text, 0, NULL, 0) == 0;

	free(text);
	return found;
}

int logged_main(int argc, char **argv)
{
	long long end = lab_now_ms();
	regex_t pattern;
	int opt;

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't')
			return 2;
		end += (long long)lab_number(optarg, 3600000);
	}
	argv += optind;
	argc -= optind;
	if (argc < 3 || argc % 2 != 1)
		lab_die("logged PATTERN {FILE OFFSET}...");
	if (regcomp(&pattern, argv[0], REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
		lab_die("%s: not a pattern", argv[0]);
	for (;;) {
		for (int i = 1; i < argc; i += 2) {
			if (has(&pattern, argv[i], (off_t)lab_number(argv[i + 1], INT32_MAX))) {
				regfree(&pattern);
				return 0;
			}
		}
		if (lab_now_ms() >= end)
			return 1;
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
}
