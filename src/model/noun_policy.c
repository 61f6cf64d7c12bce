/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/policy.h"
#include "model/rows.h"

#define GET(name, body) GETTER(name, struct policy_row, body)

GET(get_netns, set_text(ret, row->netns))
GET(get_direction, set_text(ret, policy_direction_name(row->policy->direction)))
GET(get_src, set_prefix(ret, &row->policy->selector.src))
GET(get_dst, set_prefix(ret, &row->policy->selector.dst))
GET(get_proto, set_text(ret, ipproto_name(row->policy->selector.proto)))
GET(get_sport, set_number(ret, row->policy->selector.sport_mask != 0, row->policy->selector.sport))
GET(get_dport, set_number(ret, row->policy->selector.dport_mask != 0, row->policy->selector.dport))
GET(get_action, set_text(ret, row->policy->block ? "block" : "allow"))
GET(get_priority, set_number(ret, true, row->policy->priority))
GET(get_index, set_number(ret, true, row->policy->index))
GET(get_type, set_text(ret, row->policy->type == 1 ? "sub" : "main"))
GET(get_if_id, set_number(ret, true, row->policy->if_id))
GET(get_mark, set_number(ret, row->policy->mark_mask != 0, row->policy->mark))
GET(get_added, set_number(ret, row->policy->added_s != 0, row->policy->added_s * 1000000))
GET(get_used, set_number(ret, row->policy->used_s != 0, row->policy->used_s * 1000000))
GET(get_n_templates, set_number(ret, true, row->policy->n_templates))

/* What the policy wants of a packet: its first template; an allow without one is a bypass. */
GET(get_tmpl_proto,
	if (row->policy->n_templates) set_text(ret, ipproto_name(row->policy->templates[0].proto)))
GET(get_tmpl_mode, if (row->policy->n_templates)
			   set_text(ret, ipsec_mode_name(row->policy->templates[0].mode)))
GET(get_tmpl_reqid, set_number(ret, row->policy->n_templates != 0, row->policy->templates[0].reqid))
GET(get_tmpl_spi,
	set_number(ret, row->policy->n_templates != 0 && row->policy->templates[0].spi != 0,
		row->policy->templates[0].spi))
GET(get_tmpl_src, if (row->policy->n_templates) set_addr(ret, &row->policy->templates[0].src))
GET(get_tmpl_dst, if (row->policy->n_templates) set_addr(ret, &row->policy->templates[0].dst))
GET(get_tmpl_optional,
	set_number(ret, row->policy->n_templates != 0, row->policy->templates[0].optional))

GET(get_owner, set_text(ret, row->owner))
GET(get_tunnel, set_text(ret, row->tunnel))
GET(get_stale, set_text(ret, row->stale))
GET(get_stale_reason, set_text(ret, row->stale_reason))
GET(get_remedy, set_text(ret, row->remedy))

