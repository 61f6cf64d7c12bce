/* SPDX-License-Identifier: Apache-2.0 */
/* ipsec.conf, as both daemons' file; and the head of a configuration file. */
#include "source/config/ipsecconf.h"

#include "conf.h"
#include "source/config/filehead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fact f;
	uint8_t *copy = malloc(size ? size : 1);
	struct span text;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	split(copy, size, &text);
	for (uint8_t daemon = DAEMON_STRONGSWAN; daemon <= DAEMON_LIBRESWAN; daemon++) {
		enum ipsec_dialect dialect;

		depth = 0;
		(void)ipsecconf_parse(
			"/etc/ipsec.conf", text, daemon, &fuzz_files, &fuzz_sink, &dialect);
	}
	memset(&f, 0, sizeof(f));
	f.type = FACT_CONFIG_FILE;
	file_head(text, &f.config_file);
	judge(&f);
	free(copy);
	return 0;
}
