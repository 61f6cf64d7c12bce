/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "model/getter.h"
#include "model/link.h"
#include "model/rows.h"
#include "model/source.h"

#define LINK(name, body) GETTER(link_##name, struct link_row, body)
LINK(netns, set_text(ret, row->netns))
LINK(ifindex, set_number(ret, true, row->link->ifindex))
LINK(name, set_text(ret, row->link->name))
LINK(kind, set_text(ret, row->link->kind))
LINK(up, set_number(ret, true, (row->link->flags & IFF_UP) != 0))
LINK(mtu, set_number(ret, row->link->mtu != 0, row->link->mtu))
LINK(if_id, set_number(ret, row->link->if_id != 0, row->link->if_id))
LINK(addr, if (row->addr) set_prefix(ret, row->addr))
LINK(n_addrs, set_number(ret, true, row->n_addrs))
LINK(listening, set_text(ret, row->listening))
LINK(policies, set_number(ret, row->policies_known, row->n_policies))
LINK(protection, set_text(ret, row->protection))
LINK(why, set_text(ret, row->why))
/* Of the family of the row's address; IPv4's where there is none. */
static bool is_six(const struct link_row *row)
{
	return row->addr && row->addr->addr.family == AF_INET6;
}

static void set_setting(struct value *v, uint8_t setting)
{
	set_number(v, setting == SETTING_ON || setting == SETTING_OFF, setting == SETTING_ON);
}

LINK(disable_policy,
	set_setting(ret, is_six(row) ? row->link->disable_policy6 : row->link->disable_policy))
LINK(disable_xfrm, set_setting(ret, is_six(row) ? SETTING_UNKNOWN : row->link->disable_xfrm))

static const struct field link_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace", link_netns },
	{ "ifindex", "INDEX", FIELD_NUMBER, "", true, "the kernel's number of it", link_ifindex },
	{ "name", "NAME", FIELD_TEXT, "", true, "interface name", link_name },
	{ "kind", "KIND", FIELD_TEXT, "", true, "xfrm, vti, veth, …; null: hardware", link_kind },
	{ "up", "UP", FIELD_BOOL, "", true, "administratively up", link_up },
	{ "mtu", "MTU", FIELD_NUMBER, "octets", true, "largest packet", link_mtu },
	{ "if_id", "IF_ID", FIELD_NUMBER, "", false, "of an xfrm interface", link_if_id },
	{ "address", "ADDRESS", FIELD_PREFIX, "", true, "one address: each has its row",
		link_addr },
	{ "addresses", "ADDRESSES", FIELD_NUMBER, "", false, "how many the interface has",
		link_n_addrs },
	{ "policies", "POLICIES", FIELD_NUMBER, "", FIELD_WIDE,
		"outbound ones that protect or block what the address sends", link_policies },
	{ "listening", "LISTENING", FIELD_TEXT, "", FIELD_WIDE,
		"IKE daemons with their UDP ports there; null: none", link_listening },
	{ "protection", "PROTECTED", FIELD_TEXT, "", true,
		"what it sends: all, partly or no; null: not known, or nothing leaves the host",
		link_protection },
	{ "why", "WHY", FIELD_TEXT, "", FIELD_WIDE, "why it is so", link_why },
	{ "disable_policy", "NOPOLICY", FIELD_BOOL, "", false,
		"no policy is asked about IPv4 that comes by it, about IPv6 that comes to it; "
		"null: not known",
		link_disable_policy },
	{ "disable_xfrm", "NOXFRM", FIELD_BOOL, "", false,
		"no policy is asked about IPv4 that leaves by it; null: not known, or IPv6, which "
		"has no such setting",
		link_disable_xfrm },
};
const struct noun noun_link = { "link", "Links", "network interfaces and their addresses",
	link_fields, ARRAY_LEN(link_fields) };

#define SOURCE(name, body) GETTER(source_##name, struct source_row, body)
SOURCE(get_name, set_text(ret, source_name(row->id)))
SOURCE(netns, set_text(ret, row->netns))
SOURCE(state, set_text(ret, source_state_name(row->state)))
SOURCE(since, set_number(ret, row->since_us != 0, row->since_us))
SOURCE(facts, set_number(ret, true, row->facts))
SOURCE(losses, set_number(ret, true, row->losses))
SOURCE(resolution, set_number(ret, row->resolution_ms != 0, row->resolution_ms))
SOURCE(reason, set_text(ret, row->reason))
SOURCE(blind_get, set_text(ret, source_blind(row->id, row->state, row->packets_seen)))
SOURCE(serves, set_text(ret, row->serves))

