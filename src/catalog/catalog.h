/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/event.h"
#include "model/fact.h"

/* Generated: enum event_id { EVENT_INTEGRITY_FAILED = 4960, … }, enum subcategory, enum
 * statistic_id */
#include "catalog/ids.h"

/* An entry of catalog/events.toml. */
struct catalog_event {
	uint32_t id;
	const char *name; /* slug: integrity_failed */
	uint8_t subcategory; /* enum subcategory */
	const char *outcome; /* "success" or "failure" */
	const char *log; /* "security", "system" or "application" */
	const char *level; /* "information", "warning", "error" */
	const char *title;
	const char *message; /* template, see catalog_render() */
	const char *cause, *action, *since;
};

/* An entry of catalog/subcategories.toml, in the file's order. */
struct catalog_subcategory {
	const char *name, *category, *volume, *audits, *purpose;
};

/* An entry of catalog/counters.toml: one line of xfrm_stat. */
struct catalog_counter {
	const char *name;
	uint32_t event; /* what a bare increment is reported as */
	uint8_t direction; /* enum direction; 0: the counter does not tell */
	bool lookups; /* counts lookups, not packets */
	const char *title, *cause, *action;
};

/* An entry of catalog/statistics.toml, in the file's order: Main Mode first. */
struct catalog_statistic {
	const char *key; /* "mainmode.key_additions" */
	const char *title; /* as Windows calls it */
	const char *kind; /* "counter" or "gauge" */
	const char *unit, *definition, *source, *cause, *action;
	const char *events; /* IDs that tell single cases: "4961, 4962"; "" none */
};

extern const struct catalog_event catalog_events[];
extern const size_t catalog_n_events;
extern const struct catalog_subcategory catalog_subcategories[SUBCATEGORY_N];
extern const struct catalog_counter catalog_counters[];
extern const size_t catalog_n_counters;
extern const struct catalog_statistic catalog_statistics[STATISTIC_N]; /* by enum statistic_id */

const struct catalog_event *catalog_event(uint32_t id); /* NULL: no such event */
const struct catalog_counter *catalog_counter(const char *name); /* NULL: a kernel newer than we */
int catalog_subcategory(const char *name); /* index, or -1 */
int catalog_statistic(const char *key); /* enum statistic_id, or -1 */

/* Fills in id, name, log, subcategory, outcome, level from the catalogue. */
void catalog_event_init(struct event *e, uint32_t id);

/*
 * Renders the entry's message for e into e->message. In a template {key} is a field of the event or
 * of its detail; a [ … ] part is left out when a field in it is null. Too long is cut.
 */
void catalog_render(struct event *e);
