/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/sa.h"

#define GET(name, body) GETTER(name, struct sa_row, body)

GET(get_netns, set_text(ret, row->netns))
GET(get_src, set_addr(ret, &row->sa->src))
GET(get_dst, set_addr(ret, &row->sa->dst))
GET(get_proto, set_text(ret, ipproto_name(row->sa->proto)))
GET(get_spi, set_number(ret, row->sa->spi != 0, row->sa->spi))
GET(get_mode, set_text(ret, ipsec_mode_name(row->sa->mode)))
GET(get_reqid, set_number(ret, true, row->sa->reqid))
GET(get_if_id, set_number(ret, true, row->sa->if_id))
GET(get_direction, set_text(ret, direction_name(row->sa->direction)))
GET(get_encryption, set_text(ret, row->sa->encryption))
GET(get_integrity, set_text(ret, row->sa->integrity))
GET(get_bytes, set_number(ret, true, row->sa->bytes))
GET(get_packets, set_number(ret, true, row->sa->packets))
GET(get_added, set_number(ret, row->sa->added_s != 0, row->sa->added_s * 1000000))
GET(get_used, set_number(ret, row->sa->used_s != 0, row->sa->used_s * 1000000))
GET(get_window, set_number(ret, true, row->sa->replay_window))
GET(get_seq, set_number(ret, true, row->sa->seq))
GET(get_oseq, set_number(ret, true, row->sa->oseq))
GET(get_replayed, set_number(ret, true, row->sa->replayed))
GET(get_late, set_number(ret, true, row->sa->late))
GET(get_failed, set_number(ret, true, row->sa->integrity_failed))
GET(get_encap, set_text(ret, row->sa->encap == 2 ? "udp" : row->sa->encap == 7 ? "tcp" : NULL))
GET(get_offload, set_text(ret, row->offload))
GET(get_mark, set_number(ret, row->sa->mark_mask != 0, row->sa->mark))
GET(get_esn, set_number(ret, true, row->sa->esn))
GET(get_larval, set_number(ret, true, row->sa->larval))
GET(get_icv_bits, set_number(ret, row->sa->icv_bits != 0, row->sa->icv_bits))
GET(get_sel_src, set_prefix(ret, &row->sa->selector.src))
GET(get_sel_dst, set_prefix(ret, &row->sa->selector.dst))

/* The earlier of the two hard time limits; without either it never expires by time. */
static void get_expires(const void *opaque, struct value *ret)
{
	const struct sa *sa = ((const struct sa_row *)opaque)->sa;
	uint64_t at_s = sa->hard_add_s ? sa->added_s + sa->hard_add_s : UINT64_MAX;

	if (sa->hard_use_s && sa->used_s && sa->used_s + sa->hard_use_s < at_s)
		at_s = sa->used_s + sa->hard_use_s;
	set_number(ret, at_s != UINT64_MAX, at_s * 1000000);
}

GET(get_owner, set_text(ret, row->owner))
GET(get_tunnel, set_text(ret, row->tunnel))
GET(get_stale, set_text(ret, row->stale))
GET(get_stale_reason, set_text(ret, row->stale_reason))
GET(get_remedy, set_text(ret, row->remedy))