static const struct field source_fields[] = {
	{ "name", "SOURCE", FIELD_TEXT, "", true, "xfrm, xfrmstat, audit, bpf or link",
		source_get_name },
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace; null: the whole host",
		source_netns },
	{ "state", "STATE", FIELD_TEXT, "", true, "off, absent, resyncing, in step or lost",
		source_state },
	{ "since", "SINCE", FIELD_TIME, "", false, "in this state since", source_since },
	{ "facts", "FACTS", FIELD_NUMBER, "", true, "told so far", source_facts },
	{ "losses", "LOSSES", FIELD_NUMBER, "", true, "messages known to be lost", source_losses },
	{ "resolution_ms", "EVERY", FIELD_NUMBER, "ms", true,
		"polled so often; null: event by event", source_resolution },
	{ "reason", "REASON", FIELD_TEXT, "", true, "why it is not in step, and what to do",
		source_reason },
	{ "blind", "BLIND", FIELD_TEXT, "", false, "what nobody sees without it",
		source_blind_get },
	{ "serves", "SERVES", FIELD_TEXT, "", false, "which of its hooks tells what",
		source_serves },
};
const struct noun noun_source = { "source", "Sources", "what feeds the monitor, and what is blind",
	source_fields, ARRAY_LEN(source_fields) };

#define RECONCILE(name, body) GETTER(reconcile_##name, struct reconcile_row, body)
RECONCILE(netns, set_text(ret, row->netns))
RECONCILE(counter, set_text(ret, row->counter))
RECONCILE(kernel, set_number(ret, true, row->kernel))
RECONCILE(attributed, set_number(ret, true, row->attributed))
RECONCILE(unattributed, set_number(ret, true, row->unattributed))
RECONCILE(suppressed, set_number(ret, true, row->suppressed))
RECONCILE(difference, set_number(ret, true, (uint64_t)row->difference))
RECONCILE(evidence, set_text(ret, row->evidence))
RECONCILE(hook, set_text(ret, row->hook))

static const struct field reconcile_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace", reconcile_netns },
	{ "counter", "COUNTER", FIELD_TEXT, "", true, "line of xfrm_stat", reconcile_counter },
	{ "kernel", "KERNEL", FIELD_NUMBER, "", true, "what the kernel counted", reconcile_kernel },
	{ "attributed", "ATTRIB", FIELD_NUMBER, "", true, "in events with a cause",
		reconcile_attributed },
	{ "unattributed", "UNATTR", FIELD_NUMBER, "", true, "in events without",
		reconcile_unattributed },
	{ "suppressed", "SUPPR", FIELD_NUMBER, "", true, "not logged, by audit policy",
		reconcile_suppressed },
	{ "difference", "DIFF", FIELD_NUMBER, "", true,
		"still without its line in the log; 0 when all is told", reconcile_difference },
	{ "evidence", "BY", FIELD_TEXT, "", true,
		"what tells single drops now: bpf, audit, sa or counter", reconcile_evidence },
	{ "hook", "HOOK", FIELD_TEXT, "", false, "where in the kernel bpf sees them",
		reconcile_hook },
};
const struct noun noun_reconcile = { "reconcile", "Reconciliation",
	"kernel = attributed + unattributed + suppressed", reconcile_fields,
	ARRAY_LEN(reconcile_fields) };

#define SETTING(name, body) GETTER(setting_##name, struct audit_setting_row, body)
SETTING(category, set_text(ret, row->category))
SETTING(subcategory, set_text(ret, row->subcategory))
SETTING(value, set_text(ret, row->setting))
SETTING(effect, set_text(ret, row->effect))
SETTING(origin, set_text(ret, row->origin))
SETTING(volume, set_text(ret, row->volume))
SETTING(purpose, set_text(ret, row->purpose))

static const struct field setting_fields[] = {
	{ "category", "CATEGORY", FIELD_TEXT, "", true, "group of subcategories",
		setting_category },
	{ "subcategory", "SUBCATEGORY", FIELD_TEXT, "", true, "what is switched",
		setting_subcategory },
	{ "setting", "SETTING", FIELD_TEXT, "", true, "as configured", setting_value },
	{ "effect", "EFFECT", FIELD_TEXT, "", true, "what is audited", setting_effect },
	{ "origin", "ORIGIN", FIELD_TEXT, "", true, "default, or who set it and when",
		setting_origin },
	{ "volume", "VOLUME", FIELD_TEXT, "", true, "expected number of events", setting_volume },
	{ "purpose", "PURPOSE", FIELD_TEXT, "", true, "what it is for", setting_purpose },
};
const struct noun noun_audit_setting = { "audit-setting", "Audit policy", "what is audited",
	setting_fields, ARRAY_LEN(setting_fields) };
