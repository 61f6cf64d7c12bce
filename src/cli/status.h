/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cli/screen.h"

/* What the monitor said of itself; accounts and events are arrays of rows, or NULL. */
struct status {
	const struct screen *screen;
	bool exact; /* full numbers and times */
	json_t *monitor; /* /api/v1/status */
	json_t *accounts; /* /api/v1/reconcile */
	json_t *events; /* the latest, newest first */
};

/* The first view a person gets: one screen of 80 columns. */
void status_draw(const struct status *s, struct buf *out);

unsigned status_width(const struct status *s);
void status_drops(const struct status *s, struct buf *out); /* its section about drops */
