/* SPDX-License-Identifier: Apache-2.0 */
/* swanctl.conf. */
#include "source/config/swanctlconf.h"

#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct span text;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	split(copy, size, &text);
	(void)swanctlconf_parse("/etc/swanctl/swanctl.conf", text, &fuzz_files, &fuzz_sink);
	free(copy);
	return 0;
}
