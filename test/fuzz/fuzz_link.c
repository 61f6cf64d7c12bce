/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram of NETLINK_ROUTE; what parses must survive its encoding. */
#include <stdlib.h>
#include <string.h>

#include "source/link/parse.h"
#include "source/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoding(const struct fact *f)
{
	static struct fact again;
	struct buf octets = { 0 };
	size_t used = 0;

	fact_encode(f, &octets);
	if (octets.failed || fact_decode(buf_span(&octets), &again, &used) != FACT_OK)
		abort();
	buf_done(&octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fact f;
	uint8_t *copy = malloc(size ? size : 1);
	struct span datagram = span_of(copy, size), message;
	struct nlmsghdr head;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	while (message_take(&datagram, &head, &message)) {
		if (link_parse(message.p, message.n, &f) == PARSE_OK)
			check_encoding(&f);
	}
	free(copy);
	return 0;
}
