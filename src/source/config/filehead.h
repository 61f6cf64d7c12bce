/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "model/ike.h"

/*
 * What the comment at the head of a configuration file tells of it, for people and configuration
 * management; all keys are optional, and the first line that is no comment ends the head:
 *
 *	# ipsecmon-name: Head office
 *	# ipsecmon-description: Tunnels to all branches
 *	# ipsecmon-unit: Network team
 *	# ipsecmon-gpo: IPsec servers
 */
void file_head(struct span text, struct config_file *ret); /* sets name, description, unit, gpo */
