/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "model/ike.h"

/* How a process that is nobody's child of ours ended, by what is known of it. */

enum status_mark { STATUS_MARK_NONE, STATUS_MARK_LEFT, STATUS_MARK_REMOVED };

struct status_evidence {
	bool kept; /* the kernel kept its status: */
	int status; /* as wait(2) gives it */
	bool heard; /* the kernel told of its end as it came: */
	int heard_status;
	uint32_t crash; /* signal that an audit record tells; 0: none */
	uint8_t words_end; /* enum service_end by its own words; SERVICE_RUNS: it said none */
	const char *words;
	uint8_t mark; /* enum status_mark: its PID file */
	const char *mark_name;
};

/* The status that Linux 6.15 and later keep for whoever holds a pidfd, once its parent has had it.
 */
bool status_of_pidfd(int pidfd, int *ret);
/* Sets end, signal and why by the best evidence there is. */
void status_judge(const struct status_evidence *e, struct service *ret);
