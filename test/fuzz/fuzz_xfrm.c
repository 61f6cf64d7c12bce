/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram of NETLINK_XFRM: wiped, walked, parsed; what parses must survive its encoding. */
#include <stdlib.h>
#include <string.h>

#include "source/message.h"
#include "source/xfrm/parse.h"
#include "source/xfrm/wipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoding(const struct fact *f)
{
	static struct fact again;
	struct buf octets = { 0 };
	size_t used = 0;

	fact_encode(f, &octets);
	if (octets.failed || fact_decode(buf_span(&octets), &again, &used) != FACT_OK ||
		used != octets.n)
		abort();
	buf_done(&octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fact f;
	/* Its own allocation, so that a sanitizer sees a read one octet too far. */
	uint8_t *copy = malloc(size ? size : 1);
	struct span datagram = span_of(copy, size), message;
	struct nlmsghdr head;
	uint64_t counts[2];

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	xfrm_wipe(copy, size);
	while (message_take(&datagram, &head, &message)) {
		if (xfrm_parse(message.p, message.n, &f) == PARSE_OK)
			check_encoding(&f);
		(void)xfrm_parse_sad_count(message.p, message.n, &counts[0]);
		(void)xfrm_parse_spd_count(message.p, message.n, &counts[0], &counts[1]);
	}
	free(copy);
	return 0;
}
