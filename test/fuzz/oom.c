/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oom.h"

/* A fuzz target's main once more: every file of a corpus, with one allocation after the other
 * failing. */

#define EXPORT __attribute__((visibility("default")))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX_SIZE (1 << 20)
#define ALLOCATIONS_MAX 3000 /* of one file; further ones are like those before */

static jmp_buf next;
static bool may_stop;

EXPORT _Noreturn void abort(void)
{
	if (oom_disarm() && may_stop)
		longjmp(next, 1);
	(void)raise(SIGABRT);
	_exit(134);
}

EXPORT _Noreturn void __assert_fail(
	const char *assertion, const char *file, unsigned line, const char *function)
{
	if (strstr(file, "src/"))
		may_stop = false;
	if (!may_stop || !oom_disarm())
		(void)fprintf(stderr, "%s:%u: %s: %s\n", file, line, function, assertion);
	abort();
}

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static unsigned long run_file(const char *dir, const char *name)
{
	static uint8_t octets[FILE_MAX_SIZE];
	volatile unsigned long nth = 0;
	char path[4096];
	volatile size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(octets, 1, sizeof(octets), f);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(octets, n); /* what is made once and kept */
	may_stop = true;
	do {
		oom_arm(++nth);
		if (setjmp(next) == 0)
			(void)LLVMFuzzerTestOneInput(octets, n);
	} while (oom_disarm() && nth < ALLOCATIONS_MAX);
	may_stop = false;
	return nth;
}

int main(int argc, char **argv)
{
	struct dirent **names = NULL;
	int n = argc == 2 ? scandir(argv[1], &names, is_file, alphasort) : 0;

	(void)printf("1..%d\n", n > 0 ? n : 1);
	if (n <= 0)
		(void)printf("not ok 1 - no corpus\n");
	for (int i = 0; i < n; i++) {
		unsigned long runs;

		(void)fprintf(stderr, "%s\n", names[i]->d_name); /* the last one is who broke it */
		runs = run_file(argv[1], names[i]->d_name);
		(void)printf("%s %d - %s: %lu runs\n", runs > 0 ? "ok" : "not ok", i + 1,
			names[i]->d_name, runs);
		free(names[i]);
	}
	free((void *)names);
	return n > 0 ? 0 : 1;
}
