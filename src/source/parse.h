/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What became of octets from outside. Outputs are written on PARSE_OK only. */
enum parse_result {
	PARSE_OK = 0,
	PARSE_NOTHING = 1, /* well-formed, and nothing that a fact tells */
	PARSE_TRUNCATED = 2, /* ends before what it announces */
	PARSE_MALFORMED = 3, /* says what the kernel never says */
	PARSE_UNKNOWN = 4, /* of a kind that we don't know */
};
