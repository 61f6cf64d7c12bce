/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "model/getter.h"
#include "model/ike_rows.h"

#define IKE(name, body) GETTER(ike_##name, struct ike_sa_row, body)
IKE(netns, set_text(ret, row->netns))
IKE(daemon, set_text(ret, row->daemon))
IKE(conn, set_text(ret, row->sa->name))
IKE(state, set_text(ret, ike_state_name(row->sa->state)))
IKE(version, set_number(ret, row->sa->version != 0, row->sa->version))
IKE(role, if (row->sa->role_known) set_text(ret, row->sa->initiator ? "initiator" : "responder"))
IKE(local, set_addr(ret, &row->sa->local))
IKE(local_port, set_number(ret, row->sa->local_port != 0, row->sa->local_port))
IKE(remote, set_addr(ret, &row->sa->remote))
IKE(remote_port, set_number(ret, row->sa->remote_port != 0, row->sa->remote_port))
IKE(local_id, set_text(ret, row->sa->local_id))
IKE(remote_id, set_text(ret, row->sa->remote_id))
IKE(remote_user, set_text(ret, row->sa->remote_user))
IKE(vips, set_text(ret, row->sa->vips))
IKE(encryption, set_text(ret, row->sa->encryption))
IKE(encryption_bits, set_number(ret, row->sa->encryption_bits != 0, row->sa->encryption_bits))
IKE(integrity, set_text(ret, row->sa->integrity))
IKE(prf, set_text(ret, row->sa->prf))
IKE(dh, set_text(ret, row->sa->dh))
IKE(established, set_number(ret, row->sa->established_us != 0, row->sa->established_us))
IKE(age, set_seconds(ret, row->sa->established_us, row->now_us))
IKE(rekey, set_number(ret, row->sa->rekey_us != 0, row->sa->rekey_us))
IKE(rekey_in, set_seconds(ret, row->now_us, row->sa->rekey_us))
IKE(reauth, set_number(ret, row->sa->reauth_us != 0, row->sa->reauth_us))
IKE(children, set_number(ret, true, row->n_children))
IKE(unique, set_number(ret, true, row->sa->unique))
IKE(spi_i, set_text(ret, row->spi_i))
IKE(spi_r, set_text(ret, row->spi_r))
IKE(queued, set_number(ret, true, (uint64_t)row->sa->tasks_queued + row->sa->tasks_active))
IKE(if_id_in, set_number(ret, true, row->sa->if_id_in))
IKE(if_id_out, set_number(ret, true, row->sa->if_id_out))

static void ike_nat(const void *opaque, struct value *ret)
{
	const struct ike_sa *sa = ((const struct ike_sa_row *)opaque)->sa;

	if (!sa->nat_known)
		return;
	set_text(ret, sa->nat_local && sa->nat_remote ? "both"
		      : sa->nat_local                 ? "local"
		      : sa->nat_remote                ? "remote"
		      : sa->nat_any                   ? "somewhere"
						      : "none");
}

