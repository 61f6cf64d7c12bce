/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/net/xfrm_stat. */
#include <stdlib.h>
#include <string.h>

#include "source/xfrmstat/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xfrmstat_reading r;
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	xfrmstat_parse(span_of(copy, size), &r);
	if (r.n > COUNTERS_MAX)
		abort();
	for (unsigned i = 0; i < r.n; i++) {
		if (!memchr(r.v[i].name, '\0', sizeof(r.v[i].name)))
			abort();
	}
	free(copy);
	return 0;
}
