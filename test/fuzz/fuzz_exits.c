/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram of the kernel's proc connector. */
#include <stdlib.h>
#include <string.h>

#include "source/service/exits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct exit_report r = { 0 };

	if (!copy)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	/* What tells of an end has all of it, and names the process. */
	if (exits_parse(span_of(copy, size), &r) &&
		(size < 64 || memcmp(&r.process, copy + 56, 4) != 0 ||
			memcmp(&r.status, copy + 60, 4) != 0))
		abort();
	free(copy);
	return 0;
}
