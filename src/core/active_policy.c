/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "core/owners.h"
#include "core/rows.h"
#include "model/ike_rows.h"

/* Windows' Active Policy: which configurations there are, and which is in force. */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static uint64_t count_connections(
	const struct core *c, uint64_t service, uint8_t daemon, uint8_t origin)
{
	struct ledger_connection *l;
	uint64_t n = 0;

	for (size_t at = 0; (l = connection_next(c, &at));)
		n += l->conn.service == service && l->conn.origin == origin &&
		     (service || l->conn.daemon == daemon);
	return n;
}

static void loader_text(const struct ike_server *s, char *ret, size_t size)
{
	if (!s || !s->loaded_us)
		return;
	if (s->loaded_auid != UINT32_MAX)
		(void)snprintf(
			ret, size, "%s (pid %u), of login uid %u", s->name, s->pid, s->loaded_auid);
	else
		(void)snprintf(ret, size, "%s (pid %u), of uid %u without a login", s->name, s->pid,
			s->loaded_uid);
}

static bool tell_file(const struct core *c, const struct ledger_config_file *l, core_each_fn *each,
	void *userdata)
{
	const struct config_file *file = &l->file;
	const struct ike_server *s = file->service ? ike_server_find(c, file->service, 0) : NULL;
	const struct netns *ns = ledger_netns(c, l->netns);
	bool runs = s && s->end == SERVICE_RUNS;
	char loaded_by[NAME_SIZE + 64] = "";
	struct active_policy_row row = { .name = file->name[0] ? file->name : last_part(file->path),
		.description = file->description,
		.store = last_part(file->path),
		.path = file->path,
		.unit = file->unit,
		.gpo = file->gpo,
		.loaded_by = loaded_by,
		.digest = file->digest,
		.netns = ns ? ns->name : NULL,
		.daemon = runs ? s->name : NULL,
		.error = file->error,
		.modified_us = file->modified_us };

	if (runs) {
		row.n_connections = count_connections(c, s->service, 0, ORIGIN_LOADED);
		row.assigned = row.n_connections > 0;
		loader_text(s, loaded_by, sizeof(loaded_by));
	}
	if (!row.assigned)
		row.n_connections = count_connections(c, file->service, file->daemon, ORIGIN_FILE);
	return each(userdata, &row);
}

/* A daemon of which no file is known has got its connections through its control socket. */
static bool tell_server(
	const struct core *c, const struct ike_server *s, core_each_fn *each, void *userdata)
{
	const struct netns *ns = ledger_netns(c, s->netns);
	char loaded_by[NAME_SIZE + 64] = "";
	struct active_policy_row row = { .name = s->name,
		.store = "loaded",
		.loaded_by = loaded_by,
		.netns = ns ? ns->name : NULL,
		.daemon = s->name,
		.n_connections = count_connections(c, s->service, 0, ORIGIN_LOADED) };

	row.assigned = row.n_connections > 0;
	loader_text(s, loaded_by, sizeof(loaded_by));
	return each(userdata, &row);
}

/* Policies that no daemon has installed, of each netns. */
static int tell_kernel(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_policy *l;
	struct owner owner;
	struct netns *ns;
	struct policy p;

	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));)
		ns->n_foreign = 0;
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		ns = l->direction <= POLICY_FWD ? ledger_netns(c, l->netns) : NULL;
		if (!ns)
			continue;
		spd_get(l, &p);
		owner_of_policy(c, &p, l->manual, &owner);
		ns->n_foreign +=
			strcmp(owner.name, "manual") == 0 || strcmp(owner.name, "unowned") == 0;
	}
	for (size_t at = 0; (ns = map_next(c->netns, &at, NULL));) {
		char description[96];
		struct active_policy_row row = { .name = "kernel only",
			.description = description,
			.store = "kernel only",
			.netns = ns->name,
			.assigned = true };

		if (ns->n_foreign == 0)
			continue;
		(void)snprintf(description, sizeof(description),
			"%llu policies in the kernel that no IKE daemon claims",
			(unsigned long long)ns->n_foreign);
		if (!each(userdata, &row))
			break;
	}
	return 0;
}

int active_policy_each(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_config_file *l;
	struct ike_server *s;

	for (size_t at = 0; (l = config_file_next(c, &at));) {
		if (l->file.main && !tell_file(c, l, each, userdata))
			return 0;
	}
	for (size_t at = 0; (s = ike_server_next(c, &at));) {
		bool has_file = s->service == 0 || s->end != SERVICE_RUNS;

		for (size_t i = 0; !has_file && (l = config_file_next(c, &i));)
			has_file = l->file.main && l->file.service == s->service;
		if (!has_file && !tell_server(c, s, each, userdata))
			return 0;
	}
	return tell_kernel(c, each, userdata);
}