static const struct field ike_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", ike_netns },
	{ "connection", "CONNECTION", FIELD_TEXT, "", true,
		"name in the daemon's configuration; null: not chosen yet", ike_conn },
	{ "state", "STATE", FIELD_TEXT, "", true,
		"created, connecting, established, rekeying, rekeyed, deleting, passive or failed",
		ike_state },
	{ "version", "IKE", FIELD_NUMBER, "", true, "version of IKE: 1 or 2", ike_version },
	{ "role", "ROLE", FIELD_TEXT, "", FIELD_WIDE, "initiator or responder: this host",
		ike_role },
	{ "local", "LOCAL", FIELD_ADDR, "", true, "our address", ike_local },
	{ "local_port", "LPORT", FIELD_NUMBER, "", false, "our UDP port", ike_local_port },
	{ "remote", "REMOTE", FIELD_ADDR, "", true, "the peer's address", ike_remote },
	{ "remote_port", "RPORT", FIELD_NUMBER, "", false, "the peer's UDP port", ike_remote_port },
	{ "local_id", "LOCAL-ID", FIELD_TEXT, "", FIELD_WIDE, "our identity", ike_local_id },
	{ "remote_id", "PEER", FIELD_TEXT, "", true, "the peer's identity", ike_remote_id },
	{ "remote_user", "USER", FIELD_TEXT, "", false, "the peer's EAP or XAuth identity",
		ike_remote_user },
	{ "vips", "VIRTUAL", FIELD_TEXT, "", false, "virtual addresses given or got", ike_vips },
	{ "nat", "NAT", FIELD_TEXT, "", false,
		"which side is behind NAT: none, local, remote, both, somewhere", ike_nat },
	{ "encryption", "ENCRYPTION", FIELD_TEXT, "", FIELD_WIDE, "cipher, as the daemon names it",
		ike_encryption },
	{ "encryption_bits", "BITS", FIELD_NUMBER, "bits", false, "length of its key",
		ike_encryption_bits },
	{ "integrity", "INTEGRITY", FIELD_TEXT, "", false, "null with an AEAD", ike_integrity },
	{ "prf", "PRF", FIELD_TEXT, "", false, "pseudo-random function", ike_prf },
	{ "dh", "DH", FIELD_TEXT, "", FIELD_WIDE, "Diffie-Hellman group", ike_dh },
	{ "established", "ESTABLISHED", FIELD_TIME, "", false, "since when it is up",
		ike_established },
	{ "age_s", "AGE", FIELD_NUMBER, "s", true, "how long it is up", ike_age },
	{ "rekey", "REKEY", FIELD_TIME, "", false, "when it is to be rekeyed; null: not",
		ike_rekey },
	{ "rekey_in_s", "REKEY-IN", FIELD_NUMBER, "s", FIELD_WIDE, "the time until then",
		ike_rekey_in },
	{ "reauth", "REAUTH", FIELD_TIME, "", false, "when it is to be authenticated anew",
		ike_reauth },
	{ "children", "CHILDREN", FIELD_NUMBER, "", FIELD_WIDE, "pairs of IPsec SAs under it",
		ike_children },
	{ "queued", "QUEUED", FIELD_NUMBER, "", false, "exchanges that wait or are under way",
		ike_queued },
	{ "daemon", "DAEMON", FIELD_TEXT, "", FIELD_WIDE, "the process that has it", ike_daemon },
	{ "unique", "ID", FIELD_NUMBER, "", false, "the daemon's own number of it", ike_unique },
	{ "spi_i", "SPI-I", FIELD_TEXT, "", false, "IKE SPI (cookie) of the initiator, hex",
		ike_spi_i },
	{ "spi_r", "SPI-R", FIELD_TEXT, "", false, "IKE SPI (cookie) of the responder, hex",
		ike_spi_r },
	{ "if_id_in", "IF-IN", FIELD_NUMBER, "", false, "xfrm interface, inbound; 0: none",
		ike_if_id_in },
	{ "if_id_out", "IF-OUT", FIELD_NUMBER, "", false, "xfrm interface, outbound; 0: none",
		ike_if_id_out },
};
const struct noun noun_ike_sa = { "ike-sa", "Main mode SAs", "IKE SAs, as the daemons tell",
	ike_fields, ARRAY_LEN(ike_fields) };

/* Of this, of ESN and of UDP Libreswan's lists say nothing: then the kernel does. */
static uint32_t reqid_of(const struct child_sa_row *row)
{
	return row->sa->reqid ?: row->out ? row->out->reqid : row->in ? row->in->reqid : 0;
}

#define CHILD(name, body) GETTER(child_##name, struct child_sa_row, body)
CHILD(netns, set_text(ret, row->netns))
CHILD(daemon, set_text(ret, row->daemon))
CHILD(tunnel, set_text(ret, row->tunnel))
CHILD(name, set_text(ret, row->sa->name))
CHILD(conn, set_text(ret, row->sa->ike_name))
CHILD(state, set_text(ret, child_state_name(row->sa->state)))
CHILD(installed, set_text(ret, row->installed))
CHILD(stale, set_text(ret, row->stale))
CHILD(mode, set_text(ret, ipsec_mode_name(row->sa->mode)))
CHILD(proto, set_text(ret, row->sa->proto ? ipproto_name(row->sa->proto) : NULL))
CHILD(local, set_addr(ret, &row->local))
CHILD(remote, set_addr(ret, &row->remote))
CHILD(spi_in, set_number(ret, row->sa->spi_in != 0, row->sa->spi_in))
CHILD(spi_out, set_number(ret, row->sa->spi_out != 0, row->sa->spi_out))
CHILD(reqid, set_number(ret, reqid_of(row) != 0, reqid_of(row)))
CHILD(local_ts, set_text(ret, row->sa->local_ts))
CHILD(remote_ts, set_text(ret, row->sa->remote_ts))
CHILD(bytes_in, set_number(ret, row->in != NULL, row->in ? row->in->bytes : 0))
CHILD(bytes_out, set_number(ret, row->out != NULL, row->out ? row->out->bytes : 0))
CHILD(packets_in, set_number(ret, row->in != NULL, row->in ? row->in->packets : 0))
CHILD(packets_out, set_number(ret, row->out != NULL, row->out ? row->out->packets : 0))
CHILD(daemon_bytes_in, set_number(ret, row->sa->counted, row->sa->bytes_in))
CHILD(daemon_bytes_out, set_number(ret, row->sa->counted, row->sa->bytes_out))
CHILD(daemon_packets_in,
	set_number(ret, row->sa->counted && !row->sa->octets_only, row->sa->packets_in))
