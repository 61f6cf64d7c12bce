/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* pluto's states: by name up to 5.2, by what it tells of them ("sent IKE_AUTH request") since. */
struct pluto_state {
	const char *name; /* without STATE_; a name of another version has a row of its own */
	const char *story;
	uint8_t sa; /* enum whack_sa; 0: neither: an exchange that is over at once */
	uint8_t state; /* enum ike_state or child_state */
	uint8_t version; /* 1, 2 */
	char role; /* i, r: only one side is ever in it */
};

/* name "" : by the story alone. NULL: we know neither. */
const struct pluto_state *pluto_state_of(struct span name, struct span story);
