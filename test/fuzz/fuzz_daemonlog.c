/* SPDX-License-Identifier: Apache-2.0 */
/* A line of an IKE daemon's log against the catalogue of both. */
#include <stdlib.h>
#include <string.h>

#include "catalog/daemonlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct span line = span_of(copy, size);

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	for (unsigned daemon = DAEMON_STRONGSWAN; daemon <= DAEMON_LIBRESWAN; daemon++) {
		struct daemonlog_captures c;

		if (!daemonlog_match((enum ike_daemon)daemon, line, &c))
			continue;
		for (size_t i = 0; i < DAEMONLOG_CAPTURES_N; i++) {
			if (c.v[i].n && (c.v[i].p < copy || c.v[i].p + c.v[i].n > copy + size))
				abort();
		}
	}
	free(copy);
	return 0;
}
