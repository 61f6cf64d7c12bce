/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/ike_rows.h"

#define TUNNEL(name, body) GETTER(tunnel_##name, struct tunnel_row, body)
TUNNEL(netns, set_text(ret, row->netns))
TUNNEL(daemon, set_text(ret, row->daemon))
TUNNEL(get_name, set_text(ret, row->name))
TUNNEL(conn, set_text(ret, row->conn))
TUNNEL(child, set_text(ret, row->child))
TUNNEL(verdict, set_text(ret, row->verdict))
TUNNEL(reason, set_text(ret, row->reason))
TUNNEL(configured, set_text(ret, row->configured))
TUNNEL(ike, set_text(ret, row->ike))
TUNNEL(installed, set_text(ret, row->installed))
TUNNEL(policies, set_text(ret, row->policies))
TUNNEL(traffic, set_text(ret, row->traffic))
TUNNEL(local, set_addr(ret, &row->local))
TUNNEL(remote, set_addr(ret, &row->remote))
TUNNEL(peer, set_text(ret, row->peer))
TUNNEL(local_ts, set_text(ret, row->local_ts))
TUNNEL(remote_ts, set_text(ret, row->remote_ts))
TUNNEL(bytes_in, set_number(ret, row->counted_by != NULL, row->bytes_in))
TUNNEL(bytes_out, set_number(ret, row->counted_by != NULL, row->bytes_out))
TUNNEL(packets_in, set_number(ret, row->counted_by != NULL, row->packets_in))
TUNNEL(packets_out, set_number(ret, row->counted_by != NULL, row->packets_out))
TUNNEL(counted_by, set_text(ret, row->counted_by))
TUNNEL(uncertain, set_number(ret, true, row->uncertain))
TUNNEL(rate_in, set_number(ret, row->rate_known, row->rate_in))
TUNNEL(rate_out, set_number(ret, row->rate_known, row->rate_out))
TUNNEL(drops, set_number(ret, true, row->drops))
TUNNEL(duplicates, set_number(ret, true, row->duplicates))
TUNNEL(pairs, set_number(ret, true, row->pairs))
TUNNEL(since, set_number(ret, row->since_us != 0, row->since_us))
TUNNEL(in, set_number(ret, row->in_us != 0, row->in_us))
TUNNEL(out, set_number(ret, row->out_us != 0, row->out_us))
TUNNEL(age, set_seconds(ret, row->up_us, row->now_us))
TUNNEL(failed, set_text(ret, row->failed))
TUNNEL(failed_at, set_number(ret, row->failed_us != 0, row->failed_us))

