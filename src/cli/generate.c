/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Build-time only: writes what must agree with the tables from the tables.
 *   generate completion OUTPUT          bash completion of ipsecmon
 *   generate manual OUTPUT TEMPLATE     ipsecmon(1): lines @NAME@ of the template are filled in
 *   generate events OUTPUT              ipsecmon-events(7)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/generate.h"

static int read_all(const char *path, struct buf *out)
{
	char room[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return -errno;
	while ((n = fread(room, 1, sizeof(room), f)) > 0)
		buf_append(out, room, n);
	n = ferror(f) != 0;
	(void)fclose(f);
	return n || out->failed ? -EIO : 0;
}

static int write_all(const char *path, const struct buf *b)
{
	FILE *f = b->failed ? NULL : fopen(path, "we");
	bool ok = f && fwrite(b->p, 1, b->n, f) == b->n;

	if (f && fclose(f) != 0)
		ok = false;
	return ok ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	CLEANUP_BUF struct buf out = { 0 }, template = { 0 };
	int r = -EINVAL;

	if (argc == 3 && strcmp(argv[1], "completion") == 0) {
		generate_completion(&out);
		r = write_all(argv[2], &out);
	} else if (argc == 3 && strcmp(argv[1], "events") == 0) {
		generate_events(&out);
		r = write_all(argv[2], &out);
	} else if (argc == 4 && strcmp(argv[1], "manual") == 0) {
		r = read_all(argv[3], &template);
		if (r == 0)
			r = generate_manual(template.p, &out);
		if (r == 0)
			r = write_all(argv[2], &out);
	}
	if (r < 0)
		(void)fprintf(stderr, "generate: %s\n", strerror(-r));
	return r < 0;
}
