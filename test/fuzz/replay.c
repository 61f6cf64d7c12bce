/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A fuzz target's main where there is no libFuzzer: gives it every file of a corpus, then prefixes.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX_SIZE (1 << 20)
#define PREFIXES 64 /* each file is also cut short at so many places */

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* In memory of exactly its size, so that sanitizers see a step beyond. */
static void run_cut(const uint8_t *all, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	for (size_t i = 0; exact && i < n; i++)
		exact[i] = all[i];
	if (exact)
		(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static int run_file(const char *dir, const char *name, uint8_t *octets)
{
	char path[4096];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fread(octets, 1, FILE_MAX_SIZE, f);
	(void)fclose(f);
	run_cut(octets, n);
	for (size_t i = 0; i < PREFIXES && n > 0; i++)
		run_cut(octets, n * i / PREFIXES);
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t *octets = malloc(FILE_MAX_SIZE);
	struct dirent **names = NULL;
	int n;

	if (argc != 2 || !octets)
		return 2;
	n = scandir(argv[1], &names, is_file, alphasort);
	if (n <= 0) {
		(void)printf("1..1\nnot ok 1 - no corpus in %s\n", argv[1]);
		free(octets);
		return 1;
	}
	(void)printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		(void)fprintf(stderr, "%s\n", names[i]->d_name); /* the last one is who broke it */
		(void)printf("%s %d - %s\n",
			run_file(argv[1], names[i]->d_name, octets) < 0 ? "not ok" : "ok", i + 1,
			names[i]->d_name);
		free(names[i]);
	}
	free((void *)names);
	free(octets);
	return 0;
}
