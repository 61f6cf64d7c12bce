/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "source/config/confparse.h"

/*
 * swanctl.conf(5) of strongSwan: the connections and their children as `swanctl --load-conns` loads
 * them, with charon's defaults for what is not set. Proposals that are not set are "default"; an
 * identity that is not set is "" (it comes from the certificate or the address).
 *
 * path: of the main file, for messages and includes. -ENOMEM.
 */
int swanctlconf_parse(const char *path, struct span text, const struct conf_files *files,
	const struct conf_sink *sink);
