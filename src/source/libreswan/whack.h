/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/ike.h"
#include "source/parse.h"

/*
 * The lines that whack prints for lists, one function each: Libreswan 4.10 (show_state() in
 * state.c, show_one_connection() in connections.c …) and 5.x (whack_showstates.c,
 * whack_connectionstatus.c …). Pure; texts in results are clean.
 */

/* "name"[1]: a connection, or an instance of the template of that name; 5.x counts in several
 * steps, "name"[2][1]. */
struct whack_name {
	char name[CONN_SIZE];
	uint64_t instance; /* 0: none; several are folded into one */
};

/* Takes it off the front, with an instance's peer left behind. */
bool whack_take_name(struct span *line, struct whack_name *ret);
/* The status code in front ("000 "), which some versions leave out. */
void whack_take_code(struct span *line);

enum whack_sa { WHACK_SA_IKE = 1, WHACK_SA_CHILD = 2 };

/* #1: "psk":500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); REKEY in 27946s; newest; idle; */
struct whack_state {
	uint64_t number;
	struct whack_name conn;
	struct addr peer; /* family 0: is the connection's */
	uint16_t peer_port;
	uint8_t sa; /* enum whack_sa */
	uint8_t state; /* enum ike_state or child_state */
	uint8_t version; /* 1, 2 */
	bool role_known, initiator;
	bool newest; /* of its connection */
	uint64_t ike; /* a child's IKE SA; 0: not told */
	uint64_t rekey_s, replace_s; /* from now; UINT64_MAX: not told */
};
/* PARSE_UNKNOWN: a state that we don't know. PARSE_NOTHING: not such a line. */
enum parse_result whack_parse_state(struct span line, struct whack_state *ret);

/* #2: "psk" esp.2a9d1c4e@10.7.0.2 esp.9daaf85d@10.7.0.1 tun.0@10.7.0.2 tun.0@10.7.0.1 Traffic: … */
struct whack_spis {
	uint64_t number;
	struct whack_name conn;
	uint8_t proto; /* IPPROTO_ESP, _AH */
	uint32_t spi_in, spi_out;
	struct addr local, remote;
	bool tunnel;
	char user[IDENTITY_SIZE];
};
enum parse_result whack_parse_spis(struct span line, struct whack_spis *ret);

/* #2: "psk", type=ESP, add_time=1795645266, inBytes=936, outBytes=3840, maxBytes=2^63B, id='@r' */
struct whack_traffic {
	uint64_t number;
	struct whack_name conn;
	uint64_t added_s; /* since 1970 */
	/* 4.10 shows the lower 32 bits of the first. */
	uint64_t bytes_in, bytes_out;
	bool counted;
	char user[IDENTITY_SIZE], lease[HOSTS_SIZE];
};
enum parse_result whack_parse_traffic(struct span line, struct whack_traffic *ret);

/* 10.3.0.1/32 -6-> 10.4.0.1/32 => %pass 0    oe-failing */
enum parse_result whack_parse_shunt(struct span line, struct shunt *ret);

/* total.ike.ikev2.failed=5; *ret_gauge: goes up and down. */
enum parse_result whack_parse_counter(
	struct span line, char ret_name[CONN_SIZE], uint64_t *ret_value, bool *ret_gauge);
