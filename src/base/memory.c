/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdlib.h>
#include <unistd.h>

void *malloc_or_end(size_t n)
{
	static const char words[] = "out of memory\n";
	void *p = malloc(n ? n : 1);

	if (p)
		return p;
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	_exit(1);
}
