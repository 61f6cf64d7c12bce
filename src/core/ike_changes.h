/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/ike.h"

/*
 * What daemons are configured with, when it changes: events 10303 and 10304. ike.c and ike_config.c
 * tell: before NULL: it came; after NULL: it went. What the first whole list of a daemon has is the
 * baseline, not news; so is what goes with the daemon itself.
 */
void ike_changes_file(struct core *c, const struct ike_server *s, const struct config_file *before,
	const struct config_file *after);
void ike_changes_connection(struct core *c, const struct ike_server *s,
	const struct connection *before, const struct connection *after);
void ike_changes_child(struct core *c, const struct ike_server *s,
	const struct connection_child *before, const struct connection_child *after);
