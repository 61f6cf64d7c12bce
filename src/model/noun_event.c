/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/event.h"
#include "model/getter.h"

#define GET(name, body) GETTER(name, struct event, body)
#define GET_IF(member) \
	GETTER(get_##member, struct event, set_number(ret, row->has_##member, row->member))

GETTER(get_v, void, ((void)row, set_number(ret, true, 1)))
GET(get_seq, set_number(ret, true, row->seq))
GET(get_time, set_number(ret, row->time_us != 0, row->time_us))
GET(get_id, set_number(ret, true, row->id))
GET(get_name, set_text(ret, row->name))
GET(get_log, set_text(ret, row->log))
GET(get_subcategory, set_text(ret, row->subcategory))
GET(get_outcome, set_text(ret, row->outcome))
GET(get_level, set_text(ret, row->level))
GET(get_host, set_text(ret, row->host))
GET(get_boot, set_text(ret, row->boot))
GET(get_count, set_number(ret, true, row->count))
GET(get_counter, set_text(ret, row->counter))
GET(get_first, set_number(ret, row->first_us != 0, row->first_us))
GET(get_last, set_number(ret, row->last_us != 0, row->last_us))
GET(get_netns, set_text(ret, row->netns))
GET(get_dir, set_text(ret, direction_name(row->direction)))
GET(get_iface, set_text(ret, row->iface))
GET(get_src, set_addr(ret, &row->src))
GET(get_dst, set_addr(ret, &row->dst))
GET(get_proto, set_text(ret, row->proto ? ipproto_name(row->proto) : NULL))
GET(get_sport, set_number(ret, row->has_ports, row->sport))
GET(get_dport, set_number(ret, row->has_ports, row->dport))
GET_IF(spi)
GET_IF(seqno)
GET_IF(flowlabel)
GET_IF(mark)
GET_IF(if_id)
GET_IF(reqid)
GET_IF(policy)
GET(get_tunnel, set_text(ret, row->tunnel))
GET(get_peer, set_text(ret, row->peer))
GET(get_evidence, set_text(ret, evidence_name(row->evidence)))
GET(get_message, set_text(ret, row->message))
GET(get_detail, (set_text(ret, row->detail[0] ? row->detail : "{}")))

static const struct field fields[] = {
	{ "v", "V", FIELD_NUMBER, "", false, "version of this form: 1", get_v },
	{ "seq", "SEQ", FIELD_NUMBER, "", false, "number in this log, without holes", get_seq },
	{ "time", "TIME", FIELD_TIME, "", true, "when it happened, or when it was seen", get_time },
	{ "id", "ID", FIELD_NUMBER, "", true, "what happened: see ipsecmon-events(7)", get_id },
	{ "name", "NAME", FIELD_TEXT, "", false, "the same as a word", get_name },
	{ "log", "LOG", FIELD_TEXT, "", false, "security, system or application", get_log },
	{ "subcategory", "SUBCATEGORY", FIELD_TEXT, "", false,
		"audit subcategory that it belongs to", get_subcategory },
	{ "outcome", "OUTCOME", FIELD_TEXT, "", false, "success or failure", get_outcome },
	{ "level", "LEVEL", FIELD_TEXT, "", false, "information, warning or error", get_level },
	{ "host", "HOST", FIELD_TEXT, "", false, "host name", get_host },
	{ "boot", "BOOT", FIELD_TEXT, "", false, "boot id of the host", get_boot },
	{ "count", "COUNT", FIELD_NUMBER, "", true, "increments of the counter; 0: informs only",
		get_count },
	{ "counter", "COUNTER", FIELD_TEXT, "", false,
		"line of xfrm_stat; null: the kernel has none", get_counter },
	{ "first", "FIRST", FIELD_TIME, "", false, "begin of the interval", get_first },
	{ "last", "LAST", FIELD_TIME, "", false, "end of the interval", get_last },
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace; null: not decided",
		get_netns },
	{ "dir", "DIR", FIELD_TEXT, "", false, "in, out or fwd", get_dir },
	{ "iface", "IFACE", FIELD_TEXT, "", false, "interface", get_iface },
	{ "src", "SOURCE", FIELD_ADDR, "", false, "source address", get_src },
	{ "dst", "DESTINATION", FIELD_ADDR, "", false, "destination address", get_dst },
	{ "proto", "PROTO", FIELD_TEXT, "", false, "esp or ah; of 4963 the inner protocol",
		get_proto },
	{ "sport", "SPORT", FIELD_NUMBER, "", false, "source port", get_sport },
	{ "dport", "DPORT", FIELD_NUMBER, "", false, "destination port", get_dport },
	{ "spi", "SPI", FIELD_SPI, "", false, "security parameters index", get_spi },
	{ "seqno", "SEQNO", FIELD_NUMBER, "", false, "sequence number, low 32 bits", get_seqno },
	{ "flowlabel", "FLOWLABEL", FIELD_NUMBER, "", false, "IPv6 flow label", get_flowlabel },
	{ "mark", "MARK", FIELD_NUMBER, "", false, "packet mark", get_mark },
	{ "if_id", "IF_ID", FIELD_NUMBER, "", false, "xfrm interface id", get_if_id },
	{ "reqid", "REQID", FIELD_NUMBER, "", false, "reqid of the SA", get_reqid },
	{ "policy", "POLICY", FIELD_NUMBER, "", false, "index of the policy", get_policy },
	{ "tunnel", "TUNNEL", FIELD_TEXT, "", false, "name of the tunnel", get_tunnel },
	{ "peer", "PEER", FIELD_TEXT, "", false, "identity of the peer", get_peer },
	{ "evidence", "EVIDENCE", FIELD_TEXT, "", false, "bpf, audit, sa or counter",
		get_evidence },
	{ "message", "MESSAGE", FIELD_TEXT, "", true, "what happened, in a sentence", get_message },
	{ "detail", "DETAIL", FIELD_JSON, "", false, "what else is known", get_detail },
};

const struct noun noun_event = { "event", "Events", "the event log", fields, ARRAY_LEN(fields) };

void event_json(const struct event *e, struct buf *out)
{
	noun_json_lean(&noun_event, e, out);
}
