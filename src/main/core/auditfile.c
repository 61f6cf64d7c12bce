/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "main/core/process.h"
#include "main/log.h"
#include "view/doc.h"

/* The audit policy between two runs: audit-policy.json, by name, as numbers may move. */
#define AUDIT_FILE "audit-policy.json"
#define AUDIT_FILE_MAX ((size_t)64 << 10)

_Static_assert(SUBCATEGORY_N <= ARRAY_LEN(((struct process *)NULL)->audit), "audit[] is too short");

static void entry_json(const struct audit_entry *e, const char *name, struct json *j)
{
	json_open(j, NULL, '{');
	json_text(j, "subcategory", name);
	json_u64(j, "setting", e->setting);
	json_u64(j, "uid", e->uid);
	json_u64(j, "pid", e->pid);
	json_u64(j, "auid", e->auid);
	json_u64(j, "set_us", e->set_us);
	json_close(j, '}');
}

static int save(const struct process *p, const struct audit_entry *entries)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_open(&j, NULL, '{');
	json_u64(&j, "version", 1);
	json_open(&j, "settings", '[');
	for (size_t i = 0; i < SUBCATEGORY_N; i++) {
		if (entries[i].set)
			entry_json(&entries[i], catalog_subcategories[i].name, &j);
	}
	json_close(&j, ']');
	json_close(&j, '}');
	buf_char(&out, '\n');
	return out.failed ? -ENOMEM : statefile_write(p->state_fd, AUDIT_FILE, buf_span(&out));
}

static uint32_t u32_of(const struct doc *d, const char *key)
{
	uint64_t v;

	return doc_u64(d, key, &v) && v <= UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static bool entry_of(const struct doc *d, int *ret_at, struct audit_entry *ret)
{
	const char *name = doc_text(d, "subcategory");
	struct audit_entry e = { .set = true };
	uint64_t setting;

	*ret_at = name ? catalog_subcategory(name) : -1;
	if (*ret_at < 0 || !doc_u64(d, "setting", &setting) || setting > AUDIT_BOTH)
		return false;
	e.setting = (uint8_t)setting;
	e.uid = u32_of(d, "uid");
	e.pid = u32_of(d, "pid");
	e.auid = u32_of(d, "auid");
	(void)doc_u64(d, "set_us", &e.set_us);
	*ret = e;
	return true;
}

static uint64_t feed_setting(struct process *p, uint8_t subcategory, bool initial)
{
	const struct audit_entry *e = &p->audit[subcategory];
	struct fact f = { .type = FACT_AUDIT_SETTING };

	f.audit_setting.subcategory = subcategory;
	f.audit_setting.setting = e->setting;
	f.audit_setting.initial = initial;
	f.audit_setting.uid = e->uid;
	f.audit_setting.pid = e->pid;
	f.audit_setting.auid = e->auid;
	f.audit_setting.set_us = e->set_us;
	return feed_own(p, &f);
}

void audit_load(struct process *p)
{
	CLEANUP(doc) struct doc *d = NULL;
	CLEANUP_BUF struct buf text = { 0 };
	struct diag why = { "" };
	int r = statefile_read(p->state_fd, AUDIT_FILE, AUDIT_FILE_MAX, &text);

	if (r == -ENOENT)
		return;
	if (r == 0)
		r = doc_parse(buf_span(&text), &d, &why);
	if (r < 0) {
		/* Nothing configured audits everything: the safe side. */
		log_line(LOG_ERR, "%s is not readable, so all is audited: %s", AUDIT_FILE,
			why.text[0] ? why.text : strerror(-r));
		return;
	}
	for (size_t i = 0;; i++) {
		CLEANUP(doc) struct doc *item = NULL;
		struct audit_entry e;
		int at;

		if (doc_item(d, "settings", i, &item) < 0)
			break;
		if (entry_of(item, &at, &e))
			p->audit[at] = e;
		else
			log_line(LOG_WARNING, "%s: entry %zu is ignored", AUDIT_FILE, i + 1);
	}
	for (uint8_t i = 0; i < SUBCATEGORY_N; i++) {
		if (p->audit[i].set)
			(void)feed_setting(p, i, true);
	}
}

int audit_change(struct process *p, const struct api_peer *who, const uint8_t *subcategories,
	size_t n, uint8_t setting, uint64_t *ret_ticket, struct diag *reterr)
{
	struct audit_entry entries[ARRAY_LEN(p->audit)];
	struct audit_entry e = { .set = true, .setting = setting };
	int r;

	e.uid = who->uid;
	e.pid = who->pid;
	e.auid = who->auid;
	e.set_us = clock_real_us();
	memcpy(entries, p->audit, sizeof(entries));
	for (size_t i = 0; i < n; i++)
		entries[subcategories[i]] = e;
	r = save(p, entries);
	if (r < 0)
		return diag_set(reterr, r, "%s can't be written: %s", AUDIT_FILE, strerror(-r));
	memcpy(p->audit, entries, sizeof(entries));
	for (size_t i = 0; i < n; i++)
		*ret_ticket = feed_setting(p, subcategories[i], false);
	return 0;
}
