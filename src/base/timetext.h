/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/diag.h"

#define TIME_TEXT_SIZE 80

/* Microseconds since 1970, UTC, as RFC 3339 with six decimals and Z. Returns ret. */
char *time_format(uint64_t us, char ret[TIME_TEXT_SIZE]);
#define DURATION_TEXT_SIZE 32

/* "12 s", "3 min 20 s", "5 h 10 min", "4 d 2 h". Returns ret. */
char *duration_format(uint64_t s, char ret[DURATION_TEXT_SIZE]);
/*
 * RFC 3339 (date alone: midnight UTC; zone required behind a time, Z or an offset), a number of
 * seconds since 1970, or "30s", "15m", "2h", "7d" before now_us. -EINVAL with the reason.
 */
int time_parse(const char *text, uint64_t now_us, uint64_t *ret, struct diag *reterr);
