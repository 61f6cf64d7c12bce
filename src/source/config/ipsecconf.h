/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "source/config/confparse.h"

/*
 * ipsec.conf(5), as Libreswan (4 and 5) and strongSwan's starter (stroke) read it: `config setup`,
 * `conn NAME` with indented KEY=VALUE lines, `also=`, `conn %default`, `include PATTERN`. The two
 * differ in keys and defaults. Each conn is a connection with one child of the same name; with
 * subnets= Libreswan makes one of each pair, NAME/1x1, NAME/1x2 …, and so do we.
 *
 * Local and remote. The daemon looks which of left and right is an address of its own. A text can't
 * tell that, so left is taken to be local, as the manuals advise, unless the text says otherwise:
 * Libreswan's right=%defaultroute or right=%INTERFACE is this host, and its left=%any (or a group)
 * can't be. A conn written from the other end's view, with two addresses, is read the wrong way
 * round; where the daemon runs, what it has loaded tells.
 *
 * Not known from the text: which daemon wrote for whom when no key tells; what Libreswan's
 * dpdaction= is when it is not set (it depends on the version).
 */
enum ipsec_dialect { DIALECT_EITHER, DIALECT_LIBRESWAN, DIALECT_STROKE };

/*
 * daemon: enum ike_daemon whose file it is to be. When the keys tell that it is the other one's,
 * nothing is found, and *ret_dialect says so. path: of the main file. -ENOMEM.
 */
int ipsecconf_parse(const char *path, struct span text, uint8_t daemon,
	const struct conf_files *files, const struct conf_sink *sink,
	enum ipsec_dialect *ret_dialect);