static const struct field tunnel_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", tunnel_netns },
	{ "name", "TUNNEL", FIELD_TEXT, "", true,
		"connection, or connection/child where they differ; it never changes",
		tunnel_get_name },
	{ "verdict", "VERDICT", FIELD_TEXT, "", true,
		"up, idle, one-way, down, failed, on demand, disabled or contradictory; null: the "
		"kernel can't be asked",
		tunnel_verdict },
	{ "configured", "CONFIGURED", FIELD_TEXT, "", FIELD_WIDE,
		"1st fact: file and loaded, loaded (by the daemon), file or no",
		tunnel_configured },
	{ "ike", "IKE", FIELD_TEXT, "", FIELD_WIDE,
		"2nd fact: state of its IKE SA, the daemon's word; none", tunnel_ike },
	{ "installed", "SAS", FIELD_TEXT, "", FIELD_WIDE,
		"3rd fact: its SAs in the kernel: in and out, in, out or none; null: not known",
		tunnel_installed },
	{ "policies", "POLICIES", FIELD_TEXT, "", FIELD_WIDE,
		"4th fact: its policies in the kernel, likewise", tunnel_policies },
	{ "traffic", "TRAFFIC", FIELD_TEXT, "", FIELD_WIDE,
		"5th fact: packets in the last 5 min: both ways, in, out or none; null: no SAs",
		tunnel_traffic },
	{ "local", "LOCAL", FIELD_ADDR, "", false, "our outer address, of the newest IKE SA",
		tunnel_local },
	{ "remote", "REMOTE", FIELD_ADDR, "", FIELD_WIDE, "the peer's outer address, likewise",
		tunnel_remote },
	{ "peer", "PEER", FIELD_TEXT, "", false, "the peer's identity, likewise", tunnel_peer },
	{ "local_ts", "LOCAL-TS", FIELD_TEXT, "", false, "our side's traffic selectors",
		tunnel_local_ts },
	{ "remote_ts", "REMOTE-TS", FIELD_TEXT, "", false, "the peer's", tunnel_remote_ts },
	{ "bytes_in", "BYTES-IN", FIELD_NUMBER, "octets", true,
		"inner octets received over all its SAs since we know it; null: nobody counted",
		tunnel_bytes_in },
	{ "bytes_out", "BYTES-OUT", FIELD_NUMBER, "octets", true, "inner octets sent, likewise",
		tunnel_bytes_out },
	{ "packets_in", "PKTS-IN", FIELD_NUMBER, "packets", false, "packets received, likewise",
		tunnel_packets_in },
	{ "packets_out", "PKTS-OUT", FIELD_NUMBER, "packets", false, "packets sent, likewise",
		tunnel_packets_out },
	{ "rate_in", "RATE-IN", FIELD_NUMBER, "octets/s", FIELD_WIDE,
		"octets received a second between the last two readings", tunnel_rate_in },
	{ "rate_out", "RATE-OUT", FIELD_NUMBER, "octets/s", FIELD_WIDE,
		"octets sent a second, likewise", tunnel_rate_out },
	{ "counted_by", "COUNTED-BY", FIELD_TEXT, "", false,
		"who counted: kernel, or daemon where it does ESP itself", tunnel_counted_by },
	{ "uncertain", "UNCERTAIN", FIELD_NUMBER, "SAs", false,
		"SAs whose last counters were not seen; 0: the totals are exact",
		tunnel_uncertain },
	{ "drops", "DROPS", FIELD_NUMBER, "packets", false, "dropped by policy, since we know it",
		tunnel_drops },
	{ "duplicates", "DUPLICATES", FIELD_NUMBER, "pairs", false,
		"installed pairs of the same selectors beside the one in use", tunnel_duplicates },
	{ "pairs", "PAIRS", FIELD_NUMBER, "pairs", false, "pairs of SAs it has had so far",
		tunnel_pairs },
	{ "age_s", "AGE", FIELD_NUMBER, "s", FIELD_WIDE, "how long the present pair is installed",
		tunnel_age },
	{ "reason", "REASON", FIELD_TEXT, "", true, "why the verdict is so", tunnel_reason },
	{ "since", "SINCE", FIELD_TIME, "", false, "since when we know it", tunnel_since },
	{ "last_in", "LAST-IN", FIELD_TIME, "", false, "when a packet was last seen to come",
		tunnel_in },
	{ "last_out", "LAST-OUT", FIELD_TIME, "", false, "when a packet was last seen to go",
		tunnel_out },
	{ "failed", "FAILED", FIELD_TEXT, "", false, "cause of the newest failed negotiation",
		tunnel_failed },
	{ "failed_at", "FAILED-AT", FIELD_TIME, "", false, "when that was", tunnel_failed_at },
	{ "connection", "CONNECTION", FIELD_TEXT, "", false, "its connection", tunnel_conn },
	{ "child", "CHILD", FIELD_TEXT, "", false, "the connection's child", tunnel_child },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "strongSwan or Libreswan", tunnel_daemon },
};
const struct noun noun_tunnel = { "tunnel", "Tunnels",
	"connections with their selectors, whatever SAs they have had", tunnel_fields,
	ARRAY_LEN(tunnel_fields) };