static const struct field fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace", get_netns },
	{ "direction", "DIR", FIELD_TEXT, "", true, "in, out, fwd; or of a socket", get_direction },
	{ "src", "SOURCE", FIELD_PREFIX, "", true, "selector: source", get_src },
	{ "dst", "DESTINATION", FIELD_PREFIX, "", true, "selector: destination", get_dst },
	{ "proto", "PROTO", FIELD_TEXT, "", false, "selector: protocol; null: any", get_proto },
	{ "sport", "SPORT", FIELD_NUMBER, "", false, "selector: source port; null: any",
		get_sport },
	{ "dport", "DPORT", FIELD_NUMBER, "", false, "selector: destination port; null: any",
		get_dport },
	{ "action", "ACTION", FIELD_TEXT, "", true, "allow or block", get_action },
	{ "priority", "PRIORITY", FIELD_NUMBER, "", true, "the lowest number wins", get_priority },
	{ "index", "INDEX", FIELD_NUMBER, "", false, "the kernel's number of it", get_index },
	{ "type", "TYPE", FIELD_TEXT, "", false, "main or sub", get_type },
	{ "if_id", "IF_ID", FIELD_NUMBER, "", false, "xfrm interface it belongs to; 0: none",
		get_if_id },
	{ "mark", "MARK", FIELD_NUMBER, "", false, "mark that packets must bear; null: any",
		get_mark },
	{ "templates", "TEMPLATES", FIELD_NUMBER, "", false,
		"how many SAs a packet needs; 0: bypass", get_n_templates },
	{ "tmpl_proto", "NEEDS", FIELD_TEXT, "", true, "first template: esp, ah or comp",
		get_tmpl_proto },
	{ "tmpl_mode", "MODE", FIELD_TEXT, "", true, "first template: mode", get_tmpl_mode },
	{ "tmpl_src", "FROM", FIELD_ADDR, "", false, "first template: outer source", get_tmpl_src },
	{ "tmpl_dst", "TO", FIELD_ADDR, "", false, "first template: outer destination",
		get_tmpl_dst },
	{ "tmpl_reqid", "REQID", FIELD_NUMBER, "", true, "first template: reqid; 0: any",
		get_tmpl_reqid },
	{ "tmpl_spi", "TSPI", FIELD_SPI, "", false, "first template: SPI; null: any",
		get_tmpl_spi },
	{ "tmpl_optional", "OPTIONAL", FIELD_BOOL, "", false,
		"first template: level use, clear text passes", get_tmpl_optional },
	{ "added", "ADDED", FIELD_TIME, "", false, "when it was installed", get_added },
	{ "used", "USED", FIELD_TIME, "", false, "last match, drops included; null: never",
		get_used },
	{ "owner", "OWNER", FIELD_TEXT, "", FIELD_WIDE,
		"the connection it is of; manual: `ip` added it, by audit; unowned; socket: of a "
		"socket",
		get_owner },
	{ "tunnel", "TUNNEL", FIELD_TEXT, "", false, "the tunnel it is of; null: none",
		get_tunnel },
	{ "stale", "STALE", FIELD_TEXT, "", FIELD_WIDE,
		"orphaned: its daemon ended; stale: its daemon has it no more; null: in use",
		get_stale },
	{ "stale_reason", "WHY", FIELD_TEXT, "", false, "why it is called so", get_stale_reason },
	{ "remedy", "REMEDY", FIELD_TEXT, "", false,
		"the command that removes it, for you to run; null: nothing to remove",
		get_remedy },
};

const struct noun noun_policy = { "policy", "Policies", "IPsec policies in the kernel's SPD",
	fields, ARRAY_LEN(fields) };

#define LINT(name, body) GETTER(lint_##name, struct lint_row, body)
LINT(netns, set_text(ret, row->netns))
LINT(rule, set_text(ret, row->rule))
LINT(severity, set_text(ret, row->severity))
LINT(direction, set_text(ret, policy_direction_name(row->policy->direction)))
LINT(src, set_prefix(ret, &row->policy->selector.src))
LINT(dst, set_prefix(ret, &row->policy->selector.dst))
LINT(priority, set_number(ret, true, row->policy->priority))
LINT(index, set_number(ret, true, row->policy->index))
LINT(other, set_number(ret, row->has_other, row->other))
LINT(cause, set_text(ret, row->cause))
LINT(remedy, set_text(ret, row->remedy))

static const struct field lint_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace", lint_netns },
	{ "severity", "SEVERITY", FIELD_TEXT, "", false,
		"error: it can't be meant so; warning: it may", lint_severity },
	{ "rule", "RULE", FIELD_TEXT, "", true,
		"never-matches, shadowed, redundant, contradicted, no-forward, no-reverse, "
		"optional, "
		"too-many-templates or no-interface",
		lint_rule },
	{ "index", "INDEX", FIELD_NUMBER, "", true, "of the policy, as the kernel numbers it",
		lint_index },
	{ "direction", "DIR", FIELD_TEXT, "", true, "in, out or fwd", lint_direction },
	{ "src", "SOURCE", FIELD_PREFIX, "", true, "selector: source", lint_src },
	{ "dst", "DESTINATION", FIELD_PREFIX, "", true, "selector: destination", lint_dst },
	{ "priority", "PRIORITY", FIELD_NUMBER, "", false, "the lowest number wins",
		lint_priority },
	{ "other", "OTHER", FIELD_NUMBER, "", false, "index of the policy that is in the way",
		lint_other },
	{ "cause", "CAUSE", FIELD_TEXT, "", true, "what is wrong", lint_cause },
	{ "remedy", "REMEDY", FIELD_TEXT, "", false, "what to do", lint_remedy },
};
const struct noun noun_lint = { "lint", "Lint", "what is wrong with policies", lint_fields,
	ARRAY_LEN(lint_fields) };