static const struct field fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", true, "network namespace", get_netns },
	{ "src", "SOURCE", FIELD_ADDR, "", true, "outer source address", get_src },
	{ "dst", "DESTINATION", FIELD_ADDR, "", true, "outer destination address", get_dst },
	{ "proto", "PROTO", FIELD_TEXT, "", true, "esp, ah or comp", get_proto },
	{ "spi", "SPI", FIELD_SPI, "", true, "security parameters index; null while larval",
		get_spi },
	{ "mode", "MODE", FIELD_TEXT, "", true, "transport, tunnel, beet or iptfs", get_mode },
	{ "reqid", "REQID", FIELD_NUMBER, "", false, "what ties an SA to its policy", get_reqid },
	{ "if_id", "IF_ID", FIELD_NUMBER, "", false, "xfrm interface it belongs to; 0: none",
		get_if_id },
	{ "direction", "DIR", FIELD_TEXT, "", true, "in or out, of this host", get_direction },
	{ "encryption", "ENCRYPTION", FIELD_TEXT, "", false, "cipher or AEAD, kernel's name",
		get_encryption },
	{ "integrity", "INTEGRITY", FIELD_TEXT, "", false,
		"authentication, kernel's name; null with an AEAD", get_integrity },
	{ "bytes", "BYTES", FIELD_NUMBER, "octets", true,
		"carried, without ESP or AH overhead and outer header", get_bytes },
	{ "packets", "PACKETS", FIELD_NUMBER, "packets", true, "carried; inbound: authenticated",
		get_packets },
	{ "added", "ADDED", FIELD_TIME, "", false, "when it was installed", get_added },
	{ "used", "USED", FIELD_TIME, "", false, "first packet; null: never", get_used },
	{ "replay_window", "WINDOW", FIELD_NUMBER, "packets", false, "anti-replay window; 0: off",
		get_window },
	{ "seq", "SEQ", FIELD_NUMBER, "", false, "highest sequence number received", get_seq },
	{ "oseq", "OSEQ", FIELD_NUMBER, "", false, "last sequence number sent", get_oseq },
	{ "replayed", "REPLAYED", FIELD_NUMBER, "packets", false, "dropped as duplicates",
		get_replayed },
	{ "late", "LATE", FIELD_NUMBER, "packets", false, "dropped below the window", get_late },
	{ "integrity_failed", "FAILED", FIELD_NUMBER, "packets", true,
		"dropped by the integrity check", get_failed },
	{ "encap", "ENCAP", FIELD_TEXT, "", false, "udp or tcp encapsulation; null: none",
		get_encap },
	{ "offload", "OFFLOAD", FIELD_TEXT, "", false, "interface that does the work; null: none",
		get_offload },
	{ "expires", "EXPIRES", FIELD_TIME, "", true, "hard time limit; null: none", get_expires },
	{ "mark", "MARK", FIELD_NUMBER, "", false, "mark that packets must bear; null: any",
		get_mark },
	{ "esn", "ESN", FIELD_BOOL, "", false, "extended sequence numbers", get_esn },
	{ "larval", "LARVAL", FIELD_BOOL, "", false, "without keys yet: the IKE daemon was asked",
		get_larval },
	{ "icv_bits", "ICV", FIELD_NUMBER, "bits", false, "length of the integrity check value",
		get_icv_bits },
	{ "selector_src", "SEL-SRC", FIELD_PREFIX, "", false, "inner source that the SA is for",
		get_sel_src },
	{ "selector_dst", "SEL-DST", FIELD_PREFIX, "", false,
		"inner destination that the SA is for", get_sel_dst },
	{ "owner", "OWNER", FIELD_TEXT, "", FIELD_WIDE,
		"the connection it is of; manual: `ip` added it, by audit; unowned", get_owner },
	{ "tunnel", "TUNNEL", FIELD_TEXT, "", false, "the tunnel it is of; null: none",
		get_tunnel },
	{ "stale", "STALE", FIELD_TEXT, "", FIELD_WIDE,
		"orphaned: its daemon ended; stale: its daemon has it no more; duplicate: of "
		"another pair; null: in use",
		get_stale },
	{ "stale_reason", "WHY", FIELD_TEXT, "", false, "why it is called so", get_stale_reason },
	{ "remedy", "REMEDY", FIELD_TEXT, "", false,
		"the command that removes it, for you to run; null: nothing to remove",
		get_remedy },
};

const struct noun noun_sa = { "sa", "Security associations", "IPsec SAs in the kernel's SAD",
	fields, ARRAY_LEN(fields) };
