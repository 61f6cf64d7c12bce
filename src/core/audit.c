/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"

const char *audit_value_name(unsigned value)
{
	static const char *const names[] = { "not configured", "none", "success", "failure",
		"success and failure" };

	return value < ARRAY_LEN(names) ? names[value] : "?";
}

void audit_setting_change(struct core *c, const struct fact *f)
{
	struct audit_setting *s;
	const char *before;
	struct event e;

	if (f->audit_setting.subcategory >= SUBCATEGORY_N ||
		f->audit_setting.setting > AUDIT_BOTH) {
		c->refused++;
		return;
	}
	s = &c->settings[f->audit_setting.subcategory];
	before = audit_value_name(s->value);
	s->value = f->audit_setting.setting;
	s->set = true;
	s->uid = f->audit_setting.uid;
	s->set_us = f->audit_setting.set_us;
	if (f->audit_setting.initial)
		return;
	core_event_init(c, &e, EVENT_AUDIT_POLICY_CHANGED, NULL);
	detail_text(&e, "category", catalog_subcategories[f->audit_setting.subcategory].category);
	detail_text(&e, "what", catalog_subcategories[f->audit_setting.subcategory].name);
	detail_text(&e, "setting", audit_value_name(s->value));
	detail_text(&e, "before", before);
	detail_number(&e, "uid", f->audit_setting.uid);
	if (f->audit_setting.auid != UINT32_MAX)
		detail_number(&e, "auid", f->audit_setting.auid);
	detail_number(&e, "pid", f->audit_setting.pid);
	core_emit(c, &e);
}
