/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "model/fact.h"

/* The text of /proc/net/xfrm_stat, whatever lines it has, in whatever order. */
struct xfrmstat_reading {
	uint16_t n;
	struct fact_counter v[COUNTERS_MAX];
	uint32_t refused; /* lines that are not "NAME VALUE", repeat a name, or are one too many */
};

void xfrmstat_parse(struct span text, struct xfrmstat_reading *ret);
