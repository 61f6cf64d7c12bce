/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"

/* What went wrong, in words for a person: what, where, and what to do. */
struct diag {
	char text[512];
};

/* Writes the message; d may be NULL. Returns error, so that a caller can `return diag_set(…)`. */
int diag_set(struct diag *d, int error, const char *format, ...) PRINTF_LIKE(3, 4);
