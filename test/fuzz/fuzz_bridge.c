/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "cli/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever comes over the line: progress, bounds, and what is found encodes to the same octets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span left = span_of(data, size);
	struct frame f;
	size_t used, noise;

	while (frame_decode(left, &f, &used, &noise) == FRAME_OK) {
		CLEANUP_BUF struct buf again = { 0 };

		assert(used <= left.n && noise + FRAME_HEADER_SIZE + f.payload.n == used);
		frame_encode(&f, &again);
		assert(span_equal(buf_span(&again), span_of(left.p + noise, used - noise)));
		left.p += used;
		left.n -= used;
	}
	assert(used <= left.n && noise == used);
	return 0;
}
