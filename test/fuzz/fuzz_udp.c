/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/net/udp and udp6; the first octet says which, and whether one socket is its
 * own. */
#include <stdlib.h>
#include <string.h>

#include "source/service/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct udp_own own = { .n = 1, .inodes = { 94159 } };
	static struct udp_reading r;
	uint8_t *copy = malloc(size ? size : 1);
	size_t used;

	if (!copy || size == 0) {
		free(copy);
		return 0;
	}
	memcpy(copy, data, size);
	memset(&r, 0, sizeof(r));
	r.own = copy[0] & 2 ? &own : NULL;
	used = udp_parse(span_of(copy + 1, size - 1), copy[0] & 1 ? AF_INET6 : AF_INET, &r);
	if (used > size - 1 || r.n > UDP_SOCKETS_MAX || (used > 0 && copy[used] != '\n'))
		abort();
	for (uint32_t i = 0; i < r.n; i++) {
		if ((r.v[i].port != 500 && r.v[i].port != 4500) || (r.v[i].foreign && !r.own))
			abort();
	}
	free(copy);
	return 0;
}
