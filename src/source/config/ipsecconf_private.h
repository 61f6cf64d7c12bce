/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "source/config/conftext.h"
#include "source/config/ipsecconf.h"
#include "source/config/settings.h"

/*
 * The keys whose values are read; nothing else of a file is copied. Keys of an end stand for
 * left… first, then for right….
 */
#define IPSEC_END_KEYS(X, end) \
	X(end) \
	X(end##id) \
	X(end##subnet) X(end##subnets) X(end##protoport) X(end##auth) X(end##auth2) X(end##sourceip)
#define IPSEC_KEYS(X) \
	IPSEC_END_KEYS(X, left) \
	IPSEC_END_KEYS(X, right) \
	X(auto) \
	X(ike) \
	X(esp) \
	X(ah) X(phase2) X(ikev2) X(keyexchange) X(authby) X(type) X(ikelifetime) X(salifetime) \
		X(rekey) X(rekeymargin) X(reauth) X(dpddelay) X(dpdaction) X(closeaction) X(mark) \
			X(mark_in) X(mark_out) X(ipsec_interface) X(mobike) X(aggressive) \
				X(encapsulation) X(forceencaps) X(reqid) X(priority) X(max_bytes) \
					X(max_packets) X(margin_bytes) X(margin_packets) X(xauth) \
						X(uniqueids)
#define IPSEC_ENUM(key) KEY_##key,
enum ipsec_key { IPSEC_KEYS(IPSEC_ENUM) KEY_N };
#define KEY_NONE KEY_N
/* What lies between a key of the left end and the same one of the right. */
#define KEY_OTHER_END (KEY_right - KEY_left)

extern const char *const ipsec_keys[]; /* the names, for messages */

/* The text as a tree: `setup` and `conn` below the root, in the latter a section for each conn. */
struct ipsec_text {
	struct settings *settings; /* owned */
	unsigned libreswan, stroke; /* keys that only the one or the other has */
};

int ipsec_read(const char *path, struct span text, const struct conf_files *files,
	const struct conf_sink *sink, struct ipsec_text *ret);

/* One conn, with all that it takes from others. */
struct ipsec_conn {
	const struct conf_sink *sink;
	const struct settings_view *view, *setup;
	const char *name, *file;
	uint32_t line;
	size_t *room; /* connections that may still be told */
};

typedef bool (*ipsec_as)(struct span text, uint64_t *ret);

/* "" when it is not set. */
struct span ipsec_get(const struct ipsec_conn *c, enum ipsec_key key);
/* A value that is not set or wrong (which is told) leaves *ret as it is. */
void ipsec_number(const struct ipsec_conn *c, enum ipsec_key key, ipsec_as as, uint64_t *ret);
uint32_t ipsec_u32(const struct ipsec_conn *c, enum ipsec_key key, ipsec_as as);
bool ipsec_bool(const struct ipsec_conn *c, enum ipsec_key key, bool other);
size_t ipsec_word(
	const struct ipsec_conn *c, enum ipsec_key key, const char *const *words, size_t other);
void ipsec_complain(const struct ipsec_conn *c, enum ipsec_key key);
bool ipsec_as_number(struct span text, uint64_t *ret);
bool ipsec_as_time(struct span text, uint64_t *ret);
bool ipsec_as_mark(struct span text, uint64_t *ret);
/* Names, marks, numbers: what both dialects have alike. */
void ipsec_common(
	const struct ipsec_conn *c, struct connection *connection, struct connection_child *child);
/* Proposals as they are written, with ", " between; not set: "default". */
void ipsec_proposals(const struct ipsec_conn *c, enum ipsec_key key, char *ret, size_t size);

void ipsec_libreswan(const struct ipsec_conn *c);
void ipsec_stroke(const struct ipsec_conn *c);
