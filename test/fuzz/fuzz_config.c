/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "main/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The administrator's configuration: an error has words, and what is taken keeps its limits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = { "" };
	struct config c;

	if (size > 4096)
		return 0;
	if (config_parse("fuzz", span_of(data, size), &c, &diag) != 0) {
		assert(diag.text[0] != '\0');
		return 0;
	}
	assert(c.ipc.poll_ms >= 100 && c.ipc.poll_ms <= 600000);
	assert(c.ipc.segment_size >= 65536);
	assert(c.n_netns <= CONFIG_PATTERNS_MAX);
	assert(strlen(c.ipc.digest) == 64);
	(void)config_wants_netns(&c, "init");
	return 0;
}
