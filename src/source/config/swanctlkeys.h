/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The keys whose values are read; nothing else of a file is copied. */
#define KEYS(X) \
	X(version) \
	X(local_addrs) \
	X(remote_addrs) \
	X(proposals) \
	X(rekey_time) \
	X(reauth_time) \
	X(over_time) \
	X(dpd_delay) \
	X(unique) \
	X(aggressive) \
	X(mobike) \
	X(encap) \
	X(if_id_in) \
	X(if_id_out) \
	X(id) \
	X(auth) \
	X(round) \
	X(local_ts) \
	X(remote_ts) \
	X(esp_proposals) \
	X(ah_proposals) \
	X(mode) \
	X(life_time) \
	X(rekey_bytes) \
	X(life_bytes) \
	X(rekey_packets) \
	X(life_packets) \
	X(start_action) \
	X(dpd_action) \
	X(close_action) \
	X(priority) \
	X(mark_in) \
	X(mark_out) \
	X(reqid)
#define X_ENUM(key) KEY_##key,
#define X_NAME(key) #key,
enum key { KEYS(X_ENUM) KEY_N };
static const char *const keys[] = { KEYS(X_NAME) NULL };