CHILD(daemon_packets_out,
	set_number(ret, row->sa->counted && !row->sa->octets_only, row->sa->packets_out))
CHILD(encryption, set_text(ret, row->sa->encryption))
CHILD(encryption_bits, set_number(ret, row->sa->encryption_bits != 0, row->sa->encryption_bits))
CHILD(integrity, set_text(ret, row->sa->integrity))
CHILD(kernel_encryption, if (row->out) set_text(ret, row->out->encryption))
CHILD(kernel_integrity, if (row->out) set_text(ret, row->out->integrity))
CHILD(dh, set_text(ret, row->sa->dh))
CHILD(encap, set_number(ret, true, row->sa->encap || (row->out && row->out->encap)))
CHILD(esn, set_number(ret, true, row->sa->esn || (row->out && row->out->esn)))
CHILD(window, set_number(ret, row->in != NULL, row->in ? row->in->replay_window : 0))
CHILD(failed, set_number(ret, row->in != NULL, row->in ? row->in->integrity_failed : 0))
CHILD(added, set_number(ret, row->sa->installed_us != 0, row->sa->installed_us))
CHILD(age, set_seconds(ret, row->sa->installed_us, row->now_us))
CHILD(rekey, set_number(ret, row->sa->rekey_us != 0, row->sa->rekey_us))
CHILD(rekey_in, set_seconds(ret, row->now_us, row->sa->rekey_us))
CHILD(expires, set_number(ret, row->sa->expires_us != 0, row->sa->expires_us))
CHILD(unique, set_number(ret, true, row->sa->unique))
CHILD(ike_unique, set_number(ret, row->sa->ike_unique != 0, row->sa->ike_unique))
CHILD(if_id_in, set_number(ret, true, row->sa->if_id_in))
CHILD(if_id_out, set_number(ret, true, row->sa->if_id_out))
CHILD(mark_in, set_number(ret, row->sa->mark_in != 0, row->sa->mark_in))
CHILD(mark_out, set_number(ret, row->sa->mark_out != 0, row->sa->mark_out))

