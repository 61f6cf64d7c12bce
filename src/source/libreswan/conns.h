/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"
#include "source/libreswan/whack.h"

/* A connection as pluto lists it in some twenty lines: its child is the same connection. */
struct pluto_conn {
	struct whack_name name;
	struct connection connection;
	struct connection_child child;
	struct addr local, remote; /* family 0: any, or not resolved yet */
	bool up; /* its tunnel is */
	uint64_t newest_ike, newest_child; /* states that the algorithms below are of; 0: none */
	char ike_algorithm[IDENTITY_SIZE]; /* "AES_CBC_128-HMAC_SHA2_256-MODP2048" */
	char child_algorithm[IDENTITY_SIZE]; /* "AES_CBC_128-HMAC_SHA2_256_128" */
};

/* Reads what stands behind the name in one of its lines: empty *c with pluto_conn_begin() first. */
void pluto_conn_begin(struct pluto_conn *c, const struct whack_name *name);
void pluto_conn_line(struct pluto_conn *c, struct span rest);

/* An algorithm of pluto's, "AES_GCM_16_256": name and bits of the key; 0: has none, or by itself.
 */
void pluto_cipher(struct span text, char ret_name[NAME_SIZE], uint16_t *ret_bits);
/* What `IKE algorithm newest` and `ESP algorithm newest` say. */
void pluto_ike_algorithms(const char *text, struct ike_sa *ret);
void pluto_child_algorithms(const char *text, struct child_sa *ret);
