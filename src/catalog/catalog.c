/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/catalog.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int cmp_id(const void *key, const void *entry)
{
	uint32_t id = *(const uint32_t *)key;
	const struct catalog_event *e = entry;

	return id < e->id ? -1 : id > e->id;
}

/* The generated table is sorted by ID. */
const struct catalog_event *catalog_event(uint32_t id)
{
	return bsearch(&id, catalog_events, catalog_n_events, sizeof(catalog_events[0]), cmp_id);
}

const struct catalog_counter *catalog_counter(const char *name)
{
	for (size_t i = 0; i < catalog_n_counters; i++) {
		if (strcmp(catalog_counters[i].name, name) == 0)
			return &catalog_counters[i];
	}
	return NULL;
}

int catalog_subcategory(const char *name)
{
	for (int i = 0; i < SUBCATEGORY_N; i++) {
		if (strcasecmp(catalog_subcategories[i].name, name) == 0)
			return i;
	}
	return -1;
}

int catalog_statistic(const char *key)
{
	for (int i = 0; i < STATISTIC_N; i++) {
		if (strcmp(catalog_statistics[i].key, key) == 0)
			return i;
	}
	return -1;
}

void catalog_event_init(struct event *e, uint32_t id)
{
	const struct catalog_event *entry = catalog_event(id);

	memset(e, 0, sizeof(*e));
	e->id = id;
	e->name = entry->name;
	e->log = entry->log;
	e->subcategory = catalog_subcategories[entry->subcategory].name;
	e->outcome = entry->outcome;
	e->level = entry->level;
}