static const struct field child_fields[] = {
	{ "netns", "NETNS", FIELD_TEXT, "", FIELD_WIDE, "network namespace", child_netns },
	{ "tunnel", "TUNNEL", FIELD_TEXT, "", true, "the tunnel whose SAs these are",
		child_tunnel },
	{ "name", "CHILD", FIELD_TEXT, "", false, "its name in the configuration", child_name },
	{ "connection", "CONNECTION", FIELD_TEXT, "", false, "that it belongs to", child_conn },
	{ "state", "STATE", FIELD_TEXT, "", true,
		"created, routed, installing, installed, updating, rekeying, rekeyed, retrying, "
		"deleting or deleted: the daemon's word",
		child_state },
	{ "installed", "KERNEL", FIELD_TEXT, "", true,
		"which SAs of it the kernel has: in and out, in, out or none; null: not known",
		child_installed },
	{ "mode", "MODE", FIELD_TEXT, "", FIELD_WIDE, "transport, tunnel or beet", child_mode },
	{ "proto", "PROTO", FIELD_TEXT, "", false, "esp or ah", child_proto },
	{ "local", "LOCAL", FIELD_ADDR, "", false, "our outer address", child_local },
	{ "remote", "REMOTE", FIELD_ADDR, "", FIELD_WIDE, "the peer's outer address",
		child_remote },
	{ "spi_in", "SPI-IN", FIELD_SPI, "", true, "of the inbound SA", child_spi_in },
	{ "spi_out", "SPI-OUT", FIELD_SPI, "", true, "of the outbound SA", child_spi_out },
	{ "reqid", "REQID", FIELD_NUMBER, "", false, "what ties its SAs to policies", child_reqid },
	{ "local_ts", "LOCAL-TS", FIELD_TEXT, "", FIELD_WIDE, "our side's traffic selectors",
		child_local_ts },
	{ "remote_ts", "REMOTE-TS", FIELD_TEXT, "", FIELD_WIDE, "the peer's", child_remote_ts },
	{ "bytes_in", "BYTES-IN", FIELD_NUMBER, "octets", true,
		"inner octets received, as the kernel counts", child_bytes_in },
	{ "bytes_out", "BYTES-OUT", FIELD_NUMBER, "octets", true, "inner octets sent, likewise",
		child_bytes_out },
	{ "packets_in", "PKTS-IN", FIELD_NUMBER, "packets", false,
		"packets received, as the kernel counts", child_packets_in },
	{ "packets_out", "PKTS-OUT", FIELD_NUMBER, "packets", false, "packets sent, likewise",
		child_packets_out },
	{ "daemon_bytes_in", "D-BYTES-IN", FIELD_NUMBER, "octets", false,
		"octets received, as the daemon last said", child_daemon_bytes_in },
	{ "daemon_bytes_out", "D-BYTES-OUT", FIELD_NUMBER, "octets", false,
		"octets sent, as the daemon last said", child_daemon_bytes_out },
	{ "daemon_packets_in", "D-PKTS-IN", FIELD_NUMBER, "packets", false,
		"packets received, as the daemon last said", child_daemon_packets_in },
	{ "daemon_packets_out", "D-PKTS-OUT", FIELD_NUMBER, "packets", false,
		"packets sent, as the daemon last said", child_daemon_packets_out },
	{ "encryption", "ENCRYPTION", FIELD_TEXT, "", FIELD_WIDE, "cipher, the daemon's name",
		child_encryption },
	{ "encryption_bits", "BITS", FIELD_NUMBER, "bits", false, "length of its key",
		child_encryption_bits },
	{ "integrity", "INTEGRITY", FIELD_TEXT, "", false, "the daemon's name; null with an AEAD",
		child_integrity },
	{ "kernel_encryption", "K-ENCRYPTION", FIELD_TEXT, "", false,
		"cipher, the kernel's name (outbound SA)", child_kernel_encryption },
	{ "kernel_integrity", "K-INTEGRITY", FIELD_TEXT, "", false,
		"authentication, the kernel's name (outbound SA)", child_kernel_integrity },
	{ "dh", "DH", FIELD_TEXT, "", false, "group of its own key exchange; null: none",
		child_dh },
	{ "encap", "UDP", FIELD_BOOL, "", false, "in UDP, for NAT", child_encap },
	{ "esn", "ESN", FIELD_BOOL, "", false, "extended sequence numbers", child_esn },
	{ "replay_window", "WINDOW", FIELD_NUMBER, "packets", false,
		"anti-replay window in the kernel; 0: off", child_window },
	{ "integrity_failed", "FAILED", FIELD_NUMBER, "packets", false,
		"dropped by the kernel's integrity check", child_failed },
	{ "added", "INSTALLED", FIELD_TIME, "", false, "since when it is installed", child_added },
	{ "age_s", "AGE", FIELD_NUMBER, "s", true, "how long it is installed", child_age },
	{ "rekey", "REKEY", FIELD_TIME, "", false, "when it is to be rekeyed; null: not",
		child_rekey },
	{ "rekey_in_s", "REKEY-IN", FIELD_NUMBER, "s", FIELD_WIDE, "the time until then",
		child_rekey_in },
	{ "expires", "EXPIRES", FIELD_TIME, "", false, "its hard time limit", child_expires },
	{ "stale", "STALE", FIELD_TEXT, "", false, "duplicate: another pair is installed beside it",
		child_stale },
	{ "daemon", "DAEMON", FIELD_TEXT, "", false, "the process that has it", child_daemon },
	{ "unique", "ID", FIELD_NUMBER, "", false, "the daemon's own number of it", child_unique },
	{ "ike_unique", "IKE-ID", FIELD_NUMBER, "", false, "number of its IKE SA",
		child_ike_unique },
	{ "if_id_in", "IF-IN", FIELD_NUMBER, "", false, "xfrm interface, inbound; 0: none",
		child_if_id_in },
	{ "if_id_out", "IF-OUT", FIELD_NUMBER, "", false, "xfrm interface, outbound; 0: none",
		child_if_id_out },
	{ "mark_in", "MARK-IN", FIELD_NUMBER, "", false, "inbound mark; null: none",
		child_mark_in },
	{ "mark_out", "MARK-OUT", FIELD_NUMBER, "", false, "outbound mark; null: none",
		child_mark_out },
};
const struct noun noun_child_sa = { "child-sa", "Quick mode SAs",
	"pairs of IPsec SAs: what the daemon and the kernel say of each", child_fields,
	ARRAY_LEN(child_fields) };
