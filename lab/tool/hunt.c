/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "labtool.h"

enum { KEYS_MAX = 256, KEY_MAX = 128, FORMS = 4 };

/* A key as it may lie in memory or in text: audit's PROCTITLE is the hex of `ip … 0xHEX`. */
static struct needle {
	const char *key;
	const char *form;
	size_t size;
	char octets[4 * KEY_MAX];
} needles[FORMS * KEYS_MAX];
static size_t n_needles;
static size_t n_files;
static bool found;

static size_t to_hex(const char *octets, size_t size, char *ret)
{
	for (size_t i = 0; i < size; i++)
		snprintf(ret + 2 * i, 3, "%02x", (unsigned)(unsigned char)octets[i]);
	return 2 * size;
}

static struct needle *new_needle(const char *key, const char *form)
{
	struct needle *n = &needles[n_needles++];

	n->key = key;
	n->form = form;
	return n;
}

static void add_key(const char *hex)
{
	struct needle *bytes, *text, *capitals, *twice;
	size_t size = strlen(hex) / 2;

	/* Short keys would be found by chance. */
	if (size < 8 || size >= KEY_MAX || n_needles + FORMS > FORMS * KEYS_MAX)
		lab_die("%s: a key has 8 to %d bytes", hex, KEY_MAX - 1);
	bytes = new_needle(hex, "bytes");
	text = new_needle(hex, "hex");
	capitals = new_needle(hex, "capital hex");
	twice = new_needle(hex, "hex of hex");
	for (size_t i = 0; i < size; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			lab_die("%s: not hex", hex);
		bytes->octets[i] = (char)byte;
	}
	bytes->size = size;
	text->size = to_hex(bytes->octets, bytes->size, text->octets);
	capitals->size = to_hex(bytes->octets, bytes->size, capitals->octets);
	for (size_t i = 0; i < capitals->size; i++)
		capitals->octets[i] = (char)toupper(capitals->octets[i]);
	twice->size = to_hex(text->octets, text->size, twice->octets);
}

static int search(const char *path, const struct stat *st, int type, struct FTW *at)
{
	void *map;
	int fd;

	(void)at;
	if (type == FTW_DNR || type == FTW_NS)
		lab_die("%s: cannot be read", path);
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lab_fail("%s", path);
	map = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		lab_fail("%s", path);
	for (const struct needle *n = needles; n < needles + n_needles; n++) {
		const char *hit = memmem(map, (size_t)st->st_size, n->octets, n->size);

		if (hit) {
			printf("%s: %s of key %s at %td\n", path, n->form, n->key,
				hit - (const char *)map);
			found = true;
		}
	}
	munmap(map, (size_t)st->st_size);
	close(fd);
	n_files++;
	return 0;
}

int hunt_main(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		add_key(argv[i]);
	if (n_needles == 0 || i + 1 >= argc)
		lab_die("hunt KEY... -- PATH...");
	for (i++; i < argc; i++) {
		if (nftw(argv[i], search, 16, FTW_PHYS) != 0)
			lab_fail("%s", argv[i]);
	}
	if (n_files == 0)
		lab_die("no file was searched");
	return found ? 1 : 0;
}