#define LINEAGE(name, body) GETTER(lineage_##name, struct lineage_row, body)
LINEAGE(netns, set_text(ret, row->netns))
LINEAGE(tunnel, set_text(ret, row->tunnel))
LINEAGE(number, set_number(ret, true, row->n))
LINEAGE(begin, set_text(ret, row->begin))
LINEAGE(replaced, set_number(ret, row->replaced != 0, row->replaced))
LINEAGE(end, set_text(ret, row->end))
LINEAGE(started, set_number(ret, row->started_us != 0, row->started_us))
LINEAGE(ended, set_number(ret, row->ended_us != 0, row->ended_us))
LINEAGE(lived, set_seconds(ret, row->started_us, row->ended_us ? row->ended_us : row->now_us))
LINEAGE(gap, set_number(ret, row->gap_known, row->gap_us / 1000))
LINEAGE(spi_in, set_number(ret, row->spi_in != 0, row->spi_in))
LINEAGE(spi_out, set_number(ret, row->spi_out != 0, row->spi_out))
LINEAGE(bytes_in, set_number(ret, true, row->bytes_in))
LINEAGE(bytes_out, set_number(ret, true, row->bytes_out))
LINEAGE(packets_in, set_number(ret, true, row->packets_in))
LINEAGE(packets_out, set_number(ret, true, row->packets_out))
LINEAGE(exact, set_number(ret, true, row->exact))
LINEAGE(unique, set_number(ret, true, row->unique))
LINEAGE(ike_unique, set_number(ret, row->ike_unique != 0, row->ike_unique))

static const struct field lineage_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", lineage_netns },
	{ "tunnel", "TUNNEL", FIELD_TEXT, "", true, "whose pair of SAs it is or was",
		lineage_tunnel },
	{ "number", "N", FIELD_NUMBER, "", true, "the tunnel's first pair is 1", lineage_number },
	{ "begin", "BEGIN", FIELD_TEXT, "", true,
		"how it came: first, rekey, new IKE SA, restart (of the daemon) or again",
		lineage_begin },
	{ "replaced", "REPLACED", FIELD_NUMBER, "", FIELD_WIDE,
		"number of the pair it took the place of", lineage_replaced },
	{ "started", "STARTED", FIELD_TIME, "", true, "when we saw it come", lineage_started },
	{ "gap_ms", "GAP", FIELD_NUMBER, "ms", true,
		"the tunnel had no SAs so long before it; 0: none", lineage_gap },
	{ "end", "END", FIELD_TEXT, "", true,
		"how it ended: replaced, down, failed, missing (from the daemon's list), or daemon "
		"ended; null: it lives",
		lineage_end },
	{ "ended", "ENDED", FIELD_TIME, "", FIELD_WIDE, "when it ended; null: it lives",
		lineage_ended },
	{ "lived_s", "LIVED", FIELD_NUMBER, "s", true, "how long it lived, or lives",
		lineage_lived },
	{ "spi_in", "SPI-IN", FIELD_SPI, "", FIELD_WIDE, "of the inbound SA", lineage_spi_in },
	{ "spi_out", "SPI-OUT", FIELD_SPI, "", FIELD_WIDE, "of the outbound SA", lineage_spi_out },
	{ "bytes_in", "BYTES-IN", FIELD_NUMBER, "octets", FIELD_WIDE, "inner octets received",
		lineage_bytes_in },
	{ "bytes_out", "BYTES-OUT", FIELD_NUMBER, "octets", FIELD_WIDE, "inner octets sent",
		lineage_bytes_out },
	{ "packets_in", "PKTS-IN", FIELD_NUMBER, "packets", false, "packets received",
		lineage_packets_in },
	{ "packets_out", "PKTS-OUT", FIELD_NUMBER, "packets", false, "packets sent",
		lineage_packets_out },
	{ "exact", "EXACT", FIELD_BOOL, "", false,
		"the last counters of its SAs were seen, or it lives", lineage_exact },
	{ "unique", "ID", FIELD_NUMBER, "", false, "the daemon's own number of the child SA",
		lineage_unique },
	{ "ike_unique", "IKE-ID", FIELD_NUMBER, "", false, "number of its IKE SA",
		lineage_ike_unique },
};
const struct noun noun_lineage = { "lineage", "Lineage",
	"the pairs of SAs that tunnels have had, the newest 32 of each", lineage_fields,
	ARRAY_LEN(lineage_fields) };
